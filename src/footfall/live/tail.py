"""The tail of the journal: what the segments of all web processes of the node have got since it was looked at last."""

import contextlib
import os
import time
from itertools import groupby
from pathlib import Path
from typing import Final

from msgspec import Struct

from footfall.journal import Frame, end_of_frames
from footfall.live.position import Mark, Position, SegmentName
from footfall.live.segments import SegmentFrame, list_segments, open_segment, read_frames
from footfall.loading import day_of
from footfall.system.clock import Clock

# A segment's file may appear so long after the time in its name.
_CREATION_MS: Final = 10_000
# Seconds that the last frame of an open segment must stand before it counts as synced, and so as answered with 200. A
# frame that is followed by another is, and so is every frame of a sealed segment.
SETTLE_S: Final = 0.25
# A segment lives for a second before it is sealed and loaded. After so many seconds without a look, one may be missed.
_MISSED_S: Final = 0.9
# More than any segment has.
_END: Final = 2**48


class TailFound(Struct, frozen=True):
    """New frames, and how far all is told after them.

    `is_behind`: there are more. `is_incomplete`: a segment may have come and gone unseen.
    """

    frames: list[SegmentFrame]
    position: Position
    is_behind: bool
    is_incomplete: bool


class _Reader:
    """An open segment of which frames up to `offset` were taken; `pending` is the last one that is not settled."""

    def __init__(self, segment: SegmentName, file: int) -> None:
        self.segment = segment
        self.file = file
        self.offset = 0
        self.pending = -1
        self.pending_since_s = 0.0


class Tail:
    """Reads what is new in the journal; every call blocks, and they must not overlap."""

    def __init__(self, data: Path, clock: Clock, lines_bytes_max: int) -> None:
        self._data = data
        self._clock = clock
        # Of one look, so that memory is bounded.
        self._lines_bytes_max = lines_bytes_max
        self._readers: dict[tuple[str, int], _Reader] = {}
        self._seen: set[tuple[str, int]] = set()
        self._marks: dict[str, tuple[int, Mark]] = {}
        self._looked_s = 0.0

    def start(self) -> Position:
        """Begin with what comes from now on."""
        self.close()
        now_ms = self._clock.now_ms()
        self._looked_s = time.monotonic()
        listed = list_segments(self._data / "journal")
        base_ms = now_ms - _CREATION_MS
        for day in dict.fromkeys((day_of(base_ms), day_of(now_ms))):
            for segment in list_segments(self._data / "archive" / day):
                if segment.opened_ms >= base_ms:
                    self._mark(segment, _END)
        for segment in listed:
            self._seen.add(segment.id)
            reader = self._open(segment) if segment.is_open else None
            if reader is None:
                self._mark(segment, _END)
            else:
                reader.offset = end_of_frames(_rest(reader), 0)
                self._mark(segment, reader.offset)
        return self._position(base_ms)

    def look(self) -> TailFound:
        """The frames that are new and settled. Raises OSError."""
        now_s, listed_ms = time.monotonic(), self._clock.now_ms()
        is_incomplete = now_s - self._looked_s > _MISSED_S
        self._looked_s = now_s
        listed = list_segments(self._data / "journal")
        for segment in listed:
            if segment.id not in self._seen and self._open(segment) is None:
                is_incomplete = True
        self._seen = {segment.id for segment in listed} | self._readers.keys()
        still_open = {segment.id for segment in listed if segment.is_open}
        frames: list[SegmentFrame] = []
        is_behind = False
        readers = sorted(self._readers.values(), key=lambda reader: reader.segment.id)
        each_max = max(1, self._lines_bytes_max // max(1, len({reader.segment.writer for reader in readers})))
        for _, group in groupby(readers, key=lambda reader: reader.segment.writer):
            for reader in group:
                new, more = self._take(reader, reader.segment.id not in still_open, each_max, now_s)
                frames += [SegmentFrame(reader.segment, frame) for frame in new]
                is_behind |= more
                if more or reader.pending >= 0:
                    break  # The later segments of this writer wait, so that its lines stay in order.
        return TailFound(frames, self._position(listed_ms - _CREATION_MS), is_behind, is_incomplete)

    def skip(self) -> Position:
        """Leave out all that is there by now. Raises OSError."""
        for reader in self._readers.values():
            reader.offset += end_of_frames(_rest(reader), 0)
            self._mark(reader.segment, reader.offset)
        return self._position(self._clock.now_ms() - _CREATION_MS)

    def close(self) -> None:
        """Close all files; `start` may be called again."""
        for id_ in tuple(self._readers):
            self._close(id_)
        self._seen.clear()
        self._marks.clear()

    def _take(self, reader: _Reader, is_final: bool, lines_bytes_max: int, now_s: float) -> tuple[list[Frame], bool]:
        """The settled frames of a segment, and whether there are more; one that is read to its end is closed."""
        found, more = read_frames(reader.file, reader.offset, lines_bytes_max)
        settled = found if is_final or more else _settled(reader, found, now_s)
        if len(settled) == len(found):
            reader.pending = -1
        if settled:
            reader.offset = settled[-1].offset + settled[-1].size
            self._mark(reader.segment, reader.offset)
        if is_final and not more:
            self._close(reader.segment.id)
        return settled, more

    def _open(self, segment: SegmentName) -> _Reader | None:
        file = open_segment(self._data, segment)
        if file is None:
            return None
        reader = self._readers[segment.id] = _Reader(segment, file)
        if segment.writer not in self._marks:
            self._mark(segment, 0)
        return reader

    def _close(self, id_: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            os.close(self._readers.pop(id_).file)

    def _mark(self, segment: SegmentName, offset: int) -> None:
        known = self._marks.get(segment.writer)
        if known is None or known[1].number <= segment.number:
            self._marks[segment.writer] = segment.opened_ms, Mark(segment.number, offset)

    def _position(self, base_ms: int) -> Position:
        """How far all is told. Writers that have opened nothing for long need no mark."""
        reading = {writer for writer, _ in self._readers}
        old = [writer for writer, (opened_ms, _) in self._marks.items() if opened_ms < base_ms]
        for writer in old:
            if writer not in reading:
                del self._marks[writer]
        return Position(base_ms, {writer: mark for writer, (_, mark) in self._marks.items()})


def _settled(reader: _Reader, found: list[Frame], now_s: float) -> list[Frame]:
    """The frames whose requests have their answers, as far as a reader can tell: all, or all but the last."""
    if not found:
        return found
    last = found[-1].offset
    if reader.pending != last:
        reader.pending, reader.pending_since_s = last, now_s
    return found if now_s - reader.pending_since_s >= SETTLE_S else found[:-1]


def _rest(reader: _Reader) -> bytes:
    """What follows in a segment's file."""
    return os.pread(reader.file, max(0, os.fstat(reader.file).st_size - reader.offset), reader.offset)
