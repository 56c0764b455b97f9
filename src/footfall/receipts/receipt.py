"""A receipt, and how it is put together from what was found of a request; all of it is pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType

HELD = "held"
DROPPED = "dropped"
RELEASED = "released"


class Status(StrEnum):
    """Where an event is: on a node's disk, in the store, held back for an operator, or given up by one."""

    JOURNALED = "journaled"
    STORED = "stored"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"


class Original(Struct, frozen=True):
    """The event that was there first."""

    batch: str
    sequence: int


class EventReceipt(Struct, frozen=True, kw_only=True):
    """What became of one event. `received` and `admitted` are in ms since 1970; the latter is when it began to count.

    `duplicateOf` names an equal event (customer, product, type, version, timestamp and context) that was admitted
    before, in another request. `code` and `reason` say why an event was held back.
    """

    sequence: int
    status: Status
    received: int
    admitted: int | UnsetType = UNSET
    duplicateOf: Original | UnsetType = UNSET  # noqa: N815 - the wire's own name
    code: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Receipt(Struct, frozen=True):
    """What became of a request's events. `complete` is false when some may be missing, because not everything could
    be looked through now.
    """

    batch: str
    events: list[EventReceipt]
    complete: bool


class AcceptedEvent(Struct, frozen=True):
    """An event that was accepted, as it was found in the store or in the journal."""

    sequence: int
    customer: str
    received: int
    admitted: int


class HeldRecord(Struct, frozen=True):
    """An event's line of quarantine; its state is held, dropped or released."""

    sequence: int
    customer: str
    received: int
    state: str
    code: str
    reason: str


Part = TypeVar("Part", AcceptedEvent, HeldRecord)


class Evidence(Struct):
    """All that was found of a request, several times over where it was in several places."""

    stored: list[AcceptedEvent] = []
    journaled: list[AcceptedEvent] = []
    held: list[HeldRecord] = []
    originals: dict[int, Original] = {}
    complete: bool = True


def customers(found: Evidence) -> set[str]:
    """Whose events they are."""
    events: list[AcceptedEvent | HeldRecord] = [*found.stored, *found.journaled, *found.held]
    return {event.customer for event in events}


def encode_receipt(batch: str, found: Evidence, visible: set[str]) -> Receipt:
    """The receipt for somebody who may see these customers; each event once, in the order of the request."""
    receipts: dict[int, EventReceipt] = {}
    # From what says least of an event to what says most of it: the later takes the place of the earlier.
    for held in sorted(_of(found.held, visible), key=_progress):
        receipts[held.sequence] = _explain(held)
    # Of equal events the one admitted first counts, so that it comes last.
    for event in sorted(_of(found.journaled, visible), key=lambda event: -event.admitted):
        receipts[event.sequence] = _accepted(event, Status.JOURNALED)
    for event in _of(found.stored, visible):
        original = found.originals.get(event.sequence, UNSET)
        receipts[event.sequence] = _accepted(event, Status.STORED, original)
    return Receipt(batch, [receipts[sequence] for sequence in sorted(receipts)], found.complete)


def _of(events: Iterable[Part], visible: set[str]) -> list[Part]:
    return [event for event in events if event.customer in visible]


def _progress(held: HeldRecord) -> int:
    return (HELD, DROPPED, RELEASED).index(held.state)


def _explain(held: HeldRecord) -> EventReceipt:
    match held.state:
        case "released":
            # It is among the events; where that cannot be seen yet, another node has it in its journal.
            return EventReceipt(sequence=held.sequence, status=Status.JOURNALED, received=held.received)
        case "dropped":
            status = Status.DROPPED
        case _:
            status = Status.QUARANTINED
    return EventReceipt(
        sequence=held.sequence, status=status, received=held.received, code=held.code, reason=held.reason
    )


def _accepted(event: AcceptedEvent, status: Status, original: Original | UnsetType = UNSET) -> EventReceipt:
    return EventReceipt(
        sequence=event.sequence,
        status=status,
        received=event.received,
        admitted=event.admitted,
        duplicateOf=original,
    )
