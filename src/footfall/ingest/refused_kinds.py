"""What was refused in this process, by kind, until it is added to what all nodes know.

A kind is whose event it is, its type and the first thing that is wrong with it. Values of the context are in none.
"""

import logging
import re
import threading
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import structs

from footfall.errors import STATUS, Code, Problem, RequestRefused
from footfall.plan import RefusedEvent
from footfall.state import RefusedKind, State, StateUnavailable
from footfall.system.clock import Clock
from footfall.wire import ReceivedEvent

log = logging.getLogger(__name__)

# Characters of a reason that are kept: it names codes of 200 characters each.
REASON_CHARS_MAX: Final = 500
# Kinds that wait for the next second: mistaken software makes a few, and each is a statement.
WAITING_MAX: Final = 100
# Statuses of requests that whoever wrote the client has to mend.
_MISTAKES: Final = frozenset({400, 413, 415})
_EVENT: Final = re.compile(r"events\[[0-9]+\]\.?")
# What the reason of a request that cannot be read has of that request alone: a time, a place in the body, a number of
# events, the value of a header. With them, each of a thousand requests with the same mistake would be a kind.
_OWN: Final = re.compile(
    r"'[^']*'|\"[^\"]*\"|(?<=not )-?[0-9]+|(?<=byte )(0x)?[0-9a-f]+|^[0-9]+(?= events)|-?[0-9]{5,}"
)


class RefusedKinds:
    """Counts refused events by kind; what is of a kind too many is not counted. For all threads."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._found: dict[tuple[str, ...], RefusedKind] = {}

    def note(self, events: Sequence[ReceivedEvent], refused: Sequence[RefusedEvent]) -> None:
        """Count the refused events of a request, of which a check names a hundred at the most."""
        now_ms = self._clock.now_ms()
        self._add(_kind(item.problems[0], now_ms, events[item.index]) for item in refused)

    def note_request(self, refused: RequestRefused) -> None:
        """Count a request that cannot be read or is too large; `note` has those that break the plan."""
        if refused.code is not Code.EVENT_NOT_IN_PLAN and STATUS[refused.code] in _MISTAKES:
            problem = refused.problems[0] if refused.problems else Problem(refused.code, "", refused.message)
            general = structs.replace(problem, why=_OWN.sub("...", problem.why))
            self._add([_kind(general, self._clock.now_ms())])

    def save(self, state: State) -> None:
        """Add what was counted since the last time to the state, or keep it when that is away. Blocks."""
        with self._lock:
            found, self._found = self._found, {}
        if not found:
            return
        try:
            state.refusals.add(found.values(), self._clock.now_ms(), self._most)
        except StateUnavailable as error:
            log.warning("what was refused is not noted now: %s", error)
            self._add(found.values())

    def _add(self, kinds: Iterable[RefusedKind]) -> None:
        with self._lock:
            for kind in kinds:
                key = kind.customer, kind.product, kind.type, kind.code, kind.place, kind.reason
                known = self._found.get(key)
                if known is None and len(self._found) >= min(self._most, WAITING_MAX):
                    continue
                self._found[key] = kind if known is None else _sum(known, kind)


def _kind(problem: Problem, now_ms: int, event: ReceivedEvent | None = None) -> RefusedKind:
    return RefusedKind(
        customer=_printable(event.customer) if event else "",
        product=_printable(event.product) if event else "",
        type=_printable(event.type) if event else "",
        code=problem.code.value,
        place=_printable(_EVENT.sub("", problem.where, 1)),
        reason=_printable(problem.why[:REASON_CHARS_MAX]),
        events=1,
        first_ms=now_ms,
        last_ms=now_ms,
    )


def _sum(one: RefusedKind, other: RefusedKind) -> RefusedKind:
    return structs.replace(
        one,
        events=one.events + other.events,
        first_ms=min(one.first_ms, other.first_ms),
        last_ms=max(one.last_ms, other.last_ms),
    )


def _printable(text: str) -> str:
    """A text that every database takes: PostgreSQL refuses the null character."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in text)
