"""Formats of report files, their compression, and counters of the rows and bytes that pass."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol, get_args

from footfall.system import zstd

FileFormat = Literal["csv", "jsonl", "parquet", "arrow", "xlsx"]
Compression = Literal["none", "gzip", "zstd"]
FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
# Formats whose rows are lines of text, and whose file is compressed as a whole.
TEXTS = ("csv", "jsonl")
# The first compression is the default. Parquet and Arrow compress inside of the file, and xlsx always.
COMPRESSIONS = {
    "csv": ("none", "gzip", "zstd"),
    "jsonl": ("none", "gzip", "zstd"),
    "parquet": ("zstd", "gzip", "none"),
    "arrow": ("none", "zstd"),
    "xlsx": ("none",),
}
_SUFFIXES = {"none": "", "gzip": ".gz", "zstd": ".zst"}
_MEDIA_TYPES = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_COMPRESSED_MEDIA_TYPES = {"gzip": "application/gzip", "zstd": "application/zstd"}


def file_suffix(file_format: str, compression: str) -> str:
    """The end of the file's name without the first dot, such as `csv.gz`."""
    return file_format + (_SUFFIXES[compression] if file_format in TEXTS else "")


def file_media_type(file_format: str, compression: str) -> str:
    """The media type of the file; for a compressed text, that of the compression."""
    if file_format in TEXTS and compression in _COMPRESSED_MEDIA_TYPES:
        return _COMPRESSED_MEDIA_TYPES[compression]
    return _MEDIA_TYPES[file_format]


# Texts are compressed in blocks of this size, so that the same rows give the same bytes however the engine cut them.
BLOCK_BYTES = 256 * 1024
# The default levels of gzip and zstd. Past them time grows faster than files shrink.
GZIP_LEVEL = 6
ZSTD_LEVEL = 3
_GZIP_WINDOW = 31  # the largest window, in a gzip frame; zlib writes no time into its header


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
    for block in rechunk(blocks, BLOCK_BYTES):
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()


def rechunk(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in blocks of `size` bytes; the last block may be shorter."""
    held = bytearray()
    for block in blocks:
        held += block
        whole = len(held) - len(held) % size
        for at in range(0, whole, size):
            yield bytes(held[at : at + size])
        del held[:whole]
    if held:
        yield bytes(held)


class FileCounter:
    """Counts and hashes the bytes of a file as they pass. Other threads may read the counts."""

    def __init__(self) -> None:
        self.bytes = 0
        self._sha256 = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The SHA-256 of all bytes so far, in hex digits."""
        return self._sha256.hexdigest()

    def add(self, block: bytes) -> None:
        """Count a piece of the file."""
        self._sha256.update(block)
        self.bytes += len(block)


class RowCounter(Protocol):
    """Counts the rows of a text whose blocks may be cut anywhere."""

    rows: int

    def add(self, block: bytes) -> None: ...


class JsonRowCounter:
    """Counts rows of JSON lines: every line feed ends a row."""

    def __init__(self) -> None:
        self.rows = 0

    def add(self, block: bytes) -> None:
        self.rows += block.count(b"\n")


class CsvRowCounter:
    """Counts rows of CSV with RFC 4180 quoting, where a quoted field may have line feeds."""

    def __init__(self) -> None:
        self.rows = 0
        self._quoted = False

    def add(self, block: bytes) -> None:
        """Count line feeds outside of quotes. Every quote, of a doubled one both, switches between out and inside."""
        if b'"' not in block:
            self.rows += 0 if self._quoted else block.count(b"\n")
            return
        parts = block.split(b'"')
        outside = parts[1::2] if self._quoted else parts[::2]
        self._quoted ^= len(parts) % 2 == 0
        self.rows += b"".join(outside).count(b"\n")
