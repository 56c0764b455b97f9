"""Late events, on a real engine: found, waited for, and corrected."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from msgspec import structs

from footfall.reports import job_filter
from footfall.schedules import Scheduler, jobs
from footfall.schedules.jobs import Correct, Done, LateFindings, LateScan
from footfall.settings import Settings
from footfall.state import RunStatus, ScheduleRun, State, User
from footfall.store import Store, query
from footfall.windows import Window

OWNER = User(id="ann", password_hash="", customers=("C",), created_ms=0)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000


def first_report(place: Any, make: Any, **given: Any) -> tuple[Any, ScheduleRun]:
    """A schedule of hours with one report made, which has one event."""
    schedule = place.add(**({"from": place.now_ms - HOUR_MS} | given))
    place.load({"timestamp": schedule.next.start + 1})
    place.clock.ms += 1
    make(place, lambda: all_complete(place, schedule, 1))
    (run,) = place.runs(schedule)
    assert place.job(run).rows == 1
    return schedule, run


def all_complete(place: Any, schedule: Any, count: int) -> bool:
    runs = place.runs(schedule)
    return len(runs) == count and all(run.status is RunStatus.COMPLETE for run in runs)


def test_late_events_are_in_a_correction_once_they_have_settled(stored: Any, make: Any) -> None:
    schedule, run = first_report(
        stored, make, graceSeconds=600, filter={"customer": "C", "product": "P", "types": ["T"]}
    )
    stored.clock.ms += 5 * MINUTE_MS
    inside = {"timestamp": run.start_ms + 2}
    stored.load(inside, inside, inside | {"timestamp": run.end_ms}, inside | {"type": "U"}, inside | {"product": "Q"})
    stored.tick(10 * MINUTE_MS - 1)  # the grace is over in a millisecond, and it is time for a look
    assert len(stored.runs(schedule)) == 1
    stored.tick(HOUR_MS)
    corrected, correction = [each for each in stored.runs(schedule) if each.start_ms == run.start_ms]
    assert (corrected.status, corrected.look_ms) == (RunStatus.COMPLETE, None)
    assert (correction.correction, correction.late_events, correction.since_ms) == (1, 2, None)
    make(stored, lambda: all(each.status is RunStatus.COMPLETE for each in stored.runs(schedule)))
    correction = next(each for each in stored.runs(schedule) if each.correction == 1)
    assert stored.job(correction).rows == 3
    assert correction.until_ms == run.until_ms


def test_a_correction_may_have_only_what_came_since(stored: Any, make: Any) -> None:
    schedule, run = first_report(stored, make, correction="since")
    stored.clock.ms += 1
    stored.load({"timestamp": run.start_ms + 2})
    stored.tick(20 * MINUTE_MS)
    make(stored, lambda: all_complete(stored, schedule, 2))
    correction = stored.runs(schedule)[1]
    job = stored.job(correction)
    assert job.since_ms == run.watermark_ms == correction.since_ms
    assert (job.rows, correction.late_events) == (1, 1)


def test_many_workers_start_one_correction(stored: Any, make: Any) -> None:
    schedule, run = first_report(stored, make)
    stored.clock.ms += 1
    stored.load({"timestamp": run.start_ms + 2})
    stored.clock.ms += 20 * MINUTE_MS

    def work(_: int) -> None:
        with closing(State(f"sqlite:///{stored.settings.data / 'state.db'}")) as state:
            Scheduler(state, stored.store, stored.settings, stored.clock).tick()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert [each.correction for each in stored.runs(schedule)] == [0, 1]
    assert len(stored.state.jobs.newest(None, 100, None)) == 2


def test_without_late_events_nothing_is_corrected_and_the_looks_end(stored: Any, make: Any) -> None:
    schedule, run = first_report(stored, make, correctionDays=1)
    looks = 0
    stored.state.schedules.pause(schedule.id)  # no further windows: they would be looked at too
    while stored.runs(schedule)[0].look_ms is not None:
        stored.state.schedules.resume(schedule.id, stored.clock.ms)
        stored.clock.ms = stored.runs(schedule)[0].look_ms
        stored.scheduler()._retry_and_correct(lambda: False)
        looks += 1
    assert len(stored.runs(schedule)) == 1
    assert 40 < looks < 60
    assert stored.clock.ms == run.until_ms == run.watermark_ms + DAY_MS


def test_with_corrections_off_nobody_looks(stored: Any, make: Any) -> None:
    _, run = first_report(stored, make, correctionDays=0)
    assert run.look_ms is None


def test_a_correction_is_corrected_too(stored: Any, make: Any) -> None:
    schedule, run = first_report(stored, make)
    for number in (1, 2):
        stored.clock.ms += 20 * MINUTE_MS
        stored.load({"timestamp": run.start_ms + 10 * number})
        stored.clock.ms += 1
        window = [each for each in stored.runs(schedule) if each.start_ms == run.start_ms]
        stored.clock.ms = max(stored.clock.ms, window[-1].look_ms or 0)
        make(stored, lambda number=number: corrections(stored, schedule, run) == number)
    last = max(
        (each for each in stored.runs(schedule) if each.start_ms == run.start_ms), key=lambda one: one.correction
    )
    assert stored.job(last).rows == 3


def corrections(place: Any, schedule: Any, run: ScheduleRun) -> int:
    """The highest correction of a window that is complete."""
    window = [each for each in place.runs(schedule) if each.start_ms == run.start_ms]
    return max(each.correction for each in window if each.status is RunStatus.COMPLETE)


def test_windows_of_receipt_are_corrected_when_something_is_released_into_them(stored: Any, make: Any) -> None:
    filters = {"customer": "C", "product": "P", "basis": "received"}
    schedule = stored.add(filter=filters, **{"from": stored.now_ms - HOUR_MS})
    start_ms = schedule.next.start
    make(stored, lambda: all_complete(stored, schedule, 1))
    stored.clock.ms += 1
    stored.load({"timestamp": start_ms - DAY_MS, "received": start_ms + 1}, {"timestamp": start_ms + 1})
    stored.tick(20 * MINUTE_MS)
    assert [run.late_events for run in stored.runs(schedule) if run.correction] == [1]


def test_the_look_of_a_window_reads_that_window_alone(stored: Any, make: Any) -> None:
    job = jobs.make_scheduled_job(
        stored.state.schedules.get(stored.add().id), OWNER, Window(0, HOUR_MS), 1, 0, HOUR_MS, Settings()
    )
    stored.load(*({"timestamp": n * HOUR_MS} for n in range(100)))
    late = job_filter(job)
    text = f"EXPLAIN indexes = 1 {late.fill(query('schedule_late'))}"
    plan = "\n".join(line for (line,) in stored.store.rows(text, late.parameters))
    key = plan.partition("PrimaryKey")[2]
    assert all(f"{column} in" in key for column in ("customer", "product", "timestamp"))


def test_a_store_that_is_away_is_asked_again_later(stored: Any, make: Any) -> None:
    schedule, run = first_report(stored, make)
    away = structs.replace(stored.settings, events_url="clickhouse://u:p@127.0.0.1:1/none")
    stored.clock.ms += 20 * MINUTE_MS
    Scheduler(stored.state, Store(away), stored.settings, stored.clock)._retry_and_correct(lambda: False)
    (after,) = stored.runs(schedule)
    assert after.look_ms == stored.clock.ms + 15 * MINUTE_MS
    assert run.look_ms < after.look_ms


GRACE, PAUSE, UNTIL = 1000, 100, 10 * DAY_MS


@pytest.mark.parametrize(
    ("found", "now_ms", "then"),
    [
        (LateFindings(0, 0, 0), 0, LateScan(PAUSE)),
        (LateFindings(0, 0, 0), DAY_MS, LateScan(DAY_MS + DAY_MS // 20)),
        (LateFindings(0, 0, 0), UNTIL - 10, LateScan(UNTIL)),
        (LateFindings(0, 0, 0), UNTIL, Done()),
        (LateFindings(1, 5000, 5000), 5010, LateScan(6000)),
        (LateFindings(1, 5000, 5000), 5950, LateScan(6050)),
        (LateFindings(1, 5000, 5000), 6000, Correct()),
        (LateFindings(9, 5000, 5000 + DAY_MS), 4999 + DAY_MS, LateScan(5099 + DAY_MS)),
        (LateFindings(9, 5000, 5000 + DAY_MS), 5000 + DAY_MS, Correct()),
        (LateFindings(1, UNTIL - 10, UNTIL - 10), UNTIL - 5, LateScan(UNTIL)),
        (LateFindings(1, UNTIL - 10, UNTIL - 10), UNTIL, Correct()),
    ],
)
def test_when_to_look_and_when_to_correct(found: LateFindings, now_ms: int, then: object) -> None:
    assert jobs.decide_correction(found, 0, now_ms, GRACE, UNTIL, PAUSE) == then


def test_no_look_is_later_than_the_last() -> None:
    assert jobs.next_scan(0, 10, 10, PAUSE) is None
    assert jobs.next_scan(0, 5, 10, PAUSE) == 10
