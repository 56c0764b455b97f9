"""Reading a streamed result so that a failure in its middle is never taken for its end."""

import re
from collections.abc import Iterator
from pathlib import Path

from clickhouse_connect.driver.exceptions import OperationalError
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from footfall.store.errors import StoreUnavailable, explain_read
from footfall.store.pipe import Pipe, name_pipe

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
