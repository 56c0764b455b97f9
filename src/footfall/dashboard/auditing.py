"""What the audit log has of pages: an entry before the answer of each page whose line in the table names an action."""

from typing import Any, Final

from footfall.audit import AuditEvent
from footfall.dashboard.form import TOKEN_FIELD
from footfall.dashboard.visit import Visit
from footfall.errors import Code, RequestRefused

# Fields of forms that no entry has.
_SECRET: Final = frozenset({TOKEN_FIELD, "password", "present", "again", "code", "secret", "person"})


async def record_page(visit: Visit) -> None:
    """Write down what the page was asked for. Raises RequestRefused when that cannot be."""
    page = visit.page
    if not page.audit:
        return
    given: dict[str, list[str]] = {}
    for name, value in visit.form.pairs:
        if name not in _SECRET:
            given.setdefault(name, []).append(value)
    # A field that comes several times, such as the customers of a user, is a list.
    fields = {name: values[0] if len(values) == 1 else values for name, values in given.items()}
    event = _event(page.audit, visit, visit.audit_target, {"asked": fields} if fields else {})
    await (visit.services.audit.record if page.method == "POST" else visit.services.audit.record_read)(event)


async def record_events_read(visit: Visit, what: str) -> None:
    """Write down that single events were read, by the parameters of the page. Raises RequestRefused."""
    given = {name: visit.request.query_params.getall(name) for name in visit.request.query_params}
    await visit.services.audit.record_read(_event("events.read", visit, what, {"query": given}))


def note_denied_page(visit: Visit, error: Exception) -> None:
    """Note a page that was refused for the rights of its user."""
    if isinstance(error, RequestRefused) and error.code is Code.REQUEST_AUTHORIZATION_FAILURE and visit.signed_in:
        target = f"{visit.page.method} {visit.page.path}"
        event = _event("denied", visit, target, {"why": error.message}, "denied")
        visit.services.audit.note(event)


def _event(action: str, visit: Visit, target: str, details: dict[str, Any], outcome: str = "ok") -> AuditEvent:
    user = None if visit.signed_in is None else visit.user
    return AuditEvent(
        action=action,
        outcome=outcome,
        who="" if user is None else user.id,
        account="" if user is None else user.account,
        address=visit.client_address,
        target=target,
        details=details,
    )
