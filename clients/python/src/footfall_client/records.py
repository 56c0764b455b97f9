"""What an outbox's file tells about all that was tracked into it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from footfall_client.database import Database


@dataclass(frozen=True)
class Counts:
    """Events since the file was made, by all processes; and what it holds now."""

    tracked: int
    acknowledged: int
    quarantined: int
    rejected: int
    dropped: int
    waiting: int  # on the disk, not acknowledged
    batches: int  # made, not acknowledged
    rejects: int  # kept among the rejects
    oldest_age_s: float  # of what waits


@dataclass(frozen=True)
class Acknowledged:
    """A batch that the service has. `batch` is what its receipt is asked by; None where all is in quarantine."""

    batch: str | None
    events: int
    created_ms: int
    acknowledged_ms: int


class Records:
    """Reads, for any process that has the file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self) -> Counts:
        """The counts, as of now."""
        with self._database.lock:
            (totals,) = self._database.rows("SELECT tracked, acknowledged, quarantined, rejected, dropped FROM totals")
            ((waiting, batches, oldest),) = self._database.rows(
                "SELECT ifnull(sum(events), 0), ifnull(sum(made), 0), min(created_ms) FROM "
                "(SELECT events, 0 AS made, created_ms FROM chunks UNION ALL SELECT events, 1, created_ms FROM batches)"
            )
            rejects = self._database.number("SELECT count(*) FROM rejects")
        tracked, acknowledged, quarantined, rejected, dropped = (int(str(value)) for value in totals)
        age_s = max(0.0, time.time() - int(str(oldest)) / 1000) if oldest is not None else 0.0
        return Counts(
            tracked=tracked,
            acknowledged=acknowledged,
            quarantined=quarantined,
            rejected=rejected,
            dropped=dropped,
            waiting=int(str(waiting)),
            batches=int(str(batches)),
            rejects=rejects,
            oldest_age_s=age_s,
        )

    def acknowledged(self, limit: int) -> list[Acknowledged]:
        """The newest batches that were acknowledged, the newest first."""
        rows = self._database.rows(
            "SELECT batch, events, created_ms, acknowledged_ms FROM acknowledged ORDER BY id DESC LIMIT ?", (limit,)
        )
        return [
            Acknowledged(
                str(batch) if batch is not None else None, int(str(events)), int(str(made)), int(str(answered))
            )
            for batch, events, made, answered in rows
        ]
