"""A model of the statistics in plain Python: what the store's statements are held against."""

import statistics
import uuid
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from copy import copy
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import clocks
from usage_events import ACTORS, DAY_MS, DAYS, KEYS, Event, content

COLUMNS = ("type", "product", "customer", "version")
_EPOCH = date(1970, 1, 1)


def rank(event: Event) -> tuple[Any, ...]:
    """The engine orders UUIDs by their second half before their first."""
    raw = uuid.UUID(event["batch"]).bytes
    return raw[8:], raw[:8]


def order(event: Event) -> tuple[Any, ...]:
    return event["timestamp"], rank(event), event["sequence"]


def value(event: Event, key: str) -> str:
    """The value of a column or of a context key."""
    if key in COLUMNS:
        return str(event[key])
    # A product that the plan does not know has keys all the same.
    unplanned = {"context1": 0, "context2": 1} if event["product"] not in ACTORS else {}
    keys = KEYS.get((event["product"], event["type"]), ())
    at = keys.index(key) if key in keys else unplanned.get(key, len(event["context"]))
    return str(event["context"][at]) if at < len(event["context"]) else ""


def matches(event: Event, condition: str) -> bool:
    key, operation, *rest = condition.split(":")
    found = value(event, key)
    match operation:
        case "is":
            return found == rest[0]
        case "is not":
            return found != rest[0]
        case "one of":
            return found in rest[0].split("|")
        case "contains":
            return rest[0] in found
        case "empty":
            return found == ""
        case _:
            return found != ""


def is_type(event: Event, names: list[str]) -> bool:
    return not names or any(
        event["type"].startswith(name[:-1]) if name.endswith("*") else event["type"] == name for name in names
    )


class Cohort(NamedTuple):
    """The actors of a cohort, and how many came back in each period: its start, its actors, whether it is over."""

    actors: int
    periods: list[tuple[int, int, bool]]


class Model:
    """The selected events of all that were loaded, once each: `events` without dropped duplicates, in order."""

    def __init__(self, loaded: list[Event], wanted: dict[str, Any], late_ms: int) -> None:
        kept: dict[Any, Event] = {}
        for event in loaded:
            identity = tuple(event[name] for name in ("customer", "product", "timestamp", "batch", "sequence"))
            if identity not in kept or event["admitted"] < kept[identity]["admitted"]:
                kept[identity] = event
        known = [event for event in kept.values() if event["admitted"] <= wanted["asOf"]]
        first: dict[Any, Any] = {}
        for event in known:
            first[content(event)] = min(first.get(content(event), (2**62,)), (event["admitted"], rank(event)))
        self._loaded = loaded
        self._key = ""
        self._first = first
        self._late_ms = late_ms
        self.wanted = wanted
        self.zone = ZoneInfo(wanted["timezone"])
        self.selected = sorted((event for event in known if self._is_selected(event)), key=order)
        self._drops = wanted["duplicates"] == "drop"
        self.events = [event for event in self.selected if not (self._drops and self.is_duplicate(event))]

    @property
    def first_ms(self) -> int:
        return int(self.wanted.get("start", -(2**63)))

    @property
    def last_ms(self) -> int:
        return int(self.wanted.get("end", 2**63 - 1))

    @property
    def by_receipt(self) -> bool:
        return self.wanted.get("basis") == "received"

    def of(self, **changes: Any) -> "Model":
        """The same events with other bounds; None takes one away."""
        wanted = {name: each for name, each in {**self.wanted, **changes}.items() if each is not None}
        return Model(self._loaded, wanted, self._late_ms).by_key(self._key)

    def by_key(self, key: str) -> "Model":
        """The same with the values of a key instead of actors; of the same actors where there is none."""
        found = copy(self)
        found._key = key
        return found

    def actor(self, event: Event) -> Any:
        """Who acted: within a customer; None where nobody is named."""
        if self._key:
            return value(event, self._key) or None
        found = value(event, ACTORS.get(event["product"], ""))
        return (event["customer"], found) if found else None

    def actors_of(self, events: Iterable[Event]) -> int:
        return len({self.actor(event) for event in events} - {None})

    def _is_selected(self, event: Event) -> bool:
        wanted = self.wanted
        time_ms = event["received" if self.by_receipt else "timestamp"]
        return (
            ("*" in wanted["customer"] or event["customer"] in wanted["customer"])
            and ("*" in wanted["product"] or event["product"] in wanted["product"])
            and is_type(event, wanted.get("types", []))
            and event["version"] in wanted.get("versions", [event["version"]])
            and all(matches(event, condition) for condition in wanted.get("where", []))
            and self.first_ms <= time_ms <= self.last_ms
        )

    def is_duplicate(self, event: Event) -> bool:
        return bool(self._first[content(event)][1] != rank(event))

    def total(self) -> dict[str, int]:
        return self.numbers(self.selected)

    def numbers(self, of: list[Event]) -> dict[str, int]:
        shown = [event for event in of if not (self._drops and self.is_duplicate(event))]
        return {
            "events": len(shown),
            "duplicates": sum(self.is_duplicate(event) for event in of),
            "late": sum(event["received"] - event["timestamp"] > self._late_ms for event in shown),
        }

    def starts(self, interval: str) -> list[int]:
        """When the intervals begin that there are."""
        return clocks.starts(self.wanted["timezone"], interval, DAYS)

    def start(self, time_ms: int, interval: str) -> int:
        """When the interval of a time begins, found among all instants at which one begins."""
        if interval == "all":
            return 0
        starts = self.starts(interval)
        return starts[bisect_right(starts, time_ms) - 1]

    def between(self, first_ms: int, last_ms: int, interval: str) -> list[int]:
        """When the intervals begin from that of one time to that of another."""
        return [each for each in self.starts(interval) if self.start(first_ms, interval) <= each <= last_ms]

    def grouped(self, interval: str, *by: str, top: int = 0) -> dict[Any, list[Event]]:
        """The selected events by interval and values; with `top`, values that are not among the first are None."""
        kept = [set(self.most_used(name)[: top or None]) for name in by]
        found: dict[Any, list[Event]] = {}
        for event in self.selected:
            values = (value(event, name) for name in by)
            shown = (each if each in known else None for each, known in zip(values, kept, strict=True))
            found.setdefault((self.start(event["timestamp"], interval), *shown), []).append(event)
        return found

    def most_used(self, name: str) -> list[str]:
        """The values of a key, those with most events that are shown first."""
        found = Counter(value(event, name) for event in self.events)
        return sorted(found, key=lambda each: (-found[each], each.encode()))

    def uniques(self, interval: str) -> dict[int, int]:
        found: dict[int, list[Event]] = {}
        for event in self.events:
            found.setdefault(self.start(event["timestamp"], interval), []).append(event)
        return {start: self.actors_of(events) for start, events in found.items()}

    def rolling(self, days: int) -> dict[int, int]:
        """The distinct actors of the last days of each day, by dates: events before the first day count, too."""
        # Times of receipt bound no days.
        bounds = {} if self.by_receipt else self.wanted
        wide = self if self.by_receipt else self.of(start=None)
        start = bounds.get("start", -(2**63))
        near = [event for event in wide.selected if event["timestamp"] >= start - (days + 1) * DAY_MS]
        if not near:
            return {}
        first = max(start, near[0]["timestamp"])
        last = min(self.wanted["asOf"], bounds.get("end", near[-1]["timestamp"]))
        by_date: dict[int, set[Any]] = {}
        for event in wide.events:
            by_date.setdefault(self.number(self.start(event["timestamp"], "day")), set()).add(self.actor(event))
        found = {}
        for start in self.between(first, last, "day"):
            dates = range(self.number(start) - days + 1, self.number(start) + 1)
            found[start] = len(set().union(*(by_date.get(each, ()) for each in dates)) - {None})
        return found

    def number(self, time_ms: int) -> int:
        """The date of a time by the zone's clock, in days since 1970."""
        return (clocks.local(self.zone, time_ms).date() - _EPOCH).days

    def by_actor(self) -> dict[Any, list[Event]]:
        found: dict[Any, list[Event]] = {}
        for event in self.events:
            if self.actor(event) is not None:
                found.setdefault(self.actor(event), []).append(event)
        return found

    def retention(self, interval: str, first: list[str], returning: list[str], periods: int) -> dict[int, Cohort]:
        cohorts: dict[int, tuple[int, Counter[int]]] = {}
        for events in self.by_actor().values():
            begins = [event for event in events if is_type(event, first)]
            if not begins:
                continue
            cohort = self.start(begins[0]["timestamp"], interval)
            size, returned = cohorts.get(cohort, (0, Counter()))
            returned.update({self.start(each["timestamp"], interval) for each in events if is_type(each, returning)})
            cohorts[cohort] = size + 1, returned
        known_ms = self.wanted["asOf"] if self.by_receipt else min(self.wanted["asOf"], self.last_ms)
        found = {}
        for cohort, (size, returned) in cohorts.items():
            spans = [span for span in pairwise(self.starts(interval)) if cohort <= span[0] <= known_ms]
            found[cohort] = Cohort(
                size, [(start, returned[start], end <= known_ms + 1) for start, end in spans[: periods + 1]]
            )
        return found

    def funnel(self, steps: list[str], window_ms: int, *, strict: bool) -> "Funnel":
        return Funnel(list(self.by_actor().values()), steps, window_ms, strict=strict)

    def paths(self, kind: str, direction: str, levels: int) -> dict[tuple[str, ...], tuple[int, int]]:
        """For each path, how many events have it, and how many actors."""
        found: dict[tuple[str, ...], list[Any]] = {}
        for who, events in self.by_actor().items():
            names = [event["type"] for event in events]
            for at, name in enumerate(names):
                if name == kind:
                    beside = names[at + 1 :] if direction == "after" else names[:at][::-1]
                    found.setdefault(tuple(beside[:levels]), []).append(who)
        return {path: (len(actors), len(set(actors))) for path, actors in found.items()}

    def earlier(self, kind: str) -> "Model":
        """The events of the period before, or of the same dates and times a year before."""
        if kind == "previous":
            length = self.last_ms - self.first_ms + 1
            return self.of(start=self.first_ms - length, end=self.first_ms - 1)
        return self.of(start=self._year_before(self.first_ms), end=self._year_before(self.last_ms))

    def _year_before(self, time_ms: int) -> int:
        """When the clock first shows the same a year before, or more; of 29 February, what it shows on the 28th."""
        name = self.wanted["timezone"]
        pieces = clocks.offsets(name, min(DAYS) - 500 * DAY_MS, max(DAYS) + 100 * DAY_MS)
        shown = clocks.local(self.zone, time_ms).replace(tzinfo=None)
        is_leap = (shown.month, shown.day) == (2, 29)
        wanted = shown.replace(year=shown.year - 1, day=28 if is_leap else shown.day).replace(tzinfo=UTC)
        local_ms = (wanted - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) + time_ms % 1000
        ends = [start for start, _ in pieces[1:]] + [2**62]
        return next(
            max(start, local_ms - offset)
            for (start, offset), end in zip(pieces, ends, strict=True)
            if end + offset > local_ms
        )


class Funnel:
    """For each step, the actors that reach it and the times that it took them, found by trying every chain."""

    def __init__(self, events_by_actor: list[list[Event]], steps: list[str], window_ms: int, *, strict: bool) -> None:
        self.actors = [0] * len(steps)
        self.times: list[list[int]] = [[] for _ in steps]
        for events in events_by_actor:
            for at, took in enumerate(_reached(events, steps, window_ms, strict=strict)):
                if took is None:
                    break
                self.actors[at] += 1
                self.times[at].append(took)

    def medians(self) -> list[float | None]:
        return [None, *(statistics.median(took) if took else None for took in self.times[1:])]


def _reached(events: list[Event], steps: list[str], window_ms: int, *, strict: bool) -> list[int | None]:
    """For each step, the time from the step before to the event that first reached it; None from where none did."""
    # Every chain of events, as the positions of its events.
    chains = [[at] for at, event in enumerate(events) if is_step(event, steps[0])]
    found: list[int | None] = [0 if chains else None]
    for step in steps[1:]:
        longer = []
        for chain in chains:
            for at in range(chain[-1] + 1, len(events)):
                in_time = events[at]["timestamp"] - events[chain[0]]["timestamp"] <= window_ms
                if in_time and is_step(events[at], step):
                    longer.append([*chain, at])
                if strict:
                    break
        if not longer:
            return [*found, *[None] * (len(steps) - len(found))]
        first = min(chain[-1] for chain in longer)
        # The last event of the step before it that ends a chain, whether or not that chain goes on to it in time.
        before = max(chain[-1] for chain in chains if chain[-1] < first)
        found.append(events[first]["timestamp"] - events[before]["timestamp"])
        chains = longer
    return found


def is_step(event: Event, step: str) -> bool:
    kind, *rest = step.split(";")
    return is_type(event, [kind]) and all(matches(event, condition) for condition in rest)
