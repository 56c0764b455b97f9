import fcntl
import os
import sqlite3
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, text

from footfall.state import State, StateTooNew
from footfall.state.migrating import HEAD, upgrade
from footfall.state.tables import metadata

MIGRATE = "import sys; from footfall.state import State; state = State(sys.argv[1]); state.migrate(); state.close()"


def test_steps_make_the_tables_that_the_statements_use(state: State) -> None:
    with state.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_steps_make_the_indexes_that_claims_use(state: State) -> None:
    names = {index.name for table in metadata.tables.values() for index in table.indexes}
    catalog = {"sqlite": "SELECT name FROM sqlite_master", "postgresql": "SELECT indexname FROM pg_indexes"}
    with state.database.read() as connection:
        assert names <= set(connection.scalars(text(catalog[connection.dialect.name])))


def test_the_last_step_is_known_without_alembic(state: State) -> None:
    config = Config()
    config.set_main_option("script_location", "footfall.state:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_database_that_is_ready_needs_no_library(state: State, url: str) -> None:
    loaded = "sorted({name.partition('.')[0] for name in sys.modules} & {'alembic', 'mako', 'psycopg'})"
    command = [sys.executable, "-W", "error", "-c", f"{MIGRATE}; print({loaded})", url]
    found = subprocess.run(command, capture_output=True, check=True, encoding="utf-8", timeout=60)
    assert found.stdout.strip() == str([] if url.startswith("sqlite") else ["psycopg"])


def test_a_database_that_is_ready_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(State(f"sqlite:///{path}")) as state, ThreadPoolExecutor(1) as pool:
        state.migrate()
        with Path(f"{path}.lock").open("w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            pool.submit(state.migrate).result(60)


def test_a_file_that_lost_its_mode_gets_it_again(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(State(f"sqlite:///{path}")) as state:
        state.migrate()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    with closing(State(f"sqlite:///{path}")) as state:
        state.migrate()
        with state.database.read() as connection:
            assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


def test_migrating_again_keeps_what_is_there(state: State) -> None:
    secret = state.secrets.get("links")
    state.migrate()
    assert state.secrets.get("links") == secret


def test_processes_migrate_at_the_same_time(url: str) -> None:
    processes = [subprocess.Popen([sys.executable, "-W", "error", "-c", MIGRATE, url]) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    with closing(State(url)) as state:
        assert state.users.all() == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, check=True, cwd=Path(__file__).parents[2], capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_an_installed_wheel_migrates(url: str, installed: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{MIGRATE}; import footfall; print(footfall.__file__)", url],
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=120,
    )
    assert found.stdout.startswith(str(installed))


def test_threads_migrate_at_the_same_time(url: str) -> None:
    def migrate(_: int) -> bytes:
        with closing(State(url)) as state:
            state.migrate()
            return state.secrets.get("links")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(migrate, range(8)))) == 1


def test_migrating_waits_for_who_is_at_it(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(State(f"sqlite:///{path}")) as state, ThreadPoolExecutor(1) as pool:
        with Path(f"{path}.lock").open("w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            waiting = pool.submit(state.migrate)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            assert path.stat().st_size == 0
        waiting.result(60)
        assert state.users.all() == []


def test_a_database_of_a_later_version_is_left_alone(state: State) -> None:
    with state.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StateTooNew, match="later version of footfall"):
        state.migrate()


def test_a_step_that_fails_leaves_nothing_behind(url: str) -> None:
    with closing(State(url)) as state:
        with state.database.write() as connection:
            connection.execute(text("CREATE TABLE secrets (taken integer)"))
        with pytest.raises(Exception, match="secrets"):
            state.migrate()
        with state.database.write() as connection:
            connection.execute(text("DROP TABLE secrets"))
        state.migrate()
        assert state.users.all() == []


def test_what_is_older_than_the_user_of_its_name_becomes_nobodys(url: str) -> None:
    job = {"filter": '{"customer":"C","product":"P"}', "delimiter": "|", "header": False, "format": "csv"}
    job |= {
        "compression": "none",
        "status": "COMPLETE",
        "tries": 1,
        "rows": 0,
        "bytes": 0,
        "rows_total": 0,
        "file": "f",
    }
    schedule = {"name": "", "body": "{}", "every": "day", "timezone": "UTC", "grace_s": 0, "correction_days": 0}
    schedule |= {"correction": "full", "paused": False, "next_start_ms": 1, "next_due_ms": 1, "user_id": "ann"}
    names = {"old": ("ann", 99), "new": ("ann", 100), "gone": ("bob", 100)}
    with closing(State(url)) as state:
        with state.database.write() as connection:
            upgrade(connection, "here", "0005")
            found = MetaData()
            found.reflect(connection)
            users, jobs, schedules = (found.tables[name] for name in ("users", "jobs", "schedules"))
            for user_id in ("ann", "eve"):
                user = {"password_hash": "", "context": "", "admin": False, "customers": "[]", "created_ms": 100}
                connection.execute(users.insert().values(id=user_id, **user))
            for job_id, (user_id, started_ms) in names.items():
                row = {"id": job_id, "user_id": user_id, "started_ms": started_ms, "expired": False}
                connection.execute(jobs.insert().values(job | row))
            connection.execute(schedules.insert().values(schedule | {"id": "old", "created_ms": 99}))
            connection.execute(schedules.insert().values(schedule | {"id": "new", "created_ms": 101}))
        state.migrate()
        ann, eve = state.users.all()
        assert len({"", ann.account, ann.security_stamp, eve.account, eve.security_stamp}) == 5
        owners = {job.id: job.account for job in state.jobs.newest(None, 10, None)}
        assert owners == {"old": "", "new": ann.account, "gone": ""}
        assert [each.id for each in state.schedules.page(ann.account, "", 10)] == ["new"]
        assert [each.account for each in state.schedules.page(None, "", 10)] == [ann.account, ""]


def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "50% off?mode=x #1" / "state.db"
    path.parent.mkdir()
    with closing(State(f"sqlite:///{path}")) as state:
        state.migrate()
    assert path.exists()
