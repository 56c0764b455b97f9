"""Events are read without FINAL where that changes nothing, whatever is loaded between the look and the statement."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rolled_up as rolled
from rolled_up import TIMES, event
from usage_events import PLAN

from footfall.store import Store, StoreDiffers
from footfall.usage import Rollups
from footfall.usage.reading import WITH_FINAL, source_of
from footfall.usage.rollups import UNMERGED_DAYS_MAX, UnmergedDays
from footfall.windows import DAY_MS

CALLS: dict[str, dict[str, Any]] = {
    "uniques": {"interval": "day", "rolling": ["2"]},
    "retention": {"interval": "day"},
    "funnel": {"step": ["T", "U"], "window": "2d"},
    "paths": {"type": "T"},
    "top": {"key": "kind"},
    "summary": {},
    "counts": {"interval": "day", "by": "kind"},
}
AS_OF_MS = 1_760_000_000_000
EVENTS = [
    event(timestamp=TIMES[1], context=["a", "a"]),
    event(timestamp=TIMES[1] + 5, type="U", context=["a", "a"]),
    event(timestamp=TIMES[2], type="U", context=["b", "b"]),
    event(timestamp=TIMES[2] + DAY_MS, context=["b", "b"]),
    event(timestamp=TIMES[1], product="Q"),
]


class Reading:
    """A store that is asked: how its statements read events, and what happens right after the days were looked for."""

    def __init__(self, place: Any, counted: rolled.Place, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = place
        self.counted = counted
        self.read: list[str] = []
        self.failed = 0
        self.between: Callable[[], None] = lambda: None
        rows, look = Store.rows, Rollups.unmerged_days

        def reading(store: Store, query: str, *more: Any) -> Any:
            if "{unmerged_days:" in query:
                self.read.append("merged")
            elif "FROM events FINAL" in query and "{{" not in query and "rollup" not in query:
                self.read.append("final")
            try:
                return rows(store, query, *more)
            except StoreDiffers:
                self.failed += 1
                raise

        def looking(rollups: Rollups, *more: Any) -> UnmergedDays:
            found = look(rollups, *more)
            self.between()
            self.between = lambda: None
            return found

        monkeypatch.setattr(Store, "rows", reading)
        monkeypatch.setattr(Rollups, "unmerged_days", looking)
        monkeypatch.setattr("footfall.usage.query.LARGE_EVENTS_MIN", 0)
        monkeypatch.setattr("footfall.usage.numbers.FEW_MAX", 0)

    def load(self, *events: dict[str, Any]) -> None:
        self.counted.load(*events)

    def merge(self) -> None:
        self.counted.store.write("OPTIMIZE TABLE events FINAL", {})

    async def ask(self, name: str) -> tuple[Any, list[str]]:
        """An answer without what tells its time, and how its statements read events."""
        self.read.clear()
        answer = await self.place.ask(name, asOf=AS_OF_MS, **CALLS[name])
        return answer, list(self.read)


@pytest.fixture
def reading(make_place: Any, make_segment: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Reading]:
    (tmp_path / "plan.toml").write_text(PLAN)
    place = make_place(plan=str(tmp_path / "plan.toml"), plan_mode="open", usage_cache_bytes_max=0)
    counted = rolled.Place(place.settings, make_segment)
    yield Reading(place, counted, monkeypatch)
    counted.store.close()


@pytest.mark.parametrize("name", CALLS)
async def test_days_without_copies_are_read_without_final_to_the_same_answer(reading: Reading, name: str) -> None:
    reading.load(*EVENTS)
    expected, read = await reading.ask(name)
    assert set(read) == {"final"}
    reading.counted.count_days()
    answer, read = await reading.ask(name)
    assert set(read) == {"merged"}
    assert answer == expected
    # One day has copies, the others none.
    reading.load(EVENTS[1])
    for count in (lambda: None, reading.counted.count_days):
        count()
        answer, read = await reading.ask(name)
        assert (answer, set(read), reading.failed) == (expected, {"merged"}, 0)


@pytest.mark.parametrize("name", CALLS)
async def test_events_loaded_again_after_the_look_are_noticed(reading: Reading, name: str) -> None:
    reading.load(*EVENTS)
    reading.counted.count_days()
    expected, _ = await reading.ask(name)
    reading.between = lambda: reading.load(*EVENTS)
    answer, read = await reading.ask(name)
    assert answer == expected
    assert reading.failed == 1
    assert read[-1] == "final"


@pytest.mark.parametrize("admitted", [2, 4])
async def test_a_merge_after_the_look_takes_no_event_away(reading: Reading, admitted: int) -> None:
    """Whether it keeps the row that was there or the one that came."""
    reading.load(*EVENTS)
    reading.counted.count_days()
    expected, _ = await reading.ask("uniques")

    def between() -> None:
        reading.load(*({**one, "admitted": admitted} for one in EVENTS))
        reading.merge()

    reading.between = between
    answer, _ = await reading.ask("uniques")
    assert answer == expected
    assert reading.failed == (1 if admitted < 3 else 0)


async def test_a_table_that_takes_the_place_of_another_after_the_look_is_noticed(reading: Reading) -> None:
    reading.load(*EVENTS)
    reading.counted.count_days()
    expected, _ = await reading.ask("top")
    store = reading.counted.store

    def between() -> None:
        store.run_table_script("rebuild_make", mark="a test")
        # As from the archive, twice: without the time of a load.
        for _ in range(2):
            store.write("INSERT INTO events_rebuilt SELECT * REPLACE(admitted AS loaded) FROM events", {})
        for script in ("rebuild_swap", "rebuild_part", "rebuild_drop"):
            store.run_table_script(script)

    reading.between = between
    answer, read = await reading.ask("top")
    assert (answer, read[-1]) == (expected, "final")


async def test_what_is_loaded_for_other_products_and_days_does_not_matter(reading: Reading) -> None:
    reading.load(*EVENTS)
    reading.counted.count_days()
    await reading.ask("uniques")
    reading.load(event(timestamp=TIMES[1], product="Q"), event(timestamp=TIMES[2] + 5 * DAY_MS))
    answer, read = await reading.ask("uniques")
    assert (answer.total.events, reading.failed) == (5, 0)
    assert set(read) == {"merged"}
    # Later than the look, too.
    reading.between = lambda: reading.load(event(timestamp=TIMES[1], product="Q"))
    _, read = await reading.ask("uniques")
    assert (set(read), reading.failed) == ({"merged"}, 0)


@pytest.mark.parametrize(
    ("engine", "days", "known", "is_final"),
    [
        ("ReplacingMergeTree", (), 3, False),
        ("ReplacingMergeTree", (1, 2), 3, False),
        ("ReplacingMergeTree", (1, 2, 3), 3, True),
        ("ReplacingMergeTree", (), 0, True),
        ("ReplacingMergeTree", tuple(range(UNMERGED_DAYS_MAX + 1)), 10**6, True),
        ("ReplicatedReplacingMergeTree", (), 3, True),
        ("Distributed", (), 3, True),
    ],
)
def test_final_is_for_all_where_little_is_known(engine: str, days: Any, known: int, is_final: bool) -> None:
    assert (source_of(UnmergedDays("e", engine, 1, days, known)) == WITH_FINAL) == is_final
