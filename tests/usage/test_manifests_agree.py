"""Random events: a report of any kind, its manifest and receipts say of duplicates what a model in Python says."""

import json
from collections import Counter
from typing import Any

import counted
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import make

from footfall.reports.worker.attempt import AttemptOptions
from footfall.settings.limits import LATE_AFTER_S
from footfall.store import query

# Spans are cut at every chance.
FEW = AttemptOptions(span_rows_max=5, drop_rows_max=5)
PROPERTY = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans are cut and joined at every chance."""
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 3)


@given(
    events=counted.events,
    received=st.tuples(*[st.sampled_from(counted.TIMES)] * 3),
    wanted=counted.filters,
    basis=st.sampled_from(("event", "received")),
    since=st.none() | st.integers(0, 5),
    mode=st.sampled_from(("drop", "drop", "keep")),
    parts=st.integers(1, 3),
)
@PROPERTY
def test_a_manifest_is_of_the_rows_in_the_file(
    place: Any,
    small_pieces: None,
    events: Any,
    received: tuple[int, ...],
    wanted: Any,
    basis: str,
    since: int | None,
    mode: str,
    parts: int,
) -> None:
    # Copies of an event that were admitted together were received together: which of them stays must not matter.
    stamped = [event | {"received": received[(event["sequence"] + event["admitted"]) % 3]} for event in events]
    place.empty()
    for part in range(parts):
        place.load(*stamped[part::parts])
    stored = counted.stored(stamped)
    firsts = counted.originals(counted.selected(stored, {**wanted, "start": 0, "end": 2**62}))
    selected = [event for event in chosen(stored, wanted, basis) if since is None or event["admitted"] > since]
    held = [event for event in selected if mode == "keep" or event in firsts]
    done, path = make(
        place.settings, place.store, wanted, FEW, duplicates=mode, basis=basis, since_ms=since, format="jsonl"
    )
    said = json.loads(done.manifest)
    times = sorted(event["timestamp"] for event in held)
    assert [json.loads(line)["timestamp"] for line in path.read_bytes().splitlines()] == times
    assert said["rows"] == {"total": len(held), "byType": Counter(event["type"] for event in held)}
    assert said["timestamps"] == ({"first": times[0], "last": times[-1]} if times else {})
    assert said["late"]["events"] == sum(event["received"] - event["timestamp"] > LATE_AFTER_S * 1000 for event in held)
    assert said["duplicates"]["found"] == sum(event not in firsts for event in selected)


def chosen(stored: list[counted.Event], wanted: dict[str, Any], basis: str) -> list[counted.Event]:
    """What a filter selects by either basis."""
    if basis == "event":
        return counted.selected(stored, wanted)
    anytime = counted.selected(stored, {**wanted, "start": 0, "end": 2**62})
    return [event for event in anytime if wanted.get("start", 0) <= event["received"] <= wanted.get("end", 2**62)]


@given(events=counted.events, batch=st.sampled_from(counted.BATCHES))
@PROPERTY
def test_receipts_call_the_same_events_duplicates(place: Any, events: Any, batch: str) -> None:
    place.empty()
    place.load(*events)
    stored = counted.stored(events)
    originals = counted.originals(stored)
    expected = {event["sequence"] for event in stored if event["batch"] == batch and event not in originals}
    found = place.store.rows(query("receipt_duplicates"), {"batch": batch})
    assert {sequence for sequences, _ in found for sequence in sequences} == expected
