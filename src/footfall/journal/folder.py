"""The journal's folder: what segments are called, and which there are."""

from enum import StrEnum
from pathlib import Path

from footfall.journal.disk import Disk

SEALED = ".jsonl.zst"
OPEN = ".jsonl.zst.open"
SPARE = ".jsonl.zst.spare"


class Kind(StrEnum):
    """What a segment's lines are: the part of its name between stem and ending."""

    EVENTS = ""
    QUARANTINE = ".quarantine"


def kind_of(path: Path) -> Kind:
    """What the lines of this segment are."""
    return Kind.QUARANTINE if f"{Kind.QUARANTINE}{SEALED}" in path.name else Kind.EVENTS


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


def is_sealed(path: Path) -> bool:
    """Whether this is the name of a segment that never changes again."""
    return path.name.endswith(SEALED)


def sealed_name(path: Path) -> Path:
    """What a segment, or what a crash has left of one, is called once it is sealed."""
    stem = path.name.removesuffix(OPEN).removesuffix(SPARE).removesuffix(SEALED)
    return path.with_name(stem + SEALED)
