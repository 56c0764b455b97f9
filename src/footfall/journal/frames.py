"""Frames: one group commit as one zstd frame with a content checksum; the walk through a file; the lines in them."""

import contextlib
from collections.abc import Iterator

from msgspec import Struct

from footfall.system import zstd
from footfall.system.zstd import ZstdCompressor

MAGIC = b"\x28\xb5\x2f\xfd"
# The longest head of a frame.
_HEAD_BYTES_MAX = 18
_OPTIONS: dict[int, int] = {zstd.CompressionParameter.compression_level: 1, zstd.CompressionParameter.checksum_flag: 1}


class Frame(Struct, frozen=True):
    """A whole frame: `size` bytes at `offset` of the file hold these lines."""

    offset: int
    size: int
    lines: bytes


class Damage(Struct, frozen=True):
    """`size` bytes at `offset` that are no whole frame: a torn tail when nothing follows, else corruption."""

    offset: int
    size: int


class Compressor:
    """Makes frames, for one thread; level 1 keeps the writer ahead of a fast disk.

    It keeps one zstd context, for making one takes three times as long as a small frame.
    """

    def __init__(self) -> None:
        self._zstd = ZstdCompressor(options=_OPTIONS)

    def compress(self, lines: bytes) -> bytes:
        """One frame of these lines."""
        try:
            return self._zstd.compress(lines, ZstdCompressor.FLUSH_FRAME)
        except BaseException:
            # The context may hold half a frame.
            self._zstd = ZstdCompressor(options=_OPTIONS)
            raise


def walk(data: bytes) -> Iterator[Frame | Damage]:
    """The frames of a segment in order, with what lies between them where it is damaged.

    After damage the walk goes on at the next magic number that starts a whole frame.
    """
    offset = 0
    while offset < len(data):
        frame = frame_at(data, offset)
        if frame is None:
            end = _resume(data, offset + 1)
            yield Damage(offset, end - offset)
            offset = end
        else:
            yield frame
            offset += frame.size


def measure(data: bytes) -> int | None:
    """The bytes of lines in frames that fill the data, as their heads say; None where they do not, or one does not say.

    Nothing is decompressed, so it is cheap, and the content of the frames may be damaged all the same.
    """
    at, size, view = 0, 0, memoryview(data)
    try:
        while at < len(data):
            held = zstd.get_frame_info(view[at : at + _HEAD_BYTES_MAX]).decompressed_size
            if held is None or data[at : at + 4] != MAGIC:
                return None
            size += held
            at += zstd.get_frame_size(view[at:])
    except zstd.ZstdError:
        return None
    return size


def end_of_frames(data: bytes, offset: int) -> int:
    """Where the frames end that follow each other from there, by their heads: nothing is decompressed."""
    view = memoryview(data)
    with contextlib.suppress(zstd.ZstdError):
        while data[offset : offset + 4] == MAGIC:
            offset += zstd.get_frame_size(view[offset:])
    return offset


def _resume(data: bytes, start: int) -> int:
    """Where the next whole frame begins, or the end of the data."""
    while (start := data.find(MAGIC, start)) >= 0:
        if frame_at(data, start) is not None:
            return start
        start += 1
    return len(data)


def frame_at(data: bytes, offset: int) -> Frame | None:
    """The whole frame that begins there, its checksum verified; None where there is none, or not all of it yet."""
    if data[offset : offset + 4] != MAGIC:
        return None
    decompressor, view = zstd.ZstdDecompressor(), memoryview(data)
    try:
        # It gets the bytes of its frame only: a decompressor copies those behind, for each of thousands of frames.
        size = zstd.get_frame_size(view[offset:])
        lines = decompressor.decompress(view[offset : offset + size])
    except zstd.ZstdError:
        return None
    return Frame(offset, size, lines) if decompressor.eof else None


# Where the stamps of a line go, before its closing brace. JSON text has no tab: within strings it is escaped.
STAMPS = b"\t"


class EncodedLines(Struct, frozen=True, gc=False):
    """The JSON lines of one request, each with STAMPS before its closing brace, by what is still to be stamped there.

    `events` get the times of receipt and admission, `quarantined` that of receipt, `released`, which have one, that of
    admission.
    """

    events: bytes = b""
    quarantined: bytes = b""
    released: bytes = b""


def mark(lines: bytes) -> bytes:
    """Plain JSON lines with STAMPS in each; a raw newline only ever ends a line in JSON."""
    return lines.replace(b"}\n", STAMPS + b"}\n")


def stamp_events(events: bytes, released: bytes, now_ms: int) -> bytes:
    """The lines of events stamped with both times, and those of released events with the time of admission."""
    received, admitted = b',"received":%d' % now_ms, b',"admitted":%d' % now_ms
    return events.replace(STAMPS, received + admitted) + released.replace(STAMPS, admitted)


def stamp_received(quarantined: bytes, now_ms: int) -> bytes:
    """The lines of quarantine stamped with the time of receipt."""
    return quarantined.replace(STAMPS, b',"received":%d' % now_ms)
