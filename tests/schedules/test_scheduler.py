"""What a worker starts and when, on both databases."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from msgspec import structs
from programs import program
from sqlalchemy import text

from footfall.reports import CANCELLED
from footfall.schedules import Scheduler
from footfall.schedules import jobs as schedules_jobs
from footfall.settings import Settings
from footfall.state import JobBounds, JobStatus, RunStatus, State, TooManyJobs
from footfall.store import Store

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def starts(place: Any, schedule: Any) -> list[int]:
    return [run.start_ms for run in place.runs(schedule)]


def test_the_first_report_is_of_the_window_that_is_open_now(place: Any) -> None:
    schedule = place.add()
    begin_ms = place.now_ms // HOUR_MS * HOUR_MS
    assert (schedule.next.start, schedule.next.end) == (begin_ms, begin_ms + HOUR_MS - 1)
    place.tick(39 * MINUTE_MS)
    assert place.runs(schedule) == []
    place.tick(MINUTE_MS)
    (run,) = place.runs(schedule)
    job = place.job(run)
    assert (run.start_ms, run.end_ms, run.correction) == (begin_ms, begin_ms + HOUR_MS, 0)
    assert (job.filter.start, job.filter.end) == (begin_ms, begin_ms + HOUR_MS - 1)
    assert (job.user, job.schedule, job.watermark_ms, job.since_ms) == ("ann", schedule.id, place.clock.ms, None)


def test_a_window_is_started_once(place: Any) -> None:
    schedule = place.add()
    for _ in range(3):
        place.tick(20 * MINUTE_MS)
        place.tick()
    assert len(place.runs(schedule)) == 1


def test_a_report_waits_for_the_time_of_grace(place: Any) -> None:
    schedule = place.add(graceSeconds=1800)
    place.tick(40 * MINUTE_MS + 1800_000 - 1)
    assert place.runs(schedule) == []
    place.tick(1)
    assert len(place.runs(schedule)) == 1


def test_what_an_outage_missed_is_made_up_for_in_order_and_some_at_a_time(make_place: Any) -> None:
    place = make_place(schedule_steps_max=3, schedule_running_max=100)
    schedule = place.add()
    first_ms = schedule.next.start
    place.clock.ms += 10 * HOUR_MS
    counts = []
    for _ in range(5):
        place.tick()
        counts.append(len(place.runs(schedule)))
    assert counts == [3, 6, 9, 10, 10]
    assert starts(place, schedule) == [first_ms + n * HOUR_MS for n in range(10)]
    jobs = [place.job(run) for run in place.runs(schedule)]
    assert [job.filter.start for job in jobs] == starts(place, schedule)


def test_few_reports_of_a_schedule_run_at_once_and_others_need_not_wait(make_place: Any) -> None:
    place = make_place(schedule_running_max=2)
    behind = place.add()
    place.clock.ms += 10 * HOUR_MS
    place.tick()
    place.tick()
    assert len(place.runs(behind)) == 2
    other = place.add()
    place.tick(HOUR_MS)
    assert (len(place.runs(behind)), len(place.runs(other))) == (2, 1)
    while place.end():
        place.tick()
    assert starts(place, behind) == [behind.next.start + n * HOUR_MS for n in range(11)]


def test_windows_follow_the_clocks_of_the_time_zone(place: Any) -> None:
    # 2025-10-26 has 25 hours in Berlin.
    schedule = place.add(every="day", timezone="Europe/Berlin", **{"from": 1_761_300_000_000 - 10 * 86_400_000})
    place.clock.ms = 1_761_700_000_000
    for _ in range(10):
        place.tick()
        place.end()
        place.tick()
    lengths = [(run.end_ms - run.start_ms) // HOUR_MS for run in place.runs(schedule)]
    assert lengths.count(25) == 1
    assert set(lengths) == {24, 25}
    assert all(
        one.end_ms == two.start_ms for one, two in zip(place.runs(schedule), place.runs(schedule)[1:], strict=False)
    )


def test_a_schedule_may_begin_in_the_past(place: Any) -> None:
    schedule = place.add(**{"from": place.now_ms - 3 * HOUR_MS})
    place.tick()
    assert starts(place, schedule) == [place.now_ms // HOUR_MS * HOUR_MS - n * HOUR_MS for n in (3, 2, 1)]


def test_many_workers_start_each_window_once(place: Any, url: str) -> None:
    schedules = [place.add(**{"from": place.now_ms - 5 * HOUR_MS}) for _ in range(3)]
    settings = Settings(data_dir=place.settings.data_dir, schedule_running_max=100)

    def work(_: int) -> None:
        with closing(State(url)) as state, closing(Store(settings)) as store:
            scheduler = Scheduler(state, store, settings, place.clock)
            for _ in range(3):
                scheduler.tick()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    for schedule in schedules:
        assert starts(place, schedule) == [place.now_ms // HOUR_MS * HOUR_MS - n * HOUR_MS for n in (5, 4, 3, 2, 1)]
    jobs = place.state.jobs.newest(None, 100, None)
    assert sorted(job.id for job in jobs) == sorted(run.job for each in schedules for run in place.runs(each))


def test_many_workers_try_again_once(place: Any, url: str) -> None:
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    place.tick()
    place.end(JobStatus.FAILED, "no")
    place.tick()
    place.clock.ms += MINUTE_MS

    def work(_: int) -> None:
        with closing(State(url)) as state:
            Scheduler(state, place.store, place.settings, place.clock).tick()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    (run,) = place.runs(schedule)
    assert (run.status, run.tries) == (RunStatus.RUNNING, 2)
    assert {job.id for job in place.state.jobs.newest(None, 100, None)} == {run.job, *run.earlier_jobs}


def test_a_kill_between_the_run_and_its_job_leaves_neither(place: Any, url: str) -> None:
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    killed = subprocess.run(
        [sys.executable, program("die_while_scheduling"), url, place.settings.data_dir], check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert (place.runs(schedule), place.state.jobs.newest(None, 10, None)) == ([], [])
    place.tick()
    assert starts(place, schedule) == [place.now_ms // HOUR_MS * HOUR_MS - HOUR_MS]


def test_a_report_that_failed_is_tried_again_and_then_seen_to_have_failed(make_place: Any) -> None:
    place = make_place(schedule_tries_max=3)
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    place.tick()
    seen = []
    for pause_ms in (MINUTE_MS, 4 * MINUTE_MS, 16 * MINUTE_MS):
        place.end(JobStatus.TIMEOUT, "too slow")
        place.tick()
        (run,) = place.runs(schedule)[:1]
        seen.append((run.status, run.tries, run.reason))
        place.tick(pause_ms - 1)
        assert place.state.jobs.count_by_status().get(JobStatus.RUNNING, 0) == 0
        place.tick(1)
    assert seen == [
        (RunStatus.WAITING, 1, "too slow"),
        (RunStatus.WAITING, 2, "too slow"),
        (RunStatus.FAILED, 3, "too slow"),
    ]
    (shown,) = place.desk.find(place.state.users.get("ann"), schedule.id).runs
    assert (shown.status, len(shown.earlier), shown.reason) == ("FAILED", 2, "too slow")
    place.tick(6 * MINUTE_MS)
    assert place.runs(schedule)[0].status is RunStatus.FAILED
    assert place.state.schedules.count_failed(CANCELLED) == 1
    assert place.state.schedules.failed(CANCELLED, 10) == [(schedule.id, "ann", schedule.name)]


def test_a_report_that_succeeds_at_its_second_try_is_complete(place: Any) -> None:
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    place.tick()
    place.end(JobStatus.FAILED, "no")
    place.tick()
    place.tick(MINUTE_MS)
    place.end()
    place.tick()
    (run,) = place.runs(schedule)
    assert (run.status, run.tries, run.reason, len(run.earlier_jobs)) == (RunStatus.COMPLETE, 2, None, 1)
    assert run.watermark_ms == place.job(run).watermark_ms


def test_a_report_that_was_cancelled_does_not_come_again_by_itself(place: Any) -> None:
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    place.tick()
    place.end(JobStatus.FAILED, CANCELLED)
    place.tick()
    (run,) = place.runs(schedule)
    assert (run.status, run.tries, run.reason, run.look_ms) == (RunStatus.FAILED, 1, CANCELLED, None)
    assert place.state.schedules.count_failed(CANCELLED) == 0


def test_a_failed_window_is_tried_again_when_the_schedule_is_resumed(make_place: Any) -> None:
    place = make_place(schedule_tries_max=1)
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    place.tick()
    place.end(JobStatus.FAILED, "no")
    place.tick()
    assert place.runs(schedule)[0].status is RunStatus.FAILED
    place.desk.resume(place.state.users.get("ann"), schedule.id)
    place.tick()
    place.end()
    place.tick()
    assert place.runs(schedule)[0].status is RunStatus.COMPLETE


def test_a_paused_schedule_goes_on_where_it_was(place: Any) -> None:
    schedule = place.add()
    owner = place.state.users.get("ann")
    assert place.desk.pause(owner, schedule.id).paused
    place.tick(5 * HOUR_MS)
    assert place.runs(schedule) == []
    assert not place.desk.resume(owner, schedule.id).paused
    place.tick()
    place.end()
    place.tick()
    assert starts(place, schedule) == [schedule.next.start + n * HOUR_MS for n in range(5)]


def test_a_schedule_of_nobody_is_paused_with_the_reason(place: Any) -> None:
    schedule = place.add()
    place.state.users.remove("ann")
    place.tick(HOUR_MS)
    found = place.state.schedules.get(schedule.id)
    assert (found.paused, found.reason) == (True, "user 'ann', who made it, was removed")
    assert place.state.schedules.count_failed(CANCELLED) == 1
    assert place.runs(schedule) == []


def test_a_removed_schedule_leaves_its_reports(place: Any) -> None:
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    place.tick()
    (run,) = place.runs(schedule)
    place.desk.remove(place.state.users.get("ann"), schedule.id)
    assert place.runs(schedule) == []
    assert place.job(run).schedule == schedule.id
    place.end()
    place.tick(HOUR_MS)


def test_a_stopped_worker_starts_no_more(place: Any) -> None:
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    place.scheduler().tick(lambda: True)
    assert place.runs(schedule) == []


def test_a_report_whose_job_is_gone_is_tried_again(place: Any) -> None:
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    place.tick()
    with place.state.database.write() as connection:
        connection.execute(text("DELETE FROM jobs"))
    place.tick()
    place.tick(MINUTE_MS)
    (run,) = place.runs(schedule)
    assert (run.status, run.tries) == (RunStatus.RUNNING, 2)
    assert place.job(run)


def test_a_fault_with_one_schedule_does_not_hold_up_the_others(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = place.add(name="broken"), place.add(name="sound")
    make = schedules_jobs.make_scheduled_job

    def fail(schedule: Any, *given: Any) -> Any:
        if schedule.id == broken.id:
            raise ZeroDivisionError
        return make(schedule, *given)

    monkeypatch.setattr(schedules_jobs, "make_scheduled_job", fail)
    place.tick(HOUR_MS)
    assert (len(place.runs(broken)), len(place.runs(sound))) == (0, 1)
    found = place.state.schedules.get(broken.id)
    assert found.paused
    assert found.reason.startswith("a fault of the service")


def test_a_state_that_is_away_is_waited_for(place: Any, caplog: pytest.LogCaptureFixture) -> None:
    away = State("postgresql://ann:secret@127.0.0.1:1/none")
    Scheduler(away, place.store, place.settings, place.clock).tick()
    assert "schedules wait: state database 127.0.0.1:1/none" in caplog.text
    assert "secret" not in caplog.text


def test_a_schedule_whose_time_zone_is_not_known_here_is_paused(place: Any) -> None:
    schedule = place.add()
    with place.state.database.write() as connection:
        connection.execute(text("UPDATE schedules SET timezone = 'Mars/Olympus'"))
    place.tick(HOUR_MS)
    shown = place.desk.find(place.state.users.get("ann"), schedule.id)
    assert (shown.paused, shown.reason) == (True, "the time zone Mars/Olympus is not known here")
    assert shown.next.end == schedule.next.end


def test_reports_of_schedules_do_not_keep_their_owner_from_asking(place: Any) -> None:
    schedule = place.add(**{"from": place.now_ms - 2 * HOUR_MS})
    place.tick()
    one, two = (place.job(run) for run in place.runs(schedule))
    own = [structs.replace(one, id=str(number), schedule=None) for number in range(2)]
    place.state.jobs.add(own[0], JobBounds(1, 1))
    with pytest.raises(TooManyJobs):
        place.state.jobs.add(own[1], JobBounds(1, 1))
    assert {job.schedule for job in (one, two)} == {schedule.id}
