"""Checks of what passes between here and the store: the rows of a load are counted, a result is read to its end.

A load must take as many rows as there are lines. Counting the lines costs 0.43 us each with 100 lines a frame; the
engine takes 3.1 us to load one. A result that breaks off in its middle must not be taken for a whole one.
"""

import re
from collections.abc import Iterator, Mapping

from clickhouse_connect.driver.exceptions import OperationalError
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from footfall.store.errors import StoreRefused, StoreShort, StoreUnavailable, explain_read
from footfall.system import zstd
from footfall.wording import count_of

# A block stays in a core's cache while it is searched and hashed: with 1 MiB reading took half as long again.
BLOCK_BYTES = 256 * 1024
_MESSAGE_BYTES_MAX = 64 * 1024
_CODE = re.compile(rb"Code: (\d+)")


def count_lines(data: bytes) -> int:
    """Count the lines in zstd frames, one frame in memory at a time.

    Raises StoreRefused when a frame is damaged or the last is cut: ClickHouse would drop a cut frame in silence.
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
    """Raise StoreShort unless the store's summary of a load counts as many rows as lines.

    One matching count suffices: a server may count rows that it reads twice, or writes into views. Without a summary,
    which a proxy may have dropped, the load counts as complete.
    """
    known = {int(summary[name]) for name in ("read_rows", "written_rows") if name in summary}
    if known and lines not in known:
        taken = " or ".join(count_of(rows, "row") for rows in sorted(known))
        raise StoreShort(f"the store was handed {count_of(lines, 'line')} and took {taken}")


def read_blocks(response: BaseHTTPResponse) -> Iterator[bytes]:
    """The body in blocks; raises StoreTimeout, StoreUnavailable or StoreFailed when the store broke it off.

    ClickHouse has sent its 200 when something goes wrong in the middle. It then writes the error behind a marker with
    the tag that the response's head announced (25.11 and later), and breaks the chunked transfer (all versions). The
    tag is random, so that no data can look like the marker; what may be its beginning is held back from each block.
    """
    tag = response.headers.get("X-ClickHouse-Exception-Tag", "")
    marker = f"__exception__\r\n{tag}".encode() if tag else b""
    beginnings = [marker[:length] for length in range(len(marker) - 1, 0, -1)]
    blocks = response.stream(BLOCK_BYTES, decode_content=False)
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
