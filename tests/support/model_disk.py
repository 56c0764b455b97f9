"""A file system that forgets what was not synced, may keep any part of it, and fails when told to."""

import errno
import random
from pathlib import Path

from footfall.journal import Disk


class Crash(Exception):
    """The machine stops at this operation."""


class Inode:
    """A file's content as programs see it, and as the disk has it; `dirty` are the ranges that differ."""

    def __init__(self) -> None:
        self.seen = bytearray()
        self.kept = bytearray()
        self.dirty: list[tuple[int, int]] = []
        self.locked = False


class ModelDisk(Disk):
    """Folders and files in memory. `faults` are taken one an operation: None, "crash", "eio", "short", "full"."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._seen: dict[Path, Inode] = {}
        self._kept: dict[Path, Inode] = {}
        self._changes: list[tuple[Path | None, Path | None, Inode]] = []
        self._files: dict[int, Inode] = {}
        self._next = 3
        self.faults: list[str | None] = []

    def _fault(self) -> str | None:
        fault = self.faults.pop(0) if self.faults else None
        if fault == "crash":
            raise Crash
        if fault == "eio":
            raise OSError(errno.EIO, "Input/output error")
        if fault == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return fault

    # What programs do.

    def make_folder(self, path: Path) -> None:
        """Folders are there when they are needed; only their entries can be forgotten."""

    def names(self, folder: Path) -> list[str]:
        return sorted(path.name for path in self._seen if path.parent == folder)

    def free_bytes(self, path: Path) -> int:  # noqa: ARG002 - there is one disk
        return 1 << 40

    def used_bytes(self, folder: Path, but: str) -> int:
        mine = [inode for path, inode in self._seen.items() if path.parent == folder and not path.name.endswith(but)]
        return sum(len(inode.seen) for inode in mine)

    def create(self, path: Path) -> int:
        self._fault()
        assert path not in self._seen
        inode = Inode()
        self._change(None, path, inode)
        return self._open(inode)

    def take(self, path: Path) -> int | None:
        inode = self._seen.get(path)
        return None if inode is None or inode.locked else self._open(inode)

    def is_at(self, file: int, path: Path) -> bool:
        return self._seen.get(path) is self._files[file]

    def read(self, path: Path) -> bytes:
        return bytes(self._seen[path].seen)

    def write(self, file: int, data: bytes, offset: int) -> int:
        fault = self._partly(file, data, offset)
        inode = self._files[file]
        if fault == "short":
            data = data[: self._chance.randint(1, len(data))]
        self._put(inode, data, offset)
        return len(data)

    def cut(self, file: int, size: int) -> None:
        self._fault()
        inode = self._files[file]
        inode.dirty.append((size, max(len(inode.seen), len(inode.kept))))
        del inode.seen[size:]

    def sync(self, file: int) -> None:
        inode = self._files[file]
        try:
            self._fault()
        except OSError:
            # After a failed sync the pages count as clean: what they held may be on the disk or not, for ever.
            self._settle(inode)
            raise
        self._flush(inode, inode.dirty)
        del inode.kept[len(inode.seen) :]
        inode.dirty = []

    def sync_folder(self, path: Path) -> None:  # noqa: ARG002 - one journal of entries
        self._fault()
        self._apply(len(self._changes))

    def rename(self, old: Path, new: Path) -> None:
        self._fault()
        self._change(old, new, self._seen[old])

    def remove(self, path: Path) -> None:
        self._fault()
        if path in self._seen:
            self._change(path, None, self._seen[path])

    def close(self, file: int) -> None:
        self._files.pop(file).locked = False

    # What the machine does.

    def crash(self) -> None:
        """Forget: of the unsynced entries a prefix stays, of the unsynced bytes any part, or zeros in their place."""
        self.faults = []
        self._apply(self._chance.randint(0, len(self._changes)))
        self._changes = []
        for inode in self._kept.values():
            self._settle(inode)
            inode.seen = bytearray(inode.kept)
            inode.locked = False
        self._seen = dict(self._kept)
        self._files = {}

    def _open(self, inode: Inode) -> int:
        inode.locked = True
        self._next += 1
        self._files[self._next] = inode
        return self._next

    def _partly(self, file: int, data: bytes, offset: int) -> str | None:
        """A write that fails or crashes may have written a part before."""
        try:
            return self._fault()
        except (OSError, Crash):
            self._put(self._files[file], data[: self._chance.randint(0, len(data))], offset)
            raise

    def _put(self, inode: Inode, data: bytes, offset: int) -> None:
        inode.seen[len(inode.seen) : offset] = bytes(max(0, offset - len(inode.seen)))
        inode.seen[offset : offset + len(data)] = data
        inode.dirty.append((offset, offset + len(data)))

    def _change(self, old: Path | None, new: Path | None, inode: Inode) -> None:
        self._changes.append((old, new, inode))
        self._do(self._seen, old, new, inode)

    def _apply(self, count: int) -> None:
        for old, new, inode in self._changes[:count]:
            self._do(self._kept, old, new, inode)
        self._changes = self._changes[count:]

    @staticmethod
    def _do(entries: dict[Path, Inode], old: Path | None, new: Path | None, inode: Inode) -> None:
        if old is not None:
            entries.pop(old, None)
        if new is not None:
            entries[new] = inode

    def _flush(self, inode: Inode, ranges: list[tuple[int, int]]) -> None:
        for start, stop in ranges:
            end = min(stop, len(inode.seen))
            if start < end:
                inode.kept[len(inode.kept) : start] = bytes(max(0, start - len(inode.kept)))
                inode.kept[start:end] = inode.seen[start:end]

    def _settle(self, inode: Inode) -> None:
        """Any part of what is dirty reaches the disk: pieces of data, zeros for others, or an old or new length."""
        for start, end in inode.dirty:
            if end <= start:
                continue
            middle = self._chance.randint(start, end)
            match self._chance.choice(("none", "head", "tail", "all", "zeros")):
                case "head":
                    self._flush(inode, [(start, middle)])
                case "tail":
                    self._flush(inode, [(middle, end)])
                case "all":
                    self._flush(inode, [(start, end)])
                case "zeros":
                    inode.kept[len(inode.kept) : end] = bytes(max(0, end - len(inode.kept)))
        if len(inode.seen) < len(inode.kept) and self._chance.random() < 0.5:
            del inode.kept[len(inode.seen) :]
        inode.dirty = []
