"""The few things that the journal asks of a file system, in one place: tests put one here that forgets and fails."""

import contextlib
import fcntl
import os
from pathlib import Path

from footfall import private
from footfall.durable import sync_data, sync_path


class Disk:
    """The real one. Every method raises OSError when the system refuses."""

    def make_folder(self, path: Path) -> None:
        private.make_folder(path)

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
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return file

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

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def close(self, file: int) -> None:
        os.close(file)
