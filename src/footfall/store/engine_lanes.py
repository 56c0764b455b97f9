"""The lanes of the engine: threads that run statements, each on a chDB connection of its own.

What was measured of chDB 26.9, and shapes this module:
- A process hosts one engine on one data path, with any number of connections; opening one takes 0.3 ms. So every
  statement gets a fresh connection, and what it SETs or USEs dies with it.
- A connection runs one statement at a time (a second one on a connection that streams yields an empty result, silently);
  chDB releases the GIL while it works.
- `send_insert(...).finish()` swallows errors of the commit: rows reported as written were not there. It is never used;
  data comes from a file (`FROM INFILE`), or inline through `query`, both of which raise.
- A streamed statement cannot be cancelled from another thread before its first block, but `KILL QUERY` from another
  connection stops it within half a second, also while it sorts or aggregates. A connection's query id cannot be chosen,
  so that statements are found by their `log_comment`.
"""

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import chdb
from msgspec import Struct, field

from footfall.store import engine_sql as sql

_log = logging.getLogger(__name__)
_CODE = re.compile(r"\bCode: (\d+)\.")
_READ_BYTES = 1 << 20
# Async inserts are on by default since 26.3 and answer before the data is on disk.
_ALWAYS = {"async_insert": "0"}


class Statement(Struct, kw_only=True):
    """One statement to run. `mark` is unique, and finds it when it is to be killed."""

    text: str | bytes
    mark: str
    query_id: str
    database: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    shape: sql.Shape

    @property
    def reads(self) -> bool:
        return self.shape.word in sql.READING


class EngineError(Exception):
    """A statement that chDB refused or could not finish, with ClickHouse's code for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @classmethod
    def of(cls, error: Exception) -> "EngineError":
        text = str(error)
        found = _CODE.search(text)
        # 1002 is ClickHouse's UNKNOWN_EXCEPTION.
        return cls(int(found.group(1)), text[found.start() :]) if found else cls(1002, text)


class Outlet(Protocol):
    """Where a result goes; its methods are called in a lane's thread and wait as long as the reader is slow."""

    @property
    def gone(self) -> bool:
        """Whether nobody reads any more."""
        ...

    def begin(self, format: str | None, summary: dict[str, str]) -> None: ...

    def write(self, block: bytes) -> None: ...


class Lanes:
    """Runs statements: readers in `at_once` lanes, all else in one lane kept for it, so that reports cannot starve loads.

    Statements wait for a lane in the order in which they came.
    """

    def __init__(self, path: Path, options: str, at_once: int, spool: Path) -> None:
        self._path = str(path)
        self._spool = spool
        # The first connection opens the engine with its options and keeps it open until the last statement has ended.
        self._control = chdb.connect(f"{self._path}?{options}")
        self._control_lock = threading.Lock()
        self._readers = ThreadPoolExecutor(at_once, "engine-read")
        self._writer = ThreadPoolExecutor(1, "engine-write")

    def start(self, statement: Statement, outlet: Outlet) -> "asyncio.Future[None]":
        """Queue a statement; the future ends with it, raising EngineError."""
        lane = self._readers if statement.reads else self._writer
        return asyncio.get_running_loop().run_in_executor(lane, self._run, statement, outlet)

    async def stop(self, statement: Statement, work: "asyncio.Future[None]") -> None:
        """End a statement that nobody waits for: at once if it is still queued, else within about half a second."""
        if work.cancel():
            return
        while not work.done():
            await asyncio.to_thread(self._kill, statement.mark)
            await asyncio.wait({work}, timeout=0.2)

    def close(self) -> None:
        """Wait for what runs, then close the engine."""
        self._readers.shutdown(cancel_futures=True)
        self._writer.shutdown(cancel_futures=True)
        self._control.close()

    def _kill(self, mark: str) -> None:
        with self._control_lock:
            self._control.query(f"KILL QUERY WHERE Settings['log_comment'] = {sql.quote(mark)} ASYNC")

    def _run(self, statement: Statement, outlet: Outlet) -> None:
        if outlet.gone:
            return
        try:
            with contextlib.closing(chdb.connect(self._path)) as connection:
                self._prepare(connection, statement)
                self._answer(connection, statement, outlet)
        except (chdb.ChdbError, RuntimeError) as error:
            raise EngineError.of(error) from error

    def _prepare(self, connection: Any, statement: Statement) -> None:
        settings = _ALWAYS | statement.settings | {"log_comment": statement.mark}
        connection.query(sql.set_settings(settings))
        if statement.database:
            connection.query(f"USE {sql.identifier(statement.database)}")

    def _answer(self, connection: Any, statement: Statement, outlet: Outlet) -> None:
        text, shape = statement.text, statement.shape
        if shape.word not in sql.STREAMED or isinstance(text, bytes):
            _answer_whole(connection, statement, outlet)
        elif sql.is_headless(text, shape, statement.settings):
            _answer_stream(connection, statement, outlet)
        else:
            self._answer_spooled(connection, text, statement, outlet)

    def _answer_spooled(self, connection: Any, text: str, statement: Statement, outlet: Outlet) -> None:
        # A format with a head or a foot is written to a file first: whole in memory it would not be bounded.
        path = self._spool / f"{statement.mark}.result"
        try:
            connection.query(sql.into_file(text, statement.shape, str(path)), params=statement.parameters)
            outlet.begin(statement.shape.format, {})
            with path.open("rb") as file:
                while (block := file.read(_READ_BYTES)) and not outlet.gone:
                    outlet.write(block)
        finally:
            path.unlink(missing_ok=True)


def _answer_whole(connection: Any, statement: Statement, outlet: Outlet) -> None:
    result = connection.query(statement.text, sql.DEFAULT_FORMAT, params=statement.parameters)
    outlet.begin(statement.shape.format if statement.reads else None, _summarize(result, statement.reads))
    if body := result.bytes():
        outlet.write(body)


def _answer_stream(connection: Any, statement: Statement, outlet: Outlet) -> None:
    # The response begins with the first block, so that an error before it still gets its status.
    stream = connection.send_query(statement.text, sql.DEFAULT_FORMAT, params=statement.parameters)
    try:
        begun = False
        for block in _blocks(stream, outlet):
            if not begun:
                outlet.begin(statement.shape.format, {})
                begun = True
            outlet.write(block)
        if not begun:
            outlet.begin(statement.shape.format, {})
    finally:
        stream.cancel()


def _blocks(stream: Any, outlet: Outlet) -> Iterator[bytes]:
    while not outlet.gone and (chunk := stream.fetch()) is not None:
        yield chunk.bytes()


def _summarize(result: Any, reads: bool) -> dict[str, str]:
    rows, size = result.rows_read(), result.bytes_read()
    summary = {
        "read_rows": str(max(rows, result.storage_rows_read())),
        "read_bytes": str(max(size, result.storage_bytes_read())),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }
    # chDB counts what INSERT wrote as read.
    return (
        summary if reads else summary | {"written_rows": summary["read_rows"], "written_bytes": summary["read_bytes"]}
    )
