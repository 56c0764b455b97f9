"""How a refusal travels: the one table of codes to statuses, and the bytes of its body and headers.

It lies beside `errors`, below every room, so that the hot path of `POST /events` and the rest of the API answer alike.
"""

from typing import Final

from footfall.errors import Code, RequestRefused
from footfall.wire import ErrorNode, ErrorValue, Unauthorized, encode

# No charset: a published client compares the content type as a string before it reads an error's body.
CONTENT_TYPE: Final = (b"content-type", b"application/json")

STATUS: Final[dict[Code, int]] = {
    Code.REQUEST_INPUT_MALFORMED: 400,
    Code.REQUEST_PARAMETER_MALFORMED: 400,
    Code.EVENT_NOT_IN_PLAN: 400,
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

# Status, headers and body.
Rendered = tuple[int, list[tuple[bytes, bytes]], bytes]


def body(refused: RequestRefused) -> bytes:
    """The answer's body: the reference's ServerError, one child for each problem."""
    if refused.code is Code.REQUEST_UNAUTHORIZED:
        return UNAUTHORIZED_BODY
    children = [ErrorNode(ErrorValue(problem.code, str(problem))) for problem in refused.problems]
    return encode([ErrorNode(ErrorValue(refused.code, refused.message), children)])


def headers(refused: RequestRefused) -> list[tuple[bytes, bytes]]:
    """The answer's headers for the body that `body` makes, in the order in which they are sent."""
    return _headers(refused, len(body(refused)))


def render(refused: RequestRefused) -> Rendered:
    """Status, headers and body at once."""
    content = body(refused)
    return STATUS[refused.code], _headers(refused, len(content)), content


def _headers(refused: RequestRefused, content_length: int) -> list[tuple[bytes, bytes]]:
    found = [CONTENT_TYPE, (b"content-length", str(content_length).encode())]
    if refused.retry_after_s is not None:
        found.append((b"retry-after", str(refused.retry_after_s).encode()))
    if refused.code is Code.REQUEST_UNAUTHORIZED:
        found.append(UNAUTHORIZED_CHALLENGE)
    return found
