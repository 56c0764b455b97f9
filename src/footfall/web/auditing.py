"""The events of requests for the audit log: who signed in, who was denied what, and who did what."""

from collections.abc import Mapping
from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.types import Scope

from footfall.accounts import KeyedUser
from footfall.audit import Audit, AuditEvent
from footfall.errors import RequestRefused
from footfall.state import User
from footfall.web.forwarded import Forwarded, requested_path


def note_denied(audit: Audit, request: Request[Any, Any, Any], forwarded: Forwarded, refusal: RequestRefused) -> None:
    """Note a call that was refused for the rights of its user; one without a user is none of theirs."""
    if request.scope.get("user") is not None:
        target = f"{request.method} {requested_path(request.scope)}"
        details = {"why": refusal.message}
        audit.note(make_event("denied", request.scope, forwarded, target, details, outcome="denied"))


def note_sign_in(audit: Audit, connection: ASGIConnection[Any, Any, Any, Any], forwarded: Forwarded) -> None:
    """Note the user as whom a request is signed in."""
    audit.signed_in(make_event("sign-in", connection.scope, forwarded, "", {}))


def make_event(
    action: str,
    scope: Scope,
    forwarded: Forwarded,
    target: str,
    details: Mapping[str, Any],
    outcome: str = "ok",
) -> AuditEvent:
    """The event of a request: who it is signed in as, with which key, and from where."""
    user = cast("User | None", scope.get("user"))
    return AuditEvent(
        action=action,
        outcome=outcome,
        who="" if user is None else user.id,
        account="" if user is None else user.account,
        key=user.key if isinstance(user, KeyedUser) else "",
        address=forwarded.client_address(scope),
        target=target,
        details=details,
    )
