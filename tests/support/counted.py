"""A model of counting, in a few lines of Python: what the store's statements are held against."""

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

BATCHES = [str(uuid.UUID(int=number << 64 | 7 - number)) for number in range(1, 6)]
# A spring forward, a fall back, the end of a year: times that many events share.
TIMES = (1_711_846_800_000, 1_729_990_800_000, 1_735_689_599_999)

Event = dict[str, Any]


def consistent(given: list[Event]) -> list[Event]:
    """Without those that have the batch and the sequence of another event: a request numbers each of its events."""
    names: dict[Any, Event] = {}
    for event in given:
        names.setdefault((event["batch"], event["sequence"]), event)
    return [event for event in given if _content(names[event["batch"], event["sequence"]]) == _content(event)]


_first = st.lists(
    st.fixed_dictionaries(
        {
            "customer": st.sampled_from("CCCD"),
            "product": st.sampled_from("PPPQ"),
            "type": st.sampled_from("TTU"),
            "version": st.sampled_from(("", "", "1")),
            "timestamp": st.builds(int.__add__, st.sampled_from(TIMES), st.sampled_from((0, 0, 1, 3_600_000))),
            "context": st.sampled_from((["a"], ["a", ""], [], ["b"])),
            "batch": st.sampled_from(BATCHES),
            "sequence": st.integers(1, 20),
            "admitted": st.integers(1, 5),
        }
    ),
    min_size=5,
    max_size=25,
)
# What is sent again: which of the events, in which batch and place of it, and when it is admitted.
_again = st.lists(
    st.tuples(st.integers(0, 24), st.sampled_from(BATCHES), st.integers(1, 20), st.integers(1, 5)), max_size=25
)
events = st.builds(
    lambda first, again: consistent(
        [
            *first,
            *(
                {**first[which % len(first)], "batch": batch, "sequence": sequence, "admitted": admitted}
                for which, batch, sequence, admitted in again
            ),
        ]
    ),
    _first,
    _again,
)
filters = st.fixed_dictionaries(
    {"customer": st.just("C"), "product": st.just("P"), "watermark": st.sampled_from((5, 5, 5, 4, 3, 1))},
    optional={
        "types": st.lists(st.sampled_from("TUV"), max_size=2),
        "start": st.sampled_from(TIMES),
        "end": st.sampled_from(TIMES),
    },
)


def stored(given: Iterable[Event]) -> list[Event]:
    """The events as the store keeps them: of those with the same identity the one admitted first."""
    kept: dict[Any, Event] = {}
    for event in given:
        key = tuple(event[name] for name in ("customer", "product", "timestamp", "batch", "sequence"))
        if key not in kept or event["admitted"] < kept[key]["admitted"]:
            kept[key] = event
    return list(kept.values())


def selected(given: Iterable[Event], wanted: dict[str, Any]) -> list[Event]:
    """The events that a filter selects, at its watermark."""
    return [
        event
        for event in given
        if event["customer"] == wanted["customer"]
        and event["product"] == wanted["product"]
        and event["type"] in (wanted.get("types") or "TUV")
        and wanted.get("start", 0) <= event["timestamp"] <= wanted.get("end", 2**62)
        and event["admitted"] <= wanted["watermark"]
    ]


def originals(given: list[Event]) -> list[Event]:
    """The events without duplicates."""
    first: dict[Any, tuple[Any, ...]] = {}
    for event in given:
        first[_content(event)] = min(first.get(_content(event), _rank(event)), _rank(event))
    return [event for event in given if first[_content(event)][1] == _rank(event)[1]]


def bucket(time_ms: int, interval: str, zone: str) -> int:
    """When the interval of a time begins, in ms."""
    local = datetime.fromtimestamp(time_ms // 1000, ZoneInfo(zone))
    match interval:
        case "hour":
            return time_ms // 1000 * 1000 - (local.minute * 60 + local.second) * 1000
        case "day":
            start = local.replace(hour=0, minute=0, second=0, fold=0)
        case "month":
            start = local.replace(day=1, hour=0, minute=0, second=0, fold=0)
        case _:
            return 0
    return int(start.timestamp()) * 1000


def counted(given: Iterable[Event], interval: str, zone: str) -> Counter[tuple[int, str]]:
    return Counter((bucket(event["timestamp"], interval, zone), event["type"]) for event in given)


def _content(event: Event) -> tuple[Any, ...]:
    names = ("customer", "product", "type", "version", "timestamp")
    return (*(event[name] for name in names), tuple(event["context"]))


def _rank(event: Event) -> tuple[int, tuple[bytes, bytes]]:
    """Who was first; the engine orders UUIDs by their second half before their first."""
    raw = uuid.UUID(event["batch"]).bytes
    return event["admitted"], (raw[8:], raw[:8])
