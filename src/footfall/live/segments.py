"""Reads frames of segments while their writers append to them, seal them, and the loader moves them."""

import contextlib
import os
from pathlib import Path
from typing import Final

from msgspec import Struct

from footfall.journal import OPEN, SEALED, Frame, frame_at
from footfall.live.position import SegmentName, parse_segment_name
from footfall.loading import day_of

# Bytes of a file that are read at once, which have many frames of the usual length; and the most for one frame.
_READ_BYTES: Final = 64 * 1024
_FRAME_BYTES_MAX: Final = 64 * 1024 * 1024


class SegmentFrame(Struct, frozen=True):
    """A frame and the segment that has it."""

    segment: SegmentName
    frame: Frame


def open_segment(data: Path, segment: SegmentName) -> int | None:
    """The file of a segment, wherever it is by now: a file that is open stays readable. None when it is gone."""
    sealed = segment.name.removesuffix(OPEN).removesuffix(SEALED) + SEALED
    # In the order in which it moves.
    places = (
        data / "journal" / segment.name,
        data / "journal" / sealed,
        data / "archive" / day_of(segment.opened_ms) / sealed,
        data / "aside" / sealed,
    )
    for path in places:
        with contextlib.suppress(OSError):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return None


def list_segments(folder: Path) -> list[SegmentName]:
    """The segments in a folder, oldest first; none where there is no such folder."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - a quarter of the time, for thousands of names
    except OSError:
        return []
    return [found for name in names if (found := parse_segment_name(name))]


def read_frames(file: int, offset: int, lines_bytes_max: int) -> tuple[list[Frame], bool]:
    """The whole frames from an offset on, and whether there may be more because the lines have so many bytes.

    Raises OSError.
    """
    found: list[Frame] = []
    taken, size = 0, _READ_BYTES
    while taken < lines_bytes_max:
        data, at = os.pread(file, size, offset), 0
        while taken < lines_bytes_max and (frame := frame_at(data, at)):
            found.append(Frame(offset + at, frame.size, frame.lines))
            taken += len(frame.lines)
            at += frame.size
        if at:
            offset, size = offset + at, _READ_BYTES
        elif not data or data[0] == 0 or len(data) < size or size >= _FRAME_BYTES_MAX:
            # Nothing, zeros that are to be overwritten, or a frame that is not whole yet.
            return found, False
        else:
            size *= 4
    return found, True
