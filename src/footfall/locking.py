"""Locks of open files, which end with the process that holds them, however that ends."""

import fcntl
import time

_PAUSE_S = 0.01


def take(file: int, within_s: float = 0) -> bool:
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
