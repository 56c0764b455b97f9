"""The lock of the one process that sends from a file. The system lets go of it when its holder dies.

It is on a file of its own, which stays: SQLite's locks end with its transactions, and a file that is removed and made
again could be locked twice.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class SenderLock:
    """A lock beside the outbox, `FILE.lock`. In memory there is nobody to share with, and it is always had."""

    def __init__(self, path: Path | None) -> None:
        self._path = path.with_name(path.name + ".lock") if path is not None else None
        self._file: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process sends."""
        return self._path is None or self._file is not None

    def acquire(self) -> bool:
        """Take the lock if nobody has it; never waits."""
        if self._path is None or self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Close this process's end. In the child of a fork, the lock stays with the parent, which has its own."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
