"""What has gone into a file: its rows, bytes and hash, counted from the bytes themselves as they pass."""

import hashlib


class Tally:
    """Counts CSV with RFC 4180 quoting, in blocks cut anywhere. Other threads may read the counts meanwhile."""

    def __init__(self) -> None:
        self.rows = 0
        self.bytes = 0
        self._sha256 = hashlib.sha256()
        self._quoted = False

    @property
    def sha256(self) -> str:
        """The hash of everything so far, in hex digits."""
        return self._sha256.hexdigest()

    def add(self, block: bytes) -> None:
        """Count a piece of the rows."""
        self.add_head(block)
        self.rows += self._count(block)

    def add_head(self, block: bytes) -> None:
        """Count what is in the file, but is none of its rows."""
        self._sha256.update(block)
        self.bytes += len(block)

    def _count(self, block: bytes) -> int:
        """The line feeds outside of quotes: every quote, a doubled one twice, changes between outside and inside."""
        if b'"' not in block:
            return 0 if self._quoted else block.count(b"\n")
        parts = block.split(b'"')
        outside = parts[1::2] if self._quoted else parts[::2]
        self._quoted ^= len(parts) % 2 == 0
        return b"".join(outside).count(b"\n")
