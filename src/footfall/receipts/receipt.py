"""A receipt, and how it is made from what the journal and the store have of a request; pure functions."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType

from footfall.wire import Standing


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
    """An accepted event, as the store or the journal has it."""

    sequence: int
    customer: str
    received: int
    admitted: int


class HeldRecord(Struct, frozen=True):
    """A record of quarantine, as the store or the journal has it."""

    sequence: int
    customer: str
    received: int
    state: Standing
    code: str
    reason: str


Part = TypeVar("Part", AcceptedEvent, HeldRecord)


class Evidence(Struct):
    """Everything that was found of a request; an event stands in it once for each place where it was found."""

    stored: list[AcceptedEvent] = []
    journaled: list[AcceptedEvent] = []
    held: list[HeldRecord] = []
    originals: dict[int, Original] = {}
    complete: bool = True


def customers_of(found: Evidence) -> set[str]:
    """The customers whose events were found."""
    events: list[AcceptedEvent | HeldRecord] = [*found.stored, *found.journaled, *found.held]
    return {event.customer for event in events}


def make_receipt(batch: str, found: Evidence, visible: set[str]) -> Receipt:
    """The receipt for a user who may see these customers; each event once, in the order of the request."""
    receipts: dict[int, EventReceipt] = {}
    # From the place that says least of an event to the one that says most: the later replaces the earlier.
    for held in sorted(_visible(found.held, visible), key=_progress):
        receipts[held.sequence] = _held_receipt(held)
    # Of copies of an event the one admitted first counts, so that it comes last.
    for event in sorted(_visible(found.journaled, visible), key=lambda event: -event.admitted):
        receipts[event.sequence] = _accepted_receipt(event, Status.JOURNALED)
    for event in _visible(found.stored, visible):
        original = found.originals.get(event.sequence, UNSET)
        receipts[event.sequence] = _accepted_receipt(event, Status.STORED, original)
    return Receipt(batch, [receipts[sequence] for sequence in sorted(receipts)], found.complete)


def _visible(events: Iterable[Part], customers: set[str]) -> list[Part]:
    return [event for event in events if event.customer in customers]


def _progress(held: HeldRecord) -> int:
    return tuple(Standing).index(held.state)


def _held_receipt(held: HeldRecord) -> EventReceipt:
    match held.state:
        case Standing.RELEASED:
            # It was admitted; when neither the store nor this journal has the event, another node's journal does.
            return EventReceipt(sequence=held.sequence, status=Status.JOURNALED, received=held.received)
        case Standing.DROPPED:
            status = Status.DROPPED
        case Standing.HELD:
            status = Status.QUARANTINED
    return EventReceipt(
        sequence=held.sequence, status=status, received=held.received, code=held.code, reason=held.reason
    )


def _accepted_receipt(event: AcceptedEvent, status: Status, original: Original | UnsetType = UNSET) -> EventReceipt:
    return EventReceipt(
        sequence=event.sequence,
        status=status,
        received=event.received,
        admitted=event.admitted,
        duplicateOf=original,
    )
