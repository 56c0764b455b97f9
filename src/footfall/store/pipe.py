"""Named pipes, through which the embedded engine gives results to clients on the same machine."""

import asyncio
import contextlib
import fcntl
import os
import re
import select
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self

from urllib3.response import BaseHTTPResponse

from footfall.store.errors import StoreUnavailable
from footfall.store.stream import BLOCK_BYTES, read_blocks

# The header of a request that names the pipe for its result.
PIPE_HEADER = "X-Footfall-Pipe"
_NAME = re.compile(r"[0-9a-f]{32}\.pipe")
PIPE_BYTES = 1 << 20
# The engine writes small pieces. A pause after each read lets more of them come, which costs less than a read for each.
_GATHER_S = 0.001
# A response's block is sent when it has so many bytes, or when nothing more has come for a while: each block costs
# several turns of the event loop.
_RESPONSE_BLOCK_BYTES = 1 << 20
_LULL_MS = 5
# Pause before the next read of a pipe whose writer has not opened it yet, or has closed it and is about to return.
_RETRY_S = 0.002


def name_pipe() -> str:
    """A name that no other pipe has."""
    return f"{uuid.uuid4().hex}.pipe"


def is_pipe_name(name: str) -> bool:
    """Whether `name_pipe` may have made this name."""
    return _NAME.fullmatch(name) is not None


class Pipe:
    """The reading end of a new pipe at `path`. While nobody reads, its writers wait. Closing it removes the path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path, 0o600)
        try:
            # Do not wait for the writer, which may fail before it opens its end.
            self.file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except BaseException:
            path.unlink()
            raise
        # A larger pipe takes fewer reads. The kernel may refuse the size, and other systems lack the call.
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(self.file, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading, and remove the path."""
        os.close(self.file)
        self.path.unlink(missing_ok=True)

    def blocks(self, silent_s: float) -> Iterator[bytes]:
        """The written blocks, until no writer is left; one must have opened the pipe before.

        Raises TimeoutError when nothing has come for `silent_s` seconds.
        """
        ready = select.poll()
        ready.register(self.file, select.POLLIN)
        while ready.poll(silent_s * 1000):
            block = os.read(self.file, BLOCK_BYTES)
            if not block:
                return
            yield block
            if len(block) < BLOCK_BYTES:
                time.sleep(_GATHER_S)
        raise TimeoutError(f"nothing has come for {silent_s} s")


def make_pipe(folder: Path) -> Pipe:
    """Make a pipe in the engine's folder for pipes; raises StoreUnavailable."""
    try:
        return Pipe(folder / name_pipe())
    except OSError as error:
        raise StoreUnavailable(f"there cannot be a pipe to the engine: {error.strerror}") from error


def read_pipe(pipe: Pipe, response: BaseHTTPResponse, silent_s: float) -> Iterator[bytes]:
    """The blocks of a result that comes through a pipe; the response then says whether it is whole.

    Raises as `read_blocks` does, and StoreUnavailable when nothing has come for `silent_s` seconds.
    """
    try:
        yield from pipe.blocks(silent_s)
    except OSError as error:
        raise StoreUnavailable(f"the result was cut off: {error}") from error
    yield from read_blocks(response)


class ResponsePipe(Pipe):
    """A pipe that the engine itself reads, on its event loop, for clients that get the result over HTTP."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._poll = select.poll()
        self._poll.register(self.file, select.POLLIN)

    async def read(self, work: "asyncio.Future[Any]", gone: "asyncio.Future[Any]") -> AsyncIterator[bytes]:
        """The written blocks, until `work` (the statement) is done and all is read, or `gone` (the client left) is."""
        while not gone.done():
            # Read this before the pipe: when the work is done, all that it wrote is in the pipe.
            done = work.done()
            block = await asyncio.to_thread(self._read_block)
            if block is None:
                await self._wait_readable(work, gone)
            elif block:
                yield block
            elif done:
                return
            else:
                await asyncio.wait({work, gone}, timeout=_RETRY_S, return_when=asyncio.FIRST_COMPLETED)

    def _read_block(self) -> bytes | None:
        """The bytes that come without a lull; empty without a writer, None when the writer has written nothing."""
        parts: list[bytes] = []
        size = 0
        while size < _RESPONSE_BLOCK_BYTES:
            try:
                part = os.read(self.file, _RESPONSE_BLOCK_BYTES - size)
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

    async def _wait_readable(self, work: "asyncio.Future[Any]", gone: "asyncio.Future[Any]") -> None:
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.file, readable.set)
        waiting = asyncio.ensure_future(readable.wait())
        try:
            await asyncio.wait({waiting, work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(self.file)
            waiting.cancel()
