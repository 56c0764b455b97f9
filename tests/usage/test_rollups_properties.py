"""Counts with rollups equal a model in Python, whatever was loaded, counted, merged and forgotten in between."""

import time
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import counted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rolled_up import LATE_MS, TIMES, Place

from footfall.usage import GroupCount, GroupKey, Scope
from footfall.usage.intervals import Intervals, intervals
from footfall.windows import DAY_MS

PROPERTY = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe")
BY = ("customer", "product", "type", "version")
_event = st.fixed_dictionaries(
    {
        "customer": st.sampled_from("CCCD"),
        "product": st.sampled_from("PPPQ"),
        "type": st.sampled_from(("T", "T", "U", "TU")),
        "version": st.sampled_from(("", "1")),
        "timestamp": st.builds(int.__add__, st.sampled_from(TIMES), st.sampled_from((0, 0, 1, 30 * 60_000))),
        "context": st.sampled_from((["a"], ["a", ""], ["b"])),
        "batch": st.sampled_from(counted.BATCHES),
        "sequence": st.integers(1, 9),
        "admitted": st.integers(1, 5),
        "delay": st.sampled_from((0, LATE_MS, LATE_MS + 1)),
    }
)
_loads = st.lists(_event, max_size=12)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("load"), _loads),
        st.tuples(st.just("again"), st.integers(0, 9)),
        st.tuples(st.sampled_from(("look", "count", "merge", "forget")), st.none()),
    ),
    min_size=2,
    max_size=8,
)
_scopes = st.builds(
    Scope,
    customers=st.sampled_from(((), ("C",), ("C", "D"))),
    products=st.sampled_from(((), ("P",))),
    types=st.sampled_from(((), (), ("T",))),
    prefixes=st.sampled_from(((), (), ("T",), ("U", "X"))),
    versions=st.sampled_from(((), (), ("1",))),
    start_ms=st.sampled_from((-(2**63), TIMES[0], TIMES[1], TIMES[2])),
    end_ms=st.sampled_from((2**63 - 1, TIMES[0] - 1, TIMES[1], TIMES[3] + DAY_MS)),
)


@given(
    steps=_steps,
    scope=_scopes,
    watermark=st.integers(0, 5),
    by=st.sets(st.sampled_from(BY)),
    interval=st.sampled_from(("hour", "day", "month", "all")),
    zone=st.sampled_from(ZONES),
)
@PROPERTY
def test_counts_with_rollups_are_those_of_the_events_and_of_the_model(
    rolled_up: Place, steps: Any, scope: Scope, watermark: int, by: set[str], interval: str, zone: str
) -> None:
    rolled_up.empty()
    for name, what in steps:
        take(rolled_up, name, what)
    found = intervals(interval, ZoneInfo(zone), 0, TIMES[0] + DAY_MS)
    counts = rolled_up.rollups.count(scope, watermark, dict, intervals=found, by=sorted(by))
    assert {key: count for key, count in counts.items() if count.events} == model(
        counted.stored(rolled_up.events), scope, watermark, found, by
    )


def take(place: Place, name: str, what: Any) -> None:
    """One step of an example."""
    if name == "load":
        place.load(*consistent(place.events, what))
    elif name == "again" and place.events:
        one = place.events[what % len(place.events)]
        place.load({**one, "admitted": one["admitted"] % 5 + 1})
    elif name == "look":
        place.look()
    elif name == "count":
        place.count_days()
    elif name == "merge":
        place.store.write("OPTIMIZE TABLE events FINAL", {})
        place.store.write("OPTIMIZE TABLE rollup_changes FINAL", {})
    elif name == "forget":
        place.rollups.forget([("C", "P")], int(time.time() * 1000))


def consistent(known: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that have the batch and the sequence of another event: a request numbers each of its events."""
    names: dict[Any, Any] = {(one["batch"], one["sequence"]): content(one) for one in known}
    return [one for one in more if names.setdefault((one["batch"], one["sequence"]), content(one)) == content(one)]


def content(event: dict[str, Any]) -> Any:
    names = ("customer", "product", "type", "version", "timestamp", "delay")
    return (*(event[name] for name in names), tuple(event["context"]))


def model(
    stored: list[dict[str, Any]], scope: Scope, watermark: int, found: Intervals, by: set[str]
) -> dict[GroupKey, GroupCount]:
    """The same counts in Python."""
    selected = [
        one
        for one in stored
        if one["admitted"] <= watermark
        and one["customer"] in (scope.customers or "CD")
        and one["product"] in (scope.products or "PQ")
        and (
            not (scope.types or scope.prefixes) or one["type"] in scope.types or one["type"].startswith(scope.prefixes)
        )
        and one["version"] in (scope.versions or ("", "1"))
        and scope.start_ms <= one["timestamp"] <= scope.end_ms
    ]
    originals = {id(one) for one in counted.originals(selected)}
    sums: dict[GroupKey, Counter[str]] = {}
    for one in selected:
        key = GroupKey(found.start_of(one["timestamp"]), **{name: one[name] for name in by})
        is_late, is_duplicate = one["delay"] > LATE_MS, id(one) not in originals
        sums.setdefault(key, Counter()).update(
            {"events": 1, "duplicates": is_duplicate, "late": is_late, "late_duplicates": is_late and is_duplicate}
        )
    return {key: GroupCount(**numbers) for key, numbers in sums.items()}
