"""The lanes of the engine: threads that run statements, each on a chDB connection of its own.

What was measured of chDB 26.9 and shapes this module:
- A process hosts one engine on one data path, with any number of connections; opening one takes 0.3 ms. So every
  statement gets a fresh connection, and what it SETs or USEs ends with it. chDB releases the GIL while it works.
- `send_insert(...).finish()` swallows errors of the commit: an insert that was refused for too many partitions told of
  150 rows written, and none were there. It is never used; data comes from a file (FROM INFILE) or inline with the
  statement, both of which raise. Reading a segment with INSERT ... SELECT FROM file(...) instead was not faster
  (200,000 events in one month: 0.33 to 0.44 s against 0.36 to 0.63 s), and would not fill in defaults.
- `send_query` encodes each block by itself, so that the head of CSVWithNames, and the whole frame of JSON or Parquet,
  came once a block. So a SELECT writes INTO OUTFILE, to a pipe that the caller reads: right in every format, faster
  (parallel formatting), and a reader that is slow makes the statement wait. It raises what goes wrong in the middle.
- When the pipe's reader goes, the statement runs on for nothing until it is killed. KILL QUERY from another connection
  stops it within about 10 ms, also while it sorts or aggregates. A connection's query id cannot be chosen, so that
  statements are found by their `log_comment`, which begins with their mark, and ends with what the client said.
"""

import asyncio
import contextlib
import os
import re
import select
import threading
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import chdb
from msgspec import Struct, field

from footfall.store.engine import sql
from footfall.store.pipe import PIPE_BYTES, Pipe

_CODE = re.compile(r"\bCode: (\d+)\.")
_KILL_PERIOD_S = 0.05
# By default an insert is answered before its rows are on disk. Times are meant in UTC wherever this runs.
_ALWAYS = {"async_insert": "0", "session_timezone": "UTC"}


class EngineStatement(Struct, kw_only=True):
    """One statement to run. `mark` is unique, and finds it when it is to be killed; `pipe` is its client's own.

    `data` is the open file that its text names by descriptor: it is closed when the statement has ended, for the engine
    would read whatever had the number by then.
    """

    text: str | bytes
    mark: str
    word: str
    database: str = ""
    pipe: Path | None = None
    data: BinaryIO | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.word in sql.READING


class StatementResult(Struct, frozen=True):
    """What a statement gave: its result, where that did not go to a file, and ClickHouse's summary of it."""

    body: bytes
    summary: dict[str, str]


class EngineError(Exception):
    """A statement that was refused or could not be finished, with ClickHouse's code for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message if message.startswith("Code: ") else f"Code: {code}. DB::Exception: {message}")
        self.code = code


class Executors:
    """Runs statements, which wait for a lane in the order in which they came.

    Queries have `at_once` lanes. What writes has one of its own, so that reports cannot starve loads. So has what reads
    without naming a database: a client's greeting, or a KILL, which must not wait behind reports either.
    """

    def __init__(self, path: Path, options: Mapping[str, int], defaults: Mapping[str, str], at_once: int) -> None:
        """`options` are the engine's own, `defaults` are settings of every statement that does not set them itself."""
        self._path = str(path)
        self._defaults = dict(defaults)
        # The first connection opens the engine with its options, and keeps it open between statements.
        query = "&".join(f"{name}={value}" for name, value in options.items())
        self._control = chdb.connect(f"{self._path}?{query}")
        self._control_lock = threading.Lock()
        self._readers = ThreadPoolExecutor(at_once, "engine-read")
        self._writer = ThreadPoolExecutor(1, "engine-write")
        self._greeter = ThreadPoolExecutor(1, "engine-greet")
        # So many statements have begun.
        self.begun = 0
        self._reading: dict[str, Future[StatementResult]] = {}
        # The clients' pipes by the marks of the statements that write into them, and from which something was taken.
        self._pipes: dict[str, Path] = {}
        self._emptied: set[str] = set()
        self._pipes_lock = threading.Lock()
        self._writing: dict[str, Future[StatementResult]] = {}

    def start(self, statement: EngineStatement) -> "asyncio.Future[StatementResult]":
        """Queue a statement; its future raises EngineError when it fails. The end of its work closes its data."""
        self.begun += 1
        works = self._reading if statement.reads else self._writing
        with contextlib.ExitStack() as stack:
            if statement.data is not None:
                stack.callback(statement.data.close)
            works[statement.mark] = work = self._lane(statement).submit(self._run, statement)
            kept = stack.pop_all()
        work.add_done_callback(lambda _: kept.close())
        if statement.pipe is not None:
            self._pipes[statement.mark] = statement.pipe
        work.add_done_callback(lambda _: works.pop(statement.mark))
        outcome = asyncio.wrap_future(work)
        # Looked at here, so that a failure that nobody waits for any more is not reported as forgotten.
        outcome.add_done_callback(lambda done: done.cancelled() or done.exception())
        return outcome

    async def stop(self, statement: EngineStatement) -> None:
        """Be done with a statement that nobody waits for: at once if it is queued or has ended.

        Else a reading one is killed. A writing one is waited for, because its outcome would not be known.
        """
        works = self._reading if statement.reads else self._writing
        while work := works.get(statement.mark):
            if work.cancel():
                break
            if statement.reads:
                await asyncio.to_thread(self._kill, statement.mark)
            await asyncio.sleep(_KILL_PERIOD_S)
        if statement.pipe is not None:
            self._forget(statement.mark, statement.pipe)

    def is_whole(self, statement: EngineStatement) -> bool:
        """Whether its client's pipe has, or had, all that an ended statement wrote; nothing is taken from it any more.

        A statement may come to its end although it is being killed; one that found no pipe has made a file.
        """
        with self._pipes_lock:
            pipe = self._pipes.pop(statement.mark, None)
            return pipe is not None and pipe.is_fifo() and statement.mark not in self._emptied

    @property
    def busy(self) -> bool:
        """Whether a statement runs or waits."""
        return bool(self._reading or self._writing)

    def purge(self) -> None:
        """Have the engine's allocator give back what it keeps for later."""
        with self._control_lock:
            self._control.query("SYSTEM JEMALLOC PURGE")

    def table_functions(self) -> list[str]:
        """The names of all that the engine has."""
        with self._control_lock:
            return str(self._control.query("SELECT name FROM system.table_functions", "TSV")).split()

    def stop_reading(self) -> None:
        """Kill all reading statements, and wait until they have ended."""
        while marks := tuple(self._reading):
            for mark in marks:
                self._kill(mark)
            time.sleep(_KILL_PERIOD_S)

    def close(self) -> None:
        """Kill what reads, wait for what writes, and close the engine; nothing may be started any more."""
        for lane in (self._readers, self._greeter):
            lane.shutdown(wait=False, cancel_futures=True)
        self._writer.shutdown(cancel_futures=True)
        self.stop_reading()
        self._control.close()

    def _lane(self, statement: EngineStatement) -> ThreadPoolExecutor:
        if not statement.reads:
            return self._writer
        return self._readers if statement.database else self._greeter

    def _kill(self, mark: str) -> None:
        with self._control_lock:
            self._control.query(f"KILL QUERY WHERE startsWith(Settings['log_comment'], {sql.quote(mark)}) ASYNC")
        with self._pipes_lock:
            if pipe := self._pipes.get(mark):
                self._emptied.add(mark)
                _empty(pipe)

    def _forget(self, mark: str, pipe: Path) -> None:
        with self._pipes_lock:
            self._pipes.pop(mark, None)
            self._emptied.discard(mark)
        # Left by a client that was killed, or made by a statement that began when its client had gone.
        pipe.unlink(missing_ok=True)

    def _run(self, statement: EngineStatement) -> StatementResult:
        try:
            with contextlib.closing(chdb.connect(self._path)) as connection:
                comment = f"{statement.mark} {statement.settings.get('log_comment', '')}"
                settings = self._defaults | statement.settings | _ALWAYS | {"log_comment": comment}
                return _execute(connection, statement, settings)
        except (chdb.ChdbError, RuntimeError) as error:
            raise _explain(str(error)) from error
        except UnicodeDecodeError as error:
            # A message that quotes bad data; this is how chDB hands it over.
            raise _explain(error.object.decode("utf-8", "replace")) from error


def _empty(pipe: Path) -> None:
    """Take what is in a pipe: a statement that waits to write into it does not notice that it is killed."""
    with contextlib.suppress(FileNotFoundError, BlockingIOError):
        file = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.read(file, PIPE_BYTES)
        finally:
            os.close(file)


def _execute(connection: Any, statement: EngineStatement, settings: Mapping[str, str]) -> StatementResult:
    connection.query(sql.set_settings(settings))
    # The database of a new connection is one of chDB's own, in which the name of a table is the path of a file.
    connection.query(f"USE {sql.identifier(statement.database or 'system')}")
    result = connection.query(statement.text, sql.DEFAULT_FORMAT, params=statement.parameters)
    return StatementResult(result.bytes(), _summarize(result, statement.reads))


def _summarize(result: Any, reads: bool) -> dict[str, str]:
    # What an INSERT wrote, chDB counts as read: from a file by one pair of counters, from a SELECT by the other.
    rows = str(max(result.rows_read(), result.storage_rows_read()))
    size = str(max(result.bytes_read(), result.storage_bytes_read()))
    summary = {"read_rows": rows, "read_bytes": size, "elapsed_ns": str(int(result.elapsed() * 1e9))}
    return summary if reads else summary | {"written_rows": rows, "written_bytes": size}


def _explain(message: str) -> EngineError:
    found = _CODE.search(message)
    # 1002 is ClickHouse's own UNKNOWN_EXCEPTION.
    return EngineError(int(found.group(1)), message[found.start() :]) if found else EngineError(1002, message)


# The pipe between a statement, which writes its result into it, and a response, which reads it.


# A block goes to the response when it has so many bytes, or when nothing more has come for a while. Each costs several
# turns of the event loop: with what there was at every turn, a report's rows cost 0.25 us of a core each, now 0.12.
_BLOCK_BYTES = 1 << 20
_LULL_MS = 5
# Pause before looking again at a pipe whose writer has not come yet, or has closed its end and is about to return.
_LOOK_S = 0.002


class ResponsePipe(Pipe):
    """Read on the event loop, for clients that only speak HTTP."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._poll = select.poll()
        self._poll.register(self.file, select.POLLIN)

    async def read(self, work: "asyncio.Future[Any]", gone: "asyncio.Future[Any]") -> AsyncIterator[bytes]:
        """What is written, until `work` is done and all of it is read, or until `gone` is done."""
        while not gone.done():
            # Looked at before the read: what was written before the work was done is in the pipe by then.
            done = work.done()
            block = await asyncio.to_thread(self._fill)
            if block is None:
                await self._wait(work, gone)
            elif block:
                yield block
            elif done:
                return
            else:
                await asyncio.wait({work, gone}, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)

    def _fill(self) -> bytes | None:
        """What is in the pipe and comes without a lull; empty without a writer, None while he has not written."""
        parts: list[bytes] = []
        size = 0
        while size < _BLOCK_BYTES:
            try:
                part = os.read(self.file, _BLOCK_BYTES - size)
            except BlockingIOError:
                if not parts:
                    return None
                if not self._poll.poll(_LULL_MS):
                    break
                continue
            if not part:
                break
            parts.append(part)
            size += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _wait(self, work: "asyncio.Future[Any]", gone: "asyncio.Future[Any]") -> None:
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.file, readable.set)
        waiting = asyncio.ensure_future(readable.wait())
        try:
            await asyncio.wait({waiting, work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(self.file)
            waiting.cancel()
