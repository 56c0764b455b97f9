"""Making files survive a loss of power: the one place that knows what a system needs for it."""

import errno
import fcntl
import os
import sys
from pathlib import Path

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
