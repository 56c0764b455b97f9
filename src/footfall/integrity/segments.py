"""A node's segments: their folders, and the contents of a file, with every checksum checked."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from footfall.journal import (
    OPEN,
    SEALED,
    SPARE,
    Damage,
    Disk,
    Folder,
    Frame,
    SegmentKind,
    is_sealed,
    kind_of,
    opened_ms,
    walk,
)
from footfall.loading import Archive
from footfall.settings import Settings
from footfall.system.data_folder import NoData

# A segment that was set aside while it was open keeps that suffix.
_ENDINGS = (SEALED, OPEN)


class SegmentState(StrEnum):
    """Where a segment is on its way."""

    OPEN = "open"
    SEALED = "sealed"
    ARCHIVED = "archived"
    ASIDE = "aside"


class SegmentFile(Struct, frozen=True):
    """A segment's file, which may have been moved since it was listed."""

    path: Path
    state: SegmentState

    @property
    def kind(self) -> SegmentKind:
        """The kind of its lines."""
        return kind_of(self.path)

    @property
    def opened_ms(self) -> int:
        """When it was opened: no stamp in it is earlier."""
        return opened_ms(self.path)

    @property
    def size(self) -> int:
        """Its size in bytes; 0 when it was moved."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0


class SegmentFolders:
    """The folders of one node's segments. Raises NoData when there are none, and makes none."""

    def __init__(self, settings: Settings) -> None:
        data = settings.data.resolve()
        if not (data / "journal").is_dir():
            raise NoData(f"{data} is no data folder: it has no journal; is data_dir right?")
        self.data = data
        self.journal = data / "journal"
        self.archive = Archive(data / "archive", settings.archive_days)
        self.aside = data / "aside"
        # The originals of repaired segments. Nothing reads them; the operator may remove them.
        self.repaired = data / "repaired"

    def waiting(self) -> list[SegmentFile]:
        """The segments of the journal, oldest first, and spares that have frames, as a crash may leave them."""
        folder = Folder(self.journal)
        begun = [path for path in folder.spares() if _has_frames(path)]
        states = (
            (SegmentState.OPEN, begun),
            (SegmentState.OPEN, folder.open()),
            (SegmentState.SEALED, folder.sealed()),
        )
        return sorted((SegmentFile(path, state) for state, paths in states for path in paths), key=_age)

    def archived(self, days: int | None = None) -> Iterator[SegmentFile]:
        """The segments of the archive, oldest first; with `days`, only those of its last days."""
        folders = self.archive.days()
        for day in folders[-days:] if days else folders:
            yield from (SegmentFile(path, SegmentState.ARCHIVED) for path in _segments(day))

    def lost(self, days: int | None = None) -> list[SegmentFile]:
        """The segments that the archive should have and lacks, oldest first; with `days`, only of its last days."""
        folders = self.archive.days()
        first = folders[-days].name if days and days < len(folders) else ""
        return [
            SegmentFile(path, SegmentState.ARCHIVED) for path in self.archive.missing() if path.parent.name >= first
        ]

    def names(self, segments: list[SegmentFile]) -> tuple[str, ...]:
        """The segments' paths, relative to the data folder."""
        return tuple(str(segment.path.relative_to(self.data)) for segment in segments)

    def aside_segments(self) -> list[SegmentFile]:
        """The segments that were set aside, oldest first."""
        return _aside(self.aside)

    def originals(self) -> list[SegmentFile]:
        """The originals of repaired segments, oldest first."""
        return _aside(self.repaired)

    def find(self, path: Path) -> SegmentFile | None:
        """The segment of this file; None when the file is in none of the folders."""
        path = path.resolve()
        parents = {self.journal.resolve(): SegmentState.SEALED, self.aside.resolve(): SegmentState.ASIDE}
        parents |= {day.resolve(): SegmentState.ARCHIVED for day in self.archive.days()}
        state = parents.get(path.parent)
        if state is None or not path.name.endswith((*_ENDINGS, SPARE)) or not path.is_file():
            return None
        return SegmentFile(path, SegmentState.OPEN if state is SegmentState.SEALED and not is_sealed(path) else state)


def _aside(folder: Path) -> list[SegmentFile]:
    return [SegmentFile(path, SegmentState.ASIDE) for path in _segments(folder)] if folder.is_dir() else []


def _segments(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.endswith(_ENDINGS))


def _has_frames(path: Path) -> bool:
    """Whether the file begins with a frame, not with zeros."""
    try:
        with path.open("rb") as file:
            return file.read(1) not in (b"", b"\0")
    except FileNotFoundError:
        return False


def _age(segment: SegmentFile) -> str:
    return segment.path.name


class SegmentContents(Struct, frozen=True, kw_only=True):
    """Counts of a segment; `first_ms` and `last_ms` are its first and last time of receipt."""

    frames: int
    events: int
    bytes: int
    first_ms: int | None
    last_ms: int | None
    damage: tuple[Damage, ...]


class _Stamped(Struct):
    received: int | None = None


_DECODER = msgspec.json.Decoder(_Stamped)


def read_frames(path: Path) -> Iterator[Frame | Damage]:
    """The frames of a file and the damage between them, in order. Raises OSError."""
    return walk(path.read_bytes())


def find_damage(parts: Sequence[Frame | Damage], state: SegmentState) -> tuple[Damage, ...]:
    """The damage of a segment, but not the torn tail of an open one, which was never acknowledged."""
    found = [part for part in parts if isinstance(part, Damage)]
    if state is SegmentState.OPEN and found and parts[-1] is found[-1]:
        found.pop()
    return tuple(found)


def is_being_written(path: Path) -> bool:
    """Whether this is an open segment whose writer is alive."""
    if is_sealed(path):
        return False
    disk = Disk()
    file = disk.take(path)
    if file is not None:
        disk.close(file)
    return file is None


def read_contents(path: Path, state: SegmentState) -> SegmentContents:
    """Read a whole segment and count its contents. Raises OSError."""
    parts = list(read_frames(path))
    frames = [part for part in parts if isinstance(part, Frame)]
    received = [_received(line) for frame in frames for line in frame.lines.split(b"\n") if line]
    times = [time for time in received if time is not None]
    return SegmentContents(
        frames=len(frames),
        events=len(received),
        bytes=sum(part.size for part in parts),
        first_ms=min(times, default=None),
        last_ms=max(times, default=None),
        damage=find_damage(parts, state),
    )


def _received(line: bytes) -> int | None:
    try:
        return _DECODER.decode(line).received
    except msgspec.MsgspecError:
        # The store refuses such a line, which may be why its segment was set aside.
        return None
