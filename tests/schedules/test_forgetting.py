"""Which ended reports of schedules are forgotten, and that nothing is lost or made twice by it."""

from typing import Any

from msgspec import structs

from footfall.reports import CANCELLED
from footfall.state import JobBounds, RunStatus

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def test_ended_reports_of_schedules_are_forgotten_but_for_the_newest_and_nothing_is_made_twice(make_place: Any) -> None:
    place = make_place(reports_ended_max=3, schedule_steps_max=1, schedule_tries_max=1)
    schedule = place.add(**{"from": place.now_ms - 8 * HOUR_MS})
    for _ in range(8):
        place.tick(1)
        (running,) = place.state.schedules.newest_runs(schedule.id, 1)
        end(place, running.job)
    place.tick(MINUTE_MS)
    runs = place.runs(schedule)
    assert [run.start_ms for run in runs] == sorted({run.start_ms for run in runs})
    assert [run.status for run in runs] == [RunStatus.FAILED] * len(runs)
    there = [place.state.jobs.get(run.job) is not None for run in runs]
    # Those over when the last one was started, and it itself.
    assert there == [False] * (len(runs) - 4) + [True] * 4


def test_the_end_of_a_report_that_its_run_has_not_seen_is_kept(place: Any) -> None:
    schedule = place.add(**{"from": place.now_ms - 2 * HOUR_MS})
    place.tick()
    one, two = place.runs(schedule)
    end(place, one.job)
    new = structs.replace(place.job(two), id="new", started_ms=place.clock.ms + 1)
    place.state.jobs.add(new, JobBounds(1, 1, ended=0))
    place.tick()
    first = place.runs(schedule)[0]
    assert (first.status, first.reason) == (RunStatus.FAILED, CANCELLED)
    place.state.jobs.add(structs.replace(new, id="newer"), JobBounds(1, 1, ended=0))
    assert place.state.jobs.get(one.job) is None


def end(place: Any, job_id: str) -> None:
    assert place.state.jobs.cancel(job_id, place.clock.ms, CANCELLED)
