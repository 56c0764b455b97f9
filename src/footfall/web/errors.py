"""Turns whatever a call raises into the answer of the wire contract, whose bodies `footfall.errors` makes."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from footfall import errors
from footfall.accounts import Unauthenticated
from footfall.errors import Code, RequestRefused
from footfall.state import StateUnavailable

log = logging.getLogger(__name__)

# Seconds after which a state database that is full, or away, may do what it could not.
STATE_RETRY_AFTER_S = 10

# Of a path that is logged: a stranger may send one of 64 KiB.
PATH_CHARS_MAX = 200

# What the framework refuses by itself, before a call of ours is reached.
_FRAMEWORK: dict[int, tuple[Code, str]] = {
    400: (Code.REQUEST_PARAMETER_MALFORMED, "the request cannot be read"),
    404: (Code.REQUEST_NOT_FOUND, "there is nothing at this path; GET /docs lists the calls"),
    405: (Code.REQUEST_METHOD_NOT_ALLOWED, "this path has no such method; the Allow header lists those it has"),
    413: (Code.REQUEST_TOO_LARGE, "the body is too large"),
}


def failure() -> RequestRefused:
    """A fault of the service; the log has the details, the answer never does."""
    return RequestRefused(Code.REQUEST_GENERAL_FAILURE, "the service failed; its log has the details")


def refusal(error: Exception) -> RequestRefused | None:
    """The refusal that the exception stands for; None when it is a fault of the service."""
    match error:
        case RequestRefused():
            return error
        case Unauthenticated():
            return RequestRefused(Code.REQUEST_UNAUTHORIZED, "Unauthorized")
        case StateUnavailable():
            text = "what users, reports and schedules are kept in is full, or away: send the request again"
            return RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=STATE_RETRY_AFTER_S)
        case HTTPException() if error.status_code in _FRAMEWORK:
            return RequestRefused(*_FRAMEWORK[error.status_code])
        case _:
            return None


def counting(refused: Counter[Code]) -> Callable[[Request[Any, Any, Any], Exception], Response[bytes]]:
    """The exception handler of the calls, which counts by code."""

    def count(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        refused[(refusal(error) or failure()).code] += 1
        return answer(request, error)

    return count


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What a call answers that raised this."""
    refused = refusal(error)
    if refused is None:
        log.error("unexpected failure of %s %r", request.method, request.url.path[:PATH_CHARS_MAX], exc_info=error)
        refused = failure()
    elif isinstance(error, StateUnavailable):
        log.warning("%s %r cannot be done now: %s", request.method, request.url.path[:PATH_CHARS_MAX], error)
    status, headers, body = errors.render_refusal(refused)
    # An error may tell what only its user may know.
    named = {name.decode(): value.decode() for name, value in headers} | {"cache-control": "no-store"}
    if isinstance(error, HTTPException) and error.headers:
        named.update({name.lower(): value for name, value in error.headers.items() if name.lower() == "allow"})
    return Response(body, status_code=status, headers=named)
