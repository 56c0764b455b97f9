"""The manual: the text, headers, parameters and examples of each call, beside what the table of routes says."""

from collections.abc import Mapping
from typing import Final

from footfall.reports import Manifest
from footfall.web.calls.quarantine import QuarantineDrop, QuarantineRelease
from footfall.web.openapi.schemas import EstimateRequest, EventFull, EventsRequest, ReportRequest
from footfall.web.openapi.texts import SCHEDULE_ID, SCHEDULE_PAGES, Documentation
from footfall.wire import ReportLink

_EVENT: Final = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1568381886060,
    "context": ["string"],
}
_BATCH: Final = "e2d04b89-972d-4a0a-b0ee-427bef63a8d0"
_RECEIPT: Final = {
    "batch": _BATCH,
    "events": [
        {"sequence": 1, "status": "stored", "received": 1568381886312, "admitted": 1568381886312},
        {
            "sequence": 2,
            "status": "stored",
            "received": 1568381886312,
            "admitted": 1568381886312,
            "duplicateOf": {"batch": "6232102b-f1b2-49fa-8999-dc2ad2174e76", "sequence": 7},
        },
        {
            "sequence": 3,
            "status": "quarantined",
            "received": 1568381886312,
            "code": "EVENT_NOT_IN_PLAN",
            "reason": "context: 1 value where PORTFOLIO-ACCESSED takes 2: userId, portfolioId",
        },
    ],
    "complete": True,
}
_HELD: Final = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-ACCESSED",
    "timestamp": 1568381886060,
    "context": ["string"],
    "sequence": 3,
    "batch": _BATCH,
    "state": "held",
    "received": 1568381886312,
    "code": "EVENT_NOT_IN_PLAN",
    "where": "context",
    "reason": "context: 1 value where PORTFOLIO-ACCESSED takes 2: userId, portfolioId",
    "plan": "9d4fd1b9a2c0",
    "address": "203.0.113.9",
    "userAgent": "example/1.0",
}
_QUARANTINE_FILTER: Final = {"product": "PORTFOLIO", "type": "PORTFOLIO-ACCESSED", "since": 1568332800000}
_FILTER: Final = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "types": ["PORTFOLIO-APPLICATION-LOADED"],
    "start": 1571029200000,
    "end": 1571115600000,
}
_JOB: Final = "0527e342-c92c-45ec-a3cf-fd93f87cb068"
_TOKEN: Final = "1571074877278-NPvYrXxIk7u7GGQCYOOF4vuEuuVbVBivfZ3KFSzFYHY"  # noqa: S105 - an example
_NAME: Final = "footfall-BARCHART-PORTFOLIO-2019-10-14-0527e342.csv"
_STATUS: Final = {
    "job": _JOB,
    "source": f"JOB-{_JOB}",
    "status": "RUNNING",
    "filter": _FILTER,
    "timing": {"day": "2019-10-14", "start": 1571073977278},
}
_COMPLETE: Final = {
    **_STATUS,
    "status": "COMPLETE",
    "timing": {"day": "2019-10-14", "start": 1571073977278, "end": 1571073977279},
}
_MANIFEST: Final = {
    "source": f"JOB-{_JOB}",
    "footfall": "0.1.0",
    "filter": _FILTER,
    "basis": "event",
    "timezone": "UTC",
    "watermark": 1571073977278,
    "plan": "5293e32db8b0",
    "columns": [
        {"name": "timestamp", "meaning": "the time of the event", "type": "integer, milliseconds"},
        {"name": "type", "meaning": "the type of the event", "type": "text"},
        {"name": "userId", "meaning": "the key userId", "type": "text", "places": [{"position": 1}]},
    ],
    "rows": {"total": 20191, "byType": {"PORTFOLIO-APPLICATION-LOADED": 20191}},
    "timestamps": {"first": 1571029200004, "last": 1571073977001},
    "duplicates": {"mode": "keep", "found": 3},
    "late": {"afterMs": 86400000, "events": 0},
    "file": _NAME,
    "format": "csv",
    "compression": "none",
    "delimiter": "|",
    "header": False,
    "bytes": 1568381,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
_SERVICE: Final = {
    "version": "0.1.0",
    "name": "footfall",
    "description": "System for collecting and reporting usage statistics",
    "environment": "production",
}
_COUNTS: Final = {
    "asOf": 1571073977278,
    "complete": True,
    "interval": "day",
    "timezone": "UTC",
    "duplicates": "keep",
    "total": {"events": 3, "duplicates": 1},
    "counts": [
        {"start": 1570924800000, "type": "PORTFOLIO-APPLICATION-LOADED", "events": 2, "duplicates": 1},
        {"start": 1571011200000, "type": "PORTFOLIO-APPLICATION-LOADED", "events": 1, "duplicates": 0},
    ],
}
_METRICS: Final = (
    "# HELP footfall_events_accepted_total Events answered with 200.\n"
    "# TYPE footfall_events_accepted_total counter\n"
    "footfall_events_accepted_total 1568381\n"
)
_CSV: Final = "1571073977001|PORTFOLIO-APPLICATION-LOADED|1234567|||||||||\n"
_STATUS_HEADERS: Final = {
    "Footfall-Progress": "How much of the report is made, from 0 to 1.",
    "Footfall-Rows": "Rows of the report's file so far.",
    "Footfall-Bytes": "Bytes of the report's file so far.",
    "Footfall-Duplicates": "How many of the report's events are duplicates, kept or dropped, when it is COMPLETE.",
    "Footfall-Warning": "What is unknown in the order, or may be meant otherwise; a comma parts one from the next.",
    "Footfall-Reason": "Why the report ended as TIMEOUT or FAILED.",
    "Retry-After": "Seconds until the next poll makes sense, while the report is RUNNING.",
}
_AT_STORE: Final = "The file's place in the object store, for a minute, in the header `Location`."
_FILE_HEADERS: Final = {
    "ETag": "Names the content: two equal tags are equal files.",
    "Content-Disposition": "The name under which to save the file.",
    "Accept-Ranges": "`bytes`: a broken download can be resumed.",
}

# Examples of the parameters that stand in paths.
PATH_PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "batch": ("The `batch` of the events, as the answer of `POST /events` has it.", _BATCH),
    "sequence": ("The event's place in its request, from 1.", "3"),
    "schedule": ("The schedule's `id`.", SCHEDULE_ID),
    "source": ("The report's `source`, as its status names it.", f"JOB-{_JOB}"),
    "token": ("When the link ends, and its signature.", _TOKEN),
    "name": ("The file's name.", _NAME),
}

PAGES: Final[Mapping[tuple[str, str], Documentation]] = {
    ("POST", "/events"): Documentation(
        "Accepts and saves new events. When the answer is 200, the events are on disk and will be in every report that "
        "is started afterwards; when it is anything else, none of them was accepted. The body may be compressed "
        "(`Content-Encoding: gzip`, `deflate`, `br` or `zstd`), and its type may also be `text/plain`, which browsers' "
        "beacons send. Without events the answer is `[]`.",
        headers={
            "Idempotency-Key": "1 to 200 printable characters. Requests with the same key and the same body count "
            "once, however often they are sent.",
        },
        request=EventsRequest,
        request_example={"events": [_EVENT]},
        answer=list[EventFull],
        answer_example=[{**_EVENT, "sequence": 1, "batch": _BATCH}],
        answers={"Footfall-Quarantined": "How many events were held back, where the tracking plan is in that mode."},
    ),
    ("GET", "/events/{batch}"): Documentation(
        "What became of the events of one request, in their order: `journaled` (on disk, and on its way to the store), "
        "`stored`, `quarantined` (held back for an operator, with the reason) or `dropped` (given up by an operator). "
        "`duplicateOf` names an equal event that another request had brought before. Events of customers that the "
        "user may not see are left out. `complete` is false when some may be missing because not everything can be "
        "looked through now. What another node has just taken is found about a second later.",
        answer_example=_RECEIPT,
    ),
    ("POST", "/reports"): Documentation(
        "Starts a report and answers at once with its status. The report contains every event that was acknowledged "
        "before this call. Ask for its availability until it is COMPLETE, then for its link.",
        request=ReportRequest,
        request_example={"filter": _FILTER},
        answer_example=_STATUS,
        answers=_STATUS_HEADERS,
    ),
    ("GET", "/reports"): Documentation(
        "The user's own reports, the newest first: an array of their statuses.",
        query={
            "limit": "Reports of a page, up to `reports_page_max`; 50 when left out.",
            "before": "Where the page begins; the `next` link of the page before has it.",
        },
        answer_example=[_COMPLETE],
        answers={"Link": 'The next page, `<URL>; rel="next"`; missing on the last one.'},
    ),
    ("POST", "/reports/estimate"): Documentation(
        "How many rows and bytes the file of a report would have, before anybody starts it: the body is that of "
        "`POST /reports`, and is refused for the same reasons. `rows` is what a report as of `watermark` has, for "
        "ever, where `exact` is true, and the most that it may have otherwise. `bytes` comes from a sample of the "
        "rows, and takes a compressed file for as well compressible as they are.",
        request=EstimateRequest,
        request_example={"filter": _FILTER},
        answer_example={"rows": 20811300, "bytes": 1805622901, "watermark": 1568381886312, "exact": False},
    ),
    ("GET", "/reports/{source}/availability"): Documentation(
        "The status of a report: RUNNING, COMPLETE, TIMEOUT or FAILED.",
        answer_example=_COMPLETE,
        answers=_STATUS_HEADERS,
    ),
    ("GET", "/reports/{source}"): Documentation(
        "A link to the report's file, which works without a password for 15 minutes, or until its right ends.",
        headers={
            "Accept": "`application/json` for the link; the media type of the report, such as `text/csv`, to be "
            "redirected to it, so that `curl -L` downloads in one call.",
        },
        answer=ReportLink,
        answer_example={"link": f"https://events.example.com/files/JOB-{_JOB}/{_TOKEN}/{_NAME}"},
        also={"307": "The link, in the header `Location`, where `Accept` asks for the file itself."},
    ),
    ("GET", "/reports/{source}/manifest"): Documentation(
        "What is known of a COMPLETE report's file, for programs that check what they have read: rows in all and by "
        "type, columns, watermark, size and hash. It can be had when the file has been removed, too.",
        answer=Manifest,
        answer_example=_MANIFEST,
        answers={"ETag": "That of the file."},
    ),
    ("DELETE", "/reports/{source}"): Documentation(
        "Cancels a report that is RUNNING: it ends at once as FAILED, with the reason `cancelled`. Of one that has "
        "ended the file is removed; its status stays. To do it again changes nothing.",
        answer_example={**_COMPLETE, "status": "FAILED"},
        answers=_STATUS_HEADERS,
    ),
    ("GET", "/files/{source}/{token}/{name}"): Documentation(
        "The report's file, by the link that the call above gave. No password is needed. Rows are events in the order "
        "of their time; the columns are `timestamp`, `type`, and one for each context key of the product.",
        headers={
            "Range": "One range of bytes, such as `bytes=1000-`.",
            "If-Range": "The `ETag` of the part that is there: the rest comes only while the file is the same.",
            "If-None-Match": "An `ETag`: the answer is 304 while the file is the same.",
        },
        answer=str,
        answer_example=_CSV,
        answer_type="text/csv",
        answers=_FILE_HEADERS,
        also={"206": "The range that was asked for.", "304": "The client has this very file.", "307": _AT_STORE},
    ),
    **SCHEDULE_PAGES,
    ("GET", "/quarantine"): Documentation(
        "Events that broke the tracking plan while it was in quarantine mode, the newest first, for admins. Long "
        "values of contexts are cut; the call for one event has them whole.",
        query={
            "customer": "Only this customer's.",
            "product": "Only this product's.",
            "type": "Only of this type.",
            "reason": "Only with this text in the reason, in either case.",
            "since": "Received then or later, in milliseconds since 1970.",
            "until": "Received then or earlier.",
            "state": "`held`, `released`, `dropped` or `all`; `held` when left out.",
            "limit": "Events of a page, up to 1000; 100 when left out.",
            "after": "The `next` of the page before.",
        },
        answer_example={"events": [_HELD], "next": f"1568381886312-{_BATCH}-3"},
    ),
    ("GET", "/quarantine/{batch}/{sequence}"): Documentation(
        "One quarantined event, whole, for admins. `reason` has a line for each thing that is wrong. Once it is "
        "released or dropped, its context, its version and who sent it are gone, and `changed` and `changedBy` say "
        "when and by whom.",
        answer_example=_HELD,
    ),
    ("POST", "/quarantine/release"): Documentation(
        "Stores the quarantined events that the tracking plan in force takes, for admins; the others stay, for the "
        "reasons in `broken`. They keep their batch, sequence and time of receipt, are in every report that is started "
        "afterwards, and in none that was started before. A filter, names, or `all` must say which "
        "events are meant, unless it is a dry run. "
        "Releasing an event again does no harm: it counts once. When the answer comes, it is on disk; `loaded` says "
        "whether it shows already.",
        request=QuarantineRelease,
        request_example={"filter": _QUARANTINE_FILTER, "setType": "PORTFOLIO-APPLICATION-LOADED", "dryRun": True},
        answer_example={
            "released": 41,
            "stayed": 2,
            "broken": [
                {
                    "product": "PORTFOLIO",
                    "type": "PORTFOLIO-APPLICATION-LOADED",
                    "reason": "context: 2 values where PORTFOLIO-APPLICATION-LOADED takes 1: userId",
                    "events": 2,
                    "example": f"{_BATCH}/3",
                }
            ],
            "loaded": True,
        },
    ),
    ("POST", "/quarantine/drop"): Documentation(
        "Gives quarantined events up for good, for admins: a record of each stays, without its content. A filter, "
        "names, or `all` must say which.",
        request=QuarantineDrop,
        request_example={"ids": [f"{_BATCH}/3"]},
        answer_example={"dropped": 1, "loaded": True},
    ),
    ("GET", "/usage/counts"): Documentation(
        "Counts a customer's events of a product over time and by type: exactly as many as a report of the same has "
        "rows. `asOf` names the time of admission up to which events are counted; `complete` says that no other can "
        "ever be among them. An interval without events is left out.",
        query={
            "customer": "The customer's code.",
            "product": "The product's code.",
            "types": "An event type; may be given several times. When left out, all of them.",
            "start": "The first millisecond since 1970-01-01T00:00:00Z.",
            "end": "The last millisecond, which is included.",
            "interval": "`hour`, `day`, `month` or `all`; `day` when left out.",
            "timezone": "Whose hours, days and months are meant, such as `Europe/Berlin`; `UTC` when left out.",
            "duplicates": "`drop` leaves them out of `events`, `keep` does not, and is the default.",
            "asOf": "A time of admission; when left out, that up to which all nodes have loaded everything.",
        },
        required=("customer", "product"),
        answer_example=_COUNTS,
        answers={"Footfall-Warning": "The customer, product or types of which neither the plan nor the store knows."},
    ),
    ("GET", "/service/version"): Documentation(
        "The version and description of the service.",
        answer_example={"service": _SERVICE},
    ),
    ("GET", "/system/version"): Documentation(
        "The same for older clients, which ask here.",
        answer_example={"version": "0.1.0", "service": _SERVICE},
    ),
    ("GET", "/service/authenticate"): Documentation(
        "The version of the service, and the user as whom the request is signed in.",
        answer_example={
            "service": {"service": _SERVICE},
            "user": {"id": "1234567", "context": "barchart.com", "permissions": "string"},
        },
    ),
    ("GET", "/metrics"): Documentation(
        "What Prometheus reads of the node that is asked: for admins, or for everyone where the setting "
        "`metrics_public` says so.",
        answer=str,
        answer_example=_METRICS,
        answer_type="text/plain",
    ),
    ("GET", "/healthz"): Documentation(
        "Whether this process is alive and can accept events, for load balancers.",
        answer_example={"status": "ok"},
    ),
}
