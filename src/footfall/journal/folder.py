"""The journal's folder: what segments are called, which there are, and how their names are made durable."""

import os
from pathlib import Path

SEALED = ".jsonl.zst"
OPEN = ".jsonl.zst.open"

SegmentPath = Path


class Folder:
    """The segments of one node. Names sort by the time at which they were opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def name(self, opened_ms: int, writer: str, number: int) -> str:
        """The stem of a segment: its opening time, who writes it, and its number with that writer."""
        return f"{opened_ms:013d}-{writer}-{number:06d}"

    def names(self) -> list[str]:
        """The files of all segments, open and sealed, oldest first."""
        return sorted(file.name for file in self.path.iterdir() if file.name.endswith((SEALED, OPEN)))

    def sealed(self) -> list[Path]:
        """The sealed segments, oldest first."""
        return [self.path / name for name in self.names() if name.endswith(SEALED)]

    def open(self) -> list[Path]:
        """The open segments, of living and dead writers, oldest first."""
        return [self.path / name for name in self.names() if name.endswith(OPEN)]

    def sync(self) -> None:
        """Make the folder's entries durable."""
        sync_folder(self.path)


def sealed_name(path: Path) -> Path:
    """What an open segment is called once it is sealed."""
    return path.with_name(path.name.removesuffix(OPEN) + SEALED)


def sync_folder(path: Path) -> None:
    """Make a folder's entries durable: without it a crash may forget a file that was created or renamed."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
