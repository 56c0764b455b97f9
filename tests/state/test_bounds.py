"""How many jobs a user may have, however many are added at once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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
        state.job_add(each)

    def try_to_add(number: int) -> tuple[JobStatus, int] | None:
        try:
            state.job_add(job(status=status, started_ms=number), bounds)
        except TooManyJobs as error:
            return error.status, error.most
        return None

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(try_to_add, range(24)))
    assert (answers.count(None), answers.count((status, 5))) == (3, 21)
    state.job_add(job("carol"), bounds)
