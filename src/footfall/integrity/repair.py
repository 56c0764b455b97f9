"""Repairs one segment's file: its whole frames go on to be loaded, and the original is kept.

`decide_repair` is pure; `Repair` changes the disk. A new file is whole before the original is moved, so that a crash in
between leaves both: loading twice counts once.
"""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from footfall.integrity.guard import exclusive_access
from footfall.integrity.segments import SegmentFile, SegmentFolders, SegmentState, find_damage, is_being_written
from footfall.journal import SALVAGED, Damage, Disk, Frame, Recovered, recover, sealed_name, walk
from footfall.loading import unused_path
from footfall.wording import are, count_of


class CannotRepair(Exception):
    """The segment was not changed; the text tells the user why."""


class NothingToRepair(Struct, frozen=True):
    """There is nothing to repair, for the reason `why`."""

    why: str


class RecoverTail(Struct, frozen=True):
    """Recover a dead writer's segment as the loader would: cut its torn tail and seal it."""


class ReturnToJournal(Struct, frozen=True):
    """Move a whole segment back into the journal, to be loaded."""


class SalvageRepair(Struct, frozen=True):
    """Write the whole frames of a damaged segment into a new one, and keep the original."""


Decision = NothingToRepair | RecoverTail | ReturnToJournal | SalvageRepair


def decide_repair(state: SegmentState, parts: Sequence[Frame | Damage]) -> Decision:
    """Decide what to do with a segment; raises CannotRepair when no frame of it can be saved."""
    if state is SegmentState.OPEN:
        # The loader cuts torn tails itself, but it does not repair damage that has whole frames behind it.
        return SalvageRepair() if find_damage(parts, state) else RecoverTail()
    damaged = any(isinstance(part, Damage) for part in parts)
    if damaged and not any(isinstance(part, Frame) for part in parts):
        raise CannotRepair("no frame of it is whole, so that there is nothing to save; it is left as it is")
    if damaged:
        return SalvageRepair()
    match state:
        case SegmentState.ASIDE if parts:
            return ReturnToJournal()
        case SegmentState.ARCHIVED:
            return NothingToRepair("it is whole, and was loaded")
        case SegmentState.SEALED:
            return NothingToRepair("it is whole, and the loader will load it")
        case _:
            return NothingToRepair("it is empty")


class Repair:
    """Repairs segments of one node; each method returns lines that tell the user what was done."""

    def __init__(self, folders: SegmentFolders, disk: Disk | None = None) -> None:
        self._folders = folders
        self._disk = disk or Disk()

    def repair(self, path: Path) -> list[str]:
        """Repair one file. Raises CannotRepair, Busy and OSError; then the segment is unchanged and in its place."""
        with exclusive_access(self._folders.data), self._folders.archive.rewriting():
            segment = self._folders.find(path)
            if segment is None:
                raise CannotRepair("it is no segment in the journal, in a day of the archive, or aside")
            if is_being_written(segment.path):
                raise CannotRepair("its writer lives; it is left alone")
            parts = list(walk(segment.path.read_bytes()))
            match decide_repair(segment.state, parts):
                case NothingToRepair(why):
                    return [f"nothing to repair: {why}"]
                case RecoverTail():
                    return self._recover(segment, parts)
                case ReturnToJournal():
                    return self._put_back(segment, parts)
                case SalvageRepair():
                    return self._salvage(segment, parts)

    def _recover(self, segment: SegmentFile, parts: list[Frame | Damage]) -> list[str]:
        kept = []
        if any(isinstance(part, Damage) for part in parts):
            original = self._unused(self._folders.repaired, segment.path.name)
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
        frames = count_of(len(parts), "frame")
        return [f"the whole file is sound, {frames}; back in the journal, to be loaded: {self._name(target)}"]

    def _salvage(self, segment: SegmentFile, parts: list[Frame | Damage]) -> list[str]:
        data = segment.path.read_bytes()
        frames = [part for part in parts if isinstance(part, Frame)]
        lost = sum(part.size for part in parts if isinstance(part, Damage))
        folder = segment.path.parent if segment.state is SegmentState.ARCHIVED else self._folders.journal
        target = self._unused(folder, _salvaged_name(segment.path))
        self._write(target, b"".join(data[frame.offset : frame.offset + frame.size] for frame in frames))
        original = self._unused(self._folders.repaired, segment.path.name)
        if segment.state is SegmentState.ARCHIVED:
            self._folders.archive.inventory.add(folder.name, [target.name])
            self._folders.archive.inventory.remove(folder.name, [segment.path.name])
        self._disk.move(segment.path, original)
        self._disk.sync_folder(segment.path.parent)
        archived = segment.state is SegmentState.ARCHIVED
        use = "in the archive" if archived else "back in the journal, to be loaded"
        after = "the events of what is lost are in the store still; verify counts them as not archived"
        return [
            f"{count_of(len(frames), 'frame')} {are(len(frames))} whole and {use}: {self._name(target)}",
            f"{count_of(lost, 'byte')} {are(lost)} no whole frame; the original is kept as {self._name(original)}",
            *([after] if archived else []),
        ]

    def _unused(self, folder: Path, name: str) -> Path:
        self._disk.make_folder(folder)
        return unused_path(folder / name)

    def _write(self, path: Path, data: bytes) -> None:
        """Write a new file, whole or not at all. The name of its draft is not that of a segment."""
        draft = path.with_name(f"{path.name}.draft")
        self._disk.write_file(draft, [data])
        self._disk.move(draft, path)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._folders.data))


def _salvaged_name(path: Path) -> str:
    """The name of the segment that gets the whole frames of a damaged one."""
    stem, dot, ending = sealed_name(path).name.partition(".")
    return f"{stem.removesuffix(SALVAGED)}{SALVAGED}{dot}{ending}"
