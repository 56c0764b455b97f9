"""Counts from rollups are those of the events: whatever is loaded, rebuilt, deleted or set otherwise in between."""

import time
import uuid

import pytest
from rolled_up import EVERYTHING, LATE_MS, TIMES, Place, event

from footfall.settings import Settings
from footfall.state import Node
from footfall.usage import GroupCount, GroupKey, Rollups, Scope
from footfall.windows import DAY_MS


def days(rolled_up: Place, scope: Scope = EVERYTHING) -> set[int]:
    """The days that the rollup does not answer for."""
    return {one.day for one in rolled_up.rolled_up(scope)[1]}


def total(rolled_up: Place, watermark: int = 2**62) -> int:
    return sum(count.events for count in rolled_up.rollups.count(Scope(), watermark, dict).values())


def test_a_day_that_was_counted_needs_no_events(rolled_up: Place) -> None:
    rolled_up.load(event(), event(), event(timestamp=TIMES[2], type="U"))
    assert len(days(rolled_up)) == 2
    rolled_up.count_days()
    groups, rest = rolled_up.rolled_up(Scope(), by=("type",))
    assert rest == []
    assert groups == {
        GroupKey(0, type="T"): GroupCount(2, 1, 0, 0),
        GroupKey(0, type="U"): GroupCount(1, 0, 0, 0),
    }
    assert rolled_up.keeper.count_some(rolled_up.look(), 2**62, 2**40) is None


def test_whatever_is_loaded_later_takes_its_day_from_the_rollup_at_once(rolled_up: Place) -> None:
    """Events that were admitted long ago, too: of a repaired segment, of a backup, of a node that was stopped."""
    rolled_up.load(event(admitted=3), event(timestamp=TIMES[2], admitted=3))
    rolled_up.count_days()
    rolled_up.load(event(admitted=1))
    for noted in (False, True):
        if noted:
            rolled_up.look()
        assert days(rolled_up) == {TIMES[0] // DAY_MS}
        assert total(rolled_up) == 3
    rolled_up.count_days()
    assert days(rolled_up) == set()
    assert total(rolled_up) == 3


def test_a_watermark_before_the_last_admission_has_the_events_counted(rolled_up: Place) -> None:
    rolled_up.load(event(admitted=2), event(admitted=4), event(timestamp=TIMES[2], admitted=2))
    rolled_up.count_days()
    assert [total(rolled_up, at) for at in (1, 2, 3, 4)] == [0, 2, 2, 3]
    assert {one.day for one in rolled_up.rollups.rolled_up(Scope(), 3, dict)[1]} == {TIMES[0] // DAY_MS}


def test_a_rebuilt_table_is_counted_anew(rolled_up: Place) -> None:
    rolled_up.load(event(), event(timestamp=TIMES[2]))
    rolled_up.count_days()
    rolled_up.store.run_table_script("rebuild_make", mark="a test")
    rolled_up.store.write(
        "INSERT INTO events_rebuilt SELECT * FROM events WHERE timestamp = {time:Int64}", {"time": TIMES[0]}
    )
    for script in ("rebuild_swap", "rebuild_part", "rebuild_drop"):
        rolled_up.store.run_table_script(script)
    assert total(rolled_up) == 1
    rolled_up.count_days()
    assert days(rolled_up) == set()
    assert total(rolled_up) == 1


def test_days_whose_events_were_deleted_are_counted_anew_once_they_are_forgotten(rolled_up: Place) -> None:
    rolled_up.load(event(), event(customer="D"))
    rolled_up.count_days()
    rolled_up.store.write("ALTER TABLE events DELETE WHERE customer = 'C' SETTINGS mutations_sync = 1", {})
    rolled_up.rollups.forget([("C", "P")], int(time.time() * 1000))
    assert total(rolled_up) == 1
    rolled_up.count_days()
    assert days(rolled_up) == set()
    assert total(rolled_up) == 1


def test_a_day_of_many_events_is_counted_piece_by_piece(rolled_up: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("rollups", "rollup_keeper"):
        monkeypatch.setattr(f"footfall.usage.{module}.COMPARED_ROWS_MAX", 2)
    same = [event(timestamp=TIMES[0] + at // 2 * 1_000_000, type="TU"[at % 2]) for at in range(5)]
    rolled_up.load(*same, *({**one, "batch": str(uuid.uuid4())} for one in same[:3]))
    before = rolled_up.rollups.count(Scope(), 2**62, dict, by=("type",))
    rolled_up.count_days()
    groups, rest = rolled_up.rolled_up(Scope(), by=("type",))
    assert rest == []
    assert groups == before
    assert sum(count.duplicates for count in groups.values()) == 3


def test_a_day_with_too_many_groups_is_left_to_its_events(rolled_up: Place) -> None:
    rolled_up.keeper = rolled_up.new_keeper(Settings(data_dir=rolled_up.settings.data_dir, rollup_groups_max=1))
    rolled_up.load(event(type="T"), event(type="U"))
    rolled_up.count_days()
    assert days(rolled_up) == {TIMES[0] // DAY_MS}
    assert total(rolled_up) == 2


def test_another_limit_for_late_events_has_all_days_counted_anew(rolled_up: Place) -> None:
    rolled_up.load(event(delay=LATE_MS))
    rolled_up.count_days()
    rolled_up.rollups = Rollups(rolled_up.store, LATE_MS - 1)
    assert days(rolled_up) == {TIMES[0] // DAY_MS}
    assert [count.late for count in rolled_up.rollups.count(Scope(), 2**62, dict).values()] == [1]
    rolled_up.keeper = rolled_up.new_keeper(
        Settings(data_dir=rolled_up.settings.data_dir, late_after_s=LATE_MS // 1000 - 1)
    )


def test_days_with_copies_are_told_until_they_are_merged(rolled_up: Place) -> None:
    once, twice = event(), event(timestamp=TIMES[2])
    rolled_up.load(once, twice)
    assert len(rolled_up.rollups.unmerged_days(Scope(), dict).days) == 2
    rolled_up.count_days()
    assert rolled_up.rollups.unmerged_days(Scope(), dict).days == ()
    rolled_up.load(twice)
    rolled_up.count_days()
    found = rolled_up.rollups.unmerged_days(Scope(), dict)
    assert (found.days, found.known, found.engine) == ((TIMES[2] // DAY_MS,), 2, "ReplacingMergeTree")


def test_the_state_of_a_scope_tells_whether_anything_has_reached_it(rolled_up: Place) -> None:
    assert rolled_up.rollups.state(Scope(), dict).rows == 0
    rolled_up.load(event(admitted=2), event(timestamp=TIMES[2], admitted=5, product="Q"))
    first = rolled_up.rollups.state(Scope(products=("P",)), dict)
    assert (first.admitted_ms, first.first_day, first.last_day, first.rows) == (2, *[TIMES[0] // DAY_MS] * 2, 1)
    rolled_up.look()
    assert rolled_up.rollups.state(Scope(products=("P",)), dict) == first
    rolled_up.load(event(product="Q"))
    assert rolled_up.rollups.state(Scope(products=("P",)), dict) == first
    rolled_up.load(event(admitted=1))
    assert rolled_up.rollups.state(Scope(products=("P",)), dict).loaded_ms > first.loaded_ms


def test_a_look_notes_only_what_no_load_can_still_be_adding_to(rolled_up: Place) -> None:
    assert rolled_up.keeper.step() is None
    rolled_up.load(event())
    assert rolled_up.keeper.step() is None
    assert rolled_up.store.rows("SELECT count() FROM rollup_changes WHERE customer != ''", {}) == [(0,)]
    assert total(rolled_up) == 1


def test_closed_days_that_are_quiet_are_counted_step_by_step(rolled_up: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "footfall.usage.rollup_keeper.CLOCKS_APART_MS", 10 - rolled_up.settings.store_load_timeout_s * 1000
    )
    today = int(time.time() * 1000)
    rolled_up.load(event(), event(timestamp=TIMES[2]), event(timestamp=today))
    time.sleep(0.02)
    assert rolled_up.keeper.step() is None, "what was loaded just now is not quiet"
    quiet = {"rollup_quiet_s": 0, "rollup_step_rows_max": 1, "late_after_s": LATE_MS // 1000}
    rolled_up.keeper = rolled_up.new_keeper(Settings(data_dir=rolled_up.settings.data_dir, **quiet))
    steps = 0
    while rolled_up.keeper.step() is not None:
        steps += 1
    assert (steps, rolled_up.keeper.days_waiting, rolled_up.keeper.days_failed) == (2, 0, 0)
    assert days(rolled_up) == {today // DAY_MS}
    rolled_up.load(event(timestamp=TIMES[2] + 1))
    time.sleep(0.02)
    assert rolled_up.keeper.step() is not None
    assert days(rolled_up) == {today // DAY_MS}


def test_one_node_keeps_the_rollups(rolled_up: Place) -> None:
    now_ms = int(time.time() * 1000)
    for name, seen_ms, mine in (("a", now_ms, False), ("a", now_ms - 120_000, True), ("z", now_ms, True)):
        rolled_up.nodes.found = [Node(node=name, loaded_through_ms=0, seen_ms=seen_ms)]
        rolled_up.keeper.step()
        assert (rolled_up.keeper.age_s is not None) is mine
