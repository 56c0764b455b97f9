"""The database behind a state URL: opening it, its transactions, and the errors that mean an outage.

SQLite's driver starts transactions late and by its own rules, so the engine here starts them itself: a writing one with
BEGIN IMMEDIATE, which waits for other writers at its start instead of failing in the middle.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, exc, make_url
from sqlalchemy.dialects import postgresql, sqlite

from footfall.system.data_folder import NotOwner, require_ours

if TYPE_CHECKING:
    import psycopg

# How long a writer waits for another to finish its transaction; each takes milliseconds.
_BUSY_TIMEOUT_MS = 10_000
_CHECKPOINT_TIMEOUT_MS = 100
# A server that is up answers at once; past this it is down.
_CONNECT_TIMEOUT_S = 5
# Statements here touch few rows; one that takes longer waits for a lock that is not given back.
_STATEMENT_TIMEOUT_MS = 15_000
# Silence on a connection with unanswered bytes, after which the network is taken for gone.
_SILENCE_TIMEOUT_MS = 20_000
# Connections of one process: usually this many, under load twice more, then callers wait this long for one.
_POOL_SIZE = 5
_POOL_OVERFLOW_MAX = 10
_POOL_TIMEOUT_S = 10
# Load balancers between us and the server forget idle connections sooner or later.
_POOL_RECYCLE_S = 1_800

# What a connection has unless the URL says otherwise. Prepared statements are off, because pooling proxies hand the
# next transaction to another server connection.
_DEFAULTS: dict[str, Any] = {
    "connect_timeout": _CONNECT_TIMEOUT_S,
    "keepalives_idle": _SILENCE_TIMEOUT_MS // 1000,
    "tcp_user_timeout": _SILENCE_TIMEOUT_MS,
    "prepare_threshold": None,
    "application_name": "footfall",
}

# Enough of a driver's message for one line of a log.
_REASON_CHARS_MAX = 500

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
# Errors of the statement, not of the database's state: these are our own mistakes and must not count as an outage.
_MISTAKES = (exc.DataError, exc.IntegrityError, exc.NotSupportedError, exc.ProgrammingError)


class StateUrlInvalid(Exception):
    """The state URL cannot be used; the text says why without showing the URL, which may hold a password."""


class StateUnavailable(Exception):
    """The state database did not do its work, and a later try may succeed.

    Nothing was changed, unless the connection broke at the very end, when a change may have been made all the same.
    """


class _Transactions:
    """Transactions: committed at the end of the block, undone when it raises. Outages become StateUnavailable."""

    # The database's name in errors and logs, without the URL's password.
    display_name: str
    engine: Engine
    # The same connections, for transactions that write.
    writer: Engine

    def read(self) -> AbstractContextManager[Connection]:
        return self._begin(self.engine)

    def write(self) -> AbstractContextManager[Connection]:
        return self._begin(self.writer)

    def snapshot(self) -> AbstractContextManager[Connection]:
        """A reading transaction that sees one moment, however long it takes."""
        engine = self.engine
        if engine.dialect.name == "postgresql":  # SQLite's transactions do so anyway
            engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return self._begin(engine)

    @contextmanager
    def _begin(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except _MISTAKES:
            raise
        except exc.DBAPIError as error:
            raise StateUnavailable(f"state database {self.display_name}: {_reason(error.orig)}") from error
        except exc.TimeoutError as error:
            raise StateUnavailable(f"state database {self.display_name}: all connections are in use") from error


class SqliteDatabase(_Transactions):
    """A SQLite file, which only its owner may read, since it holds password hashes and secrets."""

    def __init__(self, url: str) -> None:
        name = url.removeprefix(_SQLITE)
        if name in {"", ":memory:"}:
            raise StateUrlInvalid("state_url must name a file: sqlite:///PATH")
        self.path = Path(name)
        self.display_name = name
        self._make_private()
        # A URL made from its parts keeps every character of the path; `?` and `%` would not survive parsing.
        self.engine = create_engine(
            URL.create("sqlite+pysqlite", database=name),
            hide_parameters=True,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW_MAX,
            pool_timeout=_POOL_TIMEOUT_S,
        )
        event.listen(self.engine, "connect", _prepare_sqlite)
        event.listen(self.engine, "begin", _begin_sqlite)
        self.writer = self.engine.execution_options(writes=True)

    def forget_replaced(self) -> bool:
        """Write the log into the file and empty it, for it has what rows were before; False while others read it."""
        try:
            with self.engine.connect() as connection:
                cursor = connection.connection.cursor()
                # Nobody can write while it waits for those who read.
                cursor.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_TIMEOUT_MS}")
                try:
                    found = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                finally:
                    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
                    cursor.close()
                return found is not None and not found[0]
        except exc.DBAPIError as error:
            raise StateUnavailable(f"state database {self.display_name}: {_reason(error.orig)}") from error

    def _make_private(self) -> None:
        """Create the file with its mode, so that it is at no time readable by others; SQLite gives the mode to -wal."""
        try:
            require_ours(self.path)
            if os.geteuid() == 0 and not self.path.exists():
                # Root may make a file anywhere, which whoever owns the folder could not open.
                require_ours(self.path.parent)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(file).st_mode & 0o077:
                    os.fchmod(file, 0o600)
            finally:
                os.close(file)
        except NotOwner as error:
            raise StateUnavailable(f"state database {error}: run this as that user") from error
        except OSError as error:
            raise StateUnavailable(f"state database {self.display_name}: {error.strerror}") from error


class PostgresqlDatabase(_Transactions):
    """A PostgreSQL database through psycopg, with a pool that notices when the server went away."""

    def __init__(self, url: URL) -> None:
        self.display_name = f"{url.host or 'local server'}{f':{url.port}' if url.port else ''}/{url.database or ''}"
        self.engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            connect_args={name: value for name, value in _DEFAULTS.items() if name not in url.query},
            pool_pre_ping=True,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW_MAX,
            pool_timeout=_POOL_TIMEOUT_S,
            pool_recycle=_POOL_RECYCLE_S,
        )
        event.listen(self.engine, "connect", _prepare_postgresql)
        self.writer = self.engine

    def forget_replaced(self) -> bool:
        """True: the server itself does away with what rows were before."""
        return True


Database = SqliteDatabase | PostgresqlDatabase


def open_database(url: str) -> Database:
    """Open what the URL names; PostgreSQL is connected to on first use. Raises StateUrlInvalid, StateUnavailable."""
    if url.startswith(_SQLITE):
        return SqliteDatabase(url)
    from psycopg import ProgrammingError  # noqa: PLC0415 - 6 MiB that who has a SQLite file need not have
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415

    # The errors below are cut off from their cause, since a parser's message quotes what it stumbles over. A second `@`
    # is refused, since the password is then taken to end at the first, and the rest of it for a host.
    try:
        parsed = make_url(url)
        make_conninfo("", **{key: str(value) for key, value in parsed.query.items()})
        readable = url.count("@") <= 1
    except (exc.ArgumentError, ValueError):
        readable = False
    except ProgrammingError:
        raise StateUrlInvalid("state_url has a parameter after `?` that PostgreSQL does not know") from None
    if not readable:
        raise StateUrlInvalid(
            "state_url cannot be read: write sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME, "
            "with special characters of user and password percent-encoded"
        )
    if parsed.drivername not in _POSTGRESQL:
        raise StateUrlInvalid("state_url must begin with sqlite:/// or postgresql://")
    return PostgresqlDatabase(parsed)


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what happens on a conflict, which both databases can, each with a construct of its own."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def may_be_id(text: str) -> bool:
    """Whether a database can compare this text with ids: PostgreSQL fails over some text that an address may have."""
    return text.isascii() and text.isprintable()


def _reason(error: BaseException | None) -> str:
    """The driver's message in one line; with several hosts, or a hint, it has more."""
    return " ".join(str(error).split())[:_REASON_CHARS_MAX] or type(error).__name__


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # What is removed is overwritten: a person who is erased is in no part of the file that is not used.
    connection.execute("PRAGMA secure_delete = ON")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgresql(connection: "psycopg.Connection[Any]", _record: object) -> None:
    connection.autocommit = True
    connection.execute(f"SET statement_timeout = {_STATEMENT_TIMEOUT_MS}")
    connection.autocommit = False
