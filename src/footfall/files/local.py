"""Writing a report's file into a folder: whole or absent, and with a disk that stays free for others.

Its room stays free too: near the end of a disk reports stop, so that events, which nobody can make again, go on.

Every answer to an event waits for that disk. While 160 MB/s were synced 8 MiB at a time, which is how much an object
store takes at once, one in a hundred of other syncs took 4.4 to 5.3 ms; at half a MiB it is 0.6 to 1.4.
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
# Pieces that may wait for the disk while the next ones are made.
WAITING_MAX = 8


class DiskNearlyFull(OSError):
    """The file would need room that is kept free; the text is fit for whoever wants the report."""


def write_file(root: Path, path: str, blocks: Iterable[bytes], free_bytes_min: int, *, is_own: bool) -> None:
    """Write a file from its blocks; it is there only when all of it is on disk, with the folders that it needed.

    One of the service's own (`is_own`) is for its user alone; else its mode is by the umask.

    The blocks are taken on the calling thread. Raises DiskNearlyFull where less than `free_bytes_min` of the disk would
    stay free, before any block is taken where it is less already; OSError, and what the blocks raise. Then there is no
    file.
    """
    target = root / path
    if is_own:
        files.make_folder(target.parent)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
    with _half_written(target, 0o600 if is_own else 0o666) as half:
        growing = _Growing(half.fileno(), free_bytes_min)
        growing.require_room(0)
        with ThreadPoolExecutor(1, "write a report's file") as disk:
            waiting: deque[Future[None]] = deque()
            for block in blocks:
                for at in range(0, len(block), SYNC_BYTES):
                    waiting.append(disk.submit(growing.add, block[at : at + SYNC_BYTES]))
                    if len(waiting) > WAITING_MAX:
                        waiting.popleft().result()
            for piece in waiting:
                piece.result()
        files.sync(half.fileno())
        Path(half.name).replace(target)
    for folder in Path(path).parents:
        files.sync_path(root / folder)


def sweep_folder(target: Path) -> None:
    """Remove what writers that are dead left beside a target. What cannot be looked at, or removed, stays."""
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
def _half_written(target: Path, mode: int) -> Iterator[FileIO]:
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


class _Growing:
    """The end of a file; its methods run on one thread."""

    def __init__(self, file: int, free_bytes_min: int) -> None:
        self._file = file
        self._free_bytes_min = free_bytes_min
        self._unsynced = 0

    def add(self, piece: bytes) -> None:
        """Write a piece, and sync where there is enough."""
        self.require_room(len(piece))
        left = memoryview(piece)
        while left:
            left = left[os.write(self._file, left) :]
        self._unsynced += len(piece)
        if self._unsynced >= SYNC_BYTES:
            # It only paces the disk, and need not empty a drive's cache: what counts is the sync of the whole file.
            os.fsync(self._file)
            self._unsynced = 0

    def require_room(self, size: int) -> None:
        """Raise DiskNearlyFull unless so many bytes leave free what is to stay free."""
        disk = os.fstatvfs(self._file)
        if self._free_bytes_min and disk.f_bavail * disk.f_frsize - size < self._free_bytes_min:
            text = f"the disk is nearly full: {self._free_bytes_min} bytes of it are kept free for events"
            raise DiskNearlyFull(f"{text}; remove reports, or have room made, and start the report again")
