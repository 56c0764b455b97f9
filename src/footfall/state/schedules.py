"""The statements about schedules and their runs."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, false, func, or_, select, update

from footfall.state import jobs
from footfall.state.database import insert
from footfall.state.records import Job, JobBounds, JobStatus, RunStatus, Schedule, ScheduleRun
from footfall.state.tables import jobs as job_table
from footfall.state.tables import schedule_runs as runs
from footfall.state.tables import schedules, users


class TooManySchedules(Exception):
    """The user has as many schedules as one may have."""


def add(connection: Connection, schedule: Schedule, most: int) -> None:
    # The owner's row is locked, so that two additions at once cannot both take the last place.
    connection.execute(select(users.c.id).where(users.c.account == schedule.account).with_for_update())
    count = connection.scalar(select(func.count()).where(schedules.c.account == schedule.account))
    if count is not None and count >= most:
        raise TooManySchedules(f"user {schedule.user!r} has {count} schedules, and may have {most}")
    row = msgspec.structs.asdict(schedule)
    row["user_id"] = row.pop("user")
    connection.execute(schedules.insert().values(row))


def get(connection: Connection, schedule_id: str) -> Schedule | None:
    row = connection.execute(select(schedules).where(schedules.c.id == schedule_id)).one_or_none()
    return None if row is None else _schedule(row)


def list_some(connection: Connection, account: str | None, after: str, limit: int) -> list[Schedule]:
    statement = select(schedules).where(schedules.c.id > after).order_by(schedules.c.id).limit(limit)
    if account is not None:
        statement = statement.where(schedules.c.account == account)
    return [_schedule(row) for row in connection.execute(statement)]


def remove(connection: Connection, schedule_id: str) -> bool:
    return connection.execute(delete(schedules).where(schedules.c.id == schedule_id)).rowcount == 1


def pause(connection: Connection, schedule_id: str, reason: str | None) -> bool:
    statement = update(schedules).where(schedules.c.id == schedule_id).values(paused=True, reason=reason)
    return connection.execute(statement).rowcount == 1


def resume(connection: Connection, schedule_id: str, now_ms: int) -> bool:
    statement = update(schedules).where(schedules.c.id == schedule_id).values(paused=False, reason=None)
    if connection.execute(statement).rowcount == 0:
        return False
    failed = and_(runs.c.schedule == schedule_id, runs.c.status == RunStatus.FAILED)
    connection.execute(update(runs).where(failed).values(status=RunStatus.WAITING, tries=0, look_ms=now_ms))
    return True


def list_runs(connection: Connection, schedule_id: str, limit: int) -> list[ScheduleRun]:
    newest = (runs.c.start_ms.desc(), runs.c.correction.desc())
    found = connection.execute(select(runs).where(runs.c.schedule == schedule_id).order_by(*newest).limit(limit))
    return [_run(row) for row in found]


def due(connection: Connection, now_ms: int, limit: int, running_max: int) -> list[Schedule]:
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
    return [_schedule(row) for row in connection.execute(statement)]


def ended(connection: Connection, limit: int) -> list[tuple[ScheduleRun, str | None]]:
    """Runs whose report runs no more, with its id, which is None when the report is gone."""
    over = or_(job_table.c.id.is_(None), job_table.c.status != JobStatus.RUNNING)
    statement = (
        select(runs, job_table.c.id.label("found"))
        .join(job_table, job_table.c.id == runs.c.job, isouter=True)
        .where(runs.c.status == RunStatus.RUNNING, over)
        .order_by(runs.c.schedule, runs.c.start_ms)
        .limit(limit)
    )
    return [(_run(row), row.found) for row in connection.execute(statement)]


def to_look_at(connection: Connection, now_ms: int, limit: int) -> list[ScheduleRun]:
    statement = (
        select(runs)
        .join(schedules, schedules.c.id == runs.c.schedule)
        .where(runs.c.look_ms <= now_ms, schedules.c.paused == false())
        .order_by(runs.c.look_ms)
        .limit(limit)
    )
    return [_run(row) for row in connection.execute(statement)]


def begin(
    connection: Connection, run: ScheduleRun, job: Job, next_start_ms: int, next_due_ms: int, bounds: JobBounds | None
) -> bool:
    """Start a window's first report, and put the schedule on to the next; False when another did, or it is paused."""
    moved = (
        update(schedules)
        .where(schedules.c.id == run.schedule, schedules.c.next_start_ms == run.start_ms)
        .where(schedules.c.paused == false())
        .values(next_start_ms=next_start_ms, next_due_ms=next_due_ms)
    )
    return connection.execute(moved).rowcount == 1 and _start(connection, run, job, bounds)


def correct(
    connection: Connection, corrected: ScheduleRun, run: ScheduleRun, job: Job, bounds: JobBounds | None
) -> bool:
    """Start a correction of a run; False when another did."""
    seen = update(runs).where(_same(corrected), runs.c.look_ms == corrected.look_ms).values(look_ms=None)
    return connection.execute(seen).rowcount == 1 and _start(connection, run, job, bounds)


def change(connection: Connection, old: ScheduleRun, new: ScheduleRun) -> bool:
    """Change a run that is still as it was known; False when it is not."""
    look = runs.c.look_ms.is_(None) if old.look_ms is None else runs.c.look_ms == old.look_ms
    known = and_(_same(old), runs.c.job == old.job, runs.c.status == old.status, look)
    return connection.execute(update(runs).where(known).values(_row(new))).rowcount == 1


def again(connection: Connection, old: ScheduleRun, new: ScheduleRun, job: Job, bounds: JobBounds | None) -> bool:
    """Give a run another report; False when another did."""
    if not change(connection, old, new):
        return False
    jobs.add(connection, job, bounds)
    return True


def _start(connection: Connection, run: ScheduleRun, job: Job, bounds: JobBounds | None) -> bool:
    statement = insert(connection, runs).values(_row(run)).on_conflict_do_nothing()
    if connection.execute(statement).rowcount == 0:
        return False
    jobs.add(connection, job, bounds)
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
