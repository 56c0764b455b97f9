"""Turns whatever a call raises into an answer of the wire contract, whose body `footfall.errors` makes."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from html import escape
from string import Template
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from footfall import errors
from footfall.accounts import Unauthenticated
from footfall.audit import Audit
from footfall.errors import Code, RequestRefused
from footfall.state import StateUnavailable
from footfall.system.request_ids import request_id
from footfall.web.auditing import note_denied
from footfall.web.calls.request import is_for_people
from footfall.web.forwarded import Forwarded, loggable_path, requested_path

log = logging.getLogger(__name__)

# `Retry-After` in seconds when the state database is full or unavailable.
STATE_RETRY_AFTER_S = 10

# Characters of a path that a page shows: anyone may send one of 64 KiB.
PATH_CHARS_MAX = 200

# What the framework refuses by itself before it calls a handler, by status.
_FRAMEWORK: dict[int, tuple[Code, str]] = {
    400: (Code.REQUEST_PARAMETER_MALFORMED, "the request cannot be read"),
    404: (Code.REQUEST_NOT_FOUND, "there is nothing at this path; GET /docs lists the calls"),
    413: (Code.REQUEST_TOO_LARGE, "the body is too large"),
}


_NOT_FOUND: Final = Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not found</title>
<style>:root { background: Canvas; color: CanvasText; } a { color: LinkText; }
body { max-width: 34rem; margin: 15vh auto; padding: 0 1.25rem; font: 16px/1.55 system-ui, sans-serif; }
code { overflow-wrap: anywhere; }</style>
<main>
<h1>Not found</h1>
<p>There is nothing at <code>$path</code>. <a href="$home/">The page</a> shows the usage,
<a href="$home/docs">the API's page</a> has all calls of the service, and <a href="$home/docs/guides">the guides</a>
say how it is used.</p>
</main>
</html>
"""
)
_NOT_FOUND_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


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
        case MethodNotAllowedException():
            text = f"this path does not have this method; it has {_allowed(error)}"
            return RequestRefused(Code.REQUEST_METHOD_NOT_ALLOWED, text)
        case HTTPException() if error.status_code in _FRAMEWORK:
            return RequestRefused(*_FRAMEWORK[error.status_code])
        case _:
            return None


def _allowed(error: HTTPException) -> str:
    """The methods that the path has, as the header `Allow` lists them."""
    return next((value for name, value in (error.headers or {}).items() if name.lower() == "allow"), "")


def make_exception_handler(
    refused: Counter[Code], forwarded: Forwarded, published: Collection[str], audit: Audit
) -> Callable[[Request[Any, Any, Any], Exception], Response[bytes]]:
    """The framework's exception handler, which counts refusals by code, and has the audit log note those
    for the rights of a user. A browser gets a page for an unknown path.

    The bodies of `published` calls, named by method and path, end as they always have, and so does that of a 401. The
    others end with a newline.
    """

    def count(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        refusal = as_refusal(error)
        refused[Code.REQUEST_GENERAL_FAILURE if refusal is None else refusal.code] += 1
        if refusal is not None and refusal.code is Code.REQUEST_AUTHORIZATION_FAILURE:
            note_denied(audit, request, forwarded, refusal)
        if isinstance(error, NotFoundException) and is_for_people(request):
            return _not_found_page(requested_path(request.scope), forwarded.base_url(request.scope))
        answer = _render(request, error)
        if not isinstance(error, Unauthenticated) and _is_ours(request, error, published):
            answer.content += b"\n"
        return answer

    return count


def _is_ours(request: Request[Any, Any, Any], error: Exception, published: Collection[str]) -> bool:
    """Whether the error is of none of the `published` calls, for all that is known of it."""
    scope: Mapping[str, Any] = request.scope
    if "path_template" not in scope:
        # The framework's router has found no call, or the request was refused before that.
        return isinstance(error, (NotFoundException, MethodNotAllowedException))
    return f"{request.method} {scope['path_template']}" not in published


def _not_found_page(path: str, base_url: str) -> Response[bytes]:
    shown = path if len(path) <= PATH_CHARS_MAX else f"{path[:PATH_CHARS_MAX]}..."
    page = _NOT_FOUND.substitute(path=escape(shown), home=escape(base_url))
    headers = {"cache-control": "no-store", "content-security-policy": _NOT_FOUND_POLICY}
    return Response(page.encode(), status_code=404, media_type="text/html", headers=headers)


def _asked(request: Request[Any, Any, Any]) -> tuple[str, str]:
    """The method and the beginning of the path, for the log."""
    return request.method, loggable_path(requested_path(request.scope))


def _render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer of a call that raised this."""
    refused = as_refusal(error)
    if refused is None:
        log.error("unexpected failure of %s %r", *_asked(request), exc_info=error)
        refused = errors.internal_failure(request_id.get())
    elif isinstance(error, StateUnavailable):
        log.warning("%s %r cannot be done now: %s", *_asked(request), error)
    status, headers, body = errors.render_refusal(refused)
    # No cache may keep it: an error may say what only its user may know.
    named = {name.decode(): value.decode() for name, value in headers} | {"cache-control": "no-store"}
    # The framework counts the bytes that it sends.
    del named["content-length"]
    if isinstance(error, HTTPException) and error.headers:
        named.update({name.lower(): value for name, value in error.headers.items() if name.lower() == "allow"})
    return Response(body, status_code=status, headers=named)
