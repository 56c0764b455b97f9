"""What quarantine writes into the journal: events that are held, changes of their state.

Events that are released; and counts of them.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from footfall.errors import Problem
from footfall.plan import Refused
from footfall.quarantine.records import Broken, Held, Standing
from footfall.wire import ReceivedEvent, StoredEvent

# What quarantine writes into the journal: events that are held, changes of their state, events that are released.


# One event's reasons: a context of many keys can be wrong at each of them, and a reader needs the first few.
REASON_CHARS_MAX = 2_000
# What a browser says of itself has some 150 characters; whoever sends more is cut.
SENDER_CHARS_MAX = 300

_encode_lines = msgspec.json.Encoder().encode_lines


class Sender(Struct, frozen=True):
    """Where a request came from: the address at the other end, and the headers `Origin` and `User-Agent`."""

    address: str = ""
    origin: str = ""
    user_agent: str = ""


class Line(Struct, kw_only=True, omit_defaults=True):
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


AnyEvent = TypeVar("AnyEvent", bound=ReceivedEvent)


class Returning(StoredEvent, kw_only=True, gc=False):
    """An event on its way out of quarantine, with the time at which it was received; `admitted` is the journal's."""

    received: int


def hold(
    events: Sequence[AnyEvent], batch: str, refused: Iterable[Refused], sender: Sender, fingerprint: str
) -> tuple[list[AnyEvent], bytes]:
    """A request's good events, and the journal's lines of those that break the plan with this fingerprint.

    The events must have their sequence already.
    """
    found = {item.index: item.problems for item in refused}
    good = [event for index, event in enumerate(events) if index not in found]
    lines = [_line(events[index], batch, problems, sender, fingerprint) for index, problems in found.items()]
    return good, _encode_lines(lines)


def state_changes(events: Iterable[Held], state: Standing, by: str, set_type: str = "") -> bytes:
    """Lines that say the new state of events; of their content only what they were is left."""
    return _encode_lines(
        [
            Line(
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


def returning(event: Held, set_type: str = "") -> Returning:
    """The event as it will be stored, unless the plan still refuses it."""
    return Returning(
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
    """Lines for the journal's `released`."""
    return _encode_lines(list(events))


def explain_problems(problems: Sequence[Problem]) -> str:
    """All that is wrong with one event, a line for each, without the event's index in its request."""
    return "\n".join(f"{_place(problem)}: {problem.why}" for problem in problems)[:REASON_CHARS_MAX]


def _line(event: ReceivedEvent, batch: str, problems: Sequence[Problem], sender: Sender, fingerprint: str) -> Line:
    return Line(
        customer=event.customer,
        product=event.product,
        type=event.type,
        version=event.version,
        timestamp=event.timestamp,
        context=event.context,
        sequence=event.sequence,
        batch=batch,
        code=problems[0].code,
        place=_place(problems[0]),
        reason=explain_problems(problems),
        plan=fingerprint,
        address=sender.address[:SENDER_CHARS_MAX],
        origin=sender.origin[:SENDER_CHARS_MAX],
        user_agent=sender.user_agent[:SENDER_CHARS_MAX],
    )


def _place(problem: Problem) -> str:
    return problem.where.partition(".")[2] or problem.where


# Events that break a plan, counted by what they are and what is wrong, in bounded memory.


# Ways to be wrong that are told apart; names are the senders' choice, and so there may be any number of them.
GROUPS_MAX = 1_000


class ProblemCounts:
    """Counts; of each way to be wrong it keeps one example. Past GROUPS_MAX ways only the total grows."""

    def __init__(self) -> None:
        self.events = 0
        self._groups: dict[tuple[str, str, str], Broken] = {}

    def add(self, event: StoredEvent, problems: tuple[Problem, ...]) -> None:
        """Count one event."""
        self.events += 1
        key = (event.product, event.type, explain_problems(problems))
        known = self._groups.get(key)
        if known is not None:
            self._groups[key] = Broken(*key, known.events + 1, known.example)
        elif len(self._groups) < GROUPS_MAX:
            self._groups[key] = Broken(*key, 1, f"{event.batch}/{event.sequence}")

    def broken(self) -> list[Broken]:
        """The ways to be wrong, the most frequent first."""
        return sorted(self._groups.values(), key=lambda group: -group.events)
