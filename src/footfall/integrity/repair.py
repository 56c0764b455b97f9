"""Repairing one segment's file: what is whole is kept for loading, and the original stays beside it, whatever happens.

The decision is pure; `repair` touches the disk. New files appear whole or not at all, and before the original leaves
its place, so that a crash in between leaves too much rather than too little: loading twice counts once.
"""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from footfall.integrity.guard import exclusive_access
from footfall.integrity.segments import SegmentFile, SegmentFolders, SegmentState, find_damage, is_held
from footfall.journal import SALVAGED, Damage, Disk, Frame, Recovered, recover, sealed_name, walk


class CannotRepair(Exception):
    """Why a segment is left as it is, in words for whoever asked."""


class Nothing(Struct, frozen=True):
    """There is nothing to repair, and why that is so."""

    why: str


class Recover(Struct, frozen=True):
    """A dead writer's segment, to be brought to rest as the loader would."""


class PutBack(Struct, frozen=True):
    """A segment that is whole, and goes back into the journal to be loaded."""


class SalvageRepair(Struct, frozen=True):
    """Damage: the whole frames go on in a new segment, the original is kept."""


Decision = Nothing | Recover | PutBack | SalvageRepair


def decide_repair(state: SegmentState, parts: Sequence[Frame | Damage]) -> Decision:
    """What to do with a segment; raises CannotRepair when nothing of it can be saved."""
    if state is SegmentState.OPEN:
        # A torn tail is the loader's everyday work; damage with whole frames behind it is not.
        return SalvageRepair() if find_damage(parts, state) else Recover()
    damaged = any(isinstance(part, Damage) for part in parts)
    if damaged and not any(isinstance(part, Frame) for part in parts):
        raise CannotRepair("no frame of it is whole, so that there is nothing to save; it is left as it is")
    if damaged:
        return SalvageRepair()
    match state:
        case SegmentState.ASIDE if parts:
            return PutBack()
        case SegmentState.ARCHIVED:
            return Nothing("it is whole, and was loaded")
        case SegmentState.SEALED:
            return Nothing("it is whole, and the loader will load it")
        case _:
            return Nothing("it is empty")


class Repair:
    """Repairs segments of one node; each method says what it did, line by line."""

    def __init__(self, folders: SegmentFolders, disk: Disk | None = None) -> None:
        self._folders = folders
        self._disk = disk or Disk()

    def repair(self, path: Path) -> list[str]:
        """Repair one file. Raises CannotRepair, Busy and OSError, and has changed nothing then that matters."""
        with exclusive_access(self._folders.data):
            segment = self._folders.find(path)
            if segment is None:
                raise CannotRepair("it is no segment in the journal, in a day of the archive, or aside")
            if is_held(segment.path):
                raise CannotRepair("its writer lives; it is left alone")
            parts = list(walk(segment.path.read_bytes()))
            match decide_repair(segment.state, parts):
                case Nothing(why):
                    return [f"nothing to repair: {why}"]
                case Recover():
                    return self._recover(segment, parts)
                case PutBack():
                    return self._put_back(segment, parts)
                case SalvageRepair():
                    return self._salvage(segment, parts)

    def _recover(self, segment: SegmentFile, parts: list[Frame | Damage]) -> list[str]:
        kept = []
        if any(isinstance(part, Damage) for part in parts):
            original = self._free(self._folders.repaired, segment.path.name)
            self._write(original, segment.path.read_bytes())
            kept = [f"the original is kept as {self._name(original)}"]
        outcome = recover(segment.path, self._folders.repaired, self._disk)
        if outcome is Recovered.BUSY:
            raise CannotRepair("somebody else has taken it up meanwhile; it is left alone")
        return [outcome.value, *kept]

    def _put_back(self, segment: SegmentFile, parts: list[Frame | Damage]) -> list[str]:
        target = self._folders.journal / sealed_name(segment.path).name
        if target.exists():
            raise CannotRepair(f"{self._name(target)} is there already")
        self._disk.move(segment.path, target)
        self._disk.sync_folder(segment.path.parent)
        return [f"all {len(parts)} frames are whole; it is back in the journal, to be loaded: {self._name(target)}"]

    def _salvage(self, segment: SegmentFile, parts: list[Frame | Damage]) -> list[str]:
        data = segment.path.read_bytes()
        frames = [part for part in parts if isinstance(part, Frame)]
        lost = sum(part.size for part in parts if isinstance(part, Damage))
        folder = segment.path.parent if segment.state is SegmentState.ARCHIVED else self._folders.journal
        target = self._free(folder, *_salvaged(segment.path))
        self._write(target, b"".join(data[frame.offset : frame.offset + frame.size] for frame in frames))
        original = self._free(self._folders.repaired, segment.path.name)
        if segment.state is SegmentState.ARCHIVED:
            self._folders.archive.inventory.add(folder.name, [target.name])
            self._folders.archive.inventory.remove(folder.name, [segment.path.name])
        self._disk.move(segment.path, original)
        self._disk.sync_folder(segment.path.parent)
        archived = segment.state is SegmentState.ARCHIVED
        use = "and stay in the archive" if archived else "and are back in the journal, to be loaded"
        after = "the events of what is lost are in the store still; verify counts them as not archived"
        return [
            f"{len(frames)} frames are whole {use}: {self._name(target)}",
            f"{lost} bytes are no whole frame; the original is kept as {self._name(original)}",
            *([after] if archived else []),
        ]

    def _free(self, folder: Path, name: str, ending: str = "") -> Path:
        """A name in a folder that no file has: nothing that is there already is written over."""
        self._disk.make_folder(folder)
        number, place = 1, folder / f"{name}{ending}"
        while place.exists():
            number += 1
            place = folder / f"{name}-{number}{ending}"
        return place

    def _write(self, path: Path, data: bytes) -> None:
        """A new file, whole or not there. Its draft has a name that nobody takes for a segment."""
        draft = path.with_name(f"{path.name}.draft")
        self._disk.write_file(draft, [data])
        self._disk.move(draft, path)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._folders.data))


def _salvaged(path: Path) -> tuple[str, str]:
    """What the whole frames of a segment are called: a stem and an ending."""
    stem, dot, ending = sealed_name(path).name.partition(".")
    return f"{stem.removesuffix(SALVAGED)}{SALVAGED}", dot + ending
