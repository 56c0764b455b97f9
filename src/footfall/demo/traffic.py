"""The demo's traffic as requests: a quarter of an hour's events in each, and among them what clients do wrong.

A request and its key follow from the seed, the rate of events, the customers and the quarter of an hour alone. So
whoever posts the demo again adds what is missing, and nothing counts twice.
"""

from collections import defaultdict
from collections.abc import Iterator
from enum import Enum
from typing import Final

import msgspec
from msgspec import Struct, structs

from footfall.demo.draws import Draws
from footfall.demo.population import (
    DAY_MS,
    EVENTS_OF_PERSON,
    HORIZON_DAYS,
    Customer,
    Person,
    is_incident,
    make_customers,
    make_person,
    new_people,
)
from footfall.demo.sessions import every_type, sessions_of_day
from footfall.wire import ReceivedEvent

WINDOW_MS: Final = 900_000
# Clocks are ahead of UTC by so much at the most: no later day of a customer has an event before that.
_AHEAD_MAX_MS: Final = 14 * 3_600_000
# Of the windows with events: how many have a request that is sent twice, one that is sent anew under another key, and
# one with events that break the plan.
_RETRIED: Final = 0.02
_SENT_ANEW: Final = 0.015
_BROKEN: Final = 0.02
# Events of a request that is sent anew, and of one that is refused, at the most.
_ANEW_MAX: Final = 12
_BROKEN_MAX: Final = 3


class Kind(Enum):
    """Why a request is sent."""

    USUAL = "events for the first time"
    DUPLICATE = "events anew under another key"
    BROKEN = "events that break the plan"


class DemoRequest(Struct, frozen=True):
    """A request of the demo, to be sent so many `times` with the same key."""

    kind: Kind
    key: str
    events: list[ReceivedEvent]
    times: int = 1

    def body(self) -> bytes:
        """The JSON that is posted; the events in it have no sequence, which the service gives."""
        return msgspec.json.encode({"events": [_as_sent(event) for event in self.events]})


class Demo(Struct, frozen=True):
    """What is asked for: about so many `events` in the `days` up to `end_ms`, which counts by quarters of an hour."""

    seed: int
    customers: tuple[str, ...]
    end_ms: int
    days: int
    events: int

    @property
    def end(self) -> int:
        """The end in ms, at which a quarter of an hour begins."""
        return self.end_ms // WINDOW_MS * WINDOW_MS

    @property
    def start(self) -> int:
        """The first ms, at which a quarter of an hour begins."""
        return self.end - self.days * DAY_MS

    @property
    def origin(self) -> str:
        """What all draws follow from. With another rate other people come, so that no event is sent by two demos."""
        return f"{self.seed}/{self.events // self.days}"

    def requests(self) -> Iterator[DemoRequest]:
        """All requests, in the order of the time at which clients would have sent them."""
        for window, events in self._windows():
            yield from self._requests_of(window, sorted(events, key=_time))

    def samples(self) -> list[ReceivedEvent]:
        """An event of each type of the packaged plan for each customer, to see whether a plan takes the demo."""
        people = (make_person(self.origin, customer, 0, 0) for customer in make_customers(self.customers))
        return [event for person in people for event in every_type(person)]

    def people_of(self, day: int) -> list[Person]:
        """Who comes on a day, of all customers."""
        return [person for customer in make_customers(self.customers) for person in self._visitors(customer, day)]

    def _visitors(self, customer: Customer, day: int) -> Iterator[Person]:
        for joined in range(day - HORIZON_DAYS, day + 1):
            people = new_people(self.origin, customer, joined, self._people_a_day)
            yield from (person for person in people if day in person.visits)

    @property
    def _people_a_day(self) -> float:
        return self.events / self.days / EVENTS_OF_PERSON

    def _windows(self) -> Iterator[tuple[int, list[ReceivedEvent]]]:
        """Each quarter of an hour with events, in order, as the number of those before it since 1970."""
        customers, visitors = make_customers(self.customers), defaultdict[int, list[Person]](list)
        waiting = defaultdict[int, list[ReceivedEvent]](list)
        # A day of a customer's clock lies in three of UTC at the most, with sessions that go on after midnight.
        first, last = self.start // DAY_MS - 2, self.end // DAY_MS + 1
        for day in range(first - HORIZON_DAYS, last + 1):
            for customer in customers:
                for person in new_people(self.origin, customer, day, self._people_a_day):
                    for visit in person.visits:
                        visitors[visit].append(person)
            if day < first:
                continue
            spike = is_incident(self.origin, day)
            for person in visitors.pop(day, ()):
                for event in sessions_of_day(person, day, is_incident=spike):
                    if self.start <= event.timestamp < self.end:
                        waiting[event.timestamp // WINDOW_MS].append(event)
            ready = ((day + 1) * DAY_MS - _AHEAD_MAX_MS) // WINDOW_MS
            for window in sorted(at for at in waiting if at < ready or day == last):
                yield window, waiting.pop(window)

    def _requests_of(self, window: int, events: list[ReceivedEvent]) -> Iterator[DemoRequest]:
        name = f"demo/{self.origin}/{'+'.join(self.customers)}/{window}"
        draws = Draws(name)
        key = f"demo-{draws.hex(24)}"
        yield DemoRequest(Kind.USUAL, key, events, times=2 if draws.chance(_RETRIED) else 1)
        if draws.chance(_SENT_ANEW):
            begin = draws.number(len(events))
            yield DemoRequest(Kind.DUPLICATE, f"{key}-anew", events[begin : begin + _ANEW_MAX])
        if draws.chance(_BROKEN):
            yield DemoRequest(Kind.BROKEN, f"{key}-broken", broken_events(draws, events))


def broken_events(draws: Draws, like: list[ReceivedEvent]) -> list[ReceivedEvent]:
    """Some events as mistaken software sends them, of the times and people of good ones: all for the same reason."""
    way = draws.choice(("type", "context", "seconds", "product"))
    good = [draws.choice(like) for _ in range(1 + draws.number(_BROKEN_MAX))]
    return [_break(event, way) for event in good]


def _break(event: ReceivedEvent, way: str) -> ReceivedEvent:
    actor = event.context[0]
    watchlist = {"product": "WATCHLIST", "type": "WATCHLIST-SYMBOL-ADDED", "context": [actor, "w-1", "AAPL"]}
    match way:
        case "type":
            return structs.replace(event, **(watchlist | {"type": "WATCHLIST-SYMBOL-ADED"}))
        case "context":
            return structs.replace(event, **(watchlist | {"context": [actor]}))
        case "product":
            return structs.replace(event, **(watchlist | {"product": "WATCHLISTS"}))
        case _:
            return structs.replace(event, timestamp=event.timestamp // 1000)


def _time(event: ReceivedEvent) -> int:
    return event.timestamp


def _as_sent(event: ReceivedEvent) -> dict[str, object]:
    sent: dict[str, object] = {"customer": event.customer, "product": event.product, "type": event.type}
    if isinstance(event.version, str):
        sent["version"] = event.version
    return sent | {"timestamp": event.timestamp, "context": event.context}
