"""Calls that have an entry in the audit log before each answer: those whose route names an action.

A call that is refused has none, unless it is for the rights of its user, which `auditing.note_denied` notes.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from litestar import Request

from footfall.erasure import DryRun, ErasureShown
from footfall.schedules import ScheduleShown
from footfall.views import ShownShare, ShownView
from footfall.web.auditing import make_event
from footfall.web.calls.keys import KeyIssued, KeyShown
from footfall.web.calls.quarantine import Dropped, Released
from footfall.web.route import Route
from footfall.wire import ReportStatus, mend_json

# Actions whose entry has what the body asked for: none of these bodies has a secret.
_ASKED: Final = frozenset(
    {"report.start", "schedule.add", "quarantine.release", "quarantine.drop", "view.save", "share.add", "key.add"}
)
_CHARS_MAX: Final = 2_000


def audited(entry: Route, answering: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The route's call, which has its entry in the audit log before it is answered."""
    if not entry.audit:
        return answering

    @functools.wraps(answering)
    async def call(**given: Any) -> Any:
        answer = await answering(**given)
        request, services = given["request"], given["services"]
        target, details = _describe(request, getattr(answer, "content", None))
        if entry.audit in _ASKED:
            details["asked"] = _asked(await request.body())
        event = make_event(entry.audit, request.scope, services.forwarded, target, details)
        await (services.audit.record_read if entry.method == "GET" else services.audit.record)(event)
        return answer

    return call


def _describe(request: Request[Any, Any, Any], content: Any) -> tuple[str, dict[str, Any]]:
    """What a call was about, and what came of it."""
    target = "/".join(str(value) for name, value in request.path_params.items() if name not in ("token", "link"))
    match content:
        case KeyIssued() | KeyShown():
            return content.id, {"user": content.user, "scopes": content.scopes}
        case ScheduleShown() | ShownShare() | ShownView():
            return content.id, {"user": content.user}
        case ReportStatus():
            return content.source, {}
        case Released():
            return target, {"released": content.released, "stayed": content.stayed}
        case Dropped():
            return target, {"dropped": content.dropped}
        case ErasureShown():
            return content.id, {"asked": request.state["audit_details"]}
        case DryRun():
            return target, {"asked": request.state["audit_details"]}
    target = request.state.get("audit_target") or target
    query = {name: request.query_params.getall(name) for name in request.query_params}
    return target, {"query": query} if query else {}


def _asked(body: bytes) -> Any:
    """The body as JSON, which its entry shortens."""
    try:
        return msgspec.json.decode(mend_json(body) or b"{}")
    except msgspec.DecodeError:
        return body[:_CHARS_MAX].decode(errors="replace")
