"""JSON lines on their way into a backup: cut into pieces of bounded size, each compressed by itself."""

from collections.abc import Iterable, Iterator

from footfall import zstd

# One piece before compression. A load of this size is what the engine is built for (segment_lines_bytes_max).
PIECE_BYTES = 32 * 1024 * 1024
_OPTIONS: dict[int, int] = {zstd.CompressionParameter.compression_level: 3, zstd.CompressionParameter.checksum_flag: 1}


def pieces(blocks: Iterable[bytes], most: int = PIECE_BYTES) -> Iterator[tuple[bytes, int]]:
    """Whole lines of about `most` bytes, and their number; a line ends with a newline, wherever the blocks end."""
    waiting = bytearray()
    for block in blocks:
        waiting += block
        if len(waiting) >= most:
            end = waiting.rfind(b"\n") + 1
            if end:
                yield _piece(waiting[:end])
                del waiting[:end]
    assert not waiting or waiting.endswith(b"\n")  # noqa: S101 - our own mistake
    if waiting:
        yield _piece(waiting)


def compress(lines: bytes) -> bytes:
    """One zstd frame; the same lines give the same bytes."""
    return zstd.compress(lines, options=_OPTIONS)


def decompress(data: bytes) -> list[bytes]:
    """The lines of a frame, without their newlines."""
    return zstd.ZstdDecompressor().decompress(data).splitlines()


def _piece(lines: bytearray) -> tuple[bytes, int]:
    return bytes(lines), lines.count(b"\n")
