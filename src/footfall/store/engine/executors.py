"""The engine's executors: bounded pools of threads that run statements, each on a chDB connection of its own.

Properties of chDB 26.9 that shape this module:
- A process hosts one engine on one data path, with any number of connections; opening one takes 0.3 ms. So every
  statement gets a fresh connection, and what it SETs or USEs ends with it. chDB releases the GIL while it works.
- `send_insert(...).finish()` swallows errors of the commit: an insert that was refused for too many partitions reported
  150 rows as written, and none were stored. It is never used. Data comes from a file (FROM INFILE) or inline with the
  statement; both raise their errors. INSERT ... SELECT FROM file(...) is not faster, and does not fill in defaults.
- `send_query` encodes each block by itself, so that the header of CSVWithNames, and the whole frame of JSON or Parquet,
  comes once for each block. So a SELECT writes INTO OUTFILE, to a pipe that the caller reads. This is right in every
  format, and faster because formatting is parallel; a slow reader makes the statement wait; errors in the middle raise.
- When the pipe's reader closes its end, the statement runs on for nothing until it is killed. KILL QUERY from another
  connection stops it within about 10 ms, also while it sorts or aggregates. A connection's query id cannot be chosen,
  so that statements are found by their `log_comment`: their mark, then the client's own comment.
"""

import asyncio
import contextlib
import os
import re
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import chdb
from msgspec import Struct, field

from footfall.store.engine import sql
from footfall.store.pipe import PIPE_BYTES

_CODE = re.compile(r"\bCode: (\d+)\.")
_KILL_PERIOD_S = 0.05
# By default an insert is answered before its rows are on disk. Times are in UTC whatever the machine's zone is.
_VIEWS = (
    "SELECT length(dependencies_table) FROM system.tables"
    " WHERE database = if({database:String} = '', currentDatabase(), {database:String}) AND name = {table:String}"
)
_ALWAYS = {"async_insert": "0", "session_timezone": "UTC"}


class EngineStatement(Struct, kw_only=True):
    """One statement to run. `mark` is unique: KILL finds the statement by it. `pipe` is the client's own pipe.

    `keyword` is the first word of the text. `data` is the open file that the text names by its descriptor. It stays
    open until the statement has ended, because the engine would read any other file that got the number. `loads_into`
    is the database and the table that the data goes into; both are empty for other statements.
    """

    text: str | bytes
    mark: str
    keyword: str
    database: str = ""
    pipe: Path | None = None
    data: BinaryIO | None = None
    loads_into: tuple[str, str] = ("", "")
    parameters: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def reads(self) -> bool:
        """Whether the statement changes nothing."""
        return self.keyword in sql.READING


class StatementResult(Struct, frozen=True):
    """A statement's result, empty where it went to a file, and ClickHouse's summary: rows, bytes and time."""

    body: bytes
    summary: dict[str, str]


class EngineError(Exception):
    """A statement that was refused or could not be finished, with ClickHouse's code for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message if message.startswith("Code: ") else f"Code: {code}. DB::Exception: {message}")
        self.code = code


class Executors:
    """Runs statements on four executors, each of which has a queue: first come, first served.

    - Statements that read a database: `at_once` threads.
    - Statements that write: one thread, so that reports cannot starve loads.
    - Statements that write in the background, which have a setting `priority`: one thread, so that loads do not wait.
    - Statements that read without naming a database, such as a client's first query or a KILL: one thread, so that they
      do not wait behind reports either.
    """

    def __init__(self, path: Path, options: Mapping[str, int], defaults: Mapping[str, str], at_once: int) -> None:
        """`options` open the engine; `defaults` are settings of each statement that does not set them itself."""
        self._path = str(path)
        self._defaults = dict(defaults)
        # The first connection opens the engine with its options, and keeps it open between statements.
        query = "&".join(f"{name}={value}" for name, value in options.items())
        self._control = chdb.connect(f"{self._path}?{query}")
        self._control_lock = threading.Lock()
        self._read_executor = ThreadPoolExecutor(at_once, "engine-read")
        self._write_executor = ThreadPoolExecutor(1, "engine-write")
        self._background_executor = ThreadPoolExecutor(1, "engine-background")
        self._control_executor = ThreadPoolExecutor(1, "engine-control")
        self.statements_queued = 0
        # By the statements' marks: those that wait or run, the clients' pipes that they write into, and which of these
        # pipes lost bytes because their statement was killed.
        self._reading: dict[str, Future[StatementResult]] = {}
        self._writing: dict[str, Future[StatementResult]] = {}
        self._pipes: dict[str, Path] = {}
        self._drained: set[str] = set()
        self._pipes_lock = threading.Lock()

    def start(self, statement: EngineStatement) -> "asyncio.Future[StatementResult]":
        """Queue a statement; its future raises EngineError when it fails. The statement's end closes its data."""
        self.statements_queued += 1
        works = self._reading if statement.reads else self._writing
        with contextlib.ExitStack() as stack:
            if statement.data is not None:
                stack.callback(statement.data.close)
            works[statement.mark] = work = self._executor_for(statement).submit(self._run, statement)
            closing = stack.pop_all()
        work.add_done_callback(lambda _: closing.close())
        if statement.pipe is not None:
            self._pipes[statement.mark] = statement.pipe
        work.add_done_callback(lambda _: works.pop(statement.mark))
        outcome = asyncio.wrap_future(work)
        # Retrieve the exception, so that asyncio does not report a failure that nobody waits for any more.
        outcome.add_done_callback(lambda done: done.cancelled() or done.exception())
        return outcome

    async def stop(self, statement: EngineStatement) -> None:
        """End a statement whose client has gone. Returns at once if it is queued or has ended.

        Kills a statement that reads. Waits for one that writes, because its outcome would not be known.
        """
        works = self._reading if statement.reads else self._writing
        while work := works.get(statement.mark):
            if work.cancel():
                break
            if statement.reads:
                await asyncio.to_thread(self._kill, statement.mark)
            await asyncio.sleep(_KILL_PERIOD_S)
        if statement.pipe is not None:
            self._forget_pipe(statement.mark, statement.pipe)

    def delivered_whole(self, statement: EngineStatement) -> bool:
        """Whether the client's pipe got all that an ended statement wrote. From now on no KILL drains the pipe.

        False when a KILL drained the pipe, although the statement then ended by itself, and when the statement found no
        pipe and made a file in its place.
        """
        with self._pipes_lock:
            pipe = self._pipes.pop(statement.mark, None)
            return pipe is not None and pipe.is_fifo() and statement.mark not in self._drained

    @property
    def busy(self) -> bool:
        """Whether a statement runs or waits."""
        return bool(self._reading or self._writing)

    def purge(self) -> None:
        """Have the engine's allocator return the memory that it keeps for later."""
        with self._control_lock:
            self._control.query("SYSTEM JEMALLOC PURGE")

    def table_functions(self) -> list[str]:
        """The names of the engine's table functions."""
        with self._control_lock:
            return str(self._control.query("SELECT name FROM system.table_functions", "TSV")).split()

    def stop_reading(self) -> None:
        """Kill all statements that read, and wait until they have ended."""
        while marks := tuple(self._reading):
            for mark in marks:
                self._kill(mark)
            time.sleep(_KILL_PERIOD_S)

    def close(self) -> None:
        """Kill statements that read, wait for those that write, and close the engine; `start` fails from now on."""
        for executor in (self._read_executor, self._control_executor):
            executor.shutdown(wait=False, cancel_futures=True)
        for executor in (self._write_executor, self._background_executor):
            executor.shutdown(cancel_futures=True)
        self.stop_reading()
        self._control.close()

    def _executor_for(self, statement: EngineStatement) -> ThreadPoolExecutor:
        if not statement.reads:
            return self._background_executor if "priority" in statement.settings else self._write_executor
        return self._read_executor if statement.database else self._control_executor

    def _kill(self, mark: str) -> None:
        with self._control_lock:
            self._control.query(f"KILL QUERY WHERE startsWith(Settings['log_comment'], {sql.quote(mark)}) ASYNC")
        with self._pipes_lock:
            if pipe := self._pipes.get(mark):
                self._drained.add(mark)
                _drain(pipe)

    def _forget_pipe(self, mark: str, pipe: Path) -> None:
        with self._pipes_lock:
            self._pipes.pop(mark, None)
            self._drained.discard(mark)
        # A killed client leaves its pipe. A statement that begins after its client has gone makes a file there.
        pipe.unlink(missing_ok=True)

    def _run(self, statement: EngineStatement) -> StatementResult:
        try:
            with contextlib.closing(chdb.connect(self._path)) as connection:
                comment = f"{statement.mark} {statement.settings.get('log_comment', '')}"
                settings = self._defaults | statement.settings | _ALWAYS | {"log_comment": comment}
                return _execute(connection, statement, settings)
        except (chdb.ChdbError, RuntimeError) as error:
            raise _engine_error(str(error)) from error
        except UnicodeDecodeError as error:
            # A message that quotes data which is not UTF-8: chDB fails to decode it, and the error holds its bytes.
            raise _engine_error(error.object.decode("utf-8", "replace")) from error


def _drain(pipe: Path) -> None:
    """Read what is in a pipe: a statement that waits to write into a full pipe does not notice that it is killed."""
    with contextlib.suppress(FileNotFoundError, BlockingIOError):
        file = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.read(file, PIPE_BYTES)
        finally:
            os.close(file)


def _execute(connection: Any, statement: EngineStatement, settings: Mapping[str, str]) -> StatementResult:
    connection.query(sql.set_settings(settings))
    # A new connection uses a database of chDB's own, in which the name of a table is the path of a file.
    connection.query(f"USE {sql.identifier(statement.database or 'system')}")
    # Views are made and removed on the thread of this statement, so their number holds until it has ended.
    views = _count_views(connection, *statement.loads_into) if any(statement.loads_into) else 0
    result = connection.query(statement.text, sql.DEFAULT_FORMAT, params=statement.parameters)
    return StatementResult(result.bytes(), _summarize(result, statement.reads, views))


def _count_views(connection: Any, database: str, table: str) -> int:
    """The materialized views that get every row that is written into a table."""
    result = connection.query(_VIEWS, sql.DEFAULT_FORMAT, params={"database": database, "table": table})
    return int(result.bytes() or 0)


def _summarize(result: Any, reads: bool, views: int) -> dict[str, str]:
    # chDB counts the rows of an INSERT as read: from a file by one pair of counters, from a SELECT by the other. The
    # other also counts them once more for each view that gets them. A number that this does not explain stays.
    own, rest = divmod(result.storage_rows_read(), 1 + views)
    rows = str(max(result.rows_read(), own if not rest else result.storage_rows_read()))
    size = str(max(result.bytes_read(), result.storage_bytes_read()))
    summary = {"read_rows": rows, "read_bytes": size, "elapsed_ns": str(int(result.elapsed() * 1e9))}
    return summary if reads else summary | {"written_rows": rows, "written_bytes": size}


def _engine_error(message: str) -> EngineError:
    found = _CODE.search(message)
    # 1002 is ClickHouse's own UNKNOWN_EXCEPTION.
    return EngineError(int(found.group(1)), message[found.start() :]) if found else EngineError(1002, message)
