"""One open segment and the file behind it."""

import contextlib
import time

from footfall.journal.folder import OPEN, Folder, Kind, sealed_name


class Segment:
    """A file to which one writer appends frames; `size` counts the bytes that are synced."""

    def __init__(self, folder: Folder, stem: str, kind: Kind = Kind.EVENTS) -> None:
        """Create, lock and make durable a new segment.

        Raises OSError; what the disk refuses to remove then is an empty file that nobody locks, which recovery removes.
        """
        self._folder = folder
        self._disk = folder.disk
        self._opened_s = time.monotonic()
        self.path = folder.path / (stem + kind + OPEN)
        self.size = 0
        self._size_before = 0
        self.lines_bytes = 0
        self._file = self._disk.create(self.path)
        try:
            self._disk.sync_folder(folder.path)
        except OSError:
            self._disk.close(self._file)
            with contextlib.suppress(OSError):
                self._disk.remove(self.path)
            raise

    def is_there(self) -> bool:
        """Whether the name still leads to this file: recovery may have taken it between its creation and its lock."""
        return self._disk.is_at(self._file, self.path)

    def age_ms(self) -> int:
        """Milliseconds since it was opened, whatever the wall clock does meanwhile."""
        return int((time.monotonic() - self._opened_s) * 1000)

    def append(self, frame: bytes, lines_bytes: int) -> None:
        """Write one frame and sync it. When it raises OSError, `retract` and `cut` must run before anything else."""
        self._size_before = self.size
        written = 0
        while written < len(frame):
            written += self._disk.write(self._file, frame[written:] if written else frame, self.size + written)
        self._disk.sync(self._file)
        self.size += len(frame)
        self.lines_bytes += lines_bytes

    def retract(self) -> None:
        """Take back the last frame, written or not, for its requests are refused; `cut` must run next."""
        self.size = self._size_before

    def cut(self) -> None:
        """Forget what follows the last synced frame. Raises OSError when the disk refuses even that."""
        self._disk.cut(self._file, self.size)
        self._disk.sync(self._file)

    def seal(self) -> None:
        """Rename the file to its sealed name and let go of it; a segment without a frame is removed instead.

        A crash that forgets the new name leaves an open segment that recovery seals again, so that a folder that
        cannot be synced now is no reason to fail.
        """
        if self.size == 0:
            self._disk.remove(self.path)
        else:
            self._disk.rename(self.path, sealed_name(self.path))
        with contextlib.suppress(OSError):
            self._disk.sync_folder(self._folder.path)
        self._disk.close(self._file)
