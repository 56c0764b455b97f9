"""An outbox: events that are on the disk when `track` returns, and are sent until the service has them, each once.

    program ──track──▶ committer ──chunks──▶ FILE ◀──batches──▶ sender ──POST /events──▶ footfall

- `track` returns when its event is in the file, synced. Threads that track at the same time share a sync.
- The sender makes a batch of what waits. The batch's bytes and its Idempotency-Key are in the file before they are
  first sent, and stay the same until the service has answered for good: it counts the events once, however often the
  batch is sent.
- Any number of threads and processes may use the same file; the one that has the lock sends for all of them. What a
  process leaves is sent by whichever opens the file next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Union

from footfall_client import exits
from footfall_client.batches import Batches
from footfall_client.committer import POLICIES, Committer
from footfall_client.database import Database
from footfall_client.encoding import encode_event, encode_mapping
from footfall_client.options import OutboxOptions
from footfall_client.pending import Pending
from footfall_client.records import Counts, Records
from footfall_client.rejects import Reject, Rejects
from footfall_client.sender import OnBatch, Sender
from footfall_client.sender_lock import SenderLock
from footfall_client.spool import Spools
from footfall_client.transport import Connection

_POLL_S: Final = 0.05  # for what other processes send
BACKGROUND: Final = "background"
Durable = Union[bool, str]


@dataclass(frozen=True)
class OutboxStats(Counts):
    """Counts of the file, and how it goes in this process."""

    uncommitted: int  # in this process's memory
    is_sender: bool
    failing_s: float  # since when sending fails; 0 while it does not
    last_failure: str | None


class Outbox:
    """Events on their way to a service at `url`, kept in the file `path`.

    `durable`: True has `track` return when its event is on the disk. "background" has it return when the event is with
    the system: it outlives the process, and a thread puts it on the disk within milliseconds, so that a loss of power
    may cost it. False keeps events in memory, and needs no path.

    `when_full` says what happens when the file has reached its bound, or the disk is full: "block" waits for room,
    "raise" raises OutboxFull, "drop_oldest" drops the oldest events, counts them and says so.

    `on_batch` is called with each BatchResult, in the thread that sends.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        url: str,
        *,
        durable: Durable = True,
        when_full: str = "block",
        on_batch: OnBatch | None = None,
        options: OutboxOptions | None = None,
        handle_sigterm: bool = True,
    ) -> None:
        if when_full not in POLICIES:
            message = f"when_full is one of {', '.join(POLICIES)}, not {when_full!r}"
            raise ValueError(message)
        if durable not in (True, False, BACKGROUND):
            message = f"durable is True, False or {BACKGROUND!r}, not {durable!r}"
            raise ValueError(message)
        if path is None and durable is not False:
            message = "an outbox without a path keeps events in memory: say durable=False"
            raise ValueError(message)
        self._path = Path(path).absolute() if path is not None and durable is not False else None
        self._url = url
        self._waits = durable is True
        self._when_full = when_full
        self._on_batch = on_batch
        self.options = options or OutboxOptions()
        self._reset()
        self._pending.append([])  # makes the file now, so that a path that cannot be used is its caller's to see
        self._sender.start()
        exits.register(self, handle_sigterm=handle_sigterm)

    @property
    def is_waiting(self) -> bool:
        """Whether `track` waits for the disk."""
        return self._waits

    def track(
        self,
        *,
        customer: str,
        product: str,
        type: str,  # noqa: A002 - the API's name
        context: Iterable[str | None] = (),
        timestamp: float | datetime | None = None,
        version: str | None = None,
    ) -> None:
        """Take one event. `timestamp` is in milliseconds since 1970, or a datetime with a zone; now when left out.

        Raises TypeError or ValueError for what is no event, OutboxFull, OutboxClosed and OutboxBroken: then the event
        was not taken.
        """
        line = encode_event(customer, product, type, context, timestamp, version)
        self._committer.add((line,), len(line))

    def track_many(self, events: Iterable[Mapping[str, Any]]) -> int:
        """Take events, each a mapping with the keys of `track`; gives how many. All share one commit."""
        lines = [encode_mapping(event) for event in events]
        if lines:
            self._committer.add(lines, sum(map(len, lines)))
        return len(lines)

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Send everything that was tracked before this call now; False when that took longer than the timeout.

        Nothing is lost then: what was not sent waits in the file.
        """
        end = time.monotonic() + timeout_s
        if not self._committer.wait(timeout_s):
            return False
        target = self._database.number("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'")
        self._sender.start()
        self._sender.hurry(1)
        try:
            while not self._is_sent(target):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                with self._sender.progress:
                    self._sender.progress.wait(min(left, _POLL_S))
        finally:
            self._sender.hurry(-1)
        return True

    def close(self, timeout_s: float | None = None) -> bool:
        """Take no more events, send what waits, and end; False when not all was sent by then (`exit_timeout_s`).

        What was not sent waits in the file for whoever opens it next. Where another process sends, it is left to it.
        """
        timeout_s = self.options.exit_timeout_s if timeout_s is None else timeout_s
        end = time.monotonic() + timeout_s
        exits.unregister(self)
        self._committer.close(timeout_s)
        is_sent = self._sender.volunteer() and self.flush(max(0.0, end - time.monotonic()))
        if self._sender.stop(max(0.1, end - time.monotonic())):
            self._database.close()
        return is_sent

    def healthy(self) -> bool:
        """Whether events reach the disk, and sending does not fail for `unhealthy_after_s` seconds by now."""
        since = self._sender.failing_since
        is_sending = since is None or time.monotonic() - since < self.options.unhealthy_after_s
        return is_sending and self._committer.last_failure is None

    def stats(self) -> OutboxStats:
        """Counts; see OutboxStats."""
        counts = self._records.counts()
        since = self._sender.failing_since
        return OutboxStats(
            tracked=counts.tracked,
            acknowledged=counts.acknowledged,
            quarantined=counts.quarantined,
            rejected=counts.rejected,
            dropped=counts.dropped + self._committer.dropped,
            waiting=counts.waiting,
            batches=counts.batches,
            rejects=counts.rejects,
            oldest_age_s=counts.oldest_age_s,
            uncommitted=self._committer.waiting,
            is_sender=self._sender.is_sender,
            failing_s=time.monotonic() - since if since is not None else 0.0,
            last_failure=self._sender.last_failure or self._committer.last_failure,
        )

    def rejects(self) -> list[Reject]:
        """Events that the service refused, with its reasons, the oldest first."""
        return self._rejects.kept()

    def retry_rejects(self, ids: Sequence[int] | None = None) -> int:
        """Send rejects again, all where no ids are given; gives how many."""
        return self._rejects.retry(ids)

    def drop_rejects(self, ids: Sequence[int] | None = None) -> int:
        """Forget rejects, all where no ids are given; gives how many."""
        return self._rejects.drop(ids)

    def forget_pauses(self) -> None:
        """Try at once what waits for another try, also when the service asked for a pause."""
        self._batches.forget_pauses()
        self._sender.wake()

    def __enter__(self) -> Outbox:  # noqa: PYI034 - Self is of a later Python
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_sent(self, target: int) -> bool:
        found = (
            "SELECT (SELECT count(*) FROM chunks WHERE id <= ?) + (SELECT count(*) FROM batches WHERE last_chunk <= ?)"
        )
        return self._database.number(found, (target, target)) == 0

    def _reset(self) -> None:
        """Parts that belong to this process alone."""
        self._unseen = 0  # events since the sender was woken; it looks by itself before they are old
        self._database = Database(self._path)
        self._pending = Pending(self._database, self.options)
        self._rejects = Rejects(self._database)
        self._records = Records(self._database)
        self._batches = batches = Batches(self._database, self.options)
        connection = Connection(self._url, self.options.timeout_s, self.options.headers)
        spools = Spools(self._path)
        self._sender = Sender(
            batches,
            SenderLock(self._path),
            connection,
            self.options,
            self._on_batch,
            lambda: self._pending.take_in(spools),
        )
        self._committer = Committer(
            self._pending,
            self.options,
            self._when_full,
            self._committed,
            spools if not self._waits and spools.is_possible else None,
            waits=self._waits,
        )

    def _committed(self, events: int) -> None:
        self._sender.start()
        self._unseen += events
        if self._unseen >= self.options.batch_events_max:
            self._unseen = 0
            self._sender.wake()

    # What `exits` calls.

    def before_fork(self) -> None:
        """Hold still, with no connection to the file: SQLite's locks must not be inherited."""
        self._committer.lock.acquire()
        self._database.lock.acquire()
        self._database.close()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._database.lock.release()
        self._committer.lock.release()

    def after_fork_in_child(self) -> None:
        """Begin anew: threads were not inherited, and what was in memory is the parent's to send."""
        self._sender.abandon()
        self._committer.abandon()
        self._reset()

    def hasten_exit(self) -> None:
        """The process is about to end: what `track` takes from now on has to be on the disk when it returns."""
        self._committer.wait_for_commits()
