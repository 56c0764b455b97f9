"""Random events: a report has as many rows as are counted and estimated, and two reports in a row make one."""

import contextlib
import json
import re
from collections import Counter
from typing import Any

import counted
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import make

from footfall.files import Files
from footfall.plan import LivePlan
from footfall.reports import Estimate, Estimates, Reports
from footfall.reports.estimate import EstimateBounds
from footfall.reports.worker.attempt import AttemptOptions
from footfall.state import User

# Spans are cut at every chance.
FEW = AttemptOptions(span_rows_max=5, drop_rows_max=5)
PROPERTY = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
ADMIN = User(id="root", password_hash="", admin=True, created_ms=0)
_NULLS = re.compile(rb',"context\d+":null')
MODES = st.sampled_from(("keep", "drop"))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans are cut and joined at every chance."""
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 3)
    monkeypatch.setattr("footfall.usage.numbers.COMPARED_ROWS_MAX", 5)


def load(place: Any, events: list[counted.Event], parts: int) -> None:
    place.empty()
    for part in range(parts):
        place.load(*events[part::parts])


@given(
    events=counted.events, wanted=counted.filters, mode=MODES, parts=st.integers(1, 3), most=st.sampled_from((0, 5, 99))
)
@PROPERTY
async def test_a_report_has_as_many_rows_as_were_counted_and_estimated(
    place: Any, small_pieces: None, events: Any, wanted: Any, mode: str, parts: int, most: int
) -> None:
    load(place, events, parts)
    if wanted.get("start", 0) > wanted.get("end", 2**52):
        del wanted["start"]
    place.state.nodes.put("here", place.now_ms, place.now_ms)
    rows = make(place.settings, place.store, wanted, FEW, duplicates=mode)[0].rows
    given = {name: value for name, value in wanted.items() if name != "watermark"}
    count = await place.count(**given, asOf=wanted["watermark"], duplicates=mode, interval="all")
    assert count.total.events == rows
    estimated = await estimate(place, given, mode, wanted["watermark"], most)
    assert estimated.rows == rows if estimated.exact else estimated.rows >= rows
    assert estimated.exact or most < 99


async def estimate(place: Any, given: dict[str, Any], mode: str, watermark: int, most: int) -> Estimate:
    desk = Reports(place.state, place.settings, Clock(place.now_ms), Files(place.settings))
    parts = desk, place.state, place.store, LivePlan(None, place.settings), place.settings
    body = {"filter": {**given, "types": given.get("types")}, "duplicates": mode, "output": {"asOf": watermark}}
    with contextlib.closing(Estimates(*parts, EstimateBounds(counted_rows_max=most))) as estimates:
        return await estimates.estimate(ADMIN, json.dumps(body).encode())


class Clock:
    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms


@given(
    events=counted.events,
    received=st.tuples(*[st.sampled_from(counted.TIMES)] * 3),
    wanted=counted.filters,
    mode=MODES,
    basis=st.sampled_from(("event", "received")),
    since=st.integers(0, 5),
    parts=st.integers(1, 3),
)
@PROPERTY
def test_a_report_and_what_came_since_are_the_report_of_all(
    place: Any,
    small_pieces: None,
    events: Any,
    received: tuple[int, ...],
    wanted: Any,
    mode: str,
    basis: str,
    since: int,
    parts: int,
) -> None:
    # Copies of an event that were admitted together were received together: which of them stays must not matter.
    stamped = [event | {"received": received[(event["sequence"] + event["admitted"]) % 3]} for event in events]
    load(place, stamped, parts)
    earlier_ms = min(since, wanted["watermark"])

    def rows(watermark: int, since_ms: int | None = None) -> Counter[bytes]:
        asked = wanted | {"watermark": watermark}
        done, path = make(
            place.settings,
            place.store,
            asked,
            FEW,
            duplicates=mode,
            basis=basis,
            since_ms=since_ms,
            format="jsonl",
        )
        # Without a plan, a report has as many columns as the longest of its own contexts.
        found = Counter(_NULLS.sub(b"", line) for line in path.read_bytes().splitlines())
        assert found.total() == done.rows
        return found

    assert rows(earlier_ms) + rows(wanted["watermark"], earlier_ms) == rows(wanted["watermark"])
