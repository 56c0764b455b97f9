"""Reads segments, checks the checksum of every frame, and loads the frames into a table for the comparison."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from footfall.integrity.guard import Advance, ProgressCallback, retry
from footfall.integrity.segments import SegmentFile, find_damage
from footfall.integrity.verdict import CheckCount, DamagedRange
from footfall.journal import Damage, Frame, SegmentKind, walk
from footfall.state import RetentionCutoff
from footfall.store import Store, StoreRefused, StoreShort, StoreUnavailable, Table
from footfall.tombstones import LineFilter

Cutoffs = Sequence[RetentionCutoff]


class ArchiveTable:
    """A temporary table for segments of one kind, removed at the end of a `with` block; `also` gets the same rows.

    Lines that are past the `cutoffs` are left out. Small segments are loaded many at once, because each statement costs
    as much as thousands of events.
    """

    def __init__(
        self,
        store: Store,
        node: str,
        batch_bytes: int,
        kind: SegmentKind = SegmentKind.EVENTS,
        also: str | None = None,
        cutoffs: Cutoffs = (),
    ) -> None:
        self._lines = LineFilter("", (), cutoffs) if cutoffs else None
        self.name = f"check_{node}" if kind is SegmentKind.EVENTS else f"check_{node}_quarantine"
        self._kind = kind
        self._store = store
        self._tables = (self.name, also) if also else (self.name,)
        self._batch_bytes = batch_bytes
        self._waiting: list[tuple[Path, bytes]] = []
        self._size = 0
        # Segments whose lines the store cannot read, with the reason.
        self.refused: list[tuple[Path, str]] = []

    def __enter__(self) -> Self:
        # A check that was killed leaves its table.
        retry(lambda: self._store.run_table_script("check_drop", name=self.name))
        make = "check_make" if self._kind is SegmentKind.EVENTS else "check_make_quarantine"
        self._store.run_table_script(make, name=self.name)
        return self

    def __exit__(self, *_: object) -> None:
        # An outage now does not change the result. The next check removes the table.
        with contextlib.suppress(StoreUnavailable):
            self._store.run_table_script("check_drop", name=self.name)

    def add(self, segment: Path, frames: bytes) -> None:
        """Queue the whole frames of a segment, and load the queue when it is long. Raises StoreUnavailable."""
        if self._lines is not None and (cleaned := self._lines.clean(self._kind, frames)):
            frames = cleaned.data
        if not frames:
            return
        self._waiting.append((segment, frames))
        self._size += len(frames)
        if self._size >= self._batch_bytes:
            self.flush()

    def flush(self) -> None:
        """Load the queue; raises StoreUnavailable."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        for table in self._tables if waiting else ():
            try:
                self._fill(table, b"".join(frames for _, frames in waiting))
            except (StoreRefused, StoreShort):
                self.refused += self._fill_singly(table, waiting)

    def _fill(self, table: str, frames: bytes) -> None:
        like: Table = "events" if self._kind is SegmentKind.EVENTS else "quarantine"
        retry(lambda: self._store.fill(table, frames, like))

    def _fill_singly(self, table: str, waiting: list[tuple[Path, bytes]]) -> Iterator[tuple[Path, str]]:
        """Load each segment by itself, and return those that cannot be loaded."""
        for segment, frames in waiting:
            try:
                self._fill(table, frames)
            except (StoreRefused, StoreShort) as error:
                if table == self.name:
                    yield segment, str(error)


# Gets a segment and its whole frames.
TakeFrames = Callable[[Path, bytes], None]


class Inspection:
    """Reads segments and notes what is damaged in `harms`, with paths relative to `data`."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.harms: list[DamagedRange] = []

    def read(self, segments: Iterable[SegmentFile], advance: Advance, take: TakeFrames | None = None) -> CheckCount:
        """Read and count segments, and call `take` with the whole frames of each.

        Skips a file that was moved since it was listed: the loader moves a segment only after it was loaded.
        """
        count = CheckCount()
        for segment in segments:
            try:
                data = segment.path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                self.note_damage(segment.path, 0, segment.size, f"it cannot be read: {error.strerror}")
                continue
            self._count(segment, data, count, take)
            advance(len(data))
        return count

    def note_damage(self, path: Path, offset: int, size: int, reason: str) -> None:
        """Note a damaged range of a file."""
        self.harms.append(DamagedRange(str(path.relative_to(self._data)), offset, size, reason))

    def _count(self, segment: SegmentFile, data: bytes, count: CheckCount, take: TakeFrames | None) -> None:
        parts = list(walk(data))
        frames = [part for part in parts if isinstance(part, Frame)]
        count.segments += 1
        count.frames += len(frames)
        count.bytes += len(data)
        lines = sum(frame.lines.count(b"\n") for frame in frames)
        if segment.kind is SegmentKind.EVENTS:
            count.events += lines
        else:
            count.quarantined += lines
        for damage in find_damage(parts, segment.state):
            self.note_damage(segment.path, damage.offset, damage.size, "no whole frame")
        if take is not None and frames:
            take(segment.path, _whole(data, parts, frames))


def _whole(data: bytes, parts: list[Frame | Damage], frames: list[Frame]) -> bytes:
    if len(parts) == len(frames):
        return data
    return b"".join(data[frame.offset : frame.offset + frame.size] for frame in frames)


def fill_table(
    copy: ArchiveTable, segments: list[SegmentFile], inspection: Inspection, progress: ProgressCallback
) -> CheckCount:
    """Load archived segments into their table, and note as damaged those that the store cannot read."""
    with progress("reading the archive", total_bytes(segments)) as advance:
        count = inspection.read(segments, advance, copy.add)
        copy.flush()
    for path, reason in copy.refused:
        inspection.note_damage(path, 0, path.stat().st_size, f"the store cannot read its lines: {reason}")
    copy.refused.clear()
    return count


def total_bytes(segments: Iterable[SegmentFile]) -> int:
    """The size of all these segments in bytes."""
    return sum(segment.size for segment in segments)
