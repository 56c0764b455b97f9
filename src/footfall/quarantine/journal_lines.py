"""The lines that quarantine writes into the journal: events held, changes of their state, and events released."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from footfall.errors import Problem
from footfall.plan import RefusedEvent
from footfall.quarantine.records import Held, explain_problems, problem_place
from footfall.wire import ReceivedEvent, Sender, Standing, StoredEvent

AnyEvent = TypeVar("AnyEvent", bound=ReceivedEvent)

# Characters of an address or a header: a browser's User-Agent has some 150; longer ones are cut.
SENDER_CHARS_MAX = 300

_encode_lines = msgspec.json.Encoder().encode_lines


class QuarantineLine(Struct, kw_only=True, omit_defaults=True):
    """A line of a quarantine segment; the journal stamps `received` on it. Keys are the columns of the table."""

    customer: str
    product: str
    type: str
    version: str | UnsetType = UNSET
    timestamp: int
    context: list[str | None]
    sequence: int
    batch: str
    code: str
    place: str
    reason: str
    plan: str
    address: str = ""
    origin: str = ""
    user_agent: str = ""
    state: Standing = Standing.HELD
    changed_by: str = ""
    set_type: str = ""
    held_since: int | UnsetType = UNSET


class ReleasedEvent(StoredEvent, kw_only=True, gc=False):
    """A released event with the time at which it was received first; the journal stamps `admitted`."""

    received: int


def hold_refused(
    events: Sequence[AnyEvent], batch: str, refused: Iterable[RefusedEvent], sender: Sender, fingerprint: str
) -> tuple[list[AnyEvent], bytes]:
    """A request's good events, and the journal's lines that hold the others; `fingerprint` names the plan.

    The events must have their sequence already.
    """
    found = {item.index: item.problems for item in refused}
    good = [event for index, event in enumerate(events) if index not in found]
    lines = [_line(events[index], batch, problems, sender, fingerprint) for index, problems in found.items()]
    return good, _encode_lines(lines)


def state_changes(events: Iterable[Held], state: Standing, by: str, set_type: str = "") -> bytes:
    """Lines with the new state of events; their context, version and sender are left out."""
    return _encode_lines(
        [
            QuarantineLine(
                customer=event.customer,
                product=event.product,
                type=event.type,
                timestamp=event.timestamp,
                context=[],
                sequence=event.sequence,
                batch=event.batch,
                code=event.code,
                place=event.where,
                reason=event.reason,
                plan=event.plan,
                state=state,
                changed_by=by,
                set_type=set_type,
                held_since=event.received,
            )
            for event in events
        ]
    )


def released_event(event: Held, set_type: str = "") -> ReleasedEvent:
    """The event as it will be stored when the plan takes it."""
    return ReleasedEvent(
        customer=event.customer,
        product=event.product,
        type=set_type or event.type,
        version=event.version or UNSET,
        timestamp=event.timestamp,
        context=list(event.context),
        sequence=event.sequence,
        batch=event.batch,
        received=event.received,
    )


def release_lines(events: Iterable[StoredEvent]) -> bytes:
    """The events as lines for the journal."""
    return _encode_lines(list(events))


def _line(
    event: ReceivedEvent, batch: str, problems: Sequence[Problem], sender: Sender, fingerprint: str
) -> QuarantineLine:
    return QuarantineLine(
        customer=event.customer,
        product=event.product,
        type=event.type,
        version=event.version,
        timestamp=event.timestamp,
        context=event.context,
        sequence=event.sequence,
        batch=batch,
        code=problems[0].code,
        place=problem_place(problems[0]),
        reason=explain_problems(problems),
        plan=fingerprint,
        address=sender.address[:SENDER_CHARS_MAX],
        origin=sender.origin[:SENDER_CHARS_MAX],
        user_agent=sender.user_agent[:SENDER_CHARS_MAX],
    )
