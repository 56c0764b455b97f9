"""What the store gives and takes, counted and streamed: rows of a load, blocks of a result.

And the pipe of the embedded engine.
"""

import contextlib
import fcntl
import os
import re
import select
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from clickhouse_connect.driver.exceptions import OperationalError
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from footfall.store.errors import StoreRefused, StoreShort, StoreUnavailable, explain_read
from footfall.system import zstd

# How many lines are handed to the store, and how many rows it says that it took: both must be the same.
#
# Counting reads the lines without the store. Measured on one core with generated lines of 250 bytes: 0.43 us a line
# with 100 lines a frame, 11 us with one, of which 5 go into making a decompressor; a frame is a commit of the writer's,
# which waited for the disk. The engine takes 3.1 us a line to load.


def count_lines(data: bytes) -> int:
    """The lines in zstd frames, of which only one is held at a time.

    Raises StoreRefused where they are damaged, or the last is cut: that ClickHouse would drop without a word.
    """
    lines, at, view = 0, 0, memoryview(data)
    try:
        while at < len(data):
            size = zstd.get_frame_size(view[at:])
            held = zstd.ZstdDecompressor().decompress(view[at : at + size])
            lines += held.count(b"\n") + (held[-1:] not in (b"", b"\n"))
            at += size
    except zstd.ZstdError as error:
        raise StoreRefused(f"no whole zstd frame at byte {at}: {error}") from error
    return lines


def check_taken(lines: int, summary: Mapping[str, str]) -> None:
    """Raise StoreShort unless the store's summary of a load speaks of so many rows.

    One of its counts suffices: a server may count what it reads twice, or what it writes into views too. Where
    something on the way has dropped the summary, nothing is known, and that is no reason to load nothing.
    """
    known = {int(summary[name]) for name in ("read_rows", "written_rows") if name in summary}
    if known and lines not in known:
        taken = " or ".join(map(str, sorted(known)))
        raise StoreShort(f"the store was handed {lines} lines and took {taken} rows")


# Named pipes, through which the embedded engine gives results to whoever is on the same machine.


# The header of a request that names the pipe into which its result shall go.
PIPE_HEADER = "X-Footfall-Pipe"
_NAME = re.compile(r"[0-9a-f]{32}\.pipe")
PIPE_BYTES = 1 << 20
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


# Reading a streamed result so that a failure in its middle is never taken for its end.


# What stays in a core's cache while it is looked through and hashed: with a MiB reading took half as long again.
_BLOCK_BYTES = 256 * 1024
_MESSAGE_BYTES_MAX = 64 * 1024
_CODE = re.compile(rb"Code: (\d+)")


def read_blocks(response: BaseHTTPResponse) -> Iterator[bytes]:
    """The body in blocks; raises StoreTimeout, StoreUnavailable or StoreFailed when the store broke it off.

    ClickHouse has sent its 200 when something goes wrong in the middle. It then writes the error behind a marker with
    the tag that the response's head announced (25.11 and later), and breaks the chunked transfer (all versions). The
    tag is random, so that no data can look like the marker; what may be its beginning is held back from each block.
    """
    tag = response.headers.get("X-ClickHouse-Exception-Tag", "")
    marker = f"__exception__\r\n{tag}".encode() if tag else b""
    beginnings = [marker[:length] for length in range(len(marker) - 1, 0, -1)]
    blocks = response.stream(_BLOCK_BYTES, decode_content=False)
    held = b""
    try:
        for block in blocks:
            ready = held + block if held else block
            # To look for one byte first, which most results do not have, takes a tenth of the time.
            if marker and b"\r" in ready and (at := ready.find(marker)) >= 0:
                held = ready[at:]
                break
            held = next((beginning for beginning in beginnings if ready.endswith(beginning)), b"")
            if held:
                ready = ready[: -len(held)]
            if ready:
                yield ready
        else:
            if held:
                yield held
            return
    except (HTTPError, OSError) as error:
        raise StoreUnavailable(f"the result was cut off: {error}") from error
    raise _explain(held + _read_rest(blocks))


def make_pipe(folder: Path) -> Pipe:
    """A pipe of our own in the folder that the embedded engine has for them; raises StoreUnavailable."""
    try:
        return Pipe(folder / name_pipe())
    except OSError as error:
        raise StoreUnavailable(f"there cannot be a pipe to the engine: {error.strerror}") from error


def read_pipe(pipe: Pipe, response: BaseHTTPResponse, silent_s: float) -> Iterator[bytes]:
    """What comes through a pipe, in blocks, and in the response how that ended; raises as `read_blocks` does.

    `silent_s` is for how long the store may give nothing.
    """
    try:
        yield from pipe.blocks(silent_s)
    except OSError as error:
        raise StoreUnavailable(f"the result was cut off: {error}") from error
    yield from read_blocks(response)


def _read_rest(blocks: Iterator[bytes]) -> bytes:
    # The transfer is broken behind the message, so that its end may come as an error.
    rest = b""
    try:
        for block in blocks:
            rest += block
            if len(rest) > _MESSAGE_BYTES_MAX:
                break
    except (HTTPError, OSError):
        pass
    return rest


def _explain(message: bytes) -> Exception:
    found = _CODE.search(message)
    text = message[found.start() if found else 0 :].decode("utf-8", "replace")
    # Without a code it is not known what happened, only that the result is not whole.
    return explain_read(OperationalError(text, code=int(found.group(1)) if found else None))
