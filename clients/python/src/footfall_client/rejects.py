"""Events that the service refused: kept with the reason, until somebody has them sent again or forgets them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from footfall_client.database import Database

_ALL: Final = "SELECT id FROM rejects"


@dataclass(frozen=True)
class Reject:
    """A refused event. `path` is where in the event the mistake is; it begins with the event's place in its request."""

    id: int
    rejected_ms: int
    code: str
    path: str
    reason: str
    event: dict[str, Any]


class Rejects:
    """The rejects of an outbox, for any process that has the file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def kept(self) -> list[Reject]:
        """All of them, the oldest first."""
        rows: Any = self._database.rows("SELECT id, rejected_ms, code, path, reason, line FROM rejects ORDER BY id")
        return [
            Reject(number, at_ms, code, path, reason, json.loads(line))
            for number, at_ms, code, path, reason, line in rows
        ]

    def retry(self, ids: Sequence[int] | None) -> int:
        """Have rejects sent again, as they are; those that are refused again come back."""
        with self._database.transaction() as connection:
            found = 0
            for number in self._chosen(ids):
                lines = connection.execute("SELECT line FROM rejects WHERE id = ?", (number,)).fetchall()
                found += len(lines)
                connection.executemany(
                    "INSERT INTO chunks (events, created_ms, lines) VALUES (1, ?, ?)",
                    [(int(time.time() * 1000), line) for (line,) in lines],
                )
                connection.execute("DELETE FROM rejects WHERE id = ?", (number,))
            return found

    def drop(self, ids: Sequence[int] | None) -> int:
        """Forget rejects."""
        with self._database.transaction() as connection:
            chosen = [(number,) for number in self._chosen(ids)]
            return connection.executemany("DELETE FROM rejects WHERE id = ?", chosen).rowcount if chosen else 0

    def _chosen(self, ids: Sequence[int] | None) -> Sequence[int]:
        return [int(str(number)) for (number,) in self._database.rows(_ALL)] if ids is None else ids
