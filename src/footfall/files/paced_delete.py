"""Removes large files in steps that do not keep the disk busy, because events wait for syncs of the same disk.

A file's name goes at once, then its space from the end, in steps that are each synced. While 1.7 GB were freed at once,
other syncs took 50 to 400 ms; in steps, which take 3 s, they take 3 ms. After a crash the file system frees the rest
when it is mounted. A file that is still open for a download stays whole until it is closed.
"""

import contextlib
import fcntl
import os
import queue
import shutil
import stat
import sys
import threading
import time
from pathlib import Path


class PacedDelete:
    """Removes local files and folders; a thread, which the first large file starts, frees their space.

    The space goes in steps of `step_bytes`, with a pause of `pause_s` seconds behind each. `waiting_max` files, each
    with an open descriptor, wait for the thread; further callers block. When the process ends first, the system frees
    the rest at once.
    """

    def __init__(self, *, step_bytes: int = 8 * 1024 * 1024, pause_s: float = 0.01, waiting_max: int = 16) -> None:
        self._step_bytes = step_bytes
        self._pause_s = pause_s
        self._waiting: queue.Queue[int] = queue.Queue(waiting_max)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def remove(self, path: Path) -> None:
        """Remove a file; a missing file is no error. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            found = path.lstat()
            file = None
            # A file with another name keeps its bytes.
            if stat.S_ISREG(found.st_mode) and found.st_size > self._step_bytes and found.st_nlink == 1:
                file = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
            try:
                path.unlink()
            except OSError:
                if file is not None:
                    os.close(file)
                raise
            if file is not None:
                self._start()
                self._waiting.put(file)

    def remove_all(self, folder: Path) -> None:
        """Remove a folder with all files in it; a missing folder is no error. Raises OSError."""
        for at, _, files in os.walk(folder):
            for name in files:
                self.remove(Path(at, name))
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)

    def wait(self) -> None:
        """Wait until the space of all removed files is free."""
        self._waiting.join()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._free, name="free the space of files", daemon=True)
                self._thread.start()

    def _free(self) -> None:
        while True:
            file = self._waiting.get()
            try:
                # When a step fails, closing the descriptor frees the rest.
                with contextlib.suppress(OSError):
                    if is_alone(file):
                        self._shrink(file)
                os.close(file)
            finally:
                self._waiting.task_done()

    def _shrink(self, file: int) -> None:
        """Cut a file to nothing in steps. Raises OSError."""
        for size in range(os.fstat(file).st_size - self._step_bytes, 0, -self._step_bytes):
            os.ftruncate(file, size)
            os.fsync(file)
            time.sleep(self._pause_s)


def is_alone(file: int) -> bool:
    """Whether nobody else has this file open, which has no name any more. Only Linux can tell, by granting a lease."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    return True
