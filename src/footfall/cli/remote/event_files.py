"""Files of lines and tables, plain or compressed, and standard input: each line with the place at which it begins.

The place is the offset in the text, behind any decompression: it is the same however the file is packed.
"""

import csv
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal, Self, cast

import click

from footfall.system import zstd
from footfall.wording import plain

STDIN: Final = "-"
# A line that is longer fits no request of the service.
LINE_BYTES_MAX: Final = 8 * 1024 * 1024
# What some programs write before the first character of UTF-8.
BOM: Final = b"\xef\xbb\xbf"
_DELIMITERS: Final = ",;|\t"
_READ_BYTES: Final = 1024 * 1024
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_GZIP: Final = b"\x1f\x8b"


class LineFile:
    """A file to be read once from its start, line by line; a context manager. Raises OSError."""

    def __init__(self, name: str) -> None:
        self.name = name
        is_stdin = name == STDIN
        self._raw: IO[bytes] = sys.stdin.buffer if is_stdin else Path(name).open("rb", _READ_BYTES)  # noqa: SIM115
        self._bytes = os.fstat(self._raw.fileno()).st_size if name != STDIN else 0
        self._text = self._unpacked()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.name != STDIN:
            self._raw.close()

    def part(self) -> float | None:
        """How much of the file has been read, from 0 to 1; None where nobody knows how much there is."""
        if not self._bytes:
            return None
        return min(self._raw.tell() / self._bytes, 1.0)

    def lines(self) -> Iterator[bytes]:
        """Each line with its end. Of one that is too long the first LINE_BYTES_MAX + 1 bytes, then its other pieces.

        Ends the command where the compressed data is damaged or cut off.
        """
        read = self._text.readline
        try:
            while line := read(LINE_BYTES_MAX + 1):
                yield line
        except (EOFError, zlib.error, zstd.ZstdError, gzip.BadGzipFile) as error:
            raise click.ClickException(f"{plain(self.name)}: the compressed data is damaged: {error}") from error

    def _unpacked(self) -> IO[bytes]:
        if not hasattr(self._raw, "peek"):  # standard input may be anything that is read
            self._raw = io.BufferedReader(cast("io.RawIOBase", self._raw), _READ_BYTES)
        begin = cast("io.BufferedReader", self._raw).peek(4)[:4]
        unpacked: Any
        if begin == _ZSTD:
            unpacked = zstd.ZstdFile(self._raw)
        elif begin[:2] == _GZIP:
            unpacked = gzip.GzipFile(fileobj=self._raw)
        else:
            return self._raw
        return io.BufferedReader(unpacked, _READ_BYTES)


class TableText(Iterator[str]):
    """The lines of a table as text. A byte that is no UTF-8 becomes a surrogate, to be told with its row."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._raw: list[bytes] = []
        self._row_bytes = 0
        # One cell may be as long as a line.
        csv.field_size_limit(LINE_BYTES_MAX)

    def __next__(self) -> str:
        line = next(self._lines)
        self._raw.append(line)
        self._row_bytes += len(line)
        if self._row_bytes > LINE_BYTES_MAX:
            # A reader of CSV takes this for a row that it cannot read, and begins another behind it.
            raise csv.Error(f"the row is longer than {LINE_BYTES_MAX} bytes: is a quote missing?")
        return line.removeprefix(BOM).decode("utf-8", "surrogateescape")

    def take(self) -> bytes:
        """The bytes of the lines that were read since this was last asked for."""
        raw = b"".join(self._raw)
        self._raw.clear()
        self._row_bytes = 0
        return raw


def read_header(head: str, delimiter: str, quoting: Literal[0, 3] = csv.QUOTE_MINIMAL) -> list[str]:
    """The cells of a table's first line. Ends the command where that is none."""
    try:
        return next(csv.reader([head], delimiter=delimiter, quoting=quoting), [])
    except csv.Error as error:
        why = "its lines must end with a line feed" if "\r" in head.rstrip("\r\n") else plain(str(error))
        raise click.ClickException(f"the header cannot be read: {why}") from error


def find_delimiter(head: str) -> str:
    """The character between the cells of a header: the most frequent of those that are in use."""
    return max(_DELIMITERS, key=head.count)
