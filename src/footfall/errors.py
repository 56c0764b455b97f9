"""Why footfall refuses a request, as a closed set, and how a refusal travels over HTTP.

`STATUS` is the one table of codes to statuses. It stands below every room, so that the fast path of `POST /events` and
all other calls answer alike.
"""

import re
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET

from footfall.wire import ErrorNode, ErrorPlace, ErrorValue, Unauthorized, encode


class Code(StrEnum):
    """Error codes of the wire; clients compare them as strings."""

    REQUEST_INPUT_MALFORMED = "REQUEST_INPUT_MALFORMED"
    REQUEST_PARAMETER_MALFORMED = "REQUEST_PARAMETER_MALFORMED"
    EVENT_NOT_IN_PLAN = "EVENT_NOT_IN_PLAN"
    EVENT_FROM_BOT = "EVENT_FROM_BOT"
    REQUEST_UNAUTHORIZED = "REQUEST_UNAUTHORIZED"
    REQUEST_AUTHORIZATION_FAILURE = "REQUEST_AUTHORIZATION_FAILURE"
    EVENT_JOB_GET_FAILED_NO_JOB = "EVENT_JOB_GET_FAILED_NO_JOB"
    EVENT_JOB_GET_FAILED_RUNNING = "EVENT_JOB_GET_FAILED_RUNNING"
    EVENT_JOB_GET_FAILED = "EVENT_JOB_GET_FAILED"
    EVENT_BATCH_NOT_FOUND = "EVENT_BATCH_NOT_FOUND"
    REQUEST_NOT_FOUND = "REQUEST_NOT_FOUND"
    REQUEST_METHOD_NOT_ALLOWED = "REQUEST_METHOD_NOT_ALLOWED"
    REQUEST_NOT_ACCEPTABLE = "REQUEST_NOT_ACCEPTABLE"
    REQUEST_TIMED_OUT = "REQUEST_TIMED_OUT"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    REQUEST_HEAD_TOO_LARGE = "REQUEST_HEAD_TOO_LARGE"
    REQUEST_UNSUPPORTED_MEDIA_TYPE = "REQUEST_UNSUPPORTED_MEDIA_TYPE"
    REQUEST_RANGE_NOT_SATISFIABLE = "REQUEST_RANGE_NOT_SATISFIABLE"
    REQUEST_RATE_LIMITED = "REQUEST_RATE_LIMITED"
    LINK_EXPIRED = "LINK_EXPIRED"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    REQUEST_GENERAL_FAILURE = "REQUEST_GENERAL_FAILURE"


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong: `where` names the place (`events[3].context[1]`), `why` what to do about it."""

    code: Code
    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


class RequestRefused(Exception):
    """A request that cannot be served, raised at the edge; nothing of it took effect.

    `retry_after_s` is the time in seconds after which the same request may succeed.
    """

    def __init__(
        self, code: Code, message: str, problems: tuple[Problem, ...] = (), retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.problems = problems
        self.retry_after_s = retry_after_s
        # Of a failure of the service that is logged before its request has an id; empty otherwise.
        self.request_id = ""


def internal_failure(request_id: str) -> RequestRefused:
    """The refusal for a fault of the service. The log has the details under the request's id, the answer never does."""
    named = f" of request {request_id}" if request_id else ""
    return RequestRefused(Code.REQUEST_GENERAL_FAILURE, f"the service failed; its log has the details{named}")


# No charset: a published client compares the content type as a string before it reads an error's body.
CONTENT_TYPE: Final = (b"content-type", b"application/json")

STATUS: Final[dict[Code, int]] = {
    Code.REQUEST_INPUT_MALFORMED: 400,
    Code.REQUEST_PARAMETER_MALFORMED: 400,
    Code.EVENT_NOT_IN_PLAN: 400,
    # No answer has it: only events that quarantine holds.
    Code.EVENT_FROM_BOT: 400,
    Code.REQUEST_UNAUTHORIZED: 401,
    Code.REQUEST_AUTHORIZATION_FAILURE: 403,
    Code.LINK_EXPIRED: 403,
    Code.REQUEST_NOT_FOUND: 404,
    Code.EVENT_JOB_GET_FAILED_NO_JOB: 404,
    Code.EVENT_BATCH_NOT_FOUND: 404,
    Code.REQUEST_METHOD_NOT_ALLOWED: 405,
    Code.REQUEST_NOT_ACCEPTABLE: 406,
    Code.REQUEST_TIMED_OUT: 408,
    Code.EVENT_JOB_GET_FAILED_RUNNING: 409,
    Code.EVENT_JOB_GET_FAILED: 409,
    Code.REQUEST_TOO_LARGE: 413,
    Code.REQUEST_UNSUPPORTED_MEDIA_TYPE: 415,
    Code.REQUEST_RANGE_NOT_SATISFIABLE: 416,
    Code.REQUEST_RATE_LIMITED: 429,
    Code.REQUEST_HEAD_TOO_LARGE: 431,
    Code.REQUEST_GENERAL_FAILURE: 500,
    Code.SERVICE_UNAVAILABLE: 503,
}

# A 401 is the one error that is no ServerError, and it is the same whatever was wrong, so that nothing is learnt.
UNAUTHORIZED_BODY: Final = encode(Unauthorized())
UNAUTHORIZED_CHALLENGE: Final = (b"www-authenticate", b'Basic realm="footfall", charset="UTF-8"')

_EVENT = re.compile(r"events\[([0-9]+)\]")

# Status, headers and body.
Rendered = tuple[int, list[tuple[bytes, bytes]], bytes]


def refusal_body(refused: RequestRefused) -> bytes:
    """The answer's body: the reference's ServerError, one child for each problem."""
    if refused.code is Code.REQUEST_UNAUTHORIZED:
        return UNAUTHORIZED_BODY
    children = [ErrorNode(ErrorValue(one.code, str(one), _place(one.where))) for one in refused.problems]
    return encode([ErrorNode(ErrorValue(refused.code, refused.message), children)])


def refusal_headers(refused: RequestRefused) -> list[tuple[bytes, bytes]]:
    """The answer's headers for the body of `refusal_body`, in the order in which they are sent."""
    return _headers(refused, len(refusal_body(refused)))


def render_refusal(refused: RequestRefused) -> Rendered:
    """Status, headers and body at once."""
    content = refusal_body(refused)
    return STATUS[refused.code], _headers(refused, len(content)), content


def _place(where: str) -> ErrorPlace:
    event = _EVENT.match(where)
    return ErrorPlace(where, int(event[1]) if event else UNSET)


def _headers(refused: RequestRefused, content_length: int) -> list[tuple[bytes, bytes]]:
    found = [CONTENT_TYPE, (b"content-length", str(content_length).encode())]
    if refused.retry_after_s is not None:
        found.append((b"retry-after", str(refused.retry_after_s).encode()))
    if refused.code is Code.REQUEST_UNAUTHORIZED:
        found.append(UNAUTHORIZED_CHALLENGE)
    return found
