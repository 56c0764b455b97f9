"""Named pipes, through which the embedded engine gives results to whoever is on the same machine."""

import contextlib
import fcntl
import os
import re
import select
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Self

# The header of a request that names the pipe into which its result shall go.
PIPE_HEADER = "X-Footfall-Pipe"
_NAME = re.compile(r"[0-9a-f]{32}\.pipe")
PIPE_BYTES = 1 << 20
# What stays in a core's cache while it is looked through and hashed: with a MiB reading took half as long again.
_BLOCK_BYTES = 256 * 1024
# The engine writes in small pieces. To wake up for each of them costs more than to let some of them come.
_GATHER_S = 0.001


def name_pipe() -> str:
    """A name that no other pipe has."""
    return f"{uuid.uuid4().hex}.pipe"


def is_pipe(name: str) -> bool:
    """Whether this may be a pipe's name."""
    return _NAME.fullmatch(name) is not None


class Pipe:
    """The reading end of a new pipe at `path`: while nobody reads, its writers wait. Closing it removes the path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path, 0o600)
        try:
            # Without waiting for a writer, who may fail before it opens its end.
            self.file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except BaseException:
            path.unlink()
            raise
        # A larger pipe means fewer turns; the kernel may refuse it, and other systems do not know it.
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(self.file, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nobody reads any more."""
        os.close(self.file)
        self.path.unlink(missing_ok=True)

    def blocks(self, silent_s: float) -> Iterator[bytes]:
        """What is written, until no writer is left; there must have been one before.

        Raises TimeoutError when nothing has come for so long.
        """
        ready = select.poll()
        ready.register(self.file, select.POLLIN)
        while ready.poll(silent_s * 1000):
            block = os.read(self.file, _BLOCK_BYTES)
            if not block:
                return
            yield block
            if len(block) < _BLOCK_BYTES:
                time.sleep(_GATHER_S)
        raise TimeoutError(f"nothing has come for {silent_s} s")
