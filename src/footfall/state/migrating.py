"""Migrates a database to this version's tables, one process at a time, however many ask at once.

All steps run in one transaction under a lock: a file lock beside the SQLite file, an advisory lock in PostgreSQL. At
nearly every start the database has the last step already; one query says so, and Alembic is not imported, which would
take a tenth of a second and 10 MiB.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, inspect, text

from footfall.state.database import Database, PostgresqlDatabase, SqliteDatabase, StateUnavailable
from footfall.system import files

# The last step in `migrations/versions`.
HEAD = "0019"
# Another process may be at a long step; past this it hangs, and an operator must end it.
_LOCK_TIMEOUT_S = 300
# Advisory locks are numbers that all users of a database share; this one is ours.
_LOCK_NUMBER = 0x666F_6F74_6661_6C6C


class StateTooNew(Exception):
    """The database was brought to a later version than this program knows."""


def migrate(database: Database) -> None:
    """Apply the steps that are missing, all or none. Raises StateTooNew, StateUnavailable."""
    if not _is_ready(database):
        with exclusive_transaction(database) as connection:
            upgrade(connection, database.display_name)


def _is_ready(database: Database) -> bool:
    """Whether the database needs no migration."""
    with database.read() as connection:
        if isinstance(database, SqliteDatabase) and connection.scalar(text("PRAGMA journal_mode")) != "wal":
            return False
        return read_revision(connection) == HEAD


@contextmanager
def exclusive_transaction(database: Database) -> Iterator[Connection]:
    """One transaction, while every other process that wants to migrate the database waits. Raises StateUnavailable."""
    match database:
        case SqliteDatabase():
            with _file_lock(database.path.with_name(database.path.name + ".lock")):
                _set_wal(database)
                with database.write() as connection:
                    yield connection
        case PostgresqlDatabase():
            with database.write() as connection:
                connection.execute(text(f"SET LOCAL statement_timeout = '{_LOCK_TIMEOUT_S}s'"))
                lock = text("SELECT pg_advisory_xact_lock(:number)").bindparams(bindparam("number", type_=BigInteger))
                connection.execute(lock, {"number": _LOCK_NUMBER})
                yield connection


def read_revision(connection: Connection) -> str:
    """The last step that was applied to the database; empty where none was."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def _set_wal(database: SqliteDatabase) -> None:
    """Let readers and a writer work at the same time; the file keeps this mode.

    It is set under the lock and not by each connection, because two connections that switch a new file at the same
    time may fail without waiting for each other, whatever their timeouts (seen with one of 1,600).
    """
    try:
        with closing(sqlite3.connect(database.path, timeout=_LOCK_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        raise StateUnavailable(f"state database {database.display_name}: {error}") from error


class StateStep(NamedTuple):
    """A migration: its number, and what it is about, in a sentence."""

    revision: str
    title: str


def pending_steps(database: Database) -> list[StateStep]:
    """The steps that `migrate` would apply, in order. Raises StateTooNew, StateUnavailable."""
    from alembic.config import Config  # noqa: PLC0415 - takes 0.1 s and 10 MiB
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.script.revision import ResolutionError  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    with database.read() as connection:
        revision = read_revision(connection)
    config = Config()
    config.set_main_option("script_location", "footfall.state:migrations")
    config.set_main_option("path_separator", "os")
    directory = ScriptDirectory.from_config(config)
    try:
        found = list(directory.iterate_revisions("head", revision or "base"))
    except (CommandError, ResolutionError) as error:
        raise _too_new(database.display_name, directory.get_current_head()) from error
    return [StateStep(script.revision, (script.doc or "").splitlines()[0].rstrip(".")) for script in reversed(found)]


def _too_new(database_name: str, head: str | None) -> StateTooNew:
    return StateTooNew(
        f"state database {database_name} was used by a later version of footfall than this one, "
        f"which knows it up to step {head}: install the later version again"
    )


def upgrade(connection: Connection, database_name: str, revision: str = "head") -> None:
    """Apply the steps up to a revision. Raises StateTooNew."""
    from alembic import command  # noqa: PLC0415 - takes 0.1 s and 10 MiB
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.script.revision import ResolutionError  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "footfall.state:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        if isinstance(error.__cause__, ResolutionError):
            head = ScriptDirectory.from_config(config).get_current_head()
            raise _too_new(database_name, head) from error
        raise


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with files.lock_file(path, _LOCK_TIMEOUT_S) as locked:
        if not locked:
            raise StateUnavailable(f"another process holds {path} for more than {_LOCK_TIMEOUT_S} s")
        yield
