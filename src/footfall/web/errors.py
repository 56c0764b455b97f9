"""Turns whatever a call raises into an answer of the wire contract, whose body `footfall.errors` makes."""

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

# `Retry-After` in seconds when the state database is full or unavailable.
STATE_RETRY_AFTER_S = 10

# Characters of a path that are logged: anyone may send one of 64 KiB.
PATH_CHARS_MAX = 200

# What the framework refuses by itself before it calls a handler, by status.
_FRAMEWORK: dict[int, tuple[Code, str]] = {
    400: (Code.REQUEST_PARAMETER_MALFORMED, "the request cannot be read"),
    404: (Code.REQUEST_NOT_FOUND, "there is nothing at this path; GET /docs lists the calls"),
    405: (Code.REQUEST_METHOD_NOT_ALLOWED, "this path has no such method; the Allow header lists those it has"),
    413: (Code.REQUEST_TOO_LARGE, "the body is too large"),
}


def internal_failure() -> RequestRefused:
    """The refusal for a fault of the service. The log has the details, the answer never does."""
    return RequestRefused(Code.REQUEST_GENERAL_FAILURE, "the service failed; its log has the details")


def as_refusal(error: Exception) -> RequestRefused | None:
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


def make_exception_handler(refused: Counter[Code]) -> Callable[[Request[Any, Any, Any], Exception], Response[bytes]]:
    """The framework's exception handler, which counts refusals by code."""

    def count(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        refused[(as_refusal(error) or internal_failure()).code] += 1
        return _render(request, error)

    return count


def _render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer of a call that raised this."""
    refused = as_refusal(error)
    if refused is None:
        log.error("unexpected failure of %s %r", request.method, request.url.path[:PATH_CHARS_MAX], exc_info=error)
        refused = internal_failure()
    elif isinstance(error, StateUnavailable):
        log.warning("%s %r cannot be done now: %s", request.method, request.url.path[:PATH_CHARS_MAX], error)
    status, headers, body = errors.render_refusal(refused)
    # No cache may keep it: an error may say what only its user may know.
    named = {name.decode(): value.decode() for name, value in headers} | {"cache-control": "no-store"}
    if isinstance(error, HTTPException) and error.headers:
        named.update({name.lower(): value for name, value in error.headers.items() if name.lower() == "allow"})
    return Response(body, status_code=status, headers=named)
