import logging
import stat
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from footfall.settings import Settings
from footfall.state import State, StateUnavailable, StateUrlInvalid, User, open_state

SECRET = "hunter2-hunter2"


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[State]:
    with closing(State(f"sqlite:///{tmp_path / 'state.db'}")) as state:
        state.migrate()
        yield state


def test_only_the_owner_may_read_the_files(sqlite: State, tmp_path: Path) -> None:
    sqlite.secrets.get("links")
    files = list(tmp_path.iterdir())
    assert {file.name for file in files} >= {"state.db", "state.db-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(0o644)
    State(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sqlite_writes_through_to_the_disk(sqlite: State) -> None:
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    with sqlite.database.read() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas}
    assert found == pragmas


def test_a_writer_waits_for_the_one_before(sqlite: State) -> None:
    with ThreadPoolExecutor(1) as pool:
        with sqlite.database.write() as connection:
            connection.exec_driver_sql("SELECT 1")
            waiting = pool.submit(sqlite.nodes.put, "a", 1, 1)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            assert sqlite.nodes.all() == []
        waiting.result(60)
    assert len(sqlite.nodes.all()) == 1


def test_a_block_that_raises_changes_nothing(state: State) -> None:
    def put_and_fail() -> None:
        with state.database.write() as connection:
            connection.exec_driver_sql("INSERT INTO nodes VALUES ('a', 1, 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_fail()
    assert state.nodes.all() == []


def test_a_server_that_dropped_its_connections_is_connected_to_again(postgres: Any) -> None:
    with closing(State(postgres.url("postgres"))) as state:
        state.migrate()
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'footfall'")
        assert state.users.all() == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "state.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        f"mysql://footfall:{SECRET}@localhost/footfall",
        f"postgresql+asyncpg://footfall:{SECRET}@localhost/footfall",
        f"postgresql://footfall:a@{SECRET}@localhost/footfall",
        f"postgresql://footfall:a@b?{SECRET}@localhost/footfall",
        f"postgresql://footfall:{SECRET}@localhost:{SECRET}/footfall",
        f"postgresql://footfall@localhost/footfall?passwort={SECRET}",
        f"postgresql//footfall:{SECRET}@localhost",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(StateUrlInvalid, match="state_url") as caught:
        State(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_no_password_is_in_errors_and_logs(postgres: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for url in (postgres.url("postgres", SECRET), f"postgresql://footfall:{SECRET}@127.0.0.1:1/x?connect_timeout=2"):
        with closing(State(url)) as state, pytest.raises(StateUnavailable) as caught:
            state.users.all()
        assert SECRET not in "".join(traceback.format_exception(caught.value)) + caplog.text + repr(state)


def test_no_hash_is_in_errors_and_logs(state: State, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    user = User(id="alice", password_hash=SECRET, created_ms=2**80)
    with pytest.raises((OverflowError, DBAPIError)) as caught:
        state.users.add(user)
    assert SECRET not in "".join(traceback.format_exception(caught.value)) + caplog.text + repr(user)


def test_what_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"not a database, " * 100)
    with closing(State(f"sqlite:///{path}")) as state:
        for use in (state.migrate, state.users.all):
            with pytest.raises(StateUnavailable, match="not a database"):
                use()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateUnavailable, match=r"nowhere/state\.db: No such file or directory"):
        State(f"sqlite:///{tmp_path}/nowhere/state.db")


def test_the_data_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path / "var" / "data"))
    with closing(open_state(settings)) as state:
        state.migrate()
    assert stat.S_IMODE(settings.data.stat().st_mode) == 0o700
    assert (settings.data / "state.db").exists()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateUnavailable, match=r"data folder .*file/data"):
        open_state(Settings(data_dir=str(tmp_path / "file" / "data")))


def test_the_state_url_comes_before_the_data_folder(url: str, tmp_path: Path) -> None:
    settings = Settings(state_url=url, data_dir=str(tmp_path / "unused"))
    with closing(open_state(settings)) as state:
        state.migrate()
        assert state.users.all() == []
    assert not settings.data.exists()
