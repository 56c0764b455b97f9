"""What becomes of a dead writer's segment, and of a damaged one: the decision is pure, its callers touch the disk."""

import fcntl
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from footfall.journal.folder import SEALED, sealed_name, sync_folder
from footfall.journal.frames import Damage, Frame, walk


class Keep(Struct, frozen=True):
    """Every byte belongs to a whole frame."""


class Truncate(Struct, frozen=True):
    """Whole frames up to `size`, then a torn tail that was never acknowledged."""

    size: int


class Salvage(Struct, frozen=True):
    """Damage with whole frames behind it."""


class Remove(Struct, frozen=True):
    """No whole frame at all."""


Decision = Keep | Truncate | Salvage | Remove


def decide(parts: Sequence[Frame | Damage]) -> Decision:
    """What to do with an open segment that its writer left behind."""
    match [part for part in parts if isinstance(part, Damage)]:
        case []:
            return Keep() if parts else Remove()
        case [Damage() as tail] if parts[-1] is tail:
            return Truncate(tail.offset) if tail.offset else Remove()
        case _:
            return Salvage()


class Recovered(StrEnum):
    """What `recover` did."""

    BUSY = "its writer lives"
    SEALED = "sealed"
    CUT = "cut back to its last whole frame and sealed"
    REMOVED = "removed, for it held no whole frame"
    SALVAGED = "damaged in the middle: whole frames kept, the damaged file set aside"


def recover(path: Path, aside: Path) -> Recovered:
    """Bring a dead writer's open segment to rest; leave a living one's alone. Raises OSError."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return Recovered.BUSY
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Recovered.BUSY
        if not _same(path, file):
            return Recovered.BUSY
        return _settle(path, file, aside)
    finally:
        os.close(file)


def _same(path: Path, file: int) -> bool:
    """Whether the name still leads to the file that was locked, and not to one sealed or removed in between."""
    try:
        return path.stat().st_ino == os.fstat(file).st_ino
    except FileNotFoundError:
        return False


def _settle(path: Path, file: int, aside: Path) -> Recovered:
    parts = list(walk(path.read_bytes()))
    match decide(parts):
        case Remove():
            path.unlink()
            outcome = Recovered.REMOVED
        case Truncate(size):
            os.ftruncate(file, size)
            os.fsync(file)
            path.rename(sealed_name(path))
            outcome = Recovered.CUT
        case Salvage():
            salvage(path, aside)
            outcome = Recovered.SALVAGED
        case Keep():
            # The last frame may be whole in the page cache only: its writer may have died before the sync.
            os.fsync(file)
            path.rename(sealed_name(path))
            outcome = Recovered.SEALED
    sync_folder(path.parent)
    return outcome


def salvage(path: Path, aside: Path) -> Path | None:
    """Set a damaged segment aside as it is, and keep its whole frames in a sealed segment beside where it was.

    Returns the new segment, or None when no frame is whole. A crash in between leaves both files: the frames are then
    salvaged again under the same name, and loading the same event twice counts it once.
    """
    frames = [part for part in walk(path.read_bytes()) if isinstance(part, Frame)]
    kept = path.with_name(path.name.split(".", 1)[0] + "-salvaged" + SEALED) if frames else None
    if kept is not None:
        data = path.read_bytes()
        draft = kept.with_suffix(".draft")
        with draft.open("wb") as out:
            out.writelines(data[frame.offset : frame.offset + frame.size] for frame in frames)
            out.flush()
            os.fsync(out.fileno())
        draft.rename(kept)
        sync_folder(kept.parent)
    aside.mkdir(parents=True, exist_ok=True)
    path.rename(aside / path.name)
    sync_folder(aside)
    sync_folder(path.parent)
    return kept
