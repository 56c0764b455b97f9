"""Report jobs: which worker runs which, how far each is, how it ended.

Leases are by the database's clock alone, the only one that all nodes share: by their own, a node whose clock is ahead
would take jobs from workers that are alive.
"""

from collections.abc import Collection
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

from footfall.state.database import Database, may_be_id
from footfall.state.job_bounds import add_job
from footfall.state.records import Job, JobBounds, JobStatus
from footfall.state.tables import jobs
from footfall.wire import ReportFilter, ReportOutput

# Retention takes this many at a time, so that a backlog of years does not come into memory at once.
ENDED_JOBS_MAX = 1_000
# Ids that are parameters of one statement.
ASKED_JOBS_MAX = 500
# A reason is for people; an engine's whole message is in the log.
REASON_CHARS_MAX = 2_000

# The database's time in ms since the Unix epoch: the same wherever it stands in one statement.
_NOW_MS = {
    "postgresql": cast(extract("epoch", func.statement_timestamp()) * 1000, BigInteger),
    "sqlite": cast((func.julianday("now") - literal_column("2440587.5")) * 86_400_000, BigInteger),
}

# Where a page of the list ends: the time at which its last job was started, and that job's id.
PageEnd = tuple[int, str]


class JobRepository:
    """The report jobs. Each call is one transaction, and raises StateUnavailable when the database is away.

    The calls of an owner give False when its lease was lost to another, or the job has ended.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: Job, bounds: JobBounds | None = None) -> None:
        """Add a job; raises TooManyJobs when its user has as many as `bounds` allow, however many add at once."""
        with self._database.write() as connection:
            add_job(connection, job, bounds)

    def get(self, job_id: str) -> Job | None:
        if not may_be_id(job_id):
            return None
        with self._database.read() as connection:
            return find_job(connection, job_id)

    def newest(self, account: str | None, limit: int, before: PageEnd | None) -> list[Job]:
        """The newest `limit` jobs of an account, or of all for None, newest first; `before` is where a page ended."""
        statement = select(jobs).order_by(jobs.c.started_ms.desc(), jobs.c.id.desc()).limit(limit)
        if account is not None:
            statement = statement.where(jobs.c.account == account)
        if before is not None:
            statement = statement.where(tuple_(jobs.c.started_ms, jobs.c.id) < tuple_(*before))
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def count_by_status(self) -> dict[JobStatus, int]:
        """How many jobs there are of each status; a status without jobs is left out."""
        with self._database.read() as connection:
            found = connection.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status))
            return {JobStatus(status): number for status, number in found}

    def claim(self, owner: str, lease_ms: int) -> Job | None:
        """Lease a job to `owner` for `lease_ms`; None when none waits. Each job goes to one caller.

        The user with the fewest leased jobs comes first, then the one whose last job ended first, and of their jobs the
        oldest; between claims at the same moment this holds nearly. An owner is one attempt: claimants that run at the
        same time must have different ones.
        """
        with self._database.write() as connection:
            now_ms = _now_ms(connection)
            job_id = connection.scalar(_next_job(now_ms))
            if job_id is None:
                return None
            lease = {"owner": owner, "lease_until_ms": now_ms + lease_ms, "tries": jobs.c.tries + 1}
            statement = update(jobs).where(jobs.c.id == job_id).values(lease).returning(*jobs.c)
            return _job(connection.execute(statement).one())

    def renew(self, job_id: str, owner: str, lease_ms: int) -> bool:
        """Keep the lease for `lease_ms` from now on."""
        with self._database.write() as connection:
            lease_until_ms = _now_ms(connection) + lease_ms
            return _changed(connection, _owned(job_id, owner).values(lease_until_ms=lease_until_ms))

    def release(self, job_id: str, owner: str) -> bool:
        """Give the job back, because the worker stops: another may claim it at once."""
        with self._database.write() as connection:
            given_back = {"lease_until_ms": _now_ms(connection), "stops": jobs.c.stops + 1}
            return _changed(connection, _owned(job_id, owner).values(given_back))

    def is_held(self, job_id: str, owner: str) -> bool:
        """Whether the job still runs and is this owner's."""
        held = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.owner == owner, jobs.c.status == JobStatus.RUNNING)
        with self._database.read() as connection:
            return connection.scalar(held) is not None

    def running_among(self, job_ids: Collection[str]) -> set[str]:
        """Which of these jobs run; those that have ended, and those that are not there, do not."""
        running = jobs.c.status == JobStatus.RUNNING
        ids, found = list(job_ids), set[str]()
        with self._database.read() as connection:
            for at in range(0, len(ids), ASKED_JOBS_MAX):
                asked = ids[at : at + ASKED_JOBS_MAX]
                found.update(connection.scalars(select(jobs.c.id).where(jobs.c.id.in_(asked), running)))
        return found

    def record_progress(
        self,
        job_id: str,
        owner: str,
        rows: int,
        bytes: int,  # noqa: A002 - the column's name
        rows_total: int,
        progress: float = 0.0,
    ) -> bool:
        counts = {"rows": rows, "bytes": bytes, "rows_total": rows_total, "progress": progress}
        with self._database.write() as connection:
            return _changed(connection, _owned(job_id, owner).values(counts))

    def pin_watermark(self, job_id: str, owner: str, watermark_ms: int) -> bool:
        """Set the job's watermark, before any row is read."""
        with self._database.write() as connection:
            return _changed(connection, _owned(job_id, owner).values(watermark_ms=watermark_ms))

    def cancel(self, job_id: str, now_ms: int, reason: str) -> bool:
        """End a running job as FAILED, whoever works on it; False when it does not run."""
        end = {"status": JobStatus.FAILED, "ended_ms": now_ms, "lease_until_ms": None, "reason": reason}
        running = jobs.c.status == JobStatus.RUNNING
        with self._database.write() as connection:
            return _changed(connection, update(jobs).where(jobs.c.id == job_id, running).values(end))

    def finish(
        self,
        job_id: str,
        owner: str,
        status: JobStatus,
        ended_ms: int,
        rows: int,
        bytes: int,  # noqa: A002 - the column's name
        sha256: str | None,
        reason: str | None,
        duplicates: int | None = None,
        manifest: str | None = None,
    ) -> bool:
        """End the job; without a `manifest`, what its order had to say stays."""
        assert status is not JobStatus.RUNNING  # noqa: S101 - our own mistake
        end = {"status": status, "ended_ms": ended_ms, "rows": rows, "bytes": bytes, "sha256": sha256}
        end |= {"reason": _storable(reason), "duplicates_found": duplicates, "lease_until_ms": None}
        if manifest is not None:
            end["manifest"] = manifest
        with self._database.write() as connection:
            return _record_end(connection, job_id, owner, end)

    def with_file_to_remove(self, ended_before_ms: int) -> list[Job]:
        """Jobs that ended before then, or have expired, and still have a file; oldest first, ENDED_JOBS_MAX of them."""
        ended = (jobs.c.ended_ms < ended_before_ms) | (jobs.c.expired == true())
        there = jobs.c.removed == false()
        statement = select(jobs).where(ended, there).order_by(jobs.c.ended_ms, jobs.c.id).limit(ENDED_JOBS_MAX)
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def expire(self, job_id: str) -> bool:
        """Have the file handed out no more; False when it was so before, or the job runs, or there is none."""
        kept = jobs.c.expired.is_(False)
        ended = jobs.c.status != JobStatus.RUNNING
        with self._database.write() as connection:
            return _changed(connection, update(jobs).where(jobs.c.id == job_id, kept, ended).values(expired=True))

    def complete_after(self, end: PageEnd | None, limit: int) -> list[Job]:
        """Complete reports of which no events are known to be erased, oldest first; `end` is where a page ended."""
        kept = (jobs.c.status == JobStatus.COMPLETE) & jobs.c.erased_ms.is_(None)
        statement = select(jobs).where(kept).order_by(jobs.c.started_ms, jobs.c.id).limit(limit)
        if end is not None:
            statement = statement.where(tuple_(jobs.c.started_ms, jobs.c.id) > tuple_(*end))
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def running(self) -> list[Job]:
        """All jobs that have not ended, oldest first."""
        statement = select(jobs).where(jobs.c.status == JobStatus.RUNNING).order_by(jobs.c.started_ms, jobs.c.id)
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def mark_erased(self, job_id: str, erased_ms: int) -> None:
        """Note that the store lacks events of a report; the first time stays."""
        mine = (jobs.c.id == job_id) & jobs.c.erased_ms.is_(None)
        with self._database.write() as connection:
            connection.execute(update(jobs).where(mine).values(erased_ms=erased_ms))

    def record_removal(self, job_id: str) -> bool:
        """Record that the file of an expired job is gone; False when it was recorded before, or may be handed out."""
        there = (jobs.c.removed == false()) & (jobs.c.expired == true())
        with self._database.write() as connection:
            return _changed(connection, update(jobs).where(jobs.c.id == job_id, there).values(removed=True))


def find_job(connection: Connection, job_id: str) -> Job | None:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    return None if row is None else _job(row)


def _record_end(connection: Connection, job_id: str, owner: str, end: dict[str, Any]) -> bool:
    return _changed(connection, _owned(job_id, owner).values(end))


def _now_ms(connection: Connection) -> ColumnElement[int]:
    return _NOW_MS[connection.dialect.name]


def _next_job(now_ms: ColumnElement[int]) -> Select[tuple[str]]:
    """The job to claim, in the order that `JobRepository.claim` promises, so that users take turns, also where one job
    runs at a time. Rows that others are claiming are skipped.
    """
    others = jobs.alias("others")
    leased = (
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
        .order_by(leased, last_ended.asc().nulls_first(), jobs.c.started_ms, jobs.c.id)
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
    """The reason without characters that databases refuse: an engine's odd message must not keep a job from ending."""
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
