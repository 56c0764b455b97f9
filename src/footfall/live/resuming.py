"""What a client missed between two connections: the lines from its position to the one at which the stream goes on."""

import os
from collections import deque
from pathlib import Path
from typing import Final

from msgspec import Struct

from footfall.journal import Frame
from footfall.live.position import Mark, Position, SegmentName
from footfall.live.segments import SegmentFrame, list_segments, open_segment, read_frames
from footfall.loading import day_of
from footfall.windows import DAY_MS

# Days of the archive that are searched: listing one takes up to 50 ms, and past days are packed.
_DAYS_MAX: Final = 2
# What opening a file counts as, in bytes read: a quiet day has 86,400 files.
_PART_BYTES: Final = 4096
# Lines that are read at once.
_LINES_BYTES_MAX: Final = 256 * 1024


class MissedPart(Struct, frozen=True):
    """What was missed of a segment: from a mark up to another, or to its end."""

    segment: SegmentName
    start: Mark
    end: Mark | None


class MissedFrame(Struct, frozen=True):
    """A frame of whose lines those from `first` up to but without `last` were missed; None means the end."""

    found: SegmentFrame
    first: int
    last: int | None

    def has(self, line: int) -> bool:
        """Whether this line of the frame, from 0, was missed."""
        return line >= self.first and (self.last is None or line < self.last)


class Missed:
    """What was missed, to be read piece by piece. Every call blocks; `close` must follow.

    `is_whole` says whether all of it can be told.
    """

    def __init__(self, data: Path, since: Position, until: Position, bytes_max: int, now_ms: int) -> None:
        self._data = data
        self._parts: deque[MissedPart] = deque()
        self._file: int | None = None
        self._offset = 0
        parts, self.is_whole = find_missed(data, since, until, now_ms)
        # The newest are told where there is too much.
        for part in reversed(parts):
            bytes_max -= max(_PART_BYTES, _length(data, part))
            if bytes_max < 0:
                self.is_whole = False
                break
            self._parts.appendleft(part)

    def read(self) -> list[MissedFrame]:
        """Some more frames; none at the end."""
        while self._parts:
            part = self._parts[0]
            if self._file is None:
                self._file, self._offset = open_segment(self._data, part.segment), part.start.offset
            found: list[MissedFrame] = []
            more = False
            if self._file is None:
                self.is_whole = False
            else:
                frames, more = read_frames(self._file, self._offset, _LINES_BYTES_MAX)
                found = [missed for frame in frames if (missed := _missed_of(part, frame))]
                more = more and len(found) == len(frames)
                self._offset = frames[-1].offset + frames[-1].size if frames else self._offset
            if not more:
                self.close()
                self._parts.popleft()
            if found:
                return found
        return []

    def close(self) -> None:
        """Close the file that is read."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def find_missed(data: Path, since: Position, until: Position, now_ms: int) -> tuple[list[MissedPart], bool]:
    """The parts of segments between two positions, oldest first, and whether none is missing. Blocks."""
    found: dict[tuple[str, int], MissedPart] = {}
    ids: set[tuple[str, int]] = set()
    for segment in _segments(data, since, now_ms):
        ids.add(segment.id)
        part = _part(segment, since, until)
        if part is not None:
            found.setdefault(segment.id, part)
    is_whole = since.base_ms >= now_ms - DAY_MS and all(
        (writer, mark.number) in ids for writer, mark in since.marks.items()
    )
    return sorted(found.values(), key=lambda part: (part.segment.opened_ms, part.segment.id)), is_whole


def _segments(data: Path, since: Position, now_ms: int) -> list[SegmentName]:
    """The segments of the node, in the order in which they move, so that none is overlooked meanwhile."""
    # A segment may have been opened some time before a position that is about it.
    # The client may say any time: of one that is still to come there is nothing.
    first_ms = min(max(since.base_ms - 60_000, now_ms - (_DAYS_MAX - 1) * DAY_MS), now_ms)
    days = dict.fromkeys(day_of(time_ms) for time_ms in (first_ms, now_ms))
    folders = [data / "journal", *(data / "archive" / day for day in days), data / "aside"]
    return [segment for folder in folders for segment in list_segments(folder)]


def _part(segment: SegmentName, since: Position, until: Position) -> MissedPart | None:
    """What lies of a segment between the positions."""
    start, end = since.marks.get(segment.writer), until.marks.get(segment.writer)
    if (segment.opened_ms < since.base_ms) if start is None else (segment.number < start.number):
        return None
    # What comes after is told by the stream itself.
    if (segment.opened_ms >= until.base_ms) if end is None else (segment.number > end.number):
        return None
    begins = start if start is not None and segment.number == start.number else Mark(segment.number)
    return MissedPart(segment, begins, end if end is not None and segment.number == end.number else None)


def _missed_of(part: MissedPart, frame: Frame) -> MissedFrame | None:
    first = part.start.line if frame.offset == part.start.offset else 0
    last = None
    if part.end is not None and frame.offset >= part.end.offset:
        if frame.offset > part.end.offset or not part.end.line:
            return None
        last = part.end.line
    return MissedFrame(SegmentFrame(part.segment, frame), first, last)


def _length(data: Path, part: MissedPart) -> int:
    """Bytes that the part takes in its file, at the most."""
    file = open_segment(data, part.segment)
    if file is None:
        return 0
    try:
        return max(0, os.fstat(file).st_size - part.start.offset)
    finally:
        os.close(file)
