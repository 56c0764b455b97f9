"""Batches: bytes and an Idempotency-Key that are fixed on the disk before they are first sent.

Whatever happens afterwards, the same request is sent until it is answered for good, so that the service counts it once.
Each change of a batch is one transaction: it is acknowledged and gone, or split into others, or as it was.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from footfall_client.answers import Accepted, Problem, Sort
from footfall_client.database import Database
from footfall_client.encoding import body_of, lines_of
from footfall_client.options import OutboxOptions

ACKNOWLEDGED_MAX: Final = 1_000  # whose receipts can be asked for; a day of a batch each minute and a half
# Batches that wait after an error of their own, while others are sent: so many errors are no batch's own.
DELAYED_MAX: Final = 10
MADE_AT_ONCE: Final = 4  # full batches in one transaction, which share its sync
PAUSE_MAX_MS: Final = 2 * 3600 * 1000  # a longer one is none that was meant: the clock was set back
_GZIP: Final = 31  # zlib's window with the header of gzip, in which it writes no time


@dataclass(frozen=True)
class Batch:
    """One request. `body` is compressed."""

    id: int
    key: str
    events: int
    created_ms: int
    last_chunk: int
    attempts: int
    body: bytes


class Batches:
    """The batches of an outbox. Only the sender, which holds the file's lock, changes them."""

    def __init__(self, database: Database, options: OutboxOptions) -> None:
        self._database = database
        self._options = options

    def next(self, now_ms: int, *, is_urgent: bool) -> Batch | None:
        """The batch to send now: one that waits, or else one made from events that are due.

        Events are due when they fill a batch or are old enough, or at once when it `is_urgent`.
        """
        if now_ms < self._database.number("SELECT paused_until_ms FROM totals") < now_ms + PAUSE_MAX_MS:
            return None
        waiting = self._database.rows(
            "SELECT id, key, events, created_ms, last_chunk, attempts, body FROM batches "
            "WHERE NOT (not_before_ms > ? AND not_before_ms < ?) ORDER BY id LIMIT 1",
            (now_ms, now_ms + PAUSE_MAX_MS),
        )
        if waiting:
            return Batch(*waiting[0])  # type: ignore[arg-type]
        return self.prepare(now_ms, is_urgent=is_urgent)

    def prepare(self, now_ms: int, *, is_urgent: bool) -> Batch | None:
        """Make a batch of events that are due, beside those that there are."""
        if self._database.number("SELECT count(*) FROM batches") >= DELAYED_MAX or not self._is_due(now_ms, is_urgent):
            return None
        return self._make(now_ms)

    def wait_s(self, now_ms: int) -> float:
        """Seconds until something may be due, at most `batch_age_max_s`."""
        oldest = self._database.number(
            "SELECT max(paused_until_ms, ifnull((SELECT min(at) FROM (SELECT min(not_before_ms) AS at FROM batches "
            "UNION ALL SELECT min(created_ms) + ? FROM chunks)), 0)) FROM totals",
            (int(self._options.batch_age_max_s * 1000),),
        )
        wait_s = (oldest - now_ms) / 1000 if oldest else self._options.batch_age_max_s
        return max(0.01, min(wait_s, self._options.batch_age_max_s))

    def accept(self, batch: Batch, accepted: Accepted) -> None:
        """Forget a batch that is on the service's disk; its number stays for receipts.

        It waits for no sync: should a loss of power bring the batch back, it is sent again with its key.
        """
        with self._database.transaction(is_synced=False) as connection:
            connection.execute("DELETE FROM batches WHERE id = ?", (batch.id,))
            connection.execute(
                "UPDATE totals SET acknowledged = acknowledged + ?, quarantined = quarantined + ?",
                (batch.events, accepted.quarantined),
            )
            connection.execute(
                "INSERT INTO acknowledged (batch, events, created_ms, acknowledged_ms) VALUES (?, ?, ?, ?)",
                (accepted.batch, batch.events, batch.created_ms, _now_ms()),
            )
            connection.execute(
                "DELETE FROM acknowledged WHERE id <= (SELECT max(id) FROM acknowledged) - ?", (ACKNOWLEDGED_MAX,)
            )

    def postpone(self, batch: Batch, not_before_ms: int, *, is_general: bool) -> None:
        """Send the batch again, not before that time; when it `is_general`, no other before that time either.

        That stands in the file, so that a process that comes later keeps to it.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE batches SET attempts = attempts + 1, not_before_ms = ? WHERE id = ?", (not_before_ms, batch.id)
            )
            if is_general:
                connection.execute("UPDATE totals SET paused_until_ms = ?", (not_before_ms,))

    def forget_pauses(self) -> None:
        """Have everything that waits be due now."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE totals SET paused_until_ms = 0")
            connection.execute("UPDATE batches SET not_before_ms = 0")

    def sort_out(self, batch: Batch, sort: Sort) -> int:
        """Put the refused events among the rejects, and the rest into a new batch; gives how many were refused."""
        lines = lines_of(zlib.decompress(batch.body, _GZIP))
        refused = {at: problem for at, problem in sort.problems.items() if 0 <= at < len(lines)}
        rest = [line for at, line in enumerate(lines) if at not in refused]
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM batches WHERE id = ?", (batch.id,))
            _reject(connection, [(lines[at], problem) for at, problem in sorted(refused.items())])
            if rest:
                self._insert(connection, batch, rest)
        return len(refused)

    def split(self, batch: Batch, reason: str) -> int:
        """Make two batches of one that is too large; a single event is refused. Gives how many were refused."""
        lines = lines_of(zlib.decompress(batch.body, _GZIP))
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM batches WHERE id = ?", (batch.id,))
            if len(lines) == 1:
                _reject(connection, [(lines[0], Problem("REQUEST_TOO_LARGE", "", reason))])
                return 1
            half = len(lines) // 2
            self._insert(connection, batch, lines[:half])
            self._insert(connection, batch, lines[half:])
        return 0

    def _is_due(self, now_ms: int, is_urgent: bool) -> bool:
        oldest = self._database.rows("SELECT created_ms FROM chunks ORDER BY id LIMIT 1")
        if not oldest or is_urgent:
            return bool(oldest)
        # A clock that was set back must not have events wait until it has caught up. Events that came since `now_ms`
        # was looked at are of later, too.
        if abs(now_ms - int(str(oldest[0][0]))) >= self._options.batch_age_max_s * 1000:
            return True
        with self._database.reading() as connection:
            return self._fills_batch(connection)

    def _fills_batch(self, connection: sqlite3.Connection) -> bool:
        """Whether there are as many events as a batch takes; no more of them are looked at."""
        events = size = 0
        with contextlib.closing(connection.execute("SELECT events, length(lines) FROM chunks ORDER BY id")) as found:
            for number, length in found:
                events, size = events + number, size + length
                if events >= self._options.batch_events_max or size >= self._options.batch_bytes_max:
                    return True
        return False

    def _make(self, now_ms: int) -> Batch | None:
        """Fix a batch of the oldest events, and others behind it as far as there are enough; gives the first.

        Their bytes and their keys are on the disk when this returns.
        """
        with self._database.transaction() as connection:
            first = self._make_one(connection, now_ms)
            for _ in range(MADE_AT_ONCE - 1):
                if first is None or not self._fills_batch(connection):
                    break
                self._make_one(connection, now_ms)
            return first

    def _make_one(self, connection: sqlite3.Connection, now_ms: int) -> Batch | None:
        last, created_ms, lines = 0, now_ms, list[bytes]()
        size = 0
        select = "SELECT id, events, created_ms, lines FROM chunks ORDER BY id"
        with contextlib.closing(connection.execute(select)) as found:
            for number, events, at_ms, body in found:
                is_full = len(lines) + events > self._options.batch_events_max
                if lines and (is_full or size + len(body) > self._options.batch_bytes_max):
                    break
                lines += body.split(b"\n")
                size += len(body)
                last, created_ms = number, min(created_ms, at_ms)
        if not lines:
            return None
        connection.execute("DELETE FROM chunks WHERE id <= ?", (last,))
        return self._insert(connection, Batch(0, "", 0, created_ms, last, 0, b""), lines)

    def _insert(self, connection: sqlite3.Connection, like: Batch, lines: Sequence[bytes]) -> Batch:
        compressor = zlib.compressobj(self._options.compression_level, zlib.DEFLATED, _GZIP)
        body = compressor.compress(body_of(lines)) + compressor.flush()
        key = os.urandom(16).hex()
        made = connection.execute(
            "INSERT INTO batches (key, events, created_ms, last_chunk, body) VALUES (?, ?, ?, ?, ?)",
            (key, len(lines), like.created_ms, like.last_chunk, body),
        )
        return Batch(made.lastrowid or 0, key, len(lines), like.created_ms, like.last_chunk, 0, body)


def _reject(connection: sqlite3.Connection, refused: Sequence[tuple[bytes, Problem]]) -> None:
    connection.executemany(
        "INSERT INTO rejects (rejected_ms, code, path, reason, line) VALUES (?, ?, ?, ?, ?)",
        [(_now_ms(), problem.code, problem.path, problem.reason, line) for line, problem in refused],
    )
    connection.execute("UPDATE totals SET rejected = rejected + ?", (len(refused),))


def _now_ms() -> int:
    return int(time.time() * 1000)
