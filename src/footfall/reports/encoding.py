"""What stands between the rows and the file: compression of texts, always with the same bytes for the same rows."""

import zlib
from collections.abc import Iterable, Iterator

from footfall import zstd

# Blocks go into the compressors in this size, so that what comes out does not depend on how the engine cut them.
BLOCK_BYTES = 256 * 1024
# gzip's usual level, and zstd's; both are the point past which time grows faster than files shrink.
GZIP_LEVEL = 6
ZSTD_LEVEL = 3
_GZIP_WINDOW = 31  # zlib's number for the largest window in a gzip frame; its header has no time of day


def compress(blocks: Iterable[bytes], compression: str) -> Iterator[bytes]:
    """The blocks as one gzip or zstd frame, or as they are."""
    if compression == "none":
        yield from blocks
        return
    packer = (
        zlib.compressobj(GZIP_LEVEL, wbits=_GZIP_WINDOW)
        if compression == "gzip"
        else zstd.ZstdCompressor(
            options={
                zstd.CompressionParameter.compression_level: ZSTD_LEVEL,
                zstd.CompressionParameter.checksum_flag: 1,
            }
        )
    )
    for block in even(blocks, BLOCK_BYTES):
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()


def even(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in blocks of this size, the last one aside."""
    held = bytearray()
    for block in blocks:
        held += block
        whole = len(held) - len(held) % size
        for at in range(0, whole, size):
            yield bytes(held[at : at + size])
        del held[:whole]
    if held:
        yield bytes(held)
