"""A named pipe between a statement, which writes its result into it, and the response, which reads it."""

import asyncio
import contextlib
import fcntl
import os
import select
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# A block goes to the response when it has so many bytes, or when nothing more has come for a while. Each costs several
# turns of the event loop: with what there was at every turn, a report's rows cost 0.25 us of a core each, now 0.12.
_BLOCK_BYTES = 1 << 20
_PIPE_BYTES = 1 << 20
_LULL_MS = 5
# Pause before looking again at a pipe whose writer has not come yet, or has closed its end and is about to return.
_LOOK_S = 0.002


class Pipe:
    """The reading end of a new pipe at `path`: while nobody reads, its writer waits. Closing it removes the path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        os.mkfifo(self.path, 0o600)
        # Opened at once and without waiting for the writer, who may fail before it opens its end.
        self._file = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)
        # A larger pipe means fewer turns; the kernel may refuse it, and other systems do not know it.
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(self._file, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._file)
        self.path.unlink()

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
                part = os.read(self._file, _BLOCK_BYTES - size)
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
        loop.add_reader(self._file, readable.set)
        waiting = asyncio.ensure_future(readable.wait())
        try:
            await asyncio.wait({waiting, work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(self._file)
            waiting.cancel()
