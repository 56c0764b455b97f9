"""Parts of the API's description: the form of a manual page, parameters' schemas, schedules' pages, error codes."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from footfall.errors import Code
from footfall.schedules import ScheduleRequest


class Documentation(Struct, frozen=True):
    """What the manual says about one call.

    `headers` are request headers that matter, `answers` those of the 200, `query` the parameters behind the path, of
    which those in `required` must be there; `also` are further statuses that are no errors. `answer` is the answer's
    type where the call's own signature does not tell it, `answer_also` further media types in which it can be had.
    """

    text: str
    query: Mapping[str, str] = {}
    required: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    request: Any = None
    request_example: Any = None
    answer: Any = None
    answer_example: Any = None
    answer_type: str = "application/json"
    answer_also: tuple[str, ...] = ()
    answers: Mapping[str, str] = {}
    also: Mapping[str, str] = {}


MILLISECONDS: Final = {"type": "integer", "minimum": -(2**53) + 1, "maximum": 2**53 - 1}
# Milliseconds, a date, or a date and time with or without an offset. That the day is there is checked by the call.
INSTANT: Final = {
    "type": "string",
    "pattern": "^([0-9]{1,15}|[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,3})?)?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?)?)$",
}
EMPTY: Final = {"type": "string", "maxLength": 0}
# Schemas of parameters, by name, or by path and name where paths differ. A parameter that is not here is any text.
# They describe what each call checks itself.
PARAMETER_SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "batch": {"type": "string", "format": "uuid"},
    "Idempotency-Key": {"type": "string", "minLength": 1, "pattern": "^[ -~]+$"},
    "wait": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    "limit": {"type": "integer", "minimum": 1},
    "/reports before": {"type": "string", "pattern": "^([0-9]{1,16}-[!-~]{1,100})?$"},
    "/schedules after": {"type": "string", "pattern": "^[ -~]*$"},
    "/keys after": {"type": "string", "pattern": "^[ -~]*$"},
    "/audit since": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
    "/audit before": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
    "/audit limit": {"type": "integer", "minimum": 1, "maximum": 1000},
    "/quarantine state": {"type": "string", "enum": ["held", "released", "dropped", "all"]},
    "/quarantine since": INSTANT,
    "/quarantine until": INSTANT,
}

SCHEDULE_ID: Final = "7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11"
# The commands of the page find the schedule by it, so that they change no other.
EXAMPLE_NAME: Final = "Example"
EXAMPLE_KEY_NAME: Final = "nightly export"
EXAMPLE_VIEW_NAME: Final = "Use by day"
_SCHEDULE_REQUEST: Final = {
    "name": EXAMPLE_NAME,
    "every": "day",
    "timezone": "Europe/Berlin",
    "filter": {"customer": "BARCHART", "product": "PORTFOLIO"},
}
_SCHEDULE: Final = {
    "id": SCHEDULE_ID,
    "user": "anna",
    "name": EXAMPLE_NAME,
    "every": "day",
    "timezone": "Europe/Berlin",
    "graceSeconds": 3600,
    "correctionDays": 7,
    "correction": "full",
    "paused": False,
    "created": 1571073977278,
    "next": {"start": 1571004000000, "end": 1571090399999, "due": 1571094000000},
    "filter": {"customer": "BARCHART", "product": "PORTFOLIO"},
}
_RUN: Final = {
    "start": 1570917600000,
    "end": 1571003999999,
    "correction": 0,
    "status": "COMPLETE",
    "source": "JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068",
    "tries": 1,
    "earlier": [],
    "nextLook": 1571074877278,
}

SCHEDULE_PAGES: Final[Mapping[tuple[str, str], Documentation]] = {
    ("POST", "/schedules"): Documentation(
        "Makes a schedule: a report of every hour, day, week or month, started when the window has closed and the time "
        "of grace is over, with the rights that its owner has then. The reports are the owner's, like all others.",
        request=ScheduleRequest,
        request_example=_SCHEDULE_REQUEST,
        answer_example=_SCHEDULE,
    ),
    ("GET", "/schedules"): Documentation(
        "The user's schedules; an admin gets all.",
        query={"after": "The `next` of the page before."},
        answer_example={"schedules": [_SCHEDULE]},
    ),
    ("GET", "/schedules/{schedule}"): Documentation(
        "A schedule with its newest hundred runs: the window, what became of it, and the source of its report.",
        answer_example={**_SCHEDULE, "runs": [_RUN]},
    ),
    ("DELETE", "/schedules/{schedule}"): Documentation(
        "Removes a schedule, and answers with what it was. Its reports stay, and those that run go on.",
        answer_example=_SCHEDULE,
    ),
    ("POST", "/schedules/{schedule}/pause"): Documentation(
        "Starts no more reports of the schedule until it is resumed.",
        answer_example={**_SCHEDULE, "paused": True},
    ),
    ("POST", "/schedules/{schedule}/resume"): Documentation(
        "Goes on with the window at which the schedule was paused: what was missed is made up for. Windows whose "
        "report had failed for good are tried again.",
        answer_example=_SCHEDULE,
    ),
}

# What each error code means, and what a client should do about it.

ADVICE: Final[dict[Code, str]] = {
    Code.REQUEST_INPUT_MALFORMED: (
        "The body is not JSON, or has the wrong shape or types. The children name each place; mend the request."
    ),
    Code.REQUEST_PARAMETER_MALFORMED: (
        "A path, header, query or filter value cannot be read. The children name it; mend the request."
    ),
    Code.EVENT_NOT_IN_PLAN: (
        "An event's customer, product, type or context breaks the tracking plan, and nothing of the request was "
        "stored. The children name each event; mend the event or extend the plan."
    ),
    Code.EVENT_FROM_BOT: (
        "A crawler sent the event, as its `User-Agent` says, and quarantine holds it. No answer is an error of this "
        "code; receipts and quarantine have it."
    ),
    Code.REQUEST_UNAUTHORIZED: (
        "The request has no valid user name and password, nor a valid key. The body of this one error is "
        '`{"message":"Unauthorized"}`.'
    ),
    Code.REQUEST_AUTHORIZATION_FAILURE: (
        "The user may not see this customer, or the key not this product, or the call is for admins only, or the "
        "key is not for this call; or events of this customer come with a write key, or from pages of its own. Ask an "
        "operator for access."
    ),
    Code.LINK_EXPIRED: (
        "The download link is past its 15 minutes, or the right that it stood on has ended, or it is not one that this "
        "service made. Get another from `GET /reports/{source}`."
    ),
    Code.REQUEST_NOT_FOUND: (
        "There is nothing at this path, or no such event in quarantine, or no such schedule, or no such key."
    ),
    Code.EVENT_JOB_GET_FAILED_NO_JOB: ("There is no such report, or it is another user's."),
    Code.EVENT_BATCH_NOT_FOUND: (
        "No request of this batch is known here, or none of its events is of a customer that the user may see. What "
        "another node has just taken is found about a second later."
    ),
    Code.REQUEST_METHOD_NOT_ALLOWED: (
        "The path exists, but not for this method; the `Allow` header lists its methods."
    ),
    Code.REQUEST_NOT_ACCEPTABLE: ("`Accept` names nothing that this call can give."),
    Code.REQUEST_TIMED_OUT: ("The body did not arrive in time. Send it again."),
    Code.EVENT_JOB_GET_FAILED_RUNNING: (
        "The report still runs, so there is no link yet. Ask for its availability until it is COMPLETE."
    ),
    Code.EVENT_JOB_GET_FAILED: ("The report failed, timed out, or its file has been removed. Start another."),
    Code.REQUEST_TOO_LARGE: ("The body or its events are over a limit. Send less at once."),
    Code.REQUEST_UNSUPPORTED_MEDIA_TYPE: ("`Content-Type` or `Content-Encoding` is none that this call reads."),
    Code.REQUEST_RANGE_NOT_SATISFIABLE: ("The file has none of the bytes asked for; `Content-Range` has its size."),
    Code.REQUEST_RATE_LIMITED: (
        "Too many requests or connections from this address, too many events or bytes of this customer, or too many "
        "failed sign-ins, or the user has too many reports that run or are kept, or too many schedules or keys, or too "
        "many estimates, counts, receipts or calls about reports that wait, or too many live streams. Wait for the "
        "seconds that `Retry-After` names, or end reports with `DELETE /reports/{source}`, or remove a schedule or a "
        "key."
    ),
    Code.REQUEST_HEAD_TOO_LARGE: (
        "The head of the request is too large: its headers or its target are too long, or too many. Send fewer."
    ),
    Code.REQUEST_GENERAL_FAILURE: (
        "A fault of the service, which is worth another try; or the events store refused what it was asked for an "
        "estimate or a count, and would again, which the message says. Either way the operator finds the details in "
        "the log."
    ),
    Code.SERVICE_UNAVAILABLE: (
        "The events cannot be made durable now, and none of the request was accepted; the events store, or the store "
        "of a report's file, is away; the state database is away, or its disk is full; too many users sign in at once; "
        "too many bytes of long bodies and of answers that nobody takes are held; or too many long bodies, or other "
        "requests that take a while, wait already, or too many live streams are open. Send the same request again "
        "after the seconds that `Retry-After` names."
    ),
}
