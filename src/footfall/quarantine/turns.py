"""One change of quarantine at a time on a node, and each knows what the one before it did.

What a change wrote shows in the store a second later. A second one that looked before would take the same events for
held, change them once more, which does no harm, and count them once more, which is not true.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from footfall import locking, private
from footfall.errors import Code, RequestRefused

# Seconds that a change waits for the one before it.
TURN_S = 10.0
_PAUSE_S = 0.05
# Seconds after which the change before is not waited for any more: what became of it, only the log can tell.
FORGET_S = 600.0
RETRY_AFTER_S = 5


class Turn:
    """The turn of one change; `before` names the last event that the change before it had changed, or is empty."""

    def __init__(self, file: int) -> None:
        self._file = file
        is_fresh = time.time() - os.fstat(file).st_mtime < FORGET_S
        self.before = os.pread(file, 100, 0).decode() if is_fresh else ""

    def note(self, event_id: str) -> None:
        """Name the last event that was changed, as far as the disk lets us: the change itself is durable already."""
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, event_id.encode(), 0)


@asynccontextmanager
async def turn(path: Path) -> AsyncIterator[Turn]:
    """Wait for the turn, which ends with the block. Raises RequestRefused when others have it for too long."""
    try:
        private.make_folder(path.parent)
        file = private.open_file(path, os.O_RDWR)
    except OSError as error:
        raise not_now(f"the data folder cannot be written now: {error.strerror}") from error
    try:
        until_s = time.monotonic() + TURN_S
        while not locking.take(file):
            if time.monotonic() >= until_s:
                raise not_now("another change of quarantine is at work")
            await asyncio.sleep(_PAUSE_S)
        yield Turn(file)
    finally:
        os.close(file)


def not_now(why: str) -> RequestRefused:
    """The refusal of a change that has to come after another."""
    text = f"{why}; nothing was changed, try again"
    return RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
