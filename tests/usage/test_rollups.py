"""Counts from rollups are those of the events, whatever happens between, and those of a model in Python."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from zoneinfo import ZoneInfo

import counted
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.settings import Settings
from footfall.store import Store
from footfall.system.clock import SystemClock
from footfall.usage import GroupCount, GroupKey, RollupKeeper, Rollups, Scope
from footfall.usage.intervals import Intervals, intervals
from footfall.windows import DAY_MS

PROPERTY = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
LATE_MS = 3_600_000
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe")
# Quarters of an hour and halves; the ends of days; 1970.
TIMES = (1_711_846_800_000, 1_711_846_800_000 + 45 * 60_000, 1_711_843_199_999, 1_711_843_200_000, 5_000)
EVERYTHING = Scope()
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


class Nodes:
    """The state of one node alone."""

    nodes: Any

    def __init__(self) -> None:
        self.nodes = self

    def all(self) -> list[Any]:
        return []


class Place:
    """A store and its rollups; `events` are all that was loaded."""

    def __init__(self, settings: Settings, make_segment: Any) -> None:
        self.settings = settings
        self.store = Store(settings)
        self.rollups = Rollups(self.store, LATE_MS)
        self.keeper = self.new_keeper(settings)
        self._make_segment = make_segment
        self.events: list[dict[str, Any]] = []

    def new_keeper(self, settings: Settings) -> RollupKeeper:
        return RollupKeeper(Nodes(), self.store, settings, SystemClock(), "node")  # type: ignore[arg-type]

    def load(self, *events: dict[str, Any]) -> None:
        path = self.settings.data / f"{uuid.uuid4().hex}.jsonl.zst"
        lines = [
            {name: value for name, value in one.items() if name != "delay"}
            | {"received": max(one["timestamp"] + one.get("delay", 0), 1)}
            for one in events
        ]
        if lines:
            self.store.load(self._make_segment(path, lines))
        self.events += [line | {"delay": one.get("delay", 0)} for line, one in zip(lines, events, strict=True)]

    def look(self) -> Any:
        """Look through all that was loaded: loads of this very ms are left to the next look."""
        time.sleep(0.002)
        return self.keeper.look(int(time.time() * 1000) - 1)

    def count_days(self) -> None:
        look = self.look()
        steps = 0
        while self.keeper.count_some(look, 2**62, 2**40) is not None:
            steps += 1
            assert steps <= 50, "the same days are counted again and again"
        assert self.keeper.days_failed == 0

    def rolled_up(self, scope: Scope, **changes: Any) -> tuple[Any, Any]:
        return self.rollups.rolled_up(scope, 2**62, dict, **changes)

    def empty(self) -> None:
        self.store.write("TRUNCATE TABLE events", {})
        self.store.run_table_script("rollups_renew")
        self.events = []


@pytest.fixture
def place(engine: Any, make_segment: Any) -> Iterator[Place]:
    found = engine.settings(rollup_step_rows_max=3, late_after_s=LATE_MS // 1000)
    with closing(Store(found)) as store:
        store.migrate()
    place = Place(found, make_segment)
    yield place
    place.store.close()


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
    place: Place, steps: Any, scope: Scope, watermark: int, by: set[str], interval: str, zone: str
) -> None:
    place.empty()
    for name, what in steps:
        take(place, name, what)
    found = intervals(interval, ZoneInfo(zone), 0, TIMES[0] + DAY_MS)
    counts = place.rollups.count(scope, watermark, dict, intervals=found, by=sorted(by))
    assert {key: count for key, count in counts.items() if count.events} == model(
        counted.stored(place.events), scope, watermark, found, by
    )


def event(**changes: Any) -> dict[str, Any]:
    found = {"customer": "C", "product": "P", "type": "T", "version": "", "timestamp": TIMES[0], "context": ["a"]}
    return found | {"batch": str(uuid.uuid4()), "sequence": 1, "admitted": 3} | changes


def days(place: Place, scope: Scope = EVERYTHING) -> set[int]:
    """The days that the rollup does not answer for."""
    return {one.day for one in place.rolled_up(scope)[1]}


def total(place: Place, watermark: int = 2**62) -> int:
    return sum(count.events for count in place.rollups.count(Scope(), watermark, dict).values())


def test_a_day_that_was_counted_needs_no_events(place: Place) -> None:
    place.load(event(), event(), event(timestamp=TIMES[2], type="U"))
    assert len(days(place)) == 2
    place.count_days()
    groups, rest = place.rolled_up(Scope(), by=("type",))
    assert rest == []
    assert groups == {
        GroupKey(0, type="T"): GroupCount(2, 1, 0, 0),
        GroupKey(0, type="U"): GroupCount(1, 0, 0, 0),
    }
    assert place.keeper.count_some(place.look(), 2**62, 2**40) is None


def test_whatever_is_loaded_later_takes_its_day_from_the_rollup_at_once(place: Place) -> None:
    """Events that were admitted long ago, too: of a repaired segment, of a backup, of a node that was stopped."""
    place.load(event(admitted=3), event(timestamp=TIMES[2], admitted=3))
    place.count_days()
    place.load(event(admitted=1))
    for noted in (False, True):
        if noted:
            place.look()
        assert days(place) == {TIMES[0] // DAY_MS}
        assert total(place) == 3
    place.count_days()
    assert days(place) == set()
    assert total(place) == 3


def test_a_watermark_before_the_last_admission_has_the_events_counted(place: Place) -> None:
    place.load(event(admitted=2), event(admitted=4), event(timestamp=TIMES[2], admitted=2))
    place.count_days()
    assert [total(place, at) for at in (1, 2, 3, 4)] == [0, 2, 2, 3]
    assert {one.day for one in place.rollups.rolled_up(Scope(), 3, dict)[1]} == {TIMES[0] // DAY_MS}


def test_a_rebuilt_table_is_counted_anew(place: Place) -> None:
    place.load(event(), event(timestamp=TIMES[2]))
    place.count_days()
    place.store.run_table_script("rebuild_make", mark="a test")
    place.store.write(
        "INSERT INTO events_rebuilt SELECT * FROM events WHERE timestamp = {time:Int64}", {"time": TIMES[0]}
    )
    for script in ("rebuild_swap", "rebuild_part", "rebuild_drop"):
        place.store.run_table_script(script)
    assert total(place) == 1
    place.count_days()
    assert days(place) == set()
    assert total(place) == 1


def test_days_whose_events_were_deleted_are_counted_anew_once_they_are_forgotten(place: Place) -> None:
    place.load(event(), event(customer="D"))
    place.count_days()
    place.store.write("ALTER TABLE events DELETE WHERE customer = 'C' SETTINGS mutations_sync = 1", {})
    place.rollups.forget("C", "P", int(time.time() * 1000))
    assert total(place) == 1
    place.count_days()
    assert days(place) == set()
    assert total(place) == 1


def test_a_day_of_many_events_is_counted_piece_by_piece(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("rollups", "rollup_keeper"):
        monkeypatch.setattr(f"footfall.usage.{module}.COMPARED_ROWS_MAX", 2)
    same = [event(timestamp=TIMES[0] + at // 2 * 1_000_000, type="TU"[at % 2]) for at in range(9)]
    place.load(*same, *({**one, "batch": str(uuid.uuid4())} for one in same[:3]))
    before = place.rollups.count(Scope(), 2**62, dict, by=("type",))
    place.count_days()
    groups, rest = place.rolled_up(Scope(), by=("type",))
    assert rest == []
    assert groups == before
    assert sum(count.duplicates for count in groups.values()) == 3


def test_a_day_with_too_many_groups_is_left_to_its_events(engine: Any, place: Place) -> None:
    place.keeper = place.new_keeper(Settings(data_dir=place.settings.data_dir, rollup_groups_max=1))
    place.load(event(type="T"), event(type="U"))
    place.count_days()
    assert days(place) == {TIMES[0] // DAY_MS}
    assert total(place) == 2


def test_another_limit_for_late_events_has_all_days_counted_anew(place: Place) -> None:
    place.load(event(delay=LATE_MS))
    place.count_days()
    place.rollups = Rollups(place.store, LATE_MS - 1)
    assert days(place) == {TIMES[0] // DAY_MS}
    assert [count.late for count in place.rollups.count(Scope(), 2**62, dict).values()] == [1]
    place.keeper = place.new_keeper(Settings(data_dir=place.settings.data_dir, late_after_s=LATE_MS // 1000 - 1))


def test_days_with_copies_are_told_until_they_are_merged(place: Place) -> None:
    once, twice = event(), event(timestamp=TIMES[2])
    place.load(once, twice)
    assert len(place.rollups.unmerged_days(Scope(), dict)) == 2
    place.count_days()
    assert place.rollups.unmerged_days(Scope(), dict) == []
    place.load(twice)
    place.count_days()
    assert {one.day for one in place.rollups.unmerged_days(Scope(), dict)} == {TIMES[2] // DAY_MS}


def test_the_state_of_a_scope_tells_whether_anything_has_reached_it(place: Place) -> None:
    assert place.rollups.state(Scope(), dict).rows == 0
    place.load(event(admitted=2), event(timestamp=TIMES[2], admitted=5, product="Q"))
    first = place.rollups.state(Scope(products=("P",)), dict)
    assert (first.admitted_ms, first.first_day, first.last_day, first.rows) == (2, *[TIMES[0] // DAY_MS] * 2, 1)
    place.look()
    assert place.rollups.state(Scope(products=("P",)), dict) == first
    place.load(event(product="Q"))
    assert place.rollups.state(Scope(products=("P",)), dict) == first
    place.load(event(admitted=1))
    assert place.rollups.state(Scope(products=("P",)), dict).loaded_ms > first.loaded_ms


def test_a_look_notes_only_what_no_load_can_still_be_adding_to(place: Place) -> None:
    assert place.keeper.step() is None
    place.load(event())
    assert place.keeper.step() is None
    assert place.store.rows("SELECT count() FROM rollup_changes WHERE customer != ''", {}) == [(0,)]
    assert total(place) == 1


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
        place.rollups.forget("C", "P", int(time.time() * 1000))


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
