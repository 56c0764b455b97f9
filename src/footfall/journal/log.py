"""The one owner of a process's journal: takes all that is waiting, makes it one frame, syncs it, wakes the waiters."""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from footfall.journal.disk import DiskThread, Work, settle_future
from footfall.journal.errors import JournalBusy, JournalError, JournalFull
from footfall.journal.frames import STAMPS, Compressor, EncodedLines, mark
from footfall.journal.segment import Folder, OpenSegment, SegmentKind
from footfall.journal.segment_pool import SegmentPool
from footfall.settings import Settings
from footfall.system.clock import Clock

log = logging.getLogger(__name__)

# One frame's lines: large enough that compressing pays, small enough that nobody waits long for another's bytes.
FRAME_LINES_BYTES_MAX = 8 * 1024 * 1024
# How often the free space of the disk, and the size of the journal, are looked up at the most.
DISK_CHECK_PERIOD_S = 0.25
# A commit of so few bytes is made on the event loop itself while the disk is quick. One that took longer sends the next
# ones to the thread, for so many times as long: a slow disk holds up the loop for a twentieth of the time at the most.
SHORT_LINES_BYTES_MAX = 1024 * 1024
QUICK_S = 0.002
SLOW_FOR = 20
# Segments, each an open file, that wait to be sealed. A disk that cannot keep up with sealing gets larger segments
# instead of more; where commits fail too, and so many wait, nothing is begun on it any more.
SEALING_SEGMENTS_MAX = 4
WAITING_SEGMENTS_MAX = 8


Done = Callable[[BaseException | None], object]


class _Waiter(Struct, frozen=True, gc=False):
    lines: EncodedLines
    size: int
    done: Done


class Journal:
    """Appends lines durably: when `append` returns they are synced, when it raises none of them are kept.

    What waits is committed by the event loop itself where the disk is known to be quick, in its next turn, so that all
    requests share a frame that came in one: syncing takes 0.1 ms of such a disk, and as long to hand the work over, to
    wait for the interpreter, and to come back. Everything else is the business of one task (`run`), which has a thread
    for it, so that the event loop does not wait for the disk.
    """

    def __init__(self, folder: Folder, settings: Settings, clock: Clock) -> None:
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._keeper = SegmentPool(folder, clock, settings.segment_ahead_bytes_max)
        self._segments: dict[SegmentKind, OpenSegment] = {}
        self._waiting: deque[_Waiter] = deque()
        # Bytes of lines that were handed in, counted by the event loop, and taken, counted by the thread.
        self._given_bytes = self._taken_bytes = 0
        self._wake = asyncio.Event()
        self._closing = False
        # Whether a turn of the event loop is to come, and whether the thread has the segments.
        self._due = False
        self._away = False
        self._hand = DiskThread("journal")
        self._frames = Compressor()
        # How long the last commit's frames took the disk, and since when commits may be made on the event loop.
        self._write_s = 0.0
        self._here_from_s = 0.0
        self._checked_s = 0.0
        self._refusal: str | None = None

    async def append(self, events: bytes = b"", quarantined: bytes = b"", released: bytes = b"") -> None:
        """Wait until these plain JSON lines are on disk, all of them. Raises as `write` does."""
        await self.write(EncodedLines(mark(events), mark(quarantined), mark(released)))

    async def write(self, lines: EncodedLines) -> None:
        """Wait until the lines are on disk, all of them. Raises JournalBusy or JournalFull, and keeps none then."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.submit(lines, partial(settle_future, done))
        await done

    def submit(self, lines: EncodedLines, done: Done) -> None:
        """Call `done` on the event loop when the lines are on disk, all of them, or with the reason when none is.

        Raises JournalBusy when too much waits already; the reason is JournalFull, or a failure that nobody foresaw.
        """
        size = len(lines.events) + len(lines.quarantined) + len(lines.released)
        if self._closing or self._given_bytes - self._taken_bytes + size > self._settings.journal_waiting_bytes_max:
            raise JournalBusy(f"{self.waiting_bytes} bytes wait for the disk")
        self._given_bytes += size
        self._waiting.append(_Waiter(lines, size, done))
        self._call()

    @property
    def refusal(self) -> str | None:
        """Why nothing can be accepted at present, as last seen; None when all is well."""
        return self._refusal

    @property
    def waiting_bytes(self) -> int:
        """Bytes of lines that wait for the disk."""
        return self._given_bytes - self._taken_bytes

    async def run(self) -> None:
        """Commit what is waiting until `close` is called; then commit the rest and seal."""
        self._keeper.start()
        try:
            while self._waiting or not self._closing:
                await self._sleep()
                if self._waiting:
                    await self._settle()
                else:
                    await self._do(self._tend)
            await self._do(self._seal_all)
        finally:
            self._hand.close()

    def close(self) -> None:
        """Accept nothing more; `run` ends when all that waits is on disk and the segments are sealed."""
        self._closing = True
        self._wake.set()

    def _call(self) -> None:
        """Have a turn of the event loop for what waits."""
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Commit what waits, or leave it to the task."""
        self._due = False
        if self._away or not self._waiting:
            return
        if not self._may_commit_here():
            self._wake.set()
            return
        was_refusing = self._refusal is not None
        group: list[_Waiter] = []
        reason = self._commit_here(group)
        if reason is not None and not was_refusing:
            self._wake.set()  # for there is something to tend now
        self._tell(group, reason)
        if self._waiting:
            # Other connections are read before that, which may bring more.
            self._call()

    async def _sleep(self) -> None:
        """Until something waits for the thread, or there is something to tend."""
        if self._closing:
            return
        tend_in_s = self._tend_in_s()
        if tend_in_s is None:
            await self._wake.wait()
        else:
            alarm = asyncio.get_running_loop().call_later(tend_in_s, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                alarm.cancel()
        self._wake.clear()

    def _tend_in_s(self) -> float | None:
        """Seconds until the disk has to be touched though nobody sends anything; None when nothing is open."""
        # While the health check says no, perhaps nobody ever sends anything that would find that the disk works again.
        if self._refusal or not self._may_seal():
            return DISK_CHECK_PERIOD_S
        ages_ms = [segment.age_ms() for segment in self._segments.values()]
        return max(0, self._settings.segment_age_max_ms - max(ages_ms)) / 1000 + 0.001 if ages_ms else None

    async def _settle(self) -> None:
        """Commit what waits on the thread, and tell each of it the outcome."""
        group: list[_Waiter] = []
        reason: Exception | None = None
        try:
            await self._do(partial(self._commit_waiting, group))
        except Exception as error:  # noqa: BLE001 - a waiter must hear of any failure, or it waits for ever
            reason = error
        self._tell(group, reason)

    async def _do(self, work: Work) -> None:
        self._away = True
        try:
            await self._hand.do(work)
        finally:
            self._away = False
            if self._waiting:
                self._call()

    def _may_commit_here(self) -> bool:
        """Whether all that a commit does now is to append little to an open segment of a quick disk."""
        now_s = time.monotonic()
        return (
            now_s >= self._here_from_s
            and self.waiting_bytes <= SHORT_LINES_BYTES_MAX
            and SegmentKind.EVENTS in self._segments
            and now_s - self._checked_s < DISK_CHECK_PERIOD_S
        )

    def _commit_here(self, group: list[_Waiter]) -> Exception | None:
        self._write_s = math.inf  # unless it goes well
        try:
            self._commit_waiting(group)
        except Exception as error:  # noqa: BLE001 - a waiter must hear of any failure, or it waits for ever
            return error
        finally:
            if self._write_s > QUICK_S:
                self._here_from_s = time.monotonic() + SLOW_FOR * min(self._write_s, DISK_CHECK_PERIOD_S)
        return None

    def _tell(self, group: list[_Waiter], reason: Exception | None) -> None:
        if reason is not None and not isinstance(reason, JournalError):
            log.error("a commit failed in an unforeseen way", exc_info=reason)
        for waiter in group:
            try:
                waiter.done(reason)
            except Exception:  # one that fails must not keep the others waiting
                log.exception("a request's answer failed")

    # What follows runs on the journal's thread or on the event loop, one call at a time.

    def _commit_waiting(self, group: list[_Waiter]) -> None:
        """Commit what waits; `group` is filled with it, first of all."""
        taken = 0
        while self._waiting and taken < FRAME_LINES_BYTES_MAX:
            waiter = self._waiting.popleft()
            taken += waiter.size
            group.append(waiter)
        self._taken_bytes += taken
        self._commit([waiter.lines for waiter in group])

    def _commit(self, group: list[EncodedLines]) -> None:
        self._check_room()
        events = b"".join([lines.events for lines in group])
        released = b"".join([lines.released for lines in group])
        quarantined = b"".join([lines.quarantined for lines in group])
        touched: list[OpenSegment] = []
        write_s = 0.0
        try:
            for kind, lines in ((SegmentKind.EVENTS, events or released), (SegmentKind.QUARANTINE, quarantined)):
                if lines:
                    segment = self._open(kind)
                    # The stamp is taken after the file is there: the barrier of reports needs that.
                    now = b"%d" % self._clock.now_ms()
                    received, admitted = b',"received":' + now, b',"admitted":' + now
                    if kind is SegmentKind.EVENTS:
                        frame = events.replace(STAMPS, received + admitted) + released.replace(STAMPS, admitted)
                    else:
                        frame = quarantined.replace(STAMPS, received)
                    packed = self._frames.compress(frame)
                    touched.append(segment)
                    began_s = time.monotonic()
                    segment.append(packed, len(frame))
                    write_s += time.monotonic() - began_s
        except BaseException as error:
            self._give_up(touched, error)
            if isinstance(error, OSError):
                raise JournalFull(f"the journal cannot be written: {error.strerror}") from error
            raise
        self._write_s = write_s
        self._seal()

    def _open(self, kind: SegmentKind) -> OpenSegment:
        """The segment to append to."""
        segment = self._segments.get(kind)
        if segment is None:
            segment = self._segments[kind] = self._keeper.next(kind)
        return segment

    def _may_seal(self) -> bool:
        return self._keeper.waiting < SEALING_SEGMENTS_MAX

    def _tend(self) -> None:
        """What there is to do without a request."""
        self._seal()
        if self._refusal:
            self._look()

    def _seal(self) -> None:
        """Have the segments sealed that are old or large enough."""
        for kind, segment in tuple(self._segments.items()):
            is_due = (
                segment.age_ms() >= self._settings.segment_age_max_ms
                or segment.size >= self._settings.segment_bytes_max
                or segment.lines_bytes >= self._settings.segment_lines_bytes_max
            )
            if is_due and self._may_seal():
                self._keeper.put(self._segments.pop(kind))

    def _seal_all(self) -> None:
        for segment in self._segments.values():
            self._keeper.put(segment)
        self._segments.clear()
        self._keeper.close()

    def _give_up(self, touched: list[OpenSegment], error: BaseException) -> None:
        """Cut off what the failed commit has left; where that does not work now, the keeper tries again."""
        log.warning("a frame could not be made durable and its requests are refused: %s", error)
        for segment in touched:
            segment.retract()
            try:
                segment.cut()
            except OSError as refused:
                log.warning("cannot cut %s back, trying again: %s", segment.path.name, refused)
            del self._segments[segment.kind]
            self._keeper.put(segment)
        if self._keeper.waiting >= WAITING_SEGMENTS_MAX:
            self._look()

    def _check_room(self) -> None:
        """Raise JournalFull while the disk or the journal has no room."""
        if time.monotonic() - self._checked_s >= DISK_CHECK_PERIOD_S:
            self._look()
        if self._refusal:
            raise JournalFull(self._refusal)

    def _look(self) -> None:
        """See whether there is room; the log says when that changes."""
        self._checked_s = time.monotonic()
        refusal = self._find_refusal()
        if refusal != self._refusal:
            log.warning("%s", f"events are refused: {refusal}" if refusal else "events are accepted again")
        self._refusal = refusal

    def _find_refusal(self) -> str | None:
        if self._keeper.waiting >= WAITING_SEGMENTS_MAX:
            return "the disk takes no writes, nor cuts off what they left"
        try:
            if self._folder.disk.free_bytes(self._folder.path) < self._settings.disk_free_bytes_min:
                return "the disk has less free space than disk_free_bytes_min"
            if self._folder.used_bytes() > self._settings.journal_bytes_max:
                return "the journal is longer than journal_bytes_max: the store has been away for too long"
        except OSError as error:
            return f"the disk does not say how much room it has: {error.strerror}"
        return None
