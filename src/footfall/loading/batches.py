"""Batches: the segments of one load. Each load makes a part that has to be merged, so several segments share one."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from footfall.journal import Damage, SegmentKind, kind_of, measure, walk


class Batch(Struct, frozen=True):
    """Segments of one kind, with all their frames; the sizes in the frames' headers say that none is cut."""

    kind: SegmentKind
    segments: list[Path]
    frames: bytes


class DamagedSegment(Struct, frozen=True):
    """A segment with bytes that are not a whole frame."""

    segment: Path


class UnreadableSegment(Struct, frozen=True):
    """A segment that cannot be read."""

    segment: Path
    error: OSError


def gather_batches(
    segments: Iterable[Path], lines_bytes_max: int
) -> Iterator[Batch | DamagedSegment | UnreadableSegment]:
    """The segments by kind, in their order, in batches of up to `lines_bytes_max` bytes of lines, at least one each.

    A file is read only when its batch is asked for. One that cannot be read does not stop the others.
    """
    by_kind: dict[SegmentKind, list[Path]] = {kind: [] for kind in SegmentKind}
    for segment in segments:
        by_kind[kind_of(segment)].append(segment)
    for kind, some in by_kind.items():
        yield from _gather(kind, some, lines_bytes_max)


def batch_of(segment: Path) -> Batch:
    """A batch of one segment. Raises OSError."""
    return Batch(kind_of(segment), [segment], segment.read_bytes())


def is_undamaged(segment: Path) -> bool:
    """Whether all frames of a segment are whole, by their checksums. Raises OSError."""
    return _has_no_damage(segment.read_bytes())


def _has_no_damage(data: bytes) -> bool:
    return not any(isinstance(part, Damage) for part in walk(data))


def _gather(
    kind: SegmentKind, segments: list[Path], lines_bytes_max: int
) -> Iterator[Batch | DamagedSegment | UnreadableSegment]:
    batch: list[Path] = []
    frames: list[bytes] = []
    lines_bytes = 0
    for segment in segments:
        try:
            data = segment.read_bytes()
        except OSError as error:
            yield UnreadableSegment(segment, error)
            continue
        size = measure(data)
        if size is None:
            yield Batch(kind, [segment], data) if _has_no_damage(data) else DamagedSegment(segment)
            continue
        if batch and lines_bytes + size > lines_bytes_max:
            yield Batch(kind, batch, b"".join(frames))
            batch, frames, lines_bytes = [], [], 0
        batch.append(segment)
        frames.append(data)
        lines_bytes += size
    if batch:
        yield Batch(kind, batch, b"".join(frames))
