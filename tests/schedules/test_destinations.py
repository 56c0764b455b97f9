"""Reports of schedules that are delivered: each under a key of its own."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from states import state_url

from footfall.errors import RequestRefused
from footfall.settings.object_stores import Destination
from footfall.state import RunStatus, State

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def delivering(engine: Any, make_segment: Any, make_stored: Any, lake: Path) -> Any:
    """A place on the engine with a folder as the destination `lake`."""
    settings = engine.settings(destinations={"lake": Destination(url=f"file://{lake}", customers=("C",))})
    with closing(State(state_url(settings.data))) as state:
        state.migrate()
        with closing(make_stored(state, settings, make_segment)) as place:
            yield place


def found(lake: Path) -> dict[str, str]:
    return {str(path.relative_to(lake)): path.read_text() for path in lake.rglob("*") if path.is_file()}


def complete(place: Any, schedule: Any) -> int:
    return sum(run.status is RunStatus.COMPLETE for run in place.runs(schedule))


def test_each_window_and_each_correction_has_a_key_of_its_own(delivering: Any, lake: Path, make: Any) -> None:
    output = {"bucketName": "lake", "bucketKey": "hours/{start}-{correction}.csv"}
    schedule = delivering.add(output=output, **{"from": delivering.now_ms - HOUR_MS})
    start_ms = schedule.next.start
    delivering.load({"timestamp": start_ms + 1})
    delivering.clock.ms += 1
    make(delivering, lambda: complete(delivering, schedule) == 1)
    delivering.clock.ms += 1
    delivering.load({"timestamp": start_ms + 2})
    delivering.clock.ms += 40 * MINUTE_MS
    make(delivering, lambda: complete(delivering, schedule) == 3)
    files = found(lake)
    first, second, third = sorted(files)
    assert [files[each].count("\n") for each in (first, second, third)] == [1, 2, 0]
    assert first.removesuffix("-0.csv") == second.removesuffix("-1.csv") != third.removesuffix("-0.csv")


@pytest.mark.parametrize(
    ("output", "where"),
    [
        ({"bucketName": "lake", "bucketKey": "{day}.csv"}, ["output.bucketKey", "output.bucketKey"]),
        ({"bucketName": "lake", "bucketKey": "../{start}-{correction}"}, ["output.bucketKey"]),
        ({"bucketName": "pond", "bucketKey": "{start}-{correction}"}, ["output.bucketName"]),
        ({"bucketKey": "{start}-{correction}"}, ["output.bucketKey"]),
    ],
)
def test_what_could_not_be_delivered_is_refused_at_once(delivering: Any, output: Any, where: list[str]) -> None:
    with pytest.raises(RequestRefused) as caught:
        delivering.add(output=output)
    assert [problem.where for problem in caught.value.problems] == where


def test_a_destination_that_is_gone_pauses_the_schedule(delivering: Any) -> None:
    schedule = delivering.add(output={"bucketName": "lake"}, **{"from": delivering.now_ms - HOUR_MS})
    body = json.dumps({"filter": {"customer": "C", "product": "P"}, "output": {"bucketName": "pond"}})
    with delivering.state.database.write() as connection:
        connection.execute(text("UPDATE schedules SET body = :body"), {"body": body})
    delivering.tick()
    shown = delivering.desk.find(delivering.state.users.get("ann"), schedule.id)
    assert shown.paused
    assert "no destination named 'pond' is configured" in shown.reason
