"""How many jobs a user may have, however many are added at once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from footfall.state import Job, JobBounds, JobStatus, State, TooManyJobs
from footfall.wire import ReportFilter


def job(user: str = "alice", started_ms: int = 0, **fields: Any) -> Job:
    wanted = ReportFilter(customer="BARCHART", product="PORTFOLIO")
    return Job(
        id=str(uuid.uuid4()),
        user=user,
        account=user,
        filter=wanted,
        started_ms=started_ms,
        watermark_ms=started_ms,
        **fields,
    )


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.COMPLETE])
def test_a_user_never_has_more_jobs_than_the_bounds_allow(state: State, status: JobStatus) -> None:
    bounds = JobBounds(5, 1_000) if status is JobStatus.RUNNING else JobBounds(1_000, 5)
    for each in (job(status=status), job(status=status), job(status=JobStatus.COMPLETE, expired=True), job("bob")):
        state.jobs.add(each)

    def try_to_add(number: int) -> tuple[JobStatus, int] | None:
        try:
            state.jobs.add(job(status=status, started_ms=number), bounds)
        except TooManyJobs as error:
            return error.status, error.most
        return None

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(try_to_add, range(24)))
    assert (answers.count(None), answers.count((status, 5))) == (3, 21)
    state.jobs.add(job("carol"), bounds)


def over(number: int, **fields: Any) -> Job:
    """A job of alice's that was cancelled before a worker had it."""
    return job(started_ms=number, status=JobStatus.FAILED, ended_ms=number, **fields)


def kept(state: State) -> list[int]:
    return [each.started_ms for each in state.jobs.newest("alice", 1_000, None)][::-1]


def test_the_oldest_jobs_without_a_file_are_forgotten_as_others_start(state: State) -> None:
    bounds = JobBounds(100, 100, ended=3)
    for number in range(10):
        state.jobs.add(over(number), bounds)
    assert kept(state) == [6, 7, 8, 9]  # The last comes on top of the three, and is over by then.


def test_jobs_without_a_file_have_so_many_characters_together(state: State) -> None:
    long = ReportFilter(customer="C", product="P", types=["T" * 200] * 10)
    bounds = JobBounds(100, 100, ended_chars=5_000)
    for number in range(20):
        state.jobs.add(msgspec.structs.replace(over(number), filter=long), bounds)
    assert kept(state) == [17, 18, 19]


def test_only_what_is_over_and_without_a_file_is_forgotten(state: State) -> None:
    bounds = JobBounds(100, 100, ended=1)
    minute_ms = 60_000
    stay = [
        job(started_ms=1),
        job(started_ms=2, status=JobStatus.COMPLETE, ended_ms=2),
        job(started_ms=3, status=JobStatus.COMPLETE, ended_ms=3, expired=True, owner="worker"),
        over(4, schedule="s"),
        over(5 * minute_ms, owner="a worker that may still clear away after it"),
    ]
    for each in (*stay, job("bob", 1, status=JobStatus.FAILED, ended_ms=1)):
        state.jobs.add(each)
    for each in (over(7), job(started_ms=8, status=JobStatus.COMPLETE, ended_ms=8, expired=True, removed=True)):
        state.jobs.add(each)
    state.jobs.add(over(9, owner="a worker of long ago"))
    state.jobs.add(job(started_ms=11 * minute_ms), bounds)
    assert kept(state) == [1, 2, 3, 4, 9, 5 * minute_ms, 11 * minute_ms]
    assert len(state.jobs.newest("bob", 10, None)) == 1
