"""How spans are joined and cut, so that neither many statements nor large ones are needed."""

import uuid
from itertools import pairwise
from typing import Any

import pytest
from msgspec import structs

from footfall.usage import EventSelection, TimeSpan, compare, compile_selection, join_spans

EVENTS = EventSelection(customers=("C",), products=("P",))
WANTED = compile_selection(EVENTS, 10)
BY_RECEIPT = compile_selection(structs.replace(EVENTS, basis="received", start=2, end=9), 10)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((), []),
        ((1,), [(0, 5, 1)]),
        ((1, 2, 3), [(0, 25, 6)]),
        ((60, 40, 1), [(0, 15, 100), (20, 25, 1)]),
        ((500, 1, 500), [(0, 5, 500), (10, 15, 1), (20, 25, 500)]),
    ],
)
def test_neighbours_are_joined_while_they_are_few(rows: tuple[int, ...], expected: list[Any]) -> None:
    spans = [TimeSpan(number * 10, number * 10 + 5, count) for number, count in enumerate(rows)]
    assert [(span.first_ms, span.last_ms, span.rows) for span in join_spans(spans, 100)] == expected


def event(n: int, batch: int, time_ms: int) -> dict[str, Any]:
    batch_id = str(uuid.UUID(int=batch))
    return {"timestamp": time_ms, "batch": batch_id, "sequence": n, "context": [str(n)], "admitted": batch}


def test_a_small_span_is_not_cut(place, monkeypatch) -> None:
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 100)
    place.load(*(event(n, 1 + n % 2, n) for n in range(1, 101)))
    (found,) = compare(place.store, WANTED, [TimeSpan(0, 1000, 100)], dict)
    assert (found.span, found.duplicates) == (TimeSpan(0, 1000, 100), 0)


@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_where_there_are_some_the_pieces_are_small_and_lose_nothing(place, monkeypatch, step: int) -> None:
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 10)
    # Most of them close together, so that even widths do not make even pieces.
    times = {n: 1000 + (n * step if n < 90 else n * step * 1000) for n in range(1, 101)}
    place.load(*(event(n, batch, times[n]) for n in times for batch in (1, 2) if batch == 1 or n % 3 == 0))
    rows = 100 + 33
    found = list(compare(place.store, WANTED, [TimeSpan(times[1], times[100], rows)], dict))
    assert sum(part.span.rows for part in found) == rows
    assert sum(part.duplicates for part in found) == 33
    assert all(part.span.rows <= 10 for part in found)
    for before, after in pairwise(found):
        assert before.span.last_ms < after.span.first_ms


def test_events_of_one_millisecond_stay_together(place, monkeypatch) -> None:
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 10)
    place.load(*(event(n, batch, 5 if n < 60 else 6) for n in range(1, 101) for batch in (1, 2)))
    found = list(compare(place.store, WANTED, [TimeSpan(5, 6, 200)], dict))
    assert [(part.span.rows, part.duplicates) for part in found] == [(118, 59), (82, 41)]


def test_two_batches_at_one_time_are_no_duplicates_by_that(place) -> None:
    place.load(event(1, 1, 5), event(2, 2, 5))
    (found,) = compare(place.store, WANTED, [TimeSpan(5, 5, 2)], dict)
    assert found.duplicates == 0


@pytest.mark.parametrize("times", [1, 2])
def test_events_that_were_loaded_twice_are_seen_but_are_no_duplicates(place, times: int) -> None:
    # Alone at their time, together with others of their batch, and beside equal ones of another batch.
    alone, together = [event(1, 1, 5)], [event(n, 1, 6) for n in (1, 2, 9)]
    equal = [event(4, batch, 7) | {"received": batch} for batch in (1, 2)]
    place.store.write("SYSTEM STOP MERGES events", {})
    place.load(*alone, *together, *equal)
    for _ in range(times):
        place.load(*alone)
        place.load(*together[1:])
        place.load(equal[1])
    (found,) = compare(place.store, WANTED, [TimeSpan(5, 7, 10)], dict)
    assert (found.duplicates, found.unmerged_copies) == (1, 4 * times)
    assert found.counts == {(0, "T"): 1}
    for time_ms, copies in ((5, 1), (6, 2), (7, 1)):
        (found,) = compare(place.store, WANTED, [TimeSpan(time_ms, time_ms, 1)], dict)
        assert found.unmerged_copies == copies * times
    (found,) = compare(place.store, BY_RECEIPT, [TimeSpan(5, 7, 10)], dict)
    # The first was received before: it is first all the same.
    assert (found.duplicates, found.unmerged_copies) == (1, 4 * times)


@pytest.mark.parametrize("narrow", [compile_selection(EVENTS, 10, since_ms=1), BY_RECEIPT])
def test_pieces_are_small_by_all_that_their_events_are_compared_with(place, monkeypatch, narrow: Any) -> None:
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 10)
    place.load(*(event(n, 1, n) | {"received": 1} for n in range(1, 101)))
    place.load(*(event(n, 2, n) | {"received": 2} for n in (7, 70)))
    found = list(compare(place.store, narrow, [TimeSpan(1, 100, 2)], dict))
    assert all(part.span.rows <= 10 for part in found)
    assert sum(part.span.rows for part in found) == 102
    assert sum(part.duplicates for part in found) == 2
