"""The SQLite file of an outbox: its tables, one connection, transactions.

A commit is on the disk when it returns (WAL with synchronous=FULL). There is one connection in a process, under one
lock, and none is open while the process forks: SQLite keeps its locks by process, and a child that inherited them would
believe that it holds what its parent holds.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from footfall_client.errors import OutboxBroken, OutboxFull

MEMORY: Final = ":memory:"
_BUSY_TIMEOUT_S: Final = 30.0  # other processes hold the file for milliseconds
_VERSION: Final = 1
# In words of SQLite, which all supported Pythons pass on.
_FULL: Final = ("disk is full", "disk i/o error", "max_page_count")

_SCHEMA: Final = """
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    events INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    lines BLOB NOT NULL
);
CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    events INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    last_chunk INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL
);
CREATE TABLE acknowledged (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    batch TEXT,
    events INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    acknowledged_ms INTEGER NOT NULL
);
CREATE TABLE rejects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rejected_ms INTEGER NOT NULL,
    code TEXT NOT NULL,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    line BLOB NOT NULL
);
CREATE TABLE spooled (
    id TEXT PRIMARY KEY
);
CREATE TABLE totals (
    tracked INTEGER NOT NULL DEFAULT 0,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0,
    paused_until_ms INTEGER NOT NULL DEFAULT 0
);
INSERT INTO totals DEFAULT VALUES;
"""


class Database:
    """One file, or memory. `lock` serves all threads; nobody holds it while waiting for the network."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def transaction(self, *, is_synced: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that is on the disk at its end, or has left nothing.

        One that is not synced outlives the process, and is on the disk with the next one that is: a loss of power
        before that takes it away whole.
        Raises OutboxFull when the disk is, and OutboxBroken when the file cannot be used.
        """
        with self.lock:
            try:
                connection = self._open()
                if not is_synced:
                    connection.execute("PRAGMA synchronous = NORMAL")
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
                finally:
                    if not is_synced:
                        connection.execute("PRAGMA synchronous = FULL")
            except sqlite3.Error as error:
                raise self._meaning(error) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for statements that only read; raises as `transaction` does."""
        with self.lock:
            try:
                yield self._open()
            except sqlite3.Error as error:
                raise self._meaning(error) from error

    def rows(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """What a statement that only reads gives."""
        with self.reading() as connection:
            return connection.execute(statement, values).fetchall()

    def number(self, statement: str, values: tuple[object, ...] = ()) -> int:
        """The one number that a statement gives; 0 where that is NULL or there is no row."""
        found = self.rows(statement, values)
        return int(str(found[0][0])) if found and found[0][0] is not None else 0

    def close(self) -> None:
        """Close the connection; the next use opens another. What is in memory would be lost, so that stays open."""
        with self.lock:
            if self._connection is not None and self.path is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            place = MEMORY if self.path is None else str(self.path)
            connection = sqlite3.connect(place, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _meaning(self, error: sqlite3.Error) -> Exception:
        text = str(error)
        if any(part in text.lower() for part in _FULL):
            return OutboxFull(f"{self.path}: {text}")
        return OutboxBroken(f"{self.path}: {text}")


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none. Of processes that open a new file at once, one makes them."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != _VERSION:
        message = f"made by another version of the client: its tables are of version {found}, not {_VERSION}"
        raise sqlite3.DatabaseError(message)


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the pages in use, by all processes that use the file."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)
