"""The state comes out of either database and goes into either, whole."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec import structs
from sqlalchemy import insert, select

from footfall.state import Job, Schedule, ScheduleRun, State, StateNotEmpty, StateTooNew, User
from footfall.state.copying import CopiedRow
from footfall.state.tables import jobs, metadata
from footfall.wire import ReportFilter, ReportOutput

LATER_MS = 2**40


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path) -> Iterator[State]:
    """An empty database that nothing was done to yet."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'other.db'}"
    else:
        server = request.getfixturevalue("postgres")
        server.execute("DROP DATABASE IF EXISTS other")
        server.execute("CREATE DATABASE other")
        url = server.url("other")
    with closing(State(url)) as state:
        yield state


def job(number: int) -> Job:
    return Job(
        id=f"job-{number}",
        user="ann",
        account="ann",
        filter=ReportFilter(customer="C", product="P", types=("T",)),
        started_ms=number,
        watermark_ms=number,
        header=True,
    )


def fill(state: State) -> None:
    users = [
        User(id="ann", password_hash="hash|é", customers=("C", "Ü"), created_ms=1),
        User(id="root", password_hash="x", admin=True, permissions="p", created_ms=2**41),
    ]
    for user in users:
        state.users.add(user)
    state.jobs.add(job(1))
    # More than are copied at a time. One transaction for all of them is quicker than one for each.
    with state.database.write() as connection:
        row = dict(connection.execute(select(jobs)).one()._mapping)
        others = [
            row | {"id": f"job-{number}", "started_ms": number, "watermark_ms": number} for number in range(2, 1200)
        ]
        connection.execute(insert(jobs), others)
    schedule = Schedule(
        id="schedule",
        user="ann",
        account="ann",
        name="daily",
        body="{}",
        every="day",
        timezone="UTC",
        grace_s=1,
        correction_days=1,
        correction="full",
        created_ms=1,
        next_start_ms=1,
        next_due_ms=1,
    )
    state.schedules.add(schedule, 1)
    run = ScheduleRun(schedule="schedule", start_ms=1, end_ms=2, job="job-1200", earlier_jobs=("job-7",))
    assert state.schedules.start_window(run, job(1200), 2, 3)
    state.secrets.get("links")
    state.nodes.put("old", 1, 1)


def lines_of(state: State, until_ms: int = LATER_MS) -> list[CopiedRow]:
    with state.copy(until_ms) as lines:
        return list(lines)


def test_a_copy_has_every_row_but_those_of_nodes(state: State) -> None:
    fill(state)
    tables = [table for table, _ in lines_of(state)]
    assert (tables.count("users"), tables.count("jobs"), tables.count("secrets")) == (2, 1200, 1)
    assert (tables.count("schedules"), tables.count("schedule_runs")) == (1, 1)
    assert set(tables) <= set(metadata.tables) - {"nodes"}


def test_a_copy_goes_into_an_empty_database_of_either_kind(state: State, other: State) -> None:
    fill(state)
    copied = lines_of(state)
    other.fill(state.revision(), copied)
    assert lines_of(other) == copied
    assert other.users.all() == state.users.all()
    assert other.secrets.get("links") == state.secrets.get("links")
    assert other.jobs.get("job-7") == state.jobs.get("job-7")
    assert other.nodes.all() == []
    assert other.schedules.newest_runs("schedule", 10) == state.schedules.newest_runs("schedule", 10) != []


def test_jobs_that_were_started_later_stay_behind(state: State) -> None:
    fill(state)
    assert sum(table == "jobs" for table, _ in lines_of(state, 10)) == 10


def test_a_copy_sees_one_moment(state: State) -> None:
    fill(state)
    with state.copy(LATER_MS) as lines:
        first = next(lines)
        state.jobs.add(job(5000))
        rows = [first, *lines]
    assert sum(table == "jobs" for table, _ in rows) == 1200


def test_nothing_is_mixed_with_what_is_there(state: State, other: State) -> None:
    fill(state)
    copied = lines_of(state)
    other.migrate()
    assert other.is_empty()
    other.users.add(User(id="here", password_hash="", created_ms=0))
    assert not other.is_empty()
    with pytest.raises(StateNotEmpty):
        other.fill(state.revision(), copied)
    assert [user.id for user in other.users.all()] == ["here"]


def test_a_fill_that_breaks_off_leaves_nothing(state: State, other: State) -> None:
    fill(state)

    def broken() -> Iterator[CopiedRow]:
        yield from lines_of(state)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        other.fill(state.revision(), broken())
    assert other.is_empty()
    other.fill(state.revision(), lines_of(state))
    assert not other.is_empty()


def test_a_copy_of_a_later_version_is_refused(state: State, other: State) -> None:
    with pytest.raises(StateTooNew):
        other.fill("9999", lines_of(state))
    assert other.revision() == ""


def test_what_a_job_echoes_survives(state: State, other: State) -> None:
    wanted = structs.replace(job(1), output=ReportOutput(delimiter=";"))
    state.jobs.add(wanted)
    other.fill(state.revision(), lines_of(state))
    assert other.jobs.get("job-1") == wanted
    assert json.loads(lines_of(other)[0][1])["user_id"] == "ann"
