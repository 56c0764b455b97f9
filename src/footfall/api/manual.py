"""What is to be said about the calls beside what the table of routes says: texts, headers and examples."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from footfall.api.shapes import EventFull, EventsRequest, ReportRequest
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
_SERVICE: Final = {
    "version": "0.1.0",
    "name": "footfall",
    "description": "System for collecting and reporting usage statistics",
    "environment": "production",
}
_CSV: Final = "1571073977001|PORTFOLIO-APPLICATION-LOADED|1234567|||||||||\n"
_STATUS_HEADERS: Final = {
    "Footfall-Progress": "How much of the report is made, from 0 to 1.",
    "Footfall-Rows": "Rows of the report's file so far.",
    "Footfall-Bytes": "Bytes of the report's file so far.",
    "Footfall-Reason": "Why the report ended as TIMEOUT or FAILED.",
    "Retry-After": "Seconds until the next poll makes sense, while the report is RUNNING.",
}
_FILE_HEADERS: Final = {
    "ETag": "Names the content: two equal tags are equal files.",
    "Content-Disposition": "The name under which to save the file.",
    "Accept-Ranges": "`bytes`: a broken download can be resumed.",
}

# Examples of the parameters that stand in paths.
PATH_PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "batch": ("The `batch` of the events, as the answer of `POST /events` has it.", _BATCH),
    "source": ("The report's `source`, as its status names it.", f"JOB-{_JOB}"),
    "token": ("When the link ends, and its signature.", _TOKEN),
    "name": ("The file's name.", _NAME),
}


class Page(Struct, frozen=True):
    """What the manual says about one call.

    `headers` are request headers that matter, `answers` those of the 200; `also` are further statuses that are no
    errors. `answer` is the answer's type where the call's own signature does not tell it.
    """

    text: str
    headers: Mapping[str, str] = {}
    request: Any = None
    request_example: Any = None
    answer: Any = None
    answer_example: Any = None
    answer_type: str = "application/json"
    answers: Mapping[str, str] = {}
    also: Mapping[str, str] = {}


PAGES: Final[Mapping[tuple[str, str], Page]] = {
    ("POST", "/events"): Page(
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
    ("GET", "/events/{batch}"): Page(
        "What became of the events of one request, in their order: `journaled` (on disk, and on its way to the store), "
        "`stored`, `quarantined` (held back for an operator, with the reason) or `dropped` (given up by an operator). "
        "`duplicateOf` names an equal event that another request had brought before. Events of customers that the "
        "user may not see are left out. `complete` is false when some may be missing because not everything can be "
        "looked through now. What another node has just taken is found about a second later.",
        answer_example=_RECEIPT,
    ),
    ("POST", "/reports"): Page(
        "Starts a report and answers at once with its status. The report contains every event that was acknowledged "
        "before this call. Ask for its availability until it is COMPLETE, then for its link.",
        request=ReportRequest,
        request_example={"filter": _FILTER},
        answer_example=_STATUS,
        answers=_STATUS_HEADERS,
    ),
    ("GET", "/reports/{source}/availability"): Page(
        "The status of a report: RUNNING, COMPLETE, TIMEOUT or FAILED.",
        answer_example=_COMPLETE,
        answers=_STATUS_HEADERS,
    ),
    ("GET", "/reports/{source}"): Page(
        "A link to the report's file, which works without a password for 15 minutes. Another can be had at any time.",
        headers={
            "Accept": "`application/json` for the link; the media type of the report, such as `text/csv`, to be "
            "redirected to it, so that `curl -L` downloads in one call.",
        },
        answer=ReportLink,
        answer_example={"link": f"https://events.example.com/files/JOB-{_JOB}/{_TOKEN}/{_NAME}"},
        also={"307": "The link, in the header `Location`, where `Accept` asks for the file itself."},
    ),
    ("GET", "/files/{source}/{token}/{name}"): Page(
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
        also={"206": "The range that was asked for.", "304": "The client has this very file."},
    ),
    ("GET", "/service/version"): Page(
        "The version and description of the service.",
        answer_example={"service": _SERVICE},
    ),
    ("GET", "/system/version"): Page(
        "The same for older clients, which ask here.",
        answer_example={"version": "0.1.0", "service": _SERVICE},
    ),
    ("GET", "/service/authenticate"): Page(
        "The version of the service, and the user as whom the request is signed in.",
        answer_example={
            "service": {"service": _SERVICE},
            "user": {"id": "1234567", "context": "barchart.com", "permissions": "string"},
        },
    ),
    ("GET", "/healthz"): Page(
        "Whether this process is alive and can accept events, for load balancers.",
        answer_example={"status": "ok"},
    ),
}
