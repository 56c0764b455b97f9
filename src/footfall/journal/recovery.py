"""What becomes of a dead writer's segment, and of a damaged one: the decision is pure, its callers touch the disk."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from footfall.journal.disk import Disk
from footfall.journal.frames import Damage, Frame, walk
from footfall.journal.segment import OPEN, SPARE, sealed_name

# What the whole frames of a damaged segment are called, behind its own name.
SALVAGED = "-salvaged"


class KeepFile(Struct, frozen=True):
    """Every byte belongs to a whole frame."""


class TruncateFile(Struct, frozen=True):
    """Whole frames up to `size`, then a torn tail that was never acknowledged."""

    size: int


class SalvageFile(Struct, frozen=True):
    """Damage with whole frames behind it."""


class RemoveFile(Struct, frozen=True):
    """No whole frame at all."""


Decision = KeepFile | TruncateFile | SalvageFile | RemoveFile


def decide_recovery(parts: Sequence[Frame | Damage]) -> Decision:
    """What to do with an open segment that its writer left behind."""
    match [part for part in parts if isinstance(part, Damage)]:
        case []:
            return KeepFile() if parts else RemoveFile()
        case [Damage() as tail] if parts[-1] is tail:
            return TruncateFile(tail.offset) if tail.offset else RemoveFile()
        case _:
            return SalvageFile()


class Recovered(StrEnum):
    """What `recover` did."""

    BUSY = "its writer lives"
    SEALED = "sealed"
    CUT = "cut back to its last whole frame and sealed"
    REMOVED = "removed, for it held no whole frame"
    SALVAGED = "damaged in the middle: whole frames kept, the damaged file set aside"


def recover(path: Path, aside: Path, disk: Disk) -> Recovered:
    """Bring a dead writer's open segment, or spare, to rest; leave a living one's alone. Raises OSError."""
    file = disk.take(path)
    if file is None:
        return Recovered.BUSY
    try:
        # What was locked may have been sealed or removed under its name in between.
        return _settle(path, file, aside, disk) if disk.is_at(file, path) else Recovered.BUSY
    finally:
        disk.close(file)


def _settle(path: Path, file: int, aside: Path, disk: Disk) -> Recovered:
    match decide_recovery(list(walk(disk.read(path)))):
        case RemoveFile():
            disk.remove(path)
            outcome = Recovered.REMOVED
        case TruncateFile(size):
            disk.cut(file, size)
            disk.sync(file)
            disk.rename(path, sealed_name(path))
            outcome = Recovered.CUT
        case SalvageFile():
            salvage(path, aside, disk)
            outcome = Recovered.SALVAGED
        case KeepFile():
            # The last frame may be whole in the page cache only: its writer may have died before the sync.
            disk.sync(file)
            disk.rename(path, sealed_name(path))
            outcome = Recovered.SEALED
    disk.sync_folder(path.parent)
    return outcome


def salvage(path: Path, aside: Path, disk: Disk) -> Path | None:
    """Set a damaged segment aside as it is, and keep its whole frames in a sealed segment beside where it was.

    Returns the new segment, or None when no frame is whole. A crash in between leaves both files: the frames are then
    salvaged again under the same name, and loading the same event twice counts it once. Raises OSError.
    """
    data = disk.read(path)
    frames = [part for part in walk(data) if isinstance(part, Frame)]
    kept = _salvaged_name(path) if frames else None
    if kept is not None:
        draft = kept.with_suffix(".draft")
        disk.write_file(draft, (data[frame.offset : frame.offset + frame.size] for frame in frames))
        disk.move(draft, kept)
    disk.make_folder(aside)
    # Nobody looks for spares there, and this one had become a segment.
    disk.rename(path, aside / path.name.replace(SPARE, OPEN))
    disk.sync_folder(aside)
    disk.sync_folder(path.parent)
    return kept


def _salvaged_name(path: Path) -> Path:
    stem, _, ending = sealed_name(path).name.partition(".")
    return path.with_name(f"{stem}{SALVAGED}.{ending}")
