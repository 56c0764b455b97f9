"""What the archive has, in a table of the store, so that the engine can hold it against the others."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from footfall.checking.guard import patiently
from footfall.journal import Kind
from footfall.store import Store, StoreRefused, StoreShort, StoreUnavailable, Table


class Copy:
    """A table for the length of a `with` block, filled with segments of one kind; `also` is a table that gets the same.

    Small segments are handed over many at once, because each statement costs as much as thousands of events.
    """

    def __init__(
        self, store: Store, node: str, batch_bytes: int, kind: Kind = Kind.EVENTS, also: str | None = None
    ) -> None:
        self.name = f"check_{node}" if kind is Kind.EVENTS else f"check_{node}_quarantine"
        self._kind = kind
        self._store = store
        self._tables = (self.name, also) if also else (self.name,)
        self._batch_bytes = batch_bytes
        self._waiting: list[tuple[Path, bytes]] = []
        self._size = 0
        # Segments that the store cannot read, or not line by line, with the words for it.
        self.refused: list[tuple[Path, str]] = []

    def __enter__(self) -> Self:
        # What a check left behind that was killed.
        patiently(lambda: self._store.make("check_drop", name=self.name))
        make = "check_make" if self._kind is Kind.EVENTS else "check_make_quarantine"
        self._store.make(make, name=self.name)
        return self

    def __exit__(self, *_: object) -> None:
        # An outage now is no reason to take back a verdict: the next check removes the table.
        with contextlib.suppress(StoreUnavailable):
            self._store.make("check_drop", name=self.name)

    def add(self, segment: Path, frames: bytes) -> None:
        """Take up the whole frames of a segment; raises StoreUnavailable."""
        self._waiting.append((segment, frames))
        self._size += len(frames)
        if self._size >= self._batch_bytes:
            self.flush()

    def flush(self) -> None:
        """Hand over what waits; raises StoreUnavailable."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        for table in self._tables if waiting else ():
            try:
                self._fill(table, b"".join(frames for _, frames in waiting))
            except (StoreRefused, StoreShort):
                self.refused += self._fill_singly(table, waiting)

    def _fill(self, table: str, frames: bytes) -> None:
        like: Table = "events" if self._kind is Kind.EVENTS else "quarantine"
        patiently(lambda: self._store.fill(table, frames, like))

    def _fill_singly(self, table: str, waiting: list[tuple[Path, bytes]]) -> Iterator[tuple[Path, str]]:
        """Fill in each segment by itself, and give those that are at fault."""
        for segment, frames in waiting:
            try:
                self._fill(table, frames)
            except (StoreRefused, StoreShort) as error:
                if table == self.name:
                    yield segment, str(error)
