"""What has gone into a file, counted from the bytes themselves as they pass. Other threads may read the counts."""

import hashlib
from typing import Protocol


class Tally:
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


class Rows(Protocol):
    """Counts the rows of a text, in blocks cut anywhere."""

    rows: int

    def add(self, block: bytes) -> None: ...


class JsonRows:
    """Rows of JSON lines: a line feed is never anything but the end of one."""

    def __init__(self) -> None:
        self.rows = 0

    def add(self, block: bytes) -> None:
        self.rows += block.count(b"\n")


class CsvRows:
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
