"""The one owner of a process's journal: takes all that is waiting, makes it one frame, syncs it, wakes the waiters."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from footfall.clock import Clock
from footfall.journal.folder import Folder
from footfall.journal.frames import compress
from footfall.journal.segment import Segment
from footfall.settings import Settings

log = logging.getLogger(__name__)

# One frame's lines: large enough that compressing pays, small enough that nobody waits long for another's bytes.
FRAME_LINES_BYTES_MAX = 8 * 1024 * 1024
# How often the free space of the disk is looked up at the most.
DISK_CHECK_PERIOD_S = 0.2


class JournalError(Exception):
    """The lines are not in the journal; trying again later may work."""


class JournalBusy(JournalError):
    """More bytes wait for the disk than may."""


class JournalFull(JournalError):
    """The disk has less free space than it must keep, or refused the write."""


class _Waiter(Struct):
    lines: bytes
    done: asyncio.Future[None]


class Journal:
    """Appends lines durably: when `append` returns they are synced, when it raises none of them are kept.

    Runs as one task (`run`) that commits on a thread of its own, so that the event loop never waits for the disk.
    """

    def __init__(self, folder: Folder, settings: Settings, clock: Clock) -> None:
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._writer = secrets.token_hex(4)
        self._number = 0
        self._segment: Segment | None = None
        self._torn: list[Segment] = []
        self._waiting: deque[_Waiter] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._closing = False
        self._thread = ThreadPoolExecutor(1, "journal")
        self._disk_checked_s = 0.0
        self._disk_full = False

    async def append(self, lines: bytes) -> None:
        """Wait until these JSON lines are on disk. Raises JournalBusy or JournalFull, and keeps nothing then."""
        if self._closing or self._waiting_bytes + len(lines) > self._settings.journal_waiting_bytes_max:
            raise JournalBusy(f"{self._waiting_bytes} bytes wait for the disk")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiter(lines, done))
        self._waiting_bytes += len(lines)
        self._wake.set()
        await done

    async def run(self) -> None:
        """Commit what is waiting until `close` is called; then commit the rest and seal."""
        loop = asyncio.get_running_loop()
        while self._waiting or not self._closing:
            await self._sleep()
            if group := self._take():
                await self._settle(group, loop.run_in_executor(self._thread, self._commit, [w.lines for w in group]))
            elif self._is_due():
                await loop.run_in_executor(self._thread, self._seal)
        await loop.run_in_executor(self._thread, self._seal)
        self._thread.shutdown()

    def close(self) -> None:
        """Accept nothing more; `run` ends when all that waits is on disk and the segment is sealed."""
        self._closing = True
        self._wake.set()

    async def _sleep(self) -> None:
        """Until something waits, or the open segment is old enough to be sealed."""
        if self._waiting or self._closing:
            return
        self._wake.clear()
        timeout_s = None
        if self._segment is not None:
            timeout_s = max(0, self._settings.segment_age_max_ms - self._segment.age_ms()) / 1000 + 0.001
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout_s)

    def _take(self) -> list[_Waiter]:
        group: list[_Waiter] = []
        taken = 0
        while self._waiting and taken < FRAME_LINES_BYTES_MAX:
            waiter = self._waiting.popleft()
            taken += len(waiter.lines)
            group.append(waiter)
        self._waiting_bytes -= taken
        return group

    async def _settle(self, group: list[_Waiter], commit: asyncio.Future[None]) -> None:
        """Wake the group with the outcome of its commit; a waiter that was cancelled meanwhile is passed over."""
        try:
            await commit
        except Exception as error:  # a waiter must hear of any failure, or it waits for ever
            if not isinstance(error, JournalError):
                log.error("a commit failed in an unforeseen way", exc_info=error)
            for waiter in group:
                if not waiter.done.done():
                    waiter.done.set_exception(error)
        else:
            for waiter in group:
                if not waiter.done.done():
                    waiter.done.set_result(None)

    # What follows runs on the journal's thread, one call at a time.

    def _commit(self, group: list[bytes]) -> None:
        self._mend()
        self._check_disk()
        try:
            segment = self._open()
            lines = self._stamp(b"".join(group))
            segment.append(compress(lines), len(lines))
        except OSError as error:
            self._give_up(error)
            raise JournalFull(f"the journal cannot be written: {error.strerror}") from error
        except BaseException as error:
            self._give_up(error)
            raise
        if self._is_due():
            self._seal()

    def _stamp(self, lines: bytes) -> bytes:
        """Each line with its time of receipt and of admission. A raw newline only ever ends a line in JSON."""
        now = b"%d" % self._clock.now_ms()
        return lines.replace(b"}\n", b',"received":' + now + b',"admitted":' + now + b"}\n")

    def _open(self) -> Segment:
        """The segment to append to. It exists before the frame's stamp is taken: the barrier of reports needs that."""
        while self._segment is None:
            self._number += 1
            stem = self._folder.stem(self._clock.now_ms(), self._writer, self._number)
            with contextlib.suppress(BlockingIOError):  # recovery was quicker than the lock: the next name will do
                segment = Segment(self._folder, stem)
                self._segment = segment if segment.is_there() else None
        return self._segment

    def _is_due(self) -> bool:
        segment = self._segment
        if segment is None:
            return False
        return (
            segment.age_ms() >= self._settings.segment_age_max_ms
            or segment.size >= self._settings.segment_bytes_max
            or segment.lines_bytes >= self._settings.segment_lines_bytes_max
        )

    def _seal(self) -> None:
        self._mend()
        segment = self._segment
        if segment is None:
            return
        try:
            segment.seal()
        except OSError as error:
            log.warning("cannot seal %s, trying again: %s", segment.path.name, error)
            return
        self._segment = None

    def _give_up(self, error: BaseException) -> None:
        """Cut off what the failed append may have left; until that works the segment is kept, locked, out of use."""
        log.warning("a frame could not be made durable and its requests are refused: %s", error)
        if self._segment is not None:
            self._torn.append(self._segment)
            self._segment = None
        self._mend()

    def _mend(self) -> None:
        """Cut and seal the segments whose last append failed."""
        for segment in list(self._torn):
            try:
                segment.cut()
                segment.seal()
            except OSError as error:
                log.warning("cannot cut %s back yet: %s", segment.path.name, error)
            else:
                self._torn.remove(segment)
                log.info("cut %s back to its last whole frame", segment.path.name)

    def _check_disk(self) -> None:
        """Raise JournalFull while the disk has less free space than it must keep."""
        now_s = time.monotonic()
        if now_s - self._disk_checked_s >= DISK_CHECK_PERIOD_S or self._disk_full:
            self._disk_checked_s = now_s
            full = self._folder.disk.free_bytes(self._folder.path) < self._settings.disk_free_bytes_min
            if full != self._disk_full:
                log.warning("the disk is full: events are refused" if full else "the disk has room again")
            self._disk_full = full
        if self._disk_full:
            raise JournalFull("the disk has less free space than disk_free_bytes_min")
