"""Writes a file into a folder: whole or absent, in small syncs, and not onto the last free bytes of the disk.

Events wait for syncs of the same disk. While a report writes 160 MB/s, the 99th percentile of other syncs is 0.6 to
1.4 ms with syncs of 512 KiB, and 4.4 to 5.3 ms with syncs of 8 MiB. Near the end of the disk reports stop, so that
events, which nobody can make again, still have room.
"""

import contextlib
import glob
import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from pathlib import Path

from footfall.system import files

SYNC_BYTES = 512 * 1024
# Pieces that may wait for the disk.
WAITING_MAX = 8


class DiskNearlyFull(OSError):
    """The file would need space that is kept free; the text is fit for the report's user."""


def write_file(root: Path, path: str, blocks: Iterable[bytes], free_bytes_min: int, *, is_own: bool) -> None:
    """Write a file from its blocks; it exists only when all of it and its folders are durable.

    With `is_own` only the service's user may read it; else its mode follows the umask.

    The calling thread takes the blocks. Raises DiskNearlyFull when less than `free_bytes_min` of the disk would stay
    free, OSError, and what the blocks raise. Then there is no file.
    """
    target = root / path
    if is_own:
        files.make_folder(target.parent)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(target, 0o600 if is_own else 0o666) as file:
        writer = _PacedWriter(file.fileno(), free_bytes_min)
        writer.require_room(0)
        with ThreadPoolExecutor(1, "write a report's file") as disk:
            waiting: deque[Future[None]] = deque()
            for block in blocks:
                for at in range(0, len(block), SYNC_BYTES):
                    waiting.append(disk.submit(writer.add, block[at : at + SYNC_BYTES]))
                    if len(waiting) > WAITING_MAX:
                        waiting.popleft().result()
            for piece in waiting:
                piece.result()
        files.sync(file.fileno())
        Path(file.name).replace(target)
    for folder in Path(path).parents:
        files.sync_path(root / folder)


def sweep_folder(target: Path) -> None:
    """Remove unfinished files that dead writers left beside a target. What cannot be opened or removed stays."""
    with contextlib.suppress(OSError):
        for path in target.parent.glob(f"{glob.escape(target.name)}#*"):
            if path.name[len(target.name) + 1 :].isdecimal():
                _remove_dead(path)


def _remove_dead(path: Path) -> None:
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if files.take_lock(file):
                path.unlink()
        finally:
            os.close(file)


def _is_ours(file: int, path: Path) -> bool:
    """Lock a new file; False when a sweep took it first. Where a file system has no locks, nothing is swept either."""
    try:
        return files.take_lock(file) and path.exists()
    except OSError:
        return True


@contextlib.contextmanager
def _unfinished(target: Path, mode: int) -> Iterator[FileIO]:
    """A new file beside the target, which is removed unless it was renamed; locked for as long as its writer lives."""
    sweep_folder(target)
    for number in itertools.count(1):
        path = target.with_name(f"{target.name}#{number}")
        with contextlib.suppress(FileExistsError):
            half = FileIO(path, "x", opener=lambda name, flags: os.open(name, flags, mode))
            if _is_ours(half.fileno(), path):
                break
            half.close()
    with half:
        try:
            yield half
        except BaseException:
            path.unlink(missing_ok=True)
            raise


class _PacedWriter:
    """Appends to a file and syncs it in small steps; its methods run on one thread."""

    def __init__(self, file: int, free_bytes_min: int) -> None:
        self._file = file
        self._free_bytes_min = free_bytes_min
        self._unsynced = 0

    def add(self, piece: bytes) -> None:
        """Write a piece; sync after every SYNC_BYTES."""
        self.require_room(len(piece))
        left = memoryview(piece)
        while left:
            left = left[os.write(self._file, left) :]
        self._unsynced += len(piece)
        if self._unsynced >= SYNC_BYTES:
            # This only paces the disk; the sync of the whole file makes it durable.
            os.fsync(self._file)
            self._unsynced = 0

    def require_room(self, size: int) -> None:
        """Raise DiskNearlyFull when `size` more bytes would leave less free than the minimum."""
        disk = os.fstatvfs(self._file)
        if self._free_bytes_min and disk.f_bavail * disk.f_frsize - size < self._free_bytes_min:
            text = f"the disk is nearly full: {self._free_bytes_min} bytes of it are kept free for events"
            raise DiskNearlyFull(f"{text}; remove reports, or have room made, and start the report again")
