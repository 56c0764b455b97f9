"""Quarantine, for admins: what is held and why, what the plan would take now, release and drop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.journal import JournalError
from footfall.quarantine import Selection, event_id
from footfall.store import StoreFailed, StoreTimeout, StoreUnavailable
from footfall.wire import Standing

LIST: Final = "/dashboard/quarantine"
# Groups that are listed, and reasons for which events would stay.
_GROUPS: Final = 100
_STAYING: Final = 20
# Seconds that a page waits until a change shows in the lists. The change is on disk before that.
_SETTLE_S: Final = 5
_RETRY_AFTER_S: Final = 5
_FIELDS: Final = ("customer", "product", "type", "reason")
STATES: Final = (Standing.HELD.value, Standing.RELEASED.value, Standing.DROPPED.value)


async def show(visit: Visit) -> Shown:
    """The events in quarantine by product, type and reason."""
    state = visit.address.one("state", STATES[0])
    selection = Selection(**_fields(visit.address.one), state=state if state in STATES else STATES[0])
    with _away_as_refusal():
        groups = await visit.services.quarantine.summary(selection, _GROUPS)
    values = {
        "groups": groups,
        "total": sum(group.events for group in groups),
        "is_cut": len(groups) == _GROUPS,
        "state": selection.state,
        "states": STATES,
        "mode": visit.services.settings.plan_mode,
        "done": _numbers(visit, ("released", "stayed", "dropped")),
        "stopped": visit.address.one("stopped"),
    }
    return Rendered("quarantine.html", values)


async def show_one(visit: Visit) -> Shown:
    """One event as it came, with its reason and its sender."""
    try:
        wanted = event_id(f"{visit.request.path_params['batch']}/{visit.request.path_params['sequence']}")
    except ValueError as error:
        raise RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such event in quarantine") from error
    visit.audit_target = wanted
    with _away_as_refusal():
        found = await visit.services.quarantine.find(wanted)
    if found is None:
        raise RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such event in quarantine")
    return Rendered("quarantine_event.html", {"event": found})


async def choose(visit: Visit) -> Shown:
    """What the plan would take now of the chosen events, before they are released or dropped."""
    fields, set_type = _fields(visit.address.one), visit.address.one("set_type")
    # What comes while somebody thinks about it is not meant.
    until = visit.services.clock.now_ms()
    selection = Selection(**fields, state=STATES[0], until=until)
    with _away_as_refusal():
        outcome = await visit.services.quarantine.release(selection, visit.user.id, set_type=set_type, dry_run=True)
    values = {
        "fields": fields,
        "set_type": set_type,
        "until": until,
        "outcome": outcome,
        "staying": outcome.broken[:_STAYING],
        "plan": visit.services.plan.plan,
        "types": sorted({kind.name for kind in visit.services.plan.plan.types}),
    }
    return Rendered("quarantine_change.html", values)


async def release(visit: Visit) -> Shown:
    """Release those of the chosen events that the plan takes."""
    with _away_as_refusal():
        outcome = await visit.services.quarantine.release(
            _chosen(visit), visit.user.id, set_type=visit.form.one("set_type")
        )
        await visit.services.quarantine.wait_until_visible(outcome, _SETTLE_S)
    stopped = "&stopped=yes" if outcome.stopped else ""
    return Redirect(f"{LIST}?released={outcome.changed}&stayed={outcome.stayed}{stopped}")


async def drop(visit: Visit) -> Shown:
    """Drop the chosen events for good."""
    if not visit.form.one("sure"):
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "tick the box first: there is no way back")
    with _away_as_refusal():
        outcome = await visit.services.quarantine.drop(_chosen(visit), visit.user.id)
        await visit.services.quarantine.wait_until_visible(outcome, _SETTLE_S)
    return Redirect(f"{LIST}?dropped={outcome.changed}{'&stopped=yes' if outcome.stopped else ''}")


def _fields(one: Callable[[str], str]) -> dict[str, Any]:
    return {name: one(name) for name in _FIELDS}


def _chosen(visit: Visit) -> Selection:
    until = visit.form.one("until")
    if not until.isdecimal():
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "the form does not say up to when events are meant")
    return Selection(**_fields(visit.form.one), state=STATES[0], until=int(until))


def _numbers(visit: Visit, names: tuple[str, ...]) -> dict[str, int]:
    found = {name: visit.address.one(name) for name in names}
    return {name: int(value) for name, value in found.items() if value.isdecimal()}


@contextmanager
def _away_as_refusal() -> Iterator[None]:
    """Turn a store or journal that is away into a refusal, after which another try may succeed."""
    try:
        yield
    except (StoreUnavailable, StoreTimeout, StoreFailed, JournalError) as error:
        text = "what quarantine is kept in does not answer now; nothing was changed"
        raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, (), _RETRY_AFTER_S) from error
