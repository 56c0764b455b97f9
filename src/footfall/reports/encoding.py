"""From rows to bytes: formats and their names, compression, and the count of what passed."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from footfall.system import zstd

# The formats of a report's file: what each may be compressed with, and how such a file is called.


FORMATS = ("csv", "jsonl", "parquet", "arrow")
# Those whose rows are lines of text, and whose file as a whole is compressed.
TEXTS = ("csv", "jsonl")
# The first is what a request gets that names none. Parquet and Arrow compress inside of the file, each what it knows.
COMPRESSIONS = {
    "csv": ("none", "gzip", "zstd"),
    "jsonl": ("none", "gzip", "zstd"),
    "parquet": ("zstd", "gzip", "none"),
    "arrow": ("none", "zstd"),
}
_SUFFIXES = {"none": "", "gzip": ".gz", "zstd": ".zst"}
_MEDIA_TYPES = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
}
_COMPRESSED_MEDIA_TYPES = {"gzip": "application/gzip", "zstd": "application/zstd"}


def file_suffix(file_format: str, compression: str) -> str:
    """How the file's name ends, without the first dot, such as `csv.gz`."""
    return file_format + (_SUFFIXES[compression] if file_format in TEXTS else "")


def file_media_type(file_format: str, compression: str) -> str:
    """The media type of the file; of a compressed text, that of the compression, which is what a client gets."""
    if file_format in TEXTS and compression in _COMPRESSED_MEDIA_TYPES:
        return _COMPRESSED_MEDIA_TYPES[compression]
    return _MEDIA_TYPES[file_format]


# What stands between the rows and the file: compression of texts, always with the same bytes for the same rows.


# Blocks go into the compressors in this size, so that what comes out does not depend on how the engine cut them.
BLOCK_BYTES = 256 * 1024
# gzip's usual level, and zstd's; both are the point past which time grows faster than files shrink.
GZIP_LEVEL = 6
ZSTD_LEVEL = 3
_GZIP_WINDOW = 31  # zlib's number for the largest window in a gzip frame; its header has no time of day


def compress_text(blocks: Iterable[bytes], compression: str) -> Iterator[bytes]:
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
    for block in even_blocks(blocks, BLOCK_BYTES):
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()


def even_blocks(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
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


# What has gone into a file, counted from the bytes themselves as they pass. Other threads may read the counts.


class FileCounter:
    """The bytes of a file, and their hash."""

    def __init__(self) -> None:
        self.bytes = 0
        self._sha256 = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of everything so far, in hex digits."""
        return self._sha256.hexdigest()

    def add(self, block: bytes) -> None:
        """Count a piece of the file."""
        self._sha256.update(block)
        self.bytes += len(block)


class RowCounter(Protocol):
    """Counts the rows of a text, in blocks cut anywhere."""

    rows: int

    def add(self, block: bytes) -> None: ...


class JsonRowCounter:
    """Rows of JSON lines: a line feed is never anything but the end of one."""

    def __init__(self) -> None:
        self.rows = 0

    def add(self, block: bytes) -> None:
        self.rows += block.count(b"\n")


class CsvRowCounter:
    """Rows of CSV with RFC 4180 quoting, where a field may have line feeds."""

    def __init__(self) -> None:
        self.rows = 0
        self._quoted = False

    def add(self, block: bytes) -> None:
        """Count the line feeds outside of quotes: every quote, a doubled one twice, changes between out and inside."""
        if b'"' not in block:
            self.rows += 0 if self._quoted else block.count(b"\n")
            return
        parts = block.split(b'"')
        outside = parts[1::2] if self._quoted else parts[::2]
        self._quoted ^= len(parts) % 2 == 0
        self.rows += b"".join(outside).count(b"\n")
