"""A model of the statistics in plain Python: what the store's statements are held against."""

import statistics
import uuid
from bisect import bisect_right
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import clocks
from hypothesis import strategies as st

Event = dict[str, Any]
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BATCHES = [str(uuid.UUID(int=number << 64 | 7 - number)) for number in range(1, 7)]
# The end of a year whose last week has the number 53, a leap day, changes of clocks by an hour, by half an hour, and
# by a whole day, in the zones below.
DAYS = [
    int(datetime.fromisoformat(f"{text}T00:00:00Z").timestamp() * 1000)
    for text in ("2020-12-31", "2024-02-29", "2024-03-31", "2024-10-06", "2024-11-03", "2011-12-30", "2024-04-07")
]
ZONES = (
    *("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"),
    *("Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"),
)
# What the plan of the tests says of each type of each product: where its keys stand.
KEYS = {
    ("P", "T"): ("userId", "kind"),
    ("P", "U"): ("kind", "userId"),
    ("P", "V"): (),
    ("Q", "T"): ("who", "kind"),
}
ACTORS = {"P": "userId", "Q": "who"}
PLAN = """
[products.P]
actor = "userId"
columns = ["userId", "kind"]
[products.P.types]
T = ["userId", "kind?"]
U = ["kind", "userId"]
V = []
[products.Q]
actor = "who"
columns = ["who", "kind"]
[products.Q.types]
T = ["who", "kind?"]
"""
_TYPES = {"P": "TTUUVX", "Q": "TTX", "R": "T"}

_event = st.sampled_from("PPPQR").flatmap(
    lambda product: st.fixed_dictionaries(
        {
            "customer": st.sampled_from("CCD"),
            "product": st.just(product),
            "type": st.sampled_from(_TYPES[product]),
            "version": st.sampled_from(("", "1", "2")),
            "timestamp": st.builds(
                lambda day, hours, more: day + hours * HOUR_MS // 2 + more,
                st.sampled_from(DAYS[:3] if product == "Q" else DAYS),
                st.integers(-30, 200),
                st.sampled_from((0, 0, 1, 59_999)),
            ),
            "context": st.lists(st.sampled_from(("a", "b", "c", "")), max_size=2),
            "batch": st.sampled_from(BATCHES),
            "sequence": st.integers(1, 30),
            "admitted": st.integers(1, 6),
            "delay": st.sampled_from((0, 0, 1000, 400 * DAY_MS)),
        }
    )
)
_again = st.lists(
    st.tuples(st.integers(0, 99), st.sampled_from(BATCHES), st.integers(1, 30), st.integers(1, 6)), max_size=15
)


def _whole(first: list[Event], again: list[Any]) -> list[Event]:
    """Events with those that are sent again; a request numbers each of its events once."""
    found = [
        *first,
        *(
            {**first[which % len(first)], "batch": batch, "sequence": sequence, "admitted": admitted}
            for which, batch, sequence, admitted in again
        ),
    ]
    names: dict[Any, Event] = {}
    kept = []
    for event in found:
        one = {**event, "received": event["timestamp"] + event["delay"]}
        del one["delay"]
        if content(names.setdefault((one["batch"], one["sequence"]), one)) == content(one):
            kept.append(one)
    return kept


events = st.builds(_whole, st.lists(_event, min_size=8, max_size=40), _again)
conditions = st.lists(
    st.sampled_from(
        ("kind:is:a", "kind:is not:a", "kind:one of:a|b", "kind:contains:b", "kind:empty", "kind:not empty")
    ),
    max_size=1,
)
selections = st.fixed_dictionaries(
    {
        "customer": st.sampled_from((["C"], ["C"], ["C", "D"], ["*"])),
        "product": st.sampled_from((["P"], ["P"], ["P", "Q"], ["*"])),
        "asOf": st.sampled_from((6, 6, 6, 4, 2)),
        "timezone": st.sampled_from(ZONES),
        "duplicates": st.sampled_from(("keep", "drop")),
    },
    optional={
        "types": st.sampled_from((["T"], ["T", "U"], ["*"], ["U*"], ["Z"])),
        "versions": st.sampled_from((["1"], ["1", "2"])),
        "where": conditions,
        "start": st.sampled_from(sorted(DAYS)[:4]),
        "end": st.sampled_from([day + 2 * DAY_MS for day in sorted(DAYS)[3:]]),
        "basis": st.just("received"),
    },
)


def content(event: Event) -> tuple[Any, ...]:
    names = ("customer", "product", "type", "version", "timestamp")
    return (*(event[name] for name in names), tuple(event["context"]))


def rank(event: Event) -> tuple[Any, ...]:
    """The engine orders UUIDs by their second half before their first."""
    raw = uuid.UUID(event["batch"]).bytes
    return raw[8:], raw[:8]


def order(event: Event) -> tuple[Any, ...]:
    return event["timestamp"], rank(event), event["sequence"]


def value(event: Event, key: str) -> str:
    keys = KEYS.get((event["product"], event["type"]), ())
    at = keys.index(key) if key in keys else len(event["context"])
    return event["context"][at] if at < len(event["context"]) else ""


def actor(event: Event) -> Any:
    """Who acted: within a customer; None where nobody is named."""
    found = value(event, ACTORS.get(event["product"], ""))
    return (event["customer"], found) if found else None


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
        self._first = first
        self._late_ms = late_ms
        self.wanted = wanted
        self.zone = ZoneInfo(wanted["timezone"])
        self.selected = sorted((event for event in known if self._is_selected(event)), key=order)
        drop = wanted["duplicates"] == "drop"
        self.events = [event for event in self.selected if not (drop and self.is_duplicate(event))]

    def _is_selected(self, event: Event) -> bool:
        wanted = self.wanted
        time_ms = event["received" if wanted.get("basis") == "received" else "timestamp"]
        return (
            ("*" in wanted["customer"] or event["customer"] in wanted["customer"])
            and ("*" in wanted["product"] or event["product"] in wanted["product"])
            and is_type(event, wanted.get("types", []))
            and event["version"] in wanted.get("versions", [event["version"]])
            and all(matches(event, condition) for condition in wanted.get("where", []))
            and wanted.get("start", -(2**62)) <= time_ms <= wanted.get("end", 2**62)
        )

    def is_duplicate(self, event: Event) -> bool:
        return bool(self._first[content(event)][1] != rank(event))

    def total(self) -> dict[str, int]:
        return self.numbers(self.selected)

    def numbers(self, of: list[Event]) -> dict[str, int]:
        shown = [event for event in of if event in self.events]
        return {
            "events": len(shown),
            "duplicates": sum(self.is_duplicate(event) for event in of),
            "late": sum(event["received"] - event["timestamp"] > self._late_ms for event in shown),
        }

    def day(self, time_ms: int) -> date:
        return (datetime.fromtimestamp(time_ms // 1000, UTC)).astimezone(self.zone).date()

    def start(self, time_ms: int, interval: str) -> int:
        """When the interval of a time begins, found among all instants at which one begins."""
        if interval == "all":
            return 0
        starts = clocks.starts(self.wanted["timezone"], interval, DAYS)
        return starts[bisect_right(starts, time_ms) - 1]

    def grouped(self, interval: str, *by: str) -> dict[Any, list[Event]]:
        found: dict[Any, list[Event]] = {}
        for event in self.selected:
            values = (
                event[name] if name in ("type", "product", "customer", "version") else value(event, name) for name in by
            )
            found.setdefault((self.start(event["timestamp"], interval), *values), []).append(event)
        return found

    def uniques(self, interval: str) -> dict[int, int]:
        found: dict[int, set[Any]] = {}
        for event in self.events:
            found.setdefault(self.start(event["timestamp"], interval), set()).add(actor(event))
        return {start: len(actors - {None}) for start, actors in found.items()}

    def actors(self) -> int:
        return len({actor(event) for event in self.events} - {None})

    def by_actor(self) -> dict[Any, list[Event]]:
        found: dict[Any, list[Event]] = {}
        for event in self.events:
            if actor(event) is not None:
                found.setdefault(actor(event), []).append(event)
        return found

    def retention(self, interval: str, first: list[str], returning: list[str]) -> dict[int, tuple[int, Counter[int]]]:
        cohorts: dict[int, tuple[int, Counter[int]]] = {}
        for events in self.by_actor().values():
            begins = [event for event in events if is_type(event, first)]
            if not begins:
                continue
            cohort = self.start(begins[0]["timestamp"], interval)
            size, returned = cohorts.get(cohort, (0, Counter()))
            back = {self.start(event["timestamp"], interval) for event in events if is_type(event, returning)}
            returned.update(start for start in back if start >= cohort)
            cohorts[cohort] = size + 1, returned
        return cohorts

    def funnel(self, steps: list[str], window_ms: int, *, strict: bool) -> tuple[list[int], list[list[int]]]:
        """Actors of each step, and the times that each step took them, by trying every chain."""
        actors, times = [0] * len(steps), [[] for _ in steps]
        for events in self.by_actor().values():
            for at, took in enumerate(_reached(events, steps, window_ms, strict=strict)):
                if took is None:
                    break
                actors[at] += 1
                times[at].append(took)
        return actors, times

    def paths(self, kind: str, direction: str, levels: int) -> Counter[tuple[str, ...]]:
        found: Counter[tuple[str, ...]] = Counter()
        for events in self.by_actor().values():
            names = [event["type"] for event in events]
            for at, name in enumerate(names):
                if name == kind:
                    beside = names[at + 1 :] if direction == "after" else names[:at][::-1]
                    found[tuple(beside[:levels])] += 1
        return found


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


def median(times: list[int]) -> float:
    return statistics.median(times)
