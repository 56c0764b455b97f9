"""Tells the listeners of a process what is new in the journal; while nobody listens, nothing runs.

Reading is done on a thread, choosing on the event loop, in short pieces between which requests are served. Both take a
share of the time that is bounded: what cannot be read in it is left out, and the listeners are told.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import Final

from footfall.journal import SegmentKind
from footfall.live.lines import render_line, slice_lines, told_lines
from footfall.live.listener import BUSY, FAILED, Listener
from footfall.live.position import Mark, Position, SegmentName
from footfall.live.segments import SegmentFrame
from footfall.live.tail import Tail, TailFound
from footfall.plan import LivePlan, Plan
from footfall.system.clock import Clock
from footfall.usage import Matcher

log = logging.getLogger(__name__)

# Seconds between two looks at the journal.
LOOK_PERIOD_S: Final = 0.1
# The part of the time that reading, and choosing and telling, may take each.
SHARE: Final = 0.1
# Seconds of choosing after which requests come first.
TURN_S: Final = 0.0005
# Seconds for which the stream may be behind before it goes on with what is new.
BEHIND_MAX_S: Final = 2.0
# Lines of one look, before compression: telling them to twenty listeners takes a quarter of a second, rests and all,
# and segments come and go in a second.
_LOOK_LINES_BYTES_MAX: Final = 256 * 1024

_Wanted = tuple[Listener, Matcher]


class Broadcast:
    """The listeners of one event loop, and the task that tells them what is new."""

    def __init__(self, data: Path, plan: LivePlan, clock: Clock, node: str) -> None:
        self.listeners: set[Listener] = set()
        self._tail = Tail(data, clock, _LOOK_LINES_BYTES_MAX)
        self._plan = plan
        self._node = node
        self._task: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._position = Position(0, {})
        # Which listeners may want an event, by its customer, and those that may want any; for the plan of the matchers.
        self._by_customer: dict[str, list[_Wanted]] = {}
        self._of_all: list[_Wanted] = []
        self._admins: list[_Wanted] = []
        self._indexed: Plan | None = None
        self._pace = Pace()
        self._behind_since_s: float | None = None

    @property
    def position(self) -> Position:
        """How far all listeners were told, or what waits for them."""
        return Position(self._position.base_ms, dict(self._position.marks))

    async def add(self, listener: Listener) -> Position:
        """Tell a listener what is new from the position that comes back."""
        async with self._beginning:
            if self._task is None:
                self._position = await asyncio.to_thread(self._tail.start)
                # Of no request, whose id the log would name.
                self._task = asyncio.create_task(self._run(), name="live stream", context=Context())
        # Nothing is told between these two.
        self.listeners.add(listener)
        self._indexed = None
        return self.position

    def remove(self, listener: Listener) -> None:
        """Tell a listener nothing more."""
        self.listeners.discard(listener)
        self._indexed = None

    async def _run(self) -> None:
        try:
            while self.listeners:
                await self._look()
        except Exception:
            log.exception("the live stream failed")
            for listener in self.listeners:
                listener.end(FAILED)
        finally:
            self._tail.close()
            self._task, self._behind_since_s = None, None

    async def _look(self) -> None:
        began_s = time.monotonic()
        found, spent_s = await asyncio.to_thread(_spending, self._tail.look)
        if found.is_incomplete:
            self._lose()
        for each in found.frames:
            await self._tell_frame(each)
        self._position = found.position
        if not found.is_behind:
            self._behind_since_s = None
        elif self._behind_since_s is None:
            self._behind_since_s = began_s
        elif began_s - self._behind_since_s > BEHIND_MAX_S:
            self._position = await asyncio.to_thread(self._tail.skip)
            self._behind_since_s = None
            self._lose()
        least_s = 0 if found.is_behind else LOOK_PERIOD_S - (time.monotonic() - began_s)
        await asyncio.sleep(max(least_s, spent_s * (1 / SHARE - 1)))

    def _lose(self) -> None:
        log.info("events were left out of the live streams: there are more than can be looked at")
        for listener in self.listeners:
            listener.lose(BUSY)

    async def _tell_frame(self, each: SegmentFrame) -> None:
        """Tell a frame piece by piece; the position is always that of the last piece."""
        segment, frame, marks = each.segment, each.frame, dict(self._position.marks)
        line = 0
        for piece in slice_lines(frame.lines):
            began_s = time.perf_counter()
            self._index()
            if segment.kind is SegmentKind.EVENTS or self._admins:
                self._tell_piece(piece, segment, frame.offset, line)
            line += piece.count(b"\n")
            marks[segment.writer] = Mark(segment.number, frame.offset, line)
            self._position = Position(self._position.base_ms, marks)
            await self._pace.rest(time.perf_counter() - began_s)
        marks[segment.writer] = Mark(segment.number, frame.offset + frame.size)

    def _tell_piece(self, piece: bytes, segment: SegmentName, offset: int, line: int) -> None:
        marks = dict(self._position.marks)
        nobody: list[_Wanted] = []
        is_held = segment.kind is SegmentKind.QUARANTINE
        for at, event, content in told_lines(segment.kind, piece):
            wanted = self._admins if is_held else [*self._by_customer.get(event.customer, nobody), *self._of_all]
            wanting = [listener for listener, matches in wanted if matches(event)]
            if wanting:
                marks[segment.writer] = Mark(segment.number, offset, line + at + 1)
                event_id = Position(self._position.base_ms, marks).encode(self._node)
                message = render_line(content, event_id)
                for listener in wanting:
                    listener.push(message, event_id)

    def _index(self) -> None:
        """Know the listeners by their customers, so that those of others cost an event nothing."""
        plan = self._plan.plan
        if self._indexed is plan:
            return
        self._indexed = plan
        self._by_customer, self._of_all, self._admins = {}, [], []
        for listener in self.listeners:
            wanted = listener, listener.matcher(plan)
            for customer in listener.selection.customers:
                self._by_customer.setdefault(customer, []).append(wanted)
            if not listener.selection.customers:
                self._of_all.append(wanted)
            if listener.may_see(SegmentKind.QUARANTINE):
                self._admins.append(wanted)


def _spending(look: Callable[[], TailFound]) -> tuple[TailFound, float]:
    """What a look finds, and the seconds of a core that it took.

    Those for which it waited for a core or for the disk are nobody's: resting for these too, a busy machine's stream
    would come back too late for segments that live for a second.
    """
    began_s = time.thread_time()
    return look(), time.thread_time() - began_s


class Pace:
    """Rests after work on the event loop, so that the work takes no more than SHARE of the time."""

    def __init__(self) -> None:
        self._spent_s = 0.0

    async def rest(self, spent_s: float) -> None:
        """Count work; wait once it was TURN_S."""
        self._spent_s += spent_s
        if self._spent_s >= TURN_S:
            rest_s, self._spent_s = self._spent_s * (1 / SHARE - 1), 0.0
            await asyncio.sleep(rest_s)
