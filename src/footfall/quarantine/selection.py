"""Which events a call means, and the lock under which one change at a time is made."""

import asyncio
import os
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from msgspec import Struct

from footfall.errors import Code, RequestRefused
from footfall.system import files

# Which events are meant: by what they are, or by their names.


TIME_MS_LEAST = -(2**63)
TIME_MS_MOST = 2**63 - 1
SEQUENCE_MAX = 2**32 - 1

_CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{1,10})")


class Selection(Struct, frozen=True, kw_only=True):
    """What is said must hold of each event; an empty string, None or an empty tuple says nothing.

    `reason` is a part of the reason's text, in either case; `since` and `until` are times of receipt in ms since the
    epoch, both inclusive; `ids` are names as `identify` gives them.
    """

    customer: str = ""
    product: str = ""
    type: str = ""
    reason: str = ""
    state: str = ""
    since: int | None = None
    until: int | None = None
    ids: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Any]:
        """The native parameters that the statements on quarantine share."""
        return {
            "customer": self.customer,
            "product": self.product,
            "type": self.type,
            "reason": self.reason,
            "state": self.state,
            "since": TIME_MS_LEAST if self.since is None else self.since,
            "until": TIME_MS_MOST if self.until is None else self.until,
            "ids": list(self.ids),
        }


class Cursor(Struct, frozen=True):
    """The last event of a page: the next one begins behind it."""

    received: int
    batch: str
    sequence: int

    @classmethod
    def read(cls, text: str) -> Self:
        """The cursor that `str` made; raises ValueError."""
        found = _CURSOR.fullmatch(text)
        if found is None or int(found[3]) > SEQUENCE_MAX:
            raise ValueError("is no `next` of an earlier page")
        return cls(int(found[1]), found[2], int(found[3]))

    def __str__(self) -> str:
        return f"{self.received}-{self.batch}-{self.sequence}"

    def parameters(self) -> dict[str, Any]:
        """The native parameters of a page."""
        return {"after_received": self.received, "after_batch": self.batch, "after_sequence": self.sequence}


# Before the first event of all.
START = Cursor(TIME_MS_MOST, str(uuid.UUID(int=0)), 0)


def identify(text: str) -> str:
    """The name of an event, BATCH/SEQUENCE, in its one spelling; raises ValueError."""
    batch, _, sequence = text.partition("/")
    if not (re.fullmatch(r"[1-9]\d{0,9}", sequence, re.ASCII) and int(sequence) <= SEQUENCE_MAX):
        raise ValueError(f"{text!r} is not BATCH/SEQUENCE: a UUID, a slash and a number from 1")
    try:
        return f"{uuid.UUID(batch)}/{sequence}"
    except ValueError as error:
        raise ValueError(f"{text!r} is not BATCH/SEQUENCE: the batch is a UUID") from error


# One change of quarantine at a time on a node, and each knows what the one before it did.
#
# What a change wrote shows in the store a second later. A second one that looked before would take the same events for
# held, change them once more, which does no harm, and count them once more, which is not true.


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
        files.make_folder(path.parent)
        file = files.open_file(path, os.O_RDWR)
    except OSError as error:
        raise not_now(f"the data folder cannot be written now: {error.strerror}") from error
    try:
        until_s = time.monotonic() + TURN_S
        while not files.take_lock(file):
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
