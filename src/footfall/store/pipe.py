"""Named pipes, through which the embedded engine gives results to clients on the same machine."""

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

from urllib3.response import BaseHTTPResponse

from footfall.store.errors import StoreUnavailable
from footfall.store.stream import BLOCK_BYTES, read_blocks

# The header of a request that names the pipe for its result.
PIPE_HEADER = "X-Footfall-Pipe"
_NAME = re.compile(r"[0-9a-f]{32}\.pipe")
PIPE_BYTES = 1 << 20
# The engine writes small pieces. A pause after each read lets more of them come, which costs less than a turn for each.
_GATHER_S = 0.001


def name_pipe() -> str:
    """A name that no other pipe has."""
    return f"{uuid.uuid4().hex}.pipe"


def is_pipe_name(name: str) -> bool:
    """Whether `name_pipe` may have made this name."""
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
        """Stop reading, and remove the path."""
        os.close(self.file)
        self.path.unlink(missing_ok=True)

    def blocks(self, silent_s: float) -> Iterator[bytes]:
        """What is written, until no writer is left; there must have been one before.

        Raises TimeoutError when nothing has come for so long.
        """
        ready = select.poll()
        ready.register(self.file, select.POLLIN)
        while ready.poll(silent_s * 1000):
            block = os.read(self.file, BLOCK_BYTES)
            if not block:
                return
            yield block
            if len(block) < BLOCK_BYTES:
                time.sleep(_GATHER_S)
        raise TimeoutError(f"nothing has come for {silent_s} s")


def make_pipe(folder: Path) -> Pipe:
    """Make a pipe in the engine's folder for pipes; raises StoreUnavailable."""
    try:
        return Pipe(folder / name_pipe())
    except OSError as error:
        raise StoreUnavailable(f"there cannot be a pipe to the engine: {error.strerror}") from error


def read_pipe(pipe: Pipe, response: BaseHTTPResponse, silent_s: float) -> Iterator[bytes]:
    """The blocks of a result that comes through a pipe; the response then says whether it is whole.

    Raises as `read_blocks` does, and StoreUnavailable when nothing has come for `silent_s` seconds.
    """
    try:
        yield from pipe.blocks(silent_s)
    except OSError as error:
        raise StoreUnavailable(f"the result was cut off: {error}") from error
    yield from read_blocks(response)
