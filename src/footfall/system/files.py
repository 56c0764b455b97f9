"""Files of this machine: synced against a loss of power, private to their owner, locked until their process ends."""

import errno
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

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


_PAUSE_S = 0.01


def take_lock(file: int, within_s: float = 0) -> bool:
    """Lock an open file against all other holders; False when another one keeps it for so many seconds.

    Raises OSError where the file system has no locks.
    """
    until_s = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                return False
            time.sleep(_PAUSE_S)
        else:
            return True
