"""The statements about report jobs: who runs which, how far it is, how it ended.

Leases are by the database's clock alone, the only one that all nodes share: by their own, a node whose clock is ahead
would take jobs from others that are at work.
"""

from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    cast,
    delete,
    extract,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    update,
)

from footfall.state.records import Job, JobBounds, JobStatus, RunStatus
from footfall.state.tables import jobs, schedule_runs
from footfall.wire import ReportFilter, ReportOutput

# Retention takes this many at a time, so that a backlog of years does not come into memory at once.
ENDED_JOBS_MAX = 1_000
# Jobs that the start of another forgets at once: their ids are parameters of one statement.
FORGOTTEN_JOBS_MAX = 500
# How long after its end a job may still be cleared away after by the worker that had it.
CLEARED_MS = 600_000
# A reason is for people; what an engine says in full is in the log.
REASON_CHARS_MAX = 2_000


# The database's time in ms since the Unix epoch: the same wherever it stands in one statement.
_NOW_MS = {
    "postgresql": cast(extract("epoch", func.statement_timestamp()) * 1000, BigInteger),
    "sqlite": cast((func.julianday("now") - literal_column("2440587.5")) * 86_400_000, BigInteger),
}

# Where a page of the list ends: the time at which its last job was started, and that job's id.
Place = tuple[int, str]


class TooManyJobs(Exception):
    """The user has as many jobs of this status as they may: RUNNING, or COMPLETE with a file that is kept."""

    def __init__(self, status: JobStatus, most: int) -> None:
        super().__init__(f"{most} jobs are {status}, and no more may be")
        self.status = status
        self.most = most


def add(connection: Connection, job: Job, bounds: JobBounds | None) -> None:
    if bounds is not None:
        _take_turn(connection, job.account)
        if job.schedule is None:
            _check(connection, job.account, bounds)
        _forget(connection, job, bounds)
    row = msgspec.structs.asdict(job)
    row["user_id"] = row.pop("user")
    row["filter"] = msgspec.json.encode(job.filter).decode()
    row["output"] = None if job.output is UNSET else msgspec.json.encode(job.output).decode()
    connection.execute(jobs.insert().values(row))


def get(connection: Connection, job_id: str) -> Job | None:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    return None if row is None else _job(row)


def list_newest(connection: Connection, account: str | None, limit: int, before: Place | None) -> list[Job]:
    statement = select(jobs).order_by(jobs.c.started_ms.desc(), jobs.c.id.desc()).limit(limit)
    if account is not None:
        statement = statement.where(jobs.c.account == account)
    if before is not None:
        statement = statement.where(tuple_(jobs.c.started_ms, jobs.c.id) < tuple_(*before))
    return [_job(row) for row in connection.execute(statement)]


def list_ended(connection: Connection, before_ms: int) -> list[Job]:
    ended = (jobs.c.ended_ms < before_ms) | (jobs.c.expired == true())
    there = jobs.c.removed == false()
    statement = select(jobs).where(ended, there).order_by(jobs.c.ended_ms, jobs.c.id).limit(ENDED_JOBS_MAX)
    return [_job(row) for row in connection.execute(statement)]


def count(connection: Connection) -> dict[JobStatus, int]:
    found = connection.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status))
    return {JobStatus(status): number for status, number in found}


def claim(connection: Connection, owner: str, lease_ms: int) -> Job | None:
    now_ms = _now_ms(connection)
    job_id = connection.scalar(_next_job(now_ms))
    if job_id is None:
        return None
    lease = {"owner": owner, "lease_until_ms": now_ms + lease_ms, "tries": jobs.c.tries + 1}
    statement = update(jobs).where(jobs.c.id == job_id).values(lease).returning(*jobs.c)
    return _job(connection.execute(statement).one())


def renew(connection: Connection, job_id: str, owner: str, lease_ms: int) -> bool:
    return _changed(connection, _owned(job_id, owner).values(lease_until_ms=_now_ms(connection) + lease_ms))


def release(connection: Connection, job_id: str, owner: str) -> bool:
    given_back = {"lease_until_ms": _now_ms(connection), "stops": jobs.c.stops + 1}
    return _changed(connection, _owned(job_id, owner).values(given_back))


def progress(connection: Connection, job_id: str, owner: str, counts: dict[str, float]) -> bool:
    return _changed(connection, _owned(job_id, owner).values(counts))


def pin(connection: Connection, job_id: str, owner: str, watermark_ms: int) -> bool:
    return _changed(connection, _owned(job_id, owner).values(watermark_ms=watermark_ms))


def is_held(connection: Connection, job_id: str, owner: str) -> bool:
    held = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.owner == owner, jobs.c.status == JobStatus.RUNNING)
    return connection.scalar(held) is not None


def cancel(connection: Connection, job_id: str, now_ms: int, reason: str) -> bool:
    end = {"status": JobStatus.FAILED, "ended_ms": now_ms, "lease_until_ms": None, "reason": reason}
    running = jobs.c.status == JobStatus.RUNNING
    return _changed(connection, update(jobs).where(jobs.c.id == job_id, running).values(end))


def finish(connection: Connection, job_id: str, owner: str, end: dict[str, Any]) -> bool:
    end = end | {"lease_until_ms": None, "reason": _storable(end["reason"])}
    return _changed(connection, _owned(job_id, owner).values(end))


def expire(connection: Connection, job_id: str) -> bool:
    kept = jobs.c.expired.is_(False)
    ended = jobs.c.status != JobStatus.RUNNING
    return _changed(connection, update(jobs).where(jobs.c.id == job_id, kept, ended).values(expired=True))


def remove(connection: Connection, job_id: str) -> bool:
    there = (jobs.c.removed == false()) & (jobs.c.expired == true())
    return _changed(connection, update(jobs).where(jobs.c.id == job_id, there).values(removed=True))


def _take_turn(connection: Connection, account: str) -> None:
    """Until the transaction ends, nobody else holds the user's jobs against their bounds."""
    if connection.dialect.name == "postgresql":  # SQLite's writers take turns anyway
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(account, 0))))


def _check(connection: Connection, account: str, bounds: JobBounds) -> None:
    """Raise TooManyJobs unless the user may have another job.

    Those of schedules do not count: they have bounds of their own, and must not keep their owner from asking.
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


def _forget(connection: Connection, started: Job, bounds: JobBounds) -> None:
    """Forget the user's oldest jobs that are over and have no file, past the bounds on them, some at a time.

    A worker that had one may still have to clear away after it, for which it is kept a while. Those of the user's
    schedules, removed ones too, have the same bounds once more, and stay until their run knows how they ended: it keeps
    what corrections and tries need.
    """
    size = func.length(jobs.c.filter) + func.coalesce(func.length(jobs.c.manifest), 0)
    over = or_(jobs.c.owner.is_(None), jobs.c.removed == true(), jobs.c.ended_ms < started.started_ms - CLEARED_MS)
    fileless = or_(jobs.c.status.in_((JobStatus.FAILED, JobStatus.TIMEOUT)), jobs.c.removed == true())
    own = (jobs.c.account == started.account) & (jobs.c.status != JobStatus.RUNNING) & _like(started)
    newest = select(jobs.c.id, size).where(own, fileless, over).order_by(jobs.c.started_ms.desc(), jobs.c.id.desc())
    kept = chars = 0
    forgotten: list[str] = []
    for job_id, job_chars in connection.execute(newest):
        kept, chars = kept + 1, chars + job_chars
        if kept > bounds.ended or chars > bounds.ended_chars:
            forgotten.append(job_id)
    if forgotten:
        connection.execute(delete(jobs).where(jobs.c.id.in_(forgotten[-FORGOTTEN_JOBS_MAX:])))


def _like(started: Job) -> ColumnElement[bool]:
    """Those that are users' own, or those of schedules which are not waited for any more."""
    if started.schedule is None:
        return jobs.c.schedule.is_(None)
    waited_for = select(schedule_runs.c.job).where(schedule_runs.c.status == RunStatus.RUNNING)
    return jobs.c.schedule.is_not(None) & jobs.c.id.not_in(waited_for)


def _now_ms(connection: Connection) -> ColumnElement[int]:
    return _NOW_MS[connection.dialect.name]


def _next_job(now_ms: ColumnElement[int]) -> Select[tuple[str]]:
    """The job to claim: of the user with the fewest jobs in work, and of these the one whose last job ended first, the
    oldest. So users take turns, also where there is room for one job only. Rows being claimed are skipped.
    """
    others = jobs.alias("others")
    in_work = (
        select(func.count())
        .select_from(others)
        .where(others.c.account == jobs.c.account, others.c.status == JobStatus.RUNNING)
        .where(others.c.lease_until_ms > now_ms)
        .scalar_subquery()
    )
    last_ended = (
        select(others.c.ended_ms)
        .where(others.c.account == jobs.c.account, others.c.ended_ms.is_not(None))
        .order_by(others.c.ended_ms.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(jobs.c.id)
        .where(jobs.c.status == JobStatus.RUNNING, _unleased(now_ms))
        .order_by(in_work, last_ended.asc().nulls_first(), jobs.c.started_ms, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=jobs)
    )


def _unleased(now_ms: ColumnElement[int]) -> ColumnElement[bool]:
    return or_(jobs.c.lease_until_ms.is_(None), jobs.c.lease_until_ms <= now_ms)


def _owned(job_id: str, owner: str) -> Update:
    return update(jobs).where(jobs.c.id == job_id, jobs.c.owner == owner, jobs.c.status == JobStatus.RUNNING)


def _changed(connection: Connection, statement: Update) -> bool:
    return connection.execute(statement).rowcount == 1


def _storable(reason: str | None) -> str | None:
    """The reason as any database takes it: an odd character in an engine's message must not keep a job from ending."""
    if reason is None:
        return None
    return reason[:REASON_CHARS_MAX].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _job(row: Row[Any]) -> Job:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    fields["user"] = fields.pop("user_id")
    fields["filter"] = msgspec.json.decode(fields["filter"], type=ReportFilter)
    fields["status"] = JobStatus(fields["status"])
    output = fields["output"]
    fields["output"] = UNSET if output is None else msgspec.json.decode(output, type=ReportOutput)
    return Job(**fields)
