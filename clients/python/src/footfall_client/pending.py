"""Events that are in no batch yet: chunks of lines, a row for each commit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Final

from footfall_client.database import Database, used_bytes
from footfall_client.errors import OutboxFull
from footfall_client.options import OutboxOptions
from footfall_client.spool import Spools

_DROPPED_AT_ONCE: Final = 10_000  # chunks looked at in one transaction


class Pending:
    """Events that wait for a batch; the options bound the file and the chunks."""

    def __init__(self, database: Database, options: OutboxOptions) -> None:
        self._database = database
        self._options = options

    def append(self, lines: Sequence[str], spool: str | None = None, removed: str | None = None) -> int:
        """Put lines on the disk, synced; gives the id of the last chunk. Raises OutboxFull.

        `spool` is the id of the spool that has them too, and `removed` that of one that is not there any more.
        """
        now_ms = int(time.time() * 1000)
        rows = [(len(part), now_ms, "\n".join(part).encode("ascii")) for part in self._parts(lines)]
        with self._database.transaction() as connection:
            size = sum(len(body) for _, _, body in rows)
            used = used_bytes(connection)
            if used + size > self._options.file_bytes_max:
                message = f"{self._database.path or 'memory'} holds {used} bytes of {self._options.file_bytes_max}"
                raise OutboxFull(message)
            connection.executemany("INSERT INTO chunks (events, created_ms, lines) VALUES (?, ?, ?)", rows)
            connection.execute("UPDATE totals SET tracked = tracked + ?", (len(lines),))
            if removed is not None:
                connection.execute("DELETE FROM spooled WHERE id = ?", (removed,))
            if spool is not None:
                connection.execute("INSERT INTO spooled (id) VALUES (?)", (spool,))
            return last_chunk(connection)

    def take_in(self, spools: Spools) -> int:
        """Put the lines of spools without an owner on the disk, once each; gives how many."""
        taken = 0
        for spool, lines in spools.orphans():
            if not self._database.number("SELECT count(*) FROM spooled WHERE id = ?", (spool,)) and lines:
                self.append(lines, spool)
                taken += len(lines)
        return taken

    def drop_oldest(self, size: int) -> int:
        """Drop the oldest events of at least so many bytes, as far as there are any; gives how many events.

        Batches stay: the service may have them already, and what was dropped would then be counted wrongly.
        """
        with self._database.transaction() as connection:
            dropped = 0
            for number, events, length in connection.execute(
                "SELECT id, events, length(lines) FROM chunks ORDER BY id LIMIT ?", (_DROPPED_AT_ONCE,)
            ).fetchall():
                if size <= 0:
                    break
                connection.execute("DELETE FROM chunks WHERE id = ?", (number,))
                dropped += events
                size -= length
            connection.execute("UPDATE totals SET dropped = dropped + ?", (dropped,))
            return dropped

    def _parts(self, lines: Sequence[str]) -> Iterator[Sequence[str]]:
        """Lines in parts that fit a batch each."""
        start = size = 0
        for at, line in enumerate(lines):
            is_full = size + len(line) > self._options.batch_bytes_max or at - start >= self._options.batch_events_max
            if is_full and at > start:
                yield lines[start:at]
                start, size = at, 0
            size += len(line) + 2
        if start < len(lines):
            yield lines[start:]


def last_chunk(connection: sqlite3.Connection) -> int:
    """The highest id that a chunk ever had; 0 before the first."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
    return int(found[0]) if found else 0
