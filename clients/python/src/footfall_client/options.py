"""What can be set for an outbox: each bound with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

EVENT_BYTES_MAX: Final = 16 * 1024 * 1024  # half of what the service decodes of one request

FILE_BYTES_MIN: Final = 256 * 1024  # the tables, their indexes and a few batches


@dataclass(frozen=True)
class OutboxOptions:
    """Sizes in bytes, times in seconds."""

    batch_events_max: int = 2_000  # past a thousand an event costs hardly less; the service takes 10,000
    batch_bytes_max: int = 1024 * 1024  # of JSON before compression; the service decodes up to 32 MiB
    batch_age_max_s: float = 1.0  # an event waits no longer than this for others
    compression_level: int = 1  # of gzip: higher ones take three times as long for a tenth less

    file_bytes_max: int = 256 * 1024 * 1024  # about two million events before compression
    queue_bytes_max: int = 32 * 1024 * 1024  # of events in memory that wait for their commit
    commit_interval_s: float = 0.005  # in the background: two hundred syncs a second at most

    timeout_s: float = 30.0  # of one request, for each wait on the connection
    backoff_min_s: float = 0.5  # the first pause after a failure; each further one is twice as long
    backoff_max_s: float = 60.0  # so that an hour's outage ends for the client within a minute
    exit_timeout_s: float = 5.0  # for sending at exit and at SIGTERM; service managers kill after ten or more
    unhealthy_after_s: float = 60.0  # a restart of the service takes less
    headers: Mapping[str, str] = field(default_factory=dict)  # for a proxy on the way

    def __post_init__(self) -> None:
        for name in ("batch_events_max", "batch_bytes_max", "file_bytes_max", "queue_bytes_max", "timeout_s"):
            if getattr(self, name) <= 0:
                message = f"{name} must be more than 0"
                raise ValueError(message)
        if self.file_bytes_max < FILE_BYTES_MIN:
            message = f"file_bytes_max must be at least {FILE_BYTES_MIN}"
            raise ValueError(message)
        if not 0 < self.backoff_min_s <= self.backoff_max_s:
            message = "backoff_min_s must be more than 0, and no more than backoff_max_s"
            raise ValueError(message)
