"""The parts that a backup in the making has written, and those of an earlier one that it need not write again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator

from footfall.backup.errors import BackupRefused
from footfall.backup.lines import compress, pieces
from footfall.backup.manifest import Kind, Manifest, Part
from footfall.backup.place import Place, part_name


class Parts:
    """Writes parts under the SHA-256 of their content; what lies there already, whole and durable, is not written."""

    def __init__(self, place: Place, earlier: Manifest | None) -> None:
        self._place = place
        there = place.sizes()
        # In a folder, what no manifest names may be left of a run that a power cut ended, and be empty on the disk.
        named = {} if earlier is None else earlier.sizes
        self._there = there if place.settles else dict(there.items() & named.items())
        self.written_bytes = 0

    def add(self, kind: Kind, name: str, data: bytes, rows: int = 0) -> Part:
        """Keep this content."""
        part = Part(kind, name, hashlib.sha256(data).hexdigest(), len(data), rows)
        if self._is_new(part):
            self._place.put(part_name(part.sha256), data)
            self._note(part)
        return part

    def add_lines(self, kind: Kind, name: str, blocks: Iterable[bytes]) -> Iterator[Part]:
        """Keep lines, however many, in as many parts as they need."""
        for lines, rows in pieces(blocks):
            yield self.add(kind, name, compress(lines), rows)

    def add_file(self, path: str, sha256: str, size: int, blocks: AsyncIterator[bytes]) -> Part | None:
        """Keep a file of any size whose hash is known; None, and nothing is kept, when it is another one."""
        part = Part(Kind.FILE, path, sha256, size)
        if self._is_new(part):
            try:
                asyncio.run(self._place.put_blocks(part_name(sha256), _checked(blocks, sha256)))
            except _Changed:
                return None
            self._note(part)
        return part

    def settle(self, manifest: Manifest) -> None:
        """Make all parts of a manifest durable; raises BackupRefused when one is not there any more."""
        self._place.settle()
        there = self._place.sizes()
        if gone := [sha256 for sha256, size in manifest.sizes.items() if there.get(sha256) != size]:
            raise BackupRefused(
                f"{len(gone)} parts that were written to {self._place.where} are gone: "
                "does another backup write to the same place?"
            )

    def prune(self, manifest: Manifest) -> int:
        """Remove the parts that the manifest does not name; returns how many they were."""
        stale = self._place.sizes().keys() - manifest.sizes.keys()
        if stale:
            self._place.delete(map(part_name, sorted(stale)))
        return len(stale)

    def _is_new(self, part: Part) -> bool:
        return self._there.get(part.sha256) != part.size

    def _note(self, part: Part) -> None:
        self._there[part.sha256] = part.size
        self.written_bytes += part.size


class _Changed(Exception):
    """A content is not what it was said to be."""


async def _checked(blocks: AsyncIterator[bytes], sha256: str) -> AsyncIterator[bytes]:
    """The blocks as they come; raises _Changed at their end when they are not what the hash says."""
    digest = hashlib.sha256()
    async for block in blocks:
        digest.update(block)
        yield block
    if digest.hexdigest() != sha256:
        raise _Changed(sha256)
