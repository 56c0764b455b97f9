"""Files of this machine: synced against a loss of power, replaced at once, private to their owner, locked by a process.

Every file and folder that is made here is for its owner alone, whatever the umask of the process.
"""

import contextlib
import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from footfall.system.waiting import wait_until

# What the owner's group and everybody else may do, as bits of a mode.
_OTHERS = 0o077
# Seconds between two tries to take a lock.
_LOCK_PERIOD_S = 0.01


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
    """Have a file, or the entries of a folder, on disk when this returns. Raises OSError.

    Until its folder is synced, a crash may undo that a file was created or renamed.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        sync(file)
    finally:
        os.close(file)


def make_folder(path: Path) -> None:
    """Make the folder, and those above it that are missing. Raises OSError."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def open_file(path: Path, flags: int) -> int:
    """The descriptor of a file, made if need be. Raises OSError; also for a link, which somebody else may have made."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def write_private(path: Path, content: bytes) -> None:
    """Write a file from its start, in place. Raises OSError."""
    with os.fdopen(open_file(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file at once: a reader finds the old content or the new, never a part of it. Raises OSError.

    Nothing is synced: after a power cut the content may be either, or lost. One process at a time may replace a file,
    since all use the same draft, PATH.draft.
    """
    draft = _draft(path)
    write_private(draft, content)
    draft.replace(path)


def replace_durably(path: Path, content: bytes) -> None:
    """Replace a file at once, and have the new content on disk under its name when this returns. Raises OSError.

    After a power cut at any moment the old file is there whole, or the new one; a draft, PATH.draft, may stay beside
    it, and the next replacement writes over it. One process at a time may replace a file.
    """
    draft = _draft(path)
    with os.fdopen(open_file(draft, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)
        file.flush()
        sync(file.fileno())
    draft.replace(path)
    sync_path(path.parent)


def _draft(path: Path) -> Path:
    return path.with_name(f"{path.name}.draft")


def loose_modes(folder: Path) -> Iterator[tuple[Path, int]]:
    """The folder and its entries that others than the owner may use, each with its mode. Raises OSError.

    Nothing when others cannot enter the folder: then they cannot use what is in it.
    """
    if not folder.stat().st_mode & _OTHERS:
        return
    for path in (folder, *sorted(folder.iterdir())):
        mode = path.lstat().st_mode & 0o777
        if mode & _OTHERS and not path.is_symlink():
            yield path, mode


def take_lock(file: int, within_s: float | None = 0, *, shared: bool = False) -> bool:
    """Lock an open file or folder against all other holders, or with `shared` against those that are not.

    Returns False when another holder keeps it for `within_s` seconds; None waits for as long as it takes. The lock
    ends when the file is closed, or its process ends, however that ends. Raises OSError where the file system has no
    locks.
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
    """Hold the lock of a folder, which must be there, for the block; gives what `take_lock` returns. Raises OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield take_lock(folder, within_s, shared=shared)
    finally:
        os.close(folder)
