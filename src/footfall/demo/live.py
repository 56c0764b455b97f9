"""Traffic that goes on: sessions of use while they happen, and what clients do wrong among them."""

import heapq
from collections.abc import Iterator
from itertools import count
from typing import Final

from msgspec import structs

from footfall.demo.draws import Draws
from footfall.demo.population import DAY_MS, Person
from footfall.demo.sessions import session
from footfall.demo.traffic import Demo, DemoRequest, Kind, broken_events
from footfall.wire import ReceivedEvent

# Events of a session, on average; measured, and held by a test.
EVENTS_OF_SESSION: Final = 7.0
# Sessions that begin with a session which was kept for some days, because the software was offline.
_LATE: Final = 0.06
_LATE_DAYS: Final = (2, 5)
_RETRIED: Final = 0.02
_SENT_ANEW: Final = 0.02
_BROKEN: Final = 0.02
# Events a day from which on somebody comes on each day, also on one of the weekend.
_CROWD_EVENTS_A_DAY: Final = 2_000
# Milliseconds before the start from which sessions are under way already.
_BEFORE_MS: Final = 240_000


class LiveTraffic:
    """Events as they happen from `start_ms` on, about so many a second; `due` gives those whose time has come."""

    def __init__(self, demo: Demo, start_ms: int, events_a_second: float) -> None:
        self._draws = Draws(f"{demo.origin}/live/{start_ms}")
        self._name = f"demo-live-{self._draws.hex(16)}"
        # A demo of few events would have nobody on some days.
        crowd = structs.replace(demo, events=max(demo.events, _CROWD_EVENTS_A_DAY * demo.days))
        self._people = crowd.people_of(start_ms // DAY_MS)
        self._pause_ms = 1000 * EVENTS_OF_SESSION / events_a_second
        self._next_ms = float(start_ms - _BEFORE_MS)
        self._numbers = count(1)
        # By their times; the numbers keep events from being compared.
        self._ahead: list[tuple[int, int, ReceivedEvent]] = []
        self._drop_before(start_ms)

    def due(self, now_ms: int) -> Iterator[DemoRequest]:
        """The requests that clients send until now, each with one event, or with a whole session that was kept."""
        while self._next_ms <= now_ms:
            yield from self._begin(int(self._next_ms))
            self._next_ms += self._draws.exponential(self._pause_ms)
        while self._ahead and self._ahead[0][0] <= now_ms:
            _, _, event = heapq.heappop(self._ahead)
            yield from self._send([event])

    def _drop_before(self, start_ms: int) -> None:
        """Have sessions under way at the start, without what happened before it."""
        for _ in self.due(start_ms - 1):
            pass

    def _begin(self, begin_ms: int) -> Iterator[DemoRequest]:
        person = self._draws.choice(self._people)
        day = (begin_ms + person.customer.offset_ms) // DAY_MS
        for event in session(person, day, begin_ms, self._draws):
            heapq.heappush(self._ahead, (event.timestamp, next(self._numbers), event))
        if self._draws.chance(_LATE):
            yield from self._send(self._kept_session(person, begin_ms))

    def _kept_session(self, person: Person, now_ms: int) -> list[ReceivedEvent]:
        ago_ms = int(self._draws.between(*_LATE_DAYS) * DAY_MS)
        return list(session(person, (now_ms - ago_ms) // DAY_MS, now_ms - ago_ms, self._draws))

    def _send(self, events: list[ReceivedEvent]) -> Iterator[DemoRequest]:
        key = f"{self._name}-{next(self._numbers)}"
        yield DemoRequest(Kind.USUAL, key, events, times=2 if self._draws.chance(_RETRIED) else 1)
        if self._draws.chance(_SENT_ANEW):
            yield DemoRequest(Kind.DUPLICATE, f"{key}-anew", [structs.replace(event) for event in events])
        if self._draws.chance(_BROKEN):
            yield DemoRequest(Kind.BROKEN, f"{key}-broken", broken_events(self._draws, events))
