"""One open segment and the file behind it."""

import contextlib
import fcntl
import os
import sys
import time
from pathlib import Path

from footfall.journal.folder import OPEN, Folder, sealed_name

# macOS has no fdatasync, and its fsync leaves data in the drive's cache; F_FULLFSYNC is what reaches the disk there.
if sys.platform == "darwin":

    def sync_data(file: int) -> None:
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)

else:

    def sync_data(file: int) -> None:
        os.fdatasync(file)


class Segment:
    """A file to which one writer appends frames; `size` counts the bytes that are synced."""

    def __init__(self, folder: Folder, stem: str) -> None:
        """Create, lock and make durable a new segment. Raises OSError, and leaves no file then."""
        self._folder = folder
        self._opened_s = time.monotonic()
        self.path = folder.path / (stem + OPEN)
        self.size = 0
        self.lines_bytes = 0
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder.sync()
        except OSError:
            self.path.unlink(missing_ok=True)
            os.close(self._file)
            raise

    def age_ms(self) -> int:
        """Milliseconds since it was opened, whatever the wall clock does meanwhile."""
        return int((time.monotonic() - self._opened_s) * 1000)

    def append(self, frame: bytes, lines_bytes: int) -> None:
        """Write one frame and sync it. When it raises OSError, `cut` must run before the next append."""
        written = 0
        while written < len(frame):
            written += os.pwrite(self._file, memoryview(frame)[written:], self.size + written)
        sync_data(self._file)
        self.size += len(frame)
        self.lines_bytes += lines_bytes

    def cut(self) -> None:
        """Forget what follows the last synced frame. Raises OSError when the disk refuses even that."""
        os.ftruncate(self._file, self.size)
        sync_data(self._file)

    def seal(self) -> Path:
        """Rename the file to its sealed name and let go of it; a segment without a frame is removed instead.

        A crash that forgets the new name leaves an open segment that recovery seals again, so that a folder that
        cannot be synced now is no reason to fail.
        """
        target = sealed_name(self.path)
        if self.size == 0:
            self.path.unlink(missing_ok=True)
        else:
            self.path.rename(target)
        with contextlib.suppress(OSError):
            self._folder.sync()
        os.close(self._file)
        return target

    def is_there(self) -> bool:
        """Whether the name still leads to this file: recovery may have taken it between its creation and its lock."""
        try:
            return self.path.stat().st_ino == os.fstat(self._file).st_ino
        except FileNotFoundError:
            return False
