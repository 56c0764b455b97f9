"""Which archived lines of quarantine are still needed past their day: those that a record would come back from.

An event that is held is nowhere else, however long it is held, and what was released or dropped must not come back as
held. So the archive keeps, of each record, the lines of the state in which it is now. A line that holds the content of
an event that was dropped or released since is not among them, and goes when its day does.
"""

import uuid
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query

# Batches whose records the store is asked for at once.
_BATCHES_MAX = 1_000
_RANKS = {"held": 1, "dropped": 2, "released": 3}


class _Line(Struct):
    batch: uuid.UUID
    sequence: int
    state: str = "held"


_decoder = msgspec.json.Decoder(_Line)


class Retention:
    """Asks the store; while that is away, and of records that it does not know, everything is needed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def needed(self, lines: bytes) -> bytes:
        """Of the lines of a segment of quarantine those that are still needed, in their order."""
        whole = lines.splitlines(keepends=True)
        try:
            read = _decoder.decode_lines(lines)
            standing = dict(self._standing(list({str(line.batch) for line in read})))
        except (msgspec.MsgspecError, StoreUnavailable, StoreTimeout, StoreFailed):
            return lines
        return b"".join(
            text
            for text, line in zip(whole, read, strict=True)
            if standing.get((str(line.batch), line.sequence), 0) <= _RANKS.get(line.state, 0)
        )

    def _standing(self, batches: list[str]) -> Iterator[tuple[tuple[str, int], int]]:
        for at in range(0, len(batches), _BATCHES_MAX):
            wanted = {"batches": batches[at : at + _BATCHES_MAX]}
            for batch, sequence, state in self._store.rows(query("quarantine_standing"), wanted):
                yield (str(batch), int(sequence)), _RANKS[state]
