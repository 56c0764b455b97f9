"""Random events, counted by the desk, by a report of the same filter, and by a model in Python: all agree."""

from collections import Counter
from typing import Any

import counted
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.files import Files
from footfall.plan import LivePlan
from footfall.reports import Destinations
from footfall.reports.worker.attempt import Attempt, AttemptOptions
from footfall.state import Job
from footfall.usage import Counts
from footfall.wire import ReportFilter

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/St_Johns")
# Spans are cut at every chance.
FEW = AttemptOptions(span_rows_max=5, drop_rows_max=5)
PROPERTY = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans are cut and joined at every chance."""
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 3)
    monkeypatch.setattr("footfall.usage.numbers.COMPARED_ROWS_MAX", 5)


@given(
    events=counted.events,
    wanted=counted.filters,
    mode=st.sampled_from(("keep", "drop")),
    interval=st.sampled_from(("hour", "day", "month", "all")),
    zone=st.sampled_from(ZONES),
    parts=st.integers(1, 3),
    few=st.sampled_from((0, 3, 10_000)),
)
@PROPERTY
async def test_counts_are_those_of_a_report_and_of_the_model(
    place: Any,
    small_pieces: None,
    monkeypatch: pytest.MonkeyPatch,
    events: Any,
    wanted: Any,
    mode: str,
    interval: str,
    zone: str,
    parts: int,
    few: int,
) -> None:
    monkeypatch.setattr("footfall.usage.numbers.FEW_MAX", few)
    place.empty()
    for part in range(parts):
        place.load(*events[part::parts])
    counts = await count(place, wanted, mode, interval, zone)
    report = make(place, wanted, mode)
    all_of_them = counted.selected(counted.stored(events), wanted)
    originals = counted.originals(all_of_them)
    expected = originals if mode == "drop" else all_of_them
    duplicates = len(all_of_them) - len(originals)
    assert (counts.total.events, counts.total.duplicates) == (len(expected), duplicates)
    assert report == (len(expected), duplicates)
    assert {key(row): row.events for row in counts.counts} == counted.counted(expected, interval, zone)
    repeated = counted.counted(all_of_them, interval, zone)
    repeated.subtract(counted.counted(originals, interval, zone))
    assert Counter({key(row): row.duplicates for row in counts.counts}) == repeated


def key(row: Any) -> tuple[int, str]:
    return (row.start or 0, row.type)


async def count(place: Any, wanted: dict[str, Any], mode: str, interval: str, zone: str) -> Counts:
    given = {name: value for name, value in wanted.items() if name != "watermark"}
    if given.get("start", 0) > given.get("end", 2**52):
        del given["start"], wanted["start"]
    return await place.count(**given, asOf=wanted["watermark"], duplicates=mode, interval=interval, timezone=zone)


def make(place: Any, wanted: dict[str, Any], mode: str) -> tuple[int, int]:
    """Rows and duplicates of a report of the same."""
    asked = ReportFilter(**{name: value for name, value in wanted.items() if name != "watermark"})
    at_ms = wanted["watermark"]
    job = Job(
        id="job",
        user="ann",
        account="a",
        filter=asked,
        started_ms=at_ms,
        watermark_ms=at_ms,
        tries=1,
        file="f",
        duplicates=mode,
    )
    plan = LivePlan(None, place.settings).plan
    files = Destinations(place.settings, Files(place.settings))
    made = Attempt(job, plan, place.store, files, deadline_s=2**40, options=FEW).run()
    return made.rows, made.duplicates
