"""The disk as the journal sees it: the few calls that it makes, and a thread that makes them."""

import asyncio
import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue

from msgspec import Struct

from footfall.system import files
from footfall.system.files import sync_data, sync_path


class Disk:
    """The calls that the journal makes to a file system; tests have a disk that forgets and fails.

    Every method raises OSError when the system refuses.
    """

    def make_folder(self, path: Path) -> None:
        files.make_folder(path)

    def names(self, folder: Path) -> list[str]:
        """The files of a folder, sorted."""
        return sorted(file.name for file in folder.iterdir())

    def free_bytes(self, path: Path) -> int:
        """Bytes that an ordinary user may still write."""
        disk = os.statvfs(path)
        return disk.f_bavail * disk.f_frsize

    def used_bytes(self, folder: Path, but: str) -> int:
        """The sizes of a folder's files but those whose names end so; one that goes away meanwhile may count or not."""
        total = 0
        for file in folder.iterdir():
            if not file.name.endswith(but):
                with contextlib.suppress(FileNotFoundError):
                    total += file.stat().st_size
        return total

    def create(self, path: Path) -> int:
        """A new file, locked until it is closed. BlockingIOError when another process was quicker to lock it."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if not files.take_lock(file):
                raise BlockingIOError(errno.EWOULDBLOCK, "another process has locked the file", str(path))
        except OSError:
            os.close(file)
            raise
        return file

    def take(self, path: Path) -> int | None:
        """An existing file, locked; None when it is gone or its owner lives."""
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        if files.take_lock(file):
            return file
        os.close(file)
        return None

    def is_at(self, file: int, path: Path) -> bool:
        """Whether the name still leads to this open file."""
        try:
            return path.stat().st_ino == os.fstat(file).st_ino
        except FileNotFoundError:
            return False

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def write(self, file: int, data: bytes, offset: int) -> int:
        """Write at an offset; returns how many bytes were taken, which may be fewer than given."""
        return os.pwrite(file, data, offset)

    def cut(self, file: int, size: int) -> None:
        """Drop what lies behind `size`."""
        os.ftruncate(file, size)

    def sync(self, file: int) -> None:
        """Make the file's content and size durable."""
        sync_data(file)

    def sync_folder(self, path: Path) -> None:
        """Make the folder's entries durable."""
        sync_path(path)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def move(self, old: Path, new: Path) -> None:
        """Rename a file and make its new name durable."""
        self.rename(old, new)
        self.sync_folder(new.parent)

    def write_file(self, path: Path, pieces: Iterable[bytes]) -> None:
        """Write a new file and make its content durable; what an earlier try left under its name goes first."""
        self.remove(path)
        file = self.create(path)
        try:
            at = 0
            for piece in pieces:
                written = 0
                while written < len(piece):
                    written += self.write(file, piece[written:], at + written)
                at += written
            self.sync(file)
        finally:
            self.close(file)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def close(self, file: int) -> None:
        os.close(file)


Work = Callable[[], None]


class CommitPace(Struct, frozen=True):
    """When a commit runs on the event loop, and how often the disk is checked.

    A commit of `short_bytes_max` runs on the event loop while the disk is quick. One that took longer than `quick_s`
    sends the next ones to the thread, for `slow_factor` times as long: a slow disk blocks the loop for a twentieth of
    the time. The free space of the disk and the size of the journal are checked at most once in `disk_check_s`.
    """

    short_bytes_max: int = 1024 * 1024
    quick_s: float = 0.002
    slow_factor: float = 20
    disk_check_s: float = 0.25

    def slow_for_s(self, write_s: float) -> float:
        """Seconds for which commits stay on the thread after a write that took so long."""
        return self.slow_factor * min(write_s, self.disk_check_s)


ORDINARY_PACE = CommitPace()


class DiskThread:
    """Runs one piece of work after the other on a thread of its own.

    A thread pool takes three times as long for it, which counts where a piece of work takes 0.1 ms.
    """

    def __init__(self, name: str) -> None:
        self._waiting: SimpleQueue[tuple[Work, asyncio.Future[None]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    async def do(self, work: Work) -> None:
        """Do the work; raises what it raises. Cancelling does not stop it."""
        if not self._thread.is_alive():
            self._thread.start()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put((work, done))
        await done

    def close(self) -> None:
        """End the thread when all work is done."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while item := self._waiting.get():
            work, done = item
            error: BaseException | None = None
            try:
                work()
            except BaseException as failure:  # noqa: BLE001 - whoever waits must hear of any
                error = failure
            done.get_loop().call_soon_threadsafe(settle_future, done, error)


def settle_future(done: asyncio.Future[None], error: BaseException | None) -> None:
    """Give a future its outcome, unless whoever waited for it is gone."""
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
