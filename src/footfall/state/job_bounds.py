"""A job is added within the bounds of its user, who then forgets their oldest ended jobs.

The checks run in the transaction that adds the job, so they hold however many jobs are added at once.
"""

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Connection, delete, false, func, or_, select, true

from footfall.state.records import Job, JobBounds, JobStatus, RunStatus
from footfall.state.tables import jobs, schedule_runs

# Jobs that the start of another forgets at once: their ids are parameters of one statement.
FORGOTTEN_JOBS_MAX = 500
# For this long after its end, a job's worker may still remove what the job left behind.
CLEANUP_MS_MAX = 600_000


class TooManyJobs(Exception):
    """The user has as many jobs of this status as they may: RUNNING, or COMPLETE with a file that is kept."""

    def __init__(self, status: JobStatus, most: int) -> None:
        super().__init__(f"{most} jobs are {status}, and no more may be")
        self.status = status
        self.most = most


def add_job(connection: Connection, job: Job, bounds: JobBounds | None) -> None:
    """Add a job; with `bounds`, raises TooManyJobs, and forgets the user's oldest jobs that ended without a file."""
    if bounds is not None:
        _lock_jobs_of(connection, job.account)
        if job.schedule is None:
            _require_room(connection, job.account, bounds)
        _forget_ended(connection, job, bounds)
    row = msgspec.structs.asdict(job)
    row["user_id"] = row.pop("user")
    row["filter"] = msgspec.json.encode(job.filter).decode()
    row["output"] = None if job.output is UNSET else msgspec.json.encode(job.output).decode()
    connection.execute(jobs.insert().values(row))


def _lock_jobs_of(connection: Connection, account: str) -> None:
    """Until the transaction ends, no other one checks the bounds of this user."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(account, 0))))


def _require_room(connection: Connection, account: str, bounds: JobBounds) -> None:
    """Raise TooManyJobs unless the user may have another job.

    Jobs of schedules do not count: they have bounds of their own, and must not keep their owner from ordering reports.
    """
    running = jobs.c.status == JobStatus.RUNNING
    kept = (jobs.c.status == JobStatus.COMPLETE) & (jobs.c.expired == false())
    for status, condition, most in (
        (JobStatus.RUNNING, running, bounds.running),
        (JobStatus.COMPLETE, kept, bounds.kept),
    ):
        own = (jobs.c.account == account) & jobs.c.schedule.is_(None)
        found = connection.scalar(select(func.count()).select_from(jobs).where(own, condition))
        if (found or 0) >= most:
            raise TooManyJobs(status, most)


def _forget_ended(connection: Connection, started: Job, bounds: JobBounds) -> None:
    """Forget the user's oldest ended jobs without a file that are past the bounds, FORGOTTEN_JOBS_MAX at a time.

    A job is kept for CLEANUP_MS_MAX after its end, for its worker. Jobs of schedules, removed ones among them, are
    counted apart with the same bounds, and stay until their run knows how they ended: the run needs that for
    corrections and further tries.
    """
    size = func.length(jobs.c.filter) + func.coalesce(func.length(jobs.c.manifest), 0)
    over = or_(jobs.c.owner.is_(None), jobs.c.removed == true(), jobs.c.ended_ms < started.started_ms - CLEANUP_MS_MAX)
    fileless = or_(jobs.c.status.in_((JobStatus.FAILED, JobStatus.TIMEOUT)), jobs.c.removed == true())
    own = (jobs.c.account == started.account) & (jobs.c.status != JobStatus.RUNNING) & _counted_with(started)
    newest = select(jobs.c.id, size).where(own, fileless, over).order_by(jobs.c.started_ms.desc(), jobs.c.id.desc())
    kept = chars = 0
    forgotten: list[str] = []
    for job_id, job_chars in connection.execute(newest):
        kept, chars = kept + 1, chars + job_chars
        if kept > bounds.ended or chars > bounds.ended_chars:
            forgotten.append(job_id)
    if forgotten:
        connection.execute(delete(jobs).where(jobs.c.id.in_(forgotten[-FORGOTTEN_JOBS_MAX:])))


def _counted_with(started: Job) -> ColumnElement[bool]:
    """The jobs with which a new one is counted: the user's own, or those of schedules that no run waits for."""
    if started.schedule is None:
        return jobs.c.schedule.is_(None)
    waited_for = select(schedule_runs.c.job).where(schedule_runs.c.status == RunStatus.RUNNING)
    return jobs.c.schedule.is_not(None) & jobs.c.id.not_in(waited_for)
