"""Batches: the segments of one load. Each load leaves a part that has to be merged, so segments go together."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from footfall.journal import Damage, SegmentKind, kind_of, measure, walk


class Batch(Struct, frozen=True):
    """Segments of one kind, and all their frames; their heads say that they are whole."""

    kind: SegmentKind
    segments: list[Path]
    frames: bytes


class Damaged(Struct, frozen=True):
    """A segment with bytes that are no whole frame."""

    segment: Path


class Unreadable(Struct, frozen=True):
    """A segment that cannot be read."""

    segment: Path
    error: OSError


def gather(segments: Iterable[Path], lines_bytes_max: int) -> Iterator[Batch | Damaged | Unreadable]:
    """All segments, by kind, in their order: as many together as have so many bytes of lines, and at least one.

    Files are read when their turn comes, and one that cannot be read does not keep the others.
    """
    by_kind: dict[SegmentKind, list[Path]] = {kind: [] for kind in SegmentKind}
    for segment in segments:
        by_kind[kind_of(segment)].append(segment)
    for kind, some in by_kind.items():
        yield from _gather(kind, some, lines_bytes_max)


def single(segment: Path) -> Batch:
    """A segment by itself. Raises OSError."""
    return Batch(kind_of(segment), [segment], segment.read_bytes())


def is_whole(segment: Path) -> bool:
    """Whether all its frames are, by their checksums. Raises OSError."""
    return _has_no_damage(segment.read_bytes())


def _has_no_damage(data: bytes) -> bool:
    return not any(isinstance(part, Damage) for part in walk(data))


def _gather(kind: SegmentKind, segments: list[Path], lines_bytes_max: int) -> Iterator[Batch | Damaged | Unreadable]:
    batch: list[Path] = []
    frames: list[bytes] = []
    lines_bytes = 0
    for segment in segments:
        try:
            data = segment.read_bytes()
        except OSError as error:
            yield Unreadable(segment, error)
            continue
        size = measure(data)
        if size is None:
            yield Batch(kind, [segment], data) if _has_no_damage(data) else Damaged(segment)
            continue
        if batch and lines_bytes + size > lines_bytes_max:
            yield Batch(kind, batch, b"".join(frames))
            batch, frames, lines_bytes = [], [], 0
        batch.append(segment)
        frames.append(data)
        lines_bytes += size
    if batch:
        yield Batch(kind, batch, b"".join(frames))


# When a segment that the disk failed on is tried again.


# Doubled with every failure up to the most. A disk that lost its cable for a moment gets a second, and one that stays
# broken or full costs a read in five seconds.
PAUSE_LEAST_S = 0.5
PAUSE_MOST_S = 5.0


class _Wait(Struct):
    tries: int
    until_s: float


class Backoff:
    """Counts the failures of what is named, and says what waits for its next try."""

    def __init__(self) -> None:
        self._waits: dict[str, _Wait] = {}

    def fail(self, name: str) -> int:
        """Note a failure; gives how many there have been since it last worked."""
        wait = self._waits.setdefault(name, _Wait(0, 0.0))
        wait.tries += 1
        pause_s: float = min(PAUSE_MOST_S, PAUSE_LEAST_S * 2 ** min(wait.tries - 1, 10))
        wait.until_s = time.monotonic() + pause_s
        return wait.tries

    def waits(self, name: str) -> bool:
        """Whether it is too early for the next try."""
        wait = self._waits.get(name)
        return wait is not None and time.monotonic() < wait.until_s

    def forget(self, name: str) -> bool:
        """It works again, or is gone; gives whether it had failed."""
        return self._waits.pop(name, None) is not None
