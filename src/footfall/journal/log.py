"""The journal's log: one writer per process commits all that waits as one frame, syncs it, and notifies the waiters.

A commit runs in one of two places, never in both at once:

- on the event loop, in its next turn, while the disk is quick: a sync takes 0.1 ms there, and handing it to a thread
  and back as long again. All requests that came in one turn share a frame.
- on the disk thread, everything else: a slow disk, a long commit, a new segment.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from footfall.journal.disk import ORDINARY_PACE, CommitPace, DiskThread, Work
from footfall.journal.errors import JournalBusy, JournalError, JournalFull
from footfall.journal.frames import Compressor, EncodedLines, mark, stamp_events, stamp_received
from footfall.journal.segment import Folder, OpenSegment, SegmentKind
from footfall.journal.segment_pool import SegmentPool
from footfall.journal.waiters import Done, LastCommit, Waiter, settle_commit
from footfall.metrics import CommitMetrics
from footfall.settings import Settings
from footfall.system.clock import Clock

log = logging.getLogger(__name__)

# One frame's lines: large enough that compressing pays, small enough that nobody waits long for another's bytes.
FRAME_LINES_BYTES_MAX = 8 * 1024 * 1024
# Segments that wait to be sealed, each an open file. At the first bound a slow disk gets larger segments instead of
# more. Failed commits retire theirs all the same; at the second bound events are refused.
RETIRED_SEGMENTS_MAX = 4
UNSEALED_SEGMENTS_MAX = 8


class Journal:
    """Appends lines durably: when `append` returns they are synced, when it raises none of them are kept."""

    def __init__(self, folder: Folder, settings: Settings, clock: Clock, pace: CommitPace = ORDINARY_PACE) -> None:
        self._folder = folder
        self._pace = pace
        self._settings = settings
        self._clock = clock
        self._pool = SegmentPool(folder, clock, settings.segment_ahead_bytes_max)
        self._segments: dict[SegmentKind, OpenSegment] = {}
        self._waiting: deque[Waiter] = deque()
        # Bytes of lines that the event loop submitted, and that commits took: one writer each, so no lock is needed.
        self._submitted_bytes = self._taken_bytes = 0
        self._quarantined_wait = False  # Whether lines for quarantine may wait; set by the event loop only.
        self._wake = asyncio.Event()
        self._closing = False
        # Whether `_turn` is scheduled. One turn commits all that waits, so that there is never a second.
        self._turn_is_due = False
        self._thread_is_busy = False  # Whether the disk thread works on the segments: the event loop leaves them alone.
        self._disk_thread = DiskThread("journal")
        self._compressor = Compressor()
        # Seconds that the last commit's writes and syncs took; the time from which commits may run on the event loop.
        self._write_s = self._on_loop_from_s = 0.0
        # Gets, once all waiters of a commit were told, when the first of them came, and the time; in monotonic seconds.
        self.observe: Callable[[float, float], object] = lambda _from_s, _now_s: None
        self.commits = CommitMetrics()
        # When the first came of those that wait, and of the last commit; when that was on disk.
        self._waiting_from_s = self._group_from_s = self._synced_s = 0.0
        self._committed_to = ""  # The name of the last commit's segment; that of its events where it has two.
        # When the disk's room was last checked, and why nothing is accepted since then.
        self._checked_s = 0.0
        self._refusal: str | None = None

    async def append(self, events: bytes = b"", quarantined: bytes = b"", released: bytes = b"") -> None:
        """Wait until these plain JSON lines are on disk, all of them. Raises as `write` does."""
        await self.write(EncodedLines(mark(events), mark(quarantined), mark(released)))

    async def write(self, lines: EncodedLines) -> LastCommit:
        """Wait until the lines are on disk, all of them. Raises JournalBusy or JournalFull, and keeps none then."""
        done: asyncio.Future[LastCommit] = asyncio.get_running_loop().create_future()
        self.submit(lines, partial(settle_commit, done, self.last_commit))
        return await done

    def submit(self, lines: EncodedLines, done: Done) -> None:
        """Call `done` on the event loop when the lines are on disk, all of them, or with the reason when none is.

        Raises JournalBusy when too much waits already; the reason is JournalFull, or a failure that nobody foresaw.
        """
        size = len(lines.events) + len(lines.quarantined) + len(lines.released)
        if self._closing or self._submitted_bytes - self._taken_bytes + size > self._settings.journal_waiting_bytes_max:
            raise JournalBusy(f"{self.waiting_bytes} bytes wait for the disk")
        self._submitted_bytes += size
        if lines.quarantined:
            self._quarantined_wait = True
        self._waiting.append(Waiter(lines, size, done))
        self._schedule_turn()

    def last_commit(self) -> LastCommit:
        """The last commit; while waiters are told, it is the one that they waited for."""
        return LastCommit(self._group_from_s, self._synced_s, self._committed_to.partition(".")[0])

    @property
    def refusal(self) -> str | None:
        """Why nothing can be accepted at present, as last seen; None when all is well."""
        return self._refusal

    @property
    def waiting_bytes(self) -> int:
        """Bytes of lines that wait for the disk."""
        return self._submitted_bytes - self._taken_bytes

    async def run(self) -> None:
        """Commit what is waiting until `close` is called; then commit the rest and seal."""
        self._pool.start()
        try:
            while self._waiting or not self._closing:
                await self._wait_for_work()
                if self._waiting:
                    await self._commit_on_thread()
                else:
                    await self._run_on_thread(self._maintain)
            await self._run_on_thread(self._seal_all)
        finally:
            self._disk_thread.close()

    def close(self) -> None:
        """Accept nothing more; `run` ends when all that waits is on disk and the segments are sealed."""
        self._closing = True
        self._wake.set()

    def _schedule_turn(self) -> None:
        """Have the event loop call `_turn` when it has read the connections that are ready."""
        if not self._turn_is_due:
            self._turn_is_due = True
            self._waiting_from_s = self._waiting_from_s or time.monotonic()
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Commit what waits on the event loop, or wake the task to do it on the thread."""
        self._turn_is_due = False
        if self._thread_is_busy or not self._waiting:
            return
        if not self._may_commit_on_loop():
            self._wake.set()
            return
        was_refusing = self._refusal is not None
        group: list[Waiter] = []
        reason = self._commit_on_loop(group)
        if reason is not None and not was_refusing:
            self._wake.set()  # the task has to find out when the disk works again
        self._notify(group, reason)
        if self._waiting:
            # Other connections are read first, which may bring more.
            self._schedule_turn()

    async def _wait_for_work(self) -> None:
        """Return when there is work for the thread: lines that wait, or maintenance that is due."""
        if self._closing:
            return
        maintain_in_s = self._maintain_in_s()
        if maintain_in_s is None:
            await self._wake.wait()
        else:
            alarm = asyncio.get_running_loop().call_later(maintain_in_s, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                alarm.cancel()
        self._wake.clear()

    def _maintain_in_s(self) -> float | None:
        """Seconds until maintenance is due, without any request; None when no segment is open."""
        # While events are refused, a balancer may send nothing that would find that the disk works again.
        if self._refusal or self._pool.waiting >= RETIRED_SEGMENTS_MAX:
            return self._pace.disk_check_s
        ages_ms = [segment.age_ms() for segment in self._segments.values()]
        return max(0, self._settings.segment_age_max_ms - max(ages_ms)) / 1000 + 0.001 if ages_ms else None

    async def _commit_on_thread(self) -> None:
        """Commit what waits on the thread, and notify each waiter."""
        group: list[Waiter] = []
        reason: Exception | None = None
        try:
            await self._run_on_thread(partial(self._commit_waiting, group))
        except Exception as error:  # noqa: BLE001 - a waiter must hear of any failure, or it waits for ever
            reason = error
        self._notify(group, reason)

    async def _run_on_thread(self, work: Work) -> None:
        self._thread_is_busy = True
        try:
            await self._disk_thread.do(work)
        finally:
            self._thread_is_busy = False
            self._quarantined_wait = any(waiter.lines.quarantined for waiter in self._waiting)
            if self._waiting:
                self._schedule_turn()

    def _may_commit_on_loop(self) -> bool:
        """Whether a commit would only append little to open segments; making one, or checking the disk, takes long."""
        now_s = time.monotonic()
        return (
            now_s >= self._on_loop_from_s
            and self.waiting_bytes <= self._pace.short_bytes_max
            and SegmentKind.EVENTS in self._segments
            and (not self._quarantined_wait or SegmentKind.QUARANTINE in self._segments)
            and now_s - self._checked_s < self._pace.disk_check_s
        )

    def _commit_on_loop(self, group: list[Waiter]) -> Exception | None:
        # A commit that fails counts as an infinitely slow one.
        self._write_s = math.inf
        try:
            self._commit_waiting(group)
        except Exception as error:  # noqa: BLE001 - a waiter must hear of any failure, or it waits for ever
            return error
        finally:
            if self._write_s > self._pace.quick_s:
                self._on_loop_from_s = time.monotonic() + self._pace.slow_for_s(self._write_s)
        return None

    def _notify(self, group: list[Waiter], reason: Exception | None) -> None:
        if reason is not None and not isinstance(reason, JournalError):
            log.error("a commit failed in an unforeseen way", exc_info=reason)
        commits = self.commits
        for waiter in group:
            try:
                waiter.done(reason)
            except Exception:  # one that fails must not keep the others waiting
                log.exception("a request's answer failed")
        now_s = time.monotonic()
        if commits.until_timed:
            commits.until_timed -= 1
        elif reason is None:
            commits.add(self._group_from_s, self._synced_s - self._write_s, self._synced_s, now_s, len(group))
        self.observe(self._group_from_s, now_s)

    # What follows runs on the journal's thread or on the event loop, one call at a time.

    def _commit_waiting(self, group: list[Waiter]) -> None:
        """Commit what waits. `group` is filled before anything can fail, so that every waiter hears of a failure."""
        taken = 0
        while self._waiting and taken < FRAME_LINES_BYTES_MAX:
            waiter = self._waiting.popleft()
            taken += waiter.size
            group.append(waiter)
        self._group_from_s, self._waiting_from_s = self._waiting_from_s or time.monotonic(), 0.0
        self._taken_bytes += taken
        self._commit([waiter.lines for waiter in group])

    def _commit(self, group: list[EncodedLines]) -> None:
        """Make one frame of all events, a second one of what quarantine holds, and sync each. Raises JournalFull.

        Events come first: a crash between the two frames leaves good events of a request that was not answered, whose
        retry completes it (invariant 4).
        """
        self._check_room()
        events = b"".join([lines.events for lines in group])
        released = b"".join([lines.released for lines in group])
        quarantined = b"".join([lines.quarantined for lines in group])
        touched: list[OpenSegment] = []
        write_s = 0.0
        try:
            for kind, lines in ((SegmentKind.EVENTS, events or released), (SegmentKind.QUARANTINE, quarantined)):
                if lines:
                    segment = self._open_segment(kind)
                    # Invariant 3: the stamp is taken after the segment's file is there under its open name.
                    now_ms = self._clock.now_ms()
                    if kind is SegmentKind.EVENTS:
                        frame = stamp_events(events, released, now_ms)
                    else:
                        frame = stamp_received(quarantined, now_ms)
                    packed = self._compressor.compress(frame)
                    # Invariant 2: from here on the segment may hold a part of the frame, which a failure cuts off.
                    touched.append(segment)
                    began_s = time.monotonic()
                    segment.append(packed, len(frame))
                    self._synced_s = time.monotonic()
                    write_s += self._synced_s - began_s
        except BaseException as error:
            self._cut_back(touched, error)
            if isinstance(error, OSError):
                raise JournalFull(f"the journal cannot be written: {error.strerror}") from error
            raise
        self._write_s = write_s
        if touched:
            self._committed_to = touched[0].path.name
        self._retire_due()

    def _open_segment(self, kind: SegmentKind) -> OpenSegment:
        """The segment to append to, made when there is none. Raises OSError."""
        segment = self._segments.get(kind)
        if segment is None:
            segment = self._segments[kind] = self._pool.next(kind)
        return segment

    def _maintain(self) -> None:
        """The work that is due without a request."""
        self._retire_due()
        if self._refusal:
            self._check_disk()

    def _retire_due(self) -> None:
        """Give the pool the segments that are old or large enough, to be sealed."""
        for kind, segment in tuple(self._segments.items()):
            if segment.is_due(self._settings) and self._pool.waiting < RETIRED_SEGMENTS_MAX:
                self._pool.retire(self._segments.pop(kind))

    def _seal_all(self) -> None:
        for segment in self._segments.values():
            self._pool.retire(segment)
        self._segments.clear()
        self._pool.close()

    def _cut_back(self, touched: list[OpenSegment], error: BaseException) -> None:
        """Invariant 2: cut off what the failed commit has left. Where the disk refuses, the pool tries again.

        No segment of a failed commit is appended to again, or a later frame would stand behind the refused one.
        """
        log.warning("a frame could not be made durable and its requests are refused: %s", error)
        for segment in touched:
            segment.retract()
            try:
                segment.cut()
            except OSError as refused:
                log.warning("cannot cut %s back, trying again: %s", segment.path.name, refused)
            del self._segments[segment.kind]
            self._pool.retire(segment)
        if self._pool.waiting >= UNSEALED_SEGMENTS_MAX:
            self._check_disk()

    def _check_room(self) -> None:
        """Raise JournalFull while the disk or the journal has no room."""
        if time.monotonic() - self._checked_s >= self._pace.disk_check_s:
            self._check_disk()
        if self._refusal:
            raise JournalFull(self._refusal)

    def _check_disk(self) -> None:
        """Check whether there is room; log when that changes."""
        self._checked_s = time.monotonic()
        refusal = self._find_refusal()
        if refusal != self._refusal:
            log.warning("%s", f"events are refused: {refusal}" if refusal else "events are accepted again")
        self._refusal = refusal

    def _find_refusal(self) -> str | None:
        if self._pool.waiting >= UNSEALED_SEGMENTS_MAX:
            return "the disk takes no writes, nor cuts off what they left"
        return self._folder.find_refusal(self._settings.disk_free_bytes_min, self._settings.journal_bytes_max)
