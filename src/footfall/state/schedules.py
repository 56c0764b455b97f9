"""The schedules and their runs. A window's run and its job are one change, so that each is started once."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, false, func, or_, select, update

from footfall.state.database import Database, insert, may_be_id
from footfall.state.job_bounds import add_job
from footfall.state.jobs import find_job
from footfall.state.records import Job, JobBounds, JobStatus, RunStatus, Schedule, ScheduleRun
from footfall.state.tables import jobs, schedules, users
from footfall.state.tables import schedule_runs as runs
from footfall.wording import count_of


class TooManySchedules(Exception):
    """The user has as many schedules as one may have."""


class ScheduleRepository:
    """The schedules. Each call is one transaction, and raises StateUnavailable when the database is away.

    The calls that start a job take the `bounds` of its user: ended jobs of schedules that are past them are forgotten.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, schedule: Schedule, most: int) -> None:
        """Add a schedule; raises TooManySchedules when its owner has `most` of them."""
        with self._database.write() as connection:
            # The owner's row is locked, so that two additions at once cannot both take the last place.
            connection.execute(select(users.c.id).where(users.c.account == schedule.account).with_for_update())
            count = connection.scalar(select(func.count()).where(schedules.c.account == schedule.account))
            if count is not None and count >= most:
                raise TooManySchedules(
                    f"user {schedule.user!r} has {count_of(count, 'schedule')}, and may have {most:,}"
                )
            row = msgspec.structs.asdict(schedule)
            row["user_id"] = row.pop("user")
            connection.execute(schedules.insert().values(row))

    def get(self, schedule_id: str) -> Schedule | None:
        if not may_be_id(schedule_id):
            return None
        with self._database.read() as connection:
            row = connection.execute(select(schedules).where(schedules.c.id == schedule_id)).one_or_none()
            return None if row is None else _schedule(row)

    def page(self, account: str | None, after: str, limit: int) -> list[Schedule]:
        """The first `limit` schedules of an account, or of all for None, with ids after `after`; ordered by id."""
        statement = select(schedules).where(schedules.c.id > after).order_by(schedules.c.id).limit(limit)
        if account is not None:
            statement = statement.where(schedules.c.account == account)
        with self._database.read() as connection:
            return [_schedule(row) for row in connection.execute(statement)]

    def remove(self, schedule_id: str) -> bool:
        """Remove a schedule with its runs, not their reports; False when there is none."""
        with self._database.write() as connection:
            return connection.execute(delete(schedules).where(schedules.c.id == schedule_id)).rowcount == 1

    def pause(self, schedule_id: str, reason: str | None = None) -> bool:
        """Start no more of its reports; False when there is none."""
        statement = update(schedules).where(schedules.c.id == schedule_id).values(paused=True, reason=reason)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def resume(self, schedule_id: str, now_ms: int) -> bool:
        """Go on where it was paused, and give runs that failed for good new tries; False when there is none."""
        statement = update(schedules).where(schedules.c.id == schedule_id).values(paused=False, reason=None)
        with self._database.write() as connection:
            if connection.execute(statement).rowcount == 0:
                return False
            failed = and_(runs.c.schedule == schedule_id, runs.c.status == RunStatus.FAILED)
            connection.execute(update(runs).where(failed).values(status=RunStatus.WAITING, tries=0, look_ms=now_ms))
            return True

    def due(self, now_ms: int, limit: int, running_max: int) -> list[Schedule]:
        """Schedules whose next report is due, the longest due first, without those that have `running_max` running."""
        running = (
            select(func.count())
            .where(runs.c.schedule == schedules.c.id, runs.c.status == RunStatus.RUNNING)
            .scalar_subquery()
        )
        statement = (
            select(schedules)
            .where(schedules.c.paused == false(), schedules.c.next_due_ms <= now_ms, running < running_max)
            .order_by(schedules.c.next_due_ms, schedules.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_schedule(row) for row in connection.execute(statement)]

    def count_failed(self, meant: str) -> int:
        """The number of schedules that paused themselves, or have a run that failed for good.

        A run that failed for the reason `meant` does not count: somebody wanted that.
        """
        statement = select(func.count()).select_from(schedules).where(_has_failed(meant))
        with self._database.read() as connection:
            return connection.scalar(statement) or 0

    def failed(self, meant: str, limit: int, first: Collection[str] = ()) -> list[tuple[str, str, str]]:
        """Id, user and name of those that `count_failed` counts, ordered by id; the ids of `first` come first."""
        columns = (schedules.c.id, schedules.c.user_id, schedules.c.name)
        order = (case((schedules.c.id.in_(first), 0), else_=1), schedules.c.id)
        statement = select(*columns).where(_has_failed(meant)).order_by(*order).limit(limit)
        with self._database.read() as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def newest_runs(self, schedule_id: str, limit: int) -> list[ScheduleRun]:
        """The runs of the newest windows, the newest first."""
        newest = (runs.c.start_ms.desc(), runs.c.correction.desc())
        statement = select(runs).where(runs.c.schedule == schedule_id).order_by(*newest).limit(limit)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(statement)]

    def runs_with_ended_job(self, limit: int) -> list[tuple[ScheduleRun, Job | None]]:
        """Running runs whose job has ended, with the job; None where the job is gone."""
        ended = or_(jobs.c.id.is_(None), jobs.c.status != JobStatus.RUNNING)
        statement = (
            select(runs, jobs.c.id.label("found"))
            .join(jobs, jobs.c.id == runs.c.job, isouter=True)
            .where(runs.c.status == RunStatus.RUNNING, ended)
            .order_by(runs.c.schedule, runs.c.start_ms)
            .limit(limit)
        )
        with self._database.read() as connection:
            found = [(_run(row), row.found) for row in connection.execute(statement)]
            return [(run, find_job(connection, job_id) if job_id else None) for run, job_id in found]

    def runs_due(self, now_ms: int, limit: int) -> list[ScheduleRun]:
        """Runs whose `look_ms` has come, of schedules that are not paused."""
        statement = (
            select(runs)
            .join(schedules, schedules.c.id == runs.c.schedule)
            .where(runs.c.look_ms <= now_ms, schedules.c.paused == false())
            .order_by(runs.c.look_ms)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(statement)]

    def start_window(
        self, run: ScheduleRun, job: Job, next_start_ms: int, next_due_ms: int, bounds: JobBounds | None = None
    ) -> bool:
        """Start a window's first report, and move the schedule on to the next window.

        False, and nothing changes, when another worker did so, or the schedule is paused.
        """
        moved = (
            update(schedules)
            .where(schedules.c.id == run.schedule, schedules.c.next_start_ms == run.start_ms)
            .where(schedules.c.paused == false())
            .values(next_start_ms=next_start_ms, next_due_ms=next_due_ms)
        )
        with self._database.write() as connection:
            return connection.execute(moved).rowcount == 1 and _start(connection, run, job, bounds)

    def start_correction(
        self, corrected: ScheduleRun, run: ScheduleRun, job: Job, bounds: JobBounds | None = None
    ) -> bool:
        """Start a correction of a run; False, and nothing changes, when another worker did."""
        seen = update(runs).where(_same(corrected), runs.c.look_ms == corrected.look_ms).values(look_ms=None)
        with self._database.write() as connection:
            return connection.execute(seen).rowcount == 1 and _start(connection, run, job, bounds)

    def retry_run(self, old: ScheduleRun, new: ScheduleRun, job: Job, bounds: JobBounds | None = None) -> bool:
        """Give a run another report; False, and nothing changes, when another worker did."""
        with self._database.write() as connection:
            if not _change(connection, old, new):
                return False
            add_job(connection, job, bounds)
            return True

    def change_run(self, old: ScheduleRun, new: ScheduleRun) -> bool:
        """Change a run that is still as `old` says; False when it is not."""
        with self._database.write() as connection:
            return _change(connection, old, new)


def _has_failed(meant: str) -> ColumnElement[bool]:
    failed = select(runs.c.schedule).where(runs.c.status == RunStatus.FAILED, runs.c.reason.is_distinct_from(meant))
    return or_(schedules.c.reason.is_not(None), schedules.c.id.in_(failed))


def _change(connection: Connection, old: ScheduleRun, new: ScheduleRun) -> bool:
    look = runs.c.look_ms.is_(None) if old.look_ms is None else runs.c.look_ms == old.look_ms
    known = and_(_same(old), runs.c.job == old.job, runs.c.status == old.status, look)
    return connection.execute(update(runs).where(known).values(_row(new))).rowcount == 1


def _start(connection: Connection, run: ScheduleRun, job: Job, bounds: JobBounds | None) -> bool:
    statement = insert(connection, runs).values(_row(run)).on_conflict_do_nothing()
    if connection.execute(statement).rowcount == 0:
        return False
    add_job(connection, job, bounds)
    return True


def _same(run: ScheduleRun) -> ColumnElement[bool]:
    return and_(runs.c.schedule == run.schedule, runs.c.start_ms == run.start_ms, runs.c.correction == run.correction)


def _row(run: ScheduleRun) -> dict[str, Any]:
    return msgspec.structs.asdict(run) | {"earlier_jobs": msgspec.json.encode(run.earlier_jobs).decode()}


def _schedule(row: Row[Any]) -> Schedule:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    fields["user"] = fields.pop("user_id")
    return Schedule(**fields)


def _run(row: Row[Any]) -> ScheduleRun:
    fields = {name: getattr(row, name) for name in ScheduleRun.__struct_fields__}
    fields["earlier_jobs"] = msgspec.json.decode(fields["earlier_jobs"], type=tuple[str, ...])
    fields["status"] = RunStatus(fields["status"])
    return ScheduleRun(**fields)
