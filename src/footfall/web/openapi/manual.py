"""The manual: the text, headers, parameters and examples of each call, beside what the table of routes says."""

from collections.abc import Mapping
from typing import Final

from footfall.web.calls.quarantine import QuarantineDrop, QuarantineRelease
from footfall.web.openapi.erasure_pages import ERASURE_ID, ERASURE_PAGES
from footfall.web.openapi.key_pages import KEY_ID, KEY_PAGES
from footfall.web.openapi.report_pages import EXAMPLE_JOB, EXAMPLE_NAME, EXAMPLE_TOKEN, REPORT_PAGES
from footfall.web.openapi.schemas import EventFull, EventsRequest
from footfall.web.openapi.texts import SCHEDULE_ID, SCHEDULE_PAGES, Documentation
from footfall.web.openapi.usage_pages import USAGE_PAGES
from footfall.web.openapi.usage_parameters import USAGE_EXAMPLES
from footfall.web.openapi.view_pages import LINK_TOKEN, SHARE_ID, VIEW_ID, VIEW_PAGES
from footfall.web.plan_body import PlanShown

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
_PLAN: Final = {
    "fingerprint": "5293e32db8b0",
    "mode": "strict",
    "customers": ["BARCHART"],
    "products": {
        "PORTFOLIO": {
            "columns": ["userId", "portfolioId"],
            "types": {
                "PORTFOLIO-APPLICATION-LOADED": ["userId"],
                "PORTFOLIO-ACCESSED": ["userId", "portfolioId"],
            },
        }
    },
    "rules": [{"customers": ["BARCHART"], "keys": ["portfolioId"], "non_empty": True}],
}
_SERVICE: Final = {
    "version": "0.1.0",
    "name": "footfall",
    "description": "System for collecting and reporting usage statistics",
    "environment": "production",
}
_METRICS: Final = (
    "# HELP footfall_events_accepted_total Events answered with 200.\n"
    "# TYPE footfall_events_accepted_total counter\n"
    "footfall_events_accepted_total 1568381\n"
)
PATH_PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "batch": ("The `batch` of the events, as the answer of `POST /events` has it.", _BATCH),
    "sequence": ("The event's place in its request, from 1.", "3"),
    "schedule": ("The schedule's `id`.", SCHEDULE_ID),
    "key": ("The key's `id`.", KEY_ID),
    "erasure": ("The erasure's `id`.", ERASURE_ID),
    "source": ("The report's `source`, as its status names it.", f"JOB-{EXAMPLE_JOB}"),
    "view": ("The view's `id`, or its name.", VIEW_ID),
    "share": ("The link's `id`.", SHARE_ID),
    "link": ("What the link has behind `/shared/`.", LINK_TOKEN),
    "file": ("What to show of it.", "data.json"),
    "token": ("When the link ends, and its signature.", EXAMPLE_TOKEN),
    "name": ("The file's name.", EXAMPLE_NAME),
}

# Examples of the parameters of a query, by path and name: those that must be there, and where waiting is of use.
QUERY_EXAMPLES: Final[Mapping[str, str | list[str]]] = {
    **USAGE_EXAMPLES,
    "/reports/{source} wait": "50",
    "/reports/{source}/availability wait": "50",
}

PAGES: Final[Mapping[tuple[str, str], Documentation]] = {
    ("POST", "/events"): Documentation(
        "Accepts and saves new events. When the answer is 200, the events are on disk and will be in every report that "
        "is started afterwards; when it is anything else, none of them was accepted. The body may be compressed "
        "(`Content-Encoding: gzip`, `deflate`, `br` or `zstd`), and its type may also be `text/plain`, which browsers' "
        "beacons send. Without events the answer is `[]`. A customer may ask for a key with the scope `send`, as "
        "`Authorization: Bearer KEY` or in the URL.",
        query={"key": "A write key, for what cannot send headers. Customers that ask for none take no notice of it."},
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
    **REPORT_PAGES,
    **SCHEDULE_PAGES,
    ("GET", "/quarantine"): Documentation(
        "Events that broke the tracking plan while it was in quarantine mode, the newest first, for admins. Long "
        "values of contexts are cut; the call for one event has them whole.",
        query={
            "customer": "Only this customer's.",
            "product": "Only this product's.",
            "type": "Only of this type.",
            "reason": "Only with this text in the reason, in either case.",
            "since": "Received then or later: milliseconds since 1970, a date or a time, in UTC or with an offset.",
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
    **ERASURE_PAGES,
    **KEY_PAGES,
    **USAGE_PAGES,
    **VIEW_PAGES,
    ("GET", "/plan"): Documentation(
        "The tracking plan in force, with the keys of its file: the products with their columns and types, and the "
        "customers that the user may see. A question mark behind a key makes it optional. Keys that have no value are "
        "left out.",
        headers={"If-None-Match": "An `ETag`: the answer is 304 while the plan, as the user may see it, is the same."},
        answer=PlanShown,
        answer_example=_PLAN,
        answers={"ETag": "Names the content: two equal tags are equal answers."},
        also={"304": "The client has this very plan."},
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
        "What Prometheus reads of the node that is asked: for admins and monitors, or for everyone where the setting "
        "`metrics_public` says so.",
        answer=str,
        answer_example=_METRICS,
        answer_type="text/plain",
    ),
    ("GET", "/healthz"): Documentation(
        "Whether this process is alive and can accept events, for load balancers.",
        answer_example={"status": "ok"},
    ),
    ("GET", "/health/live"): Documentation(
        "Whether this process answers at all: whoever gets no answer for long may restart it.",
        answer_example={"status": "ok"},
    ),
    ("GET", "/health/ready"): Documentation(
        "Whether events can be accepted now; if not, the error says why.",
        answer_example={"status": "ok"},
    ),
}
