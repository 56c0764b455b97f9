"""The thread that sends: the one of all threads and processes that holds the file's lock."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from footfall_client.answers import Accepted, Backoff, Decision, Later, Sort, Split, decide
from footfall_client.batches import Batch, Batches
from footfall_client.errors import OutboxError
from footfall_client.options import OutboxOptions
from footfall_client.sender_lock import SenderLock
from footfall_client.transport import Connection, Unreachable

logger: Final = logging.getLogger("footfall_client")
_LOUD_AFTER_S: Final = (5.0, 60.0, 300.0, 3600.0)  # of failure, when it is said; then hourly
_STANDBY_S: Final = 1.0  # between tries to become the sender
_TAKE_IN_S: Final = 5.0  # between looks for events that processes left which were killed


@dataclass(frozen=True)
class BatchResult:
    """What became of one request, for `on_batch`.

    `outcome` is `accepted`, `sorted` (so many were `rejected`; the rest is sent again), `split` or `later`.
    `batch` is the number by which the service's receipt is asked for.
    """

    outcome: str
    events: int
    batch: str | None = None
    quarantined: int = 0
    rejected: int = 0
    attempts: int = 1
    reason: str = ""


OnBatch = Callable[[BatchResult], None]


class Sender:
    """Sends batches while it holds the lock, else waits for it."""

    def __init__(
        self,
        batches: Batches,
        lock: SenderLock,
        connection: Connection,
        options: OutboxOptions,
        on_batch: OnBatch | None,
        take_in: Callable[[], int],
    ) -> None:
        self._batches = batches
        self._lock = lock
        self._connection = connection
        self._options = options
        self._on_batch = on_batch
        self._take_in = take_in
        self._taken_in_at = -_TAKE_IN_S
        self._backoff = Backoff(options.backoff_min_s, options.backoff_max_s)
        self._wake = threading.Event()
        self._stopping = False
        self._urgent = 0
        self._thread: threading.Thread | None = None
        self._step_lock = threading.Lock()
        self._failures = 0
        self._said = 0
        self.failing_since: float | None = None
        self.last_failure: str | None = None
        self.progress = threading.Condition()

    @property
    def is_sender(self) -> bool:
        return self._lock.is_held

    def start(self) -> None:
        """Start the thread, if it does not run."""
        if self._thread is None and not self._stopping:
            self._thread = threading.Thread(target=self._run, name="footfall-outbox-sender", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    def hurry(self, by: int) -> None:
        """While anyone is in a hurry (+1 before, -1 after), events do not wait for others."""
        self._urgent += by
        self._wake.set()

    def volunteer(self) -> bool:
        """Become the sender if nobody is; whether this process is it then. One that never tracked does not."""
        if self._lock.is_held:
            return True
        with self._step_lock:
            return self._thread is not None and self._lock.acquire()

    def stop(self, timeout_s: float) -> bool:
        """Stop sending and let go of the lock; False when a request is still under way then."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                return False
        self._connection.close()
        self._lock.release()
        return True

    def abandon(self) -> None:
        """In the child of a fork: leave the lock and the connection to the parent."""
        self._stopping = True
        self._lock.release()

    def step(self) -> float:
        """Send a batch if one is due; gives the seconds after which to look again."""
        with self._step_lock:
            if not self._lock.acquire():
                return _STANDBY_S
            if time.monotonic() - self._taken_in_at >= _TAKE_IN_S:
                self._taken_in_at = time.monotonic()
                self._take_in()
            now_ms = int(time.time() * 1000)
            batch = self._batches.next(now_ms, is_urgent=self._urgent > 0)
            if batch is None:
                return self._batches.wait_s(now_ms)
            self._send(batch)
        return 0.0

    def _run(self) -> None:
        while not self._stopping:
            try:
                wait_s = self.step()
            except OutboxError as error:
                self._fail(f"the outbox: {error}")
                wait_s = self._backoff.pause_s(self._failures)
            except Exception:
                logger.exception("a fault of the outbox's sender; it goes on")
                wait_s = self._options.backoff_max_s
            if wait_s:
                with self.progress:
                    self.progress.notify_all()
                self._wake.wait(wait_s)
            self._wake.clear()

    def _send(self, batch: Batch) -> None:
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "Idempotency-Key": batch.key,
        }
        try:
            decision = decide(self._connection.request("POST", "/events", batch.body, headers, meanwhile=self._prepare))
        except Unreachable as error:
            decision = Later(str(error))
        result = self._settle(batch, decision)
        with self.progress:
            self.progress.notify_all()
        if self._on_batch is not None:
            try:
                self._on_batch(result)
            except Exception:
                logger.exception("on_batch failed; the batch is not affected")

    def _prepare(self) -> None:
        """Make the next batch, if one is due."""
        with contextlib.suppress(OutboxError):  # that is said when the batch that is under way is settled
            self._batches.prepare(int(time.time() * 1000), is_urgent=self._urgent > 0)

    def _settle(self, batch: Batch, decision: Decision) -> BatchResult:
        """Put the decision on the disk."""
        attempts = batch.attempts + 1
        if isinstance(decision, Accepted):
            self._batches.accept(batch, decision)
            self._recover()
            return BatchResult("accepted", batch.events, decision.batch, decision.quarantined, attempts=attempts)
        if isinstance(decision, Sort):
            rejected = self._batches.sort_out(batch, decision)
            first = decision.problems[min(decision.problems)]
            logger.error("the service refused %d of %d events: %s", rejected, batch.events, first.reason)
            self._recover()
            return BatchResult("sorted", batch.events, rejected=rejected, attempts=attempts, reason=first.reason)
        if isinstance(decision, Split):
            rejected = self._batches.split(batch, decision.reason)
            if rejected:
                logger.error("the service refused an event: %s", decision.reason)
            return BatchResult("split", batch.events, rejected=rejected, attempts=attempts, reason=decision.reason)
        self._fail(decision.reason)
        # A batch that fails for itself has pauses of its own; while all fail, the pauses grow with the failures.
        count = self._failures if decision.is_general else attempts
        pause_s = self._backoff.pause_s(max(count, 1), decision.retry_after_s)
        until_ms = int((time.time() + pause_s) * 1000)
        self._batches.postpone(batch, until_ms, is_general=decision.is_general)
        return BatchResult("later", batch.events, attempts=attempts, reason=decision.reason)

    def _recover(self) -> None:
        if self.failing_since is not None and self._said > 0:
            logger.warning("sends again, after %.0f seconds", time.monotonic() - self.failing_since)
        self.failing_since = None
        self._failures = self._said = 0

    def _fail(self, reason: str) -> None:
        """Note a failure, and say it: after five seconds, a minute, five minutes, then each hour."""
        now = time.monotonic()
        self._failures += 1
        self.last_failure = reason
        if self.failing_since is None:
            self.failing_since = now
        failing_s = now - self.failing_since
        hours = max(0, self._said - len(_LOUD_AFTER_S) + 1)
        threshold = _LOUD_AFTER_S[min(self._said, len(_LOUD_AFTER_S) - 1)] + hours * 3600
        logger.debug("a request failed: %s", reason)
        if failing_s >= threshold:
            self._said += 1
            level = logging.WARNING if failing_s < self._options.unhealthy_after_s else logging.ERROR
            logger.log(level, "cannot send for %.0f seconds, the events wait on the disk: %s", failing_s, reason)
