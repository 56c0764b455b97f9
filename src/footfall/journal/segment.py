"""Segments: what their files are called, which there are, and the one that is open."""

import contextlib
import time
from enum import StrEnum
from pathlib import Path

from footfall.journal.disk import Disk
from footfall.settings import Settings

SEALED = ".jsonl.zst"
OPEN = ".jsonl.zst.open"
SPARE = ".jsonl.zst.spare"


class SegmentKind(StrEnum):
    """What a segment's lines are: the part of its name between stem and ending."""

    EVENTS = ""
    QUARANTINE = ".quarantine"


def kind_of(path: Path) -> SegmentKind:
    """What the lines of this segment are."""
    return SegmentKind.QUARANTINE if f"{SegmentKind.QUARANTINE}{SEALED}" in path.name else SegmentKind.EVENTS


def opened_ms(segment: Path) -> int:
    """The time at which a segment was opened, as its name says: no stamp in it is earlier."""
    return int(segment.name.partition("-")[0])


class Folder:
    """The segments of one node. Names sort by the time at which they were opened."""

    def __init__(self, path: Path, disk: Disk | None = None) -> None:
        self.path = path
        self.disk = disk or Disk()
        self.disk.make_folder(path)

    def stem(self, opened_ms: int, writer: str, number: int) -> str:
        """What a segment is called: its opening time, who writes it, and its number with that writer."""
        return f"{opened_ms:013d}-{writer}-{number:06d}"

    def names(self) -> list[str]:
        """The files of all segments, open and sealed, oldest first."""
        return [name for name in self.disk.names(self.path) if name.endswith((SEALED, OPEN))]

    def sealed(self) -> list[Path]:
        """The sealed segments, oldest first."""
        return [self.path / name for name in self.names() if name.endswith(SEALED)]

    def open(self) -> list[Path]:
        """The open segments, of living and dead writers, oldest first."""
        return [self.path / name for name in self.names() if name.endswith(OPEN)]

    def spares(self) -> list[Path]:
        """The files that are to become segments, of living and dead writers.

        One of a dead writer may hold frames: a crash of the machine can forget that it was given a segment's name.
        """
        return [self.path / name for name in self.disk.names(self.path) if name.endswith(SPARE)]

    def used_bytes(self) -> int:
        """The size of all that waits to be loaded."""
        return self.disk.used_bytes(self.path, but=SPARE)

    def find_refusal(self, free_bytes_min: int, used_bytes_max: int) -> str | None:
        """Why no event can be accepted; None when there is room."""
        try:
            if self.disk.free_bytes(self.path) < free_bytes_min:
                return "the disk has less free space than disk_free_bytes_min"
            if self.used_bytes() > used_bytes_max:
                return "the journal is longer than journal_bytes_max: the store has been away for too long"
        except OSError as error:
            return f"the disk does not say how much room it has: {error.strerror}"
        return None


def is_sealed(path: Path) -> bool:
    """Whether this is the name of a segment that never changes again."""
    return path.name.endswith(SEALED)


def sealed_name(path: Path) -> Path:
    """What a segment, or what a crash has left of one, is called once it is sealed."""
    stem = path.name.removesuffix(OPEN).removesuffix(SPARE).removesuffix(SEALED)
    return path.with_name(stem + SEALED)


# Zeros are written and synced in pieces of this many bytes: a sync of more would hold up the next commit's.
_ZEROS = bytes(256 * 1024)


class OpenSegment:
    """A file to which one writer appends frames; `size` counts the bytes that are synced.

    With `zeros_bytes` it is a spare at first: so many zeros, which frames overwrite from `begin` on. The sync of such a
    frame waits for its own bytes only. The sync of a file that grows waits for the file system's journal too, and so
    for whatever else was written, renamed or removed on the disk.
    """

    def __init__(
        self, folder: Folder, stem: str, kind: SegmentKind = SegmentKind.EVENTS, zeros_bytes: int | None = None
    ) -> None:
        """Create, lock and make durable a new segment; with `zeros_bytes`, which may be 0, a spare.

        Raises OSError. A file that the disk then refuses to remove has no frame and no lock, and recovery removes it.
        """
        self._folder = folder
        self._disk = folder.disk
        self._opened_s = time.monotonic()
        self.kind = kind
        self.path = folder.path / (stem + kind + (OPEN if zeros_bytes is None else SPARE))
        # Bytes of synced frames; the same before the last frame; the end of everything written, zeros too.
        self.size = 0
        self._size_before = 0
        self._end = 0
        self.frames = 0
        self.lines_bytes = 0
        # Whether a refused frame may stand behind `size`.
        self.torn = False
        self._file = self._disk.create(self.path)
        try:
            self._write_ahead(zeros_bytes or 0)
            self._disk.sync_folder(folder.path)
        except OSError:
            self._disk.close(self._file)
            with contextlib.suppress(OSError):
                self._disk.remove(self.path)
            raise

    def is_due(self, settings: Settings) -> bool:
        """Whether it is old or large enough to be sealed."""
        return (
            self.age_ms() >= settings.segment_age_max_ms
            or self.size >= settings.segment_bytes_max
            or self.lines_bytes >= settings.segment_lines_bytes_max
        )

    def is_there(self) -> bool:
        """Whether the name still leads to this file: recovery may have taken it between its creation and its lock."""
        return self._disk.is_at(self._file, self.path)

    def begin(self, stem: str) -> None:
        """Make a segment of a spare. Raises OSError.

        The new name is not made durable: recovery looks for frames in spares too.
        """
        path = self._folder.path / (stem + self.kind + OPEN)
        self._disk.rename(self.path, path)
        self.path, self._opened_s = path, time.monotonic()

    def age_ms(self) -> int:
        """Milliseconds since it was opened, whatever the wall clock does meanwhile."""
        return int((time.monotonic() - self._opened_s) * 1000)

    def append(self, frame: bytes, lines_bytes: int) -> None:
        """Write one frame and sync it. When it raises OSError, `retract` and `cut` must run before anything else."""
        self._size_before = self.size
        self._end = max(self._end, self.size + len(frame))
        written = 0
        while written < len(frame):
            written += self._disk.write(self._file, frame[written:] if written else frame, self.size + written)
        self._disk.sync(self._file)
        self.size += len(frame)
        self.frames += 1
        self.lines_bytes += lines_bytes

    def retract(self) -> None:
        """Take back the last frame, written or not, for its requests are refused; `cut` must run next."""
        self.size = self._size_before
        self.torn = True

    def cut(self) -> None:
        """Forget what follows the last synced frame. Raises OSError when the disk refuses even that."""
        self._disk.cut(self._file, self.size)
        self._disk.sync(self._file)
        self._end, self.torn = self.size, False

    def seal(self) -> None:
        """Cut the file to its frames, give it its sealed name and let go of it; one without a frame is removed instead.

        Raises OSError, and may be called again then. A crash that forgets the new name leaves an open segment that
        recovery seals again, so that a folder that cannot be synced now is no reason to fail.
        """
        if self.torn or 0 < self.size < self._end:
            self.cut()
        if self.size == 0:
            self._disk.remove(self.path)
        else:
            self._disk.rename(self.path, sealed_name(self.path))
        with contextlib.suppress(OSError):
            self._disk.sync_folder(self._folder.path)
        self._disk.close(self._file)

    def _write_ahead(self, zeros_bytes: int) -> None:
        while self._end < zeros_bytes:
            size = min(len(_ZEROS), zeros_bytes - self._end)
            self._disk.write(self._file, _ZEROS[:size], self._end)
            self._disk.sync(self._file)
            self._end += size
