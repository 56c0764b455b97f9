"""Files of this machine: synced against a loss of power, private to their owner, locked until their process ends."""

import contextlib
import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from footfall.system.waiting import wait_until

# Making files survive a loss of power: the one place that knows what a system needs for it.


if sys.platform == "darwin":
    # There, fsync leaves data in the drive's cache, which F_FULLFSYNC empties; not every file system knows that.
    _UNKNOWN = (errno.ENOTSUP, errno.ENOTTY, errno.EINVAL)

    def sync(file: int) -> None:
        """Have all of an open file, or of a folder's entries, on disk when this returns. Raises OSError."""
        try:
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
        except OSError as error:
            if error.errno not in _UNKNOWN:
                raise
            os.fsync(file)

    sync_data = sync

else:

    def sync(file: int) -> None:
        """Have all of an open file, or of a folder's entries, on disk when this returns. Raises OSError."""
        os.fsync(file)

    def sync_data(file: int) -> None:
        """The same for a file's content and size alone, without its times. Raises OSError."""
        os.fdatasync(file)


def sync_path(path: Path) -> None:
    """Have a file, or what a folder names, on disk when this returns. Raises OSError.

    Without the second, a crash may forget a file that was created or renamed.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        sync(file)
    finally:
        os.close(file)


# Files and folders that only their owner may use, whatever the umask of the process.


# What everybody else, and the owner's group, may do.
_OTHERS = 0o077


def make_folder(path: Path) -> None:
    """Make the folder, and those above it that are missing. Raises OSError."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def open_file(path: Path, flags: int) -> int:
    """The descriptor of a file, made if need be. Raises OSError; for a link, too, which somebody else may have made."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def write_private(path: Path, content: bytes) -> None:
    """Write a file anew. Raises OSError."""
    with os.fdopen(open_file(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)


def loose_modes(folder: Path) -> Iterator[tuple[Path, int]]:
    """The folder and what stands right in it, with their modes, as far as others may use them; nothing when none may.

    What is in a folder that others cannot enter, they cannot use. Raises OSError.
    """
    if not folder.stat().st_mode & _OTHERS:
        return
    for path in (folder, *sorted(folder.iterdir())):
        mode = path.lstat().st_mode & 0o777
        if mode & _OTHERS and not path.is_symlink():
            yield path, mode


# Locks of open files, which end with the process that holds them, however that ends.


_LOCK_PERIOD_S = 0.01


def take_lock(file: int, within_s: float | None = 0, *, shared: bool = False) -> bool:
    """Lock an open file or folder against all other holders, or with `shared` against those that are not.

    Returns False when another holder keeps it for `within_s` seconds; None waits for as long as it takes. Raises
    OSError where the file system has no locks.
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    if within_s is None:
        fcntl.flock(file, how)
        return True

    def take() -> bool:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    return wait_until(take, within_s, _LOCK_PERIOD_S)


@contextlib.contextmanager
def lock_file(path: Path, within_s: float | None = 0) -> Iterator[bool]:
    """Hold the lock of a file, made if need be, for the block; gives what `take_lock` returns. Raises OSError."""
    file = open_file(path, os.O_RDWR)
    try:
        yield take_lock(file, within_s)
    finally:
        os.close(file)


@contextlib.contextmanager
def lock_folder(path: Path, within_s: float | None = 0, *, shared: bool = False) -> Iterator[bool]:
    """The same for a folder itself, which must be there."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield take_lock(folder, within_s, shared=shared)
    finally:
        os.close(folder)
