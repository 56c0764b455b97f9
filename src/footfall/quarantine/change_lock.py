"""The lock under which a node changes its quarantine: one change at a time, and each sees the one before it.

The store shows a change a second after it was made. A second change that read the store before that would take the
same events for held, and change them again. That does no harm, but it would count them again.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from footfall.errors import Code, RequestRefused
from footfall.system import files

# Seconds that a change waits for the one before it.
CHANGE_WAIT_S = 10.0
# Seconds between two tries to take the lock.
_PAUSE_S = 0.05
# Seconds after which a change does not wait for the one before it to show: that one may have been lost.
FORGET_S = 600.0
RETRY_AFTER_S = 5


class ChangeLock:
    """The lock, held; `last_id` names the last event that the change before this one changed, or is empty."""

    def __init__(self, file: int) -> None:
        self._file = file
        is_recent = time.time() - os.fstat(file).st_mtime < FORGET_S
        self.last_id = os.pread(file, 100, 0).decode() if is_recent else ""

    def note(self, event_id: str) -> None:
        """Write down the last event that was changed. A full disk may prevent that; the change is durable already."""
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, event_id.encode(), 0)


@asynccontextmanager
async def hold_change_lock(path: Path) -> AsyncIterator[ChangeLock]:
    """Take the lock and hold it for the block. Raises RequestRefused when another change holds it for too long."""
    try:
        files.make_folder(path.parent)
        file = files.open_file(path, os.O_RDWR)
    except OSError as error:
        raise refuse_for_now(f"the data folder cannot be written now: {error.strerror}") from error
    try:
        until_s = time.monotonic() + CHANGE_WAIT_S
        while not files.take_lock(file):
            if time.monotonic() >= until_s:
                raise refuse_for_now("another change of quarantine is at work")
            await asyncio.sleep(_PAUSE_S)
        yield ChangeLock(file)
    finally:
        os.close(file)


def refuse_for_now(why: str) -> RequestRefused:
    """The refusal of a change that cannot be made now."""
    text = f"{why}; nothing was changed, try again"
    return RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
