"""The pipe between a statement, which writes its result into it, and a response, which reads it."""

import asyncio
import os
import select
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from footfall.store.pipe import Pipe

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
