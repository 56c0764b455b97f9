"""Delivers batches over several connections: each until the service has answered it for good.

What the service refuses is taken out, and the rest of the batch sent under another key; a batch that is too large is
halved. Both depend on the batch and the answer alone, so that a repeated run makes the same requests.
"""

import queue
import threading
import time
from concurrent.futures import Future
from typing import Any, Final, Self

from footfall_client.answers import Accepted, Answer, Backoff, Decision, Later, Problem, Sort, Split, decide, reason_of
from footfall_client.transport import Connection, Unreachable
from msgspec import Struct

from footfall.cli.remote.cutting import FileBatch, FileEvent, Reject, body_of, key_of
from footfall.system import zstd

_BACKOFF: Final = Backoff(0.2, 15.0)
_TIMEOUT_S: Final = 60.0
_ZSTD_LEVEL: Final = 1
# Another request would not fare better.
_ANOTHER_TIME: Final = (408, 425, 429)


class CannotDeliver(Exception):
    """The service does not take the events, and would not later; or it was away for too long. The text says why."""


class DeliveryStopped(Exception):
    """The delivery was stopped; whether the batch arrived is unknown."""


class Delivered(Struct, frozen=True):
    """What became of a batch: numbers of events, and those that were refused."""

    batch: FileBatch
    accepted: int
    quarantined: int
    rejects: list[Reject]


class Delivery:
    """Threads that deliver batches, each with a connection of its own; a context manager."""

    def __init__(
        self, url: str, headers: dict[str, str], connections: int, *, give_up_s: float, compress: bool
    ) -> None:
        self.trouble = ""
        self.retries = 0
        self._url = url
        self._headers = {"Content-Type": "application/json", "User-Agent": "footfall send", **headers}
        self._compress = compress
        if compress:
            self._headers["Content-Encoding"] = "zstd"
        self._give_up_s = give_up_s
        self._stopped = threading.Event()
        self._waiting: queue.SimpleQueue[tuple[FileBatch, Future[Delivered]] | None] = queue.SimpleQueue()
        # Daemons: a second Ctrl-C does not wait for an answer.
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(connections)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for _thread in self._threads:
            self._waiting.put(None)

    def deliver(self, batch: FileBatch) -> Future[Delivered]:
        """Have a batch delivered. The outcome may be CannotDeliver or DeliveryStopped."""
        future: Future[Delivered] = Future()
        self._waiting.put((batch, future))
        return future

    def stop(self) -> None:
        """Send nothing again, and nothing more; what is under way is waited for by its outcome."""
        self._stopped.set()

    def _work(self) -> None:
        connection = Connection(self._url, _TIMEOUT_S, self._headers)
        while (work := self._waiting.get()) is not None:
            batch, future = work
            try:
                future.set_result(self._deliver(connection, batch))
            except Exception as error:  # noqa: BLE001 - it is raised where the outcome is asked for
                future.set_exception(error)
        connection.close()

    def _deliver(self, connection: Connection, batch: FileBatch) -> Delivered:
        accepted = quarantined = 0
        refused: list[Reject] = []
        ahead = [batch.events] if batch.events else []
        while ahead:
            events = ahead.pop()
            decision = self._send(connection, events)
            if isinstance(decision, Accepted):
                accepted += len(events)
                quarantined += decision.quarantined
            elif isinstance(decision, Sort):
                problems = decision.problems
                refused += [_reject(events[at], at, problems[at]) for at in sorted(problems) if at < len(events)]
                rest = [one for at, one in enumerate(events) if at not in problems]
                ahead += [rest] if rest else []
            elif len(events) > 1:
                half = len(events) // 2
                ahead += [events[half:], events[:half]]
            else:
                refused += [Reject(one.line, one.offset, decision.reason, one.body) for one in events]
        return Delivered(batch, accepted, quarantined, sorted([*batch.rejects, *refused], key=lambda one: one.offset))

    def _send(self, connection: Connection, events: list[FileEvent]) -> Accepted | Sort | Split:
        """Send one request until its answer is for good. Raises CannotDeliver and DeliveryStopped."""
        body = body_of(events)
        headers = {"Idempotency-Key": key_of(events, body)}
        sent = zstd.compress(body, _ZSTD_LEVEL) if self._compress else body
        begun, attempts = time.monotonic(), 0
        while True:
            if self._stopped.is_set():
                raise DeliveryStopped
            attempts += 1
            decision = self._once(connection, sent, headers)
            if not isinstance(decision, Later):
                if attempts > 1:
                    self.trouble = ""
                return decision
            self.trouble = decision.reason
            self.retries += 1
            if time.monotonic() - begun > self._give_up_s:
                raise CannotDeliver(f"the service did not take events for {self._give_up_s:.0f} s: {decision.reason}")
            self._stopped.wait(_BACKOFF.pause_s(attempts, decision.retry_after_s))

    def _once(self, connection: Connection, body: bytes, headers: dict[str, str]) -> Decision:
        try:
            answer = connection.request("POST", "/events", body, headers)
        except Unreachable as error:
            return Later(str(error))
        decision = decide(answer)
        if isinstance(decision, Later) and 400 <= answer.status < 500 and answer.status not in _ANOTHER_TIME:
            # The request as a whole is wrong: one of its events may be why, and its like is found by halving.
            if answer.status == 400:
                return Split(_reason(answer))
            raise CannotDeliver(f"the service refuses the events: {_reason(answer)}")
        if isinstance(decision, Later) and answer.status == 200:
            raise CannotDeliver(decision.reason)
        return decision


def _reject(event: FileEvent, at: int, problem: Problem) -> Reject:
    """A refused event. Its place in the request is left out: the file tells its line."""
    place = f"events[{at}]."
    path, reason = problem.path.removeprefix(place), problem.reason.removeprefix(place)
    return Reject(event.line, event.offset, reason, event.body, problem.code, path)


def _reason(answer: Answer) -> str:
    return reason_of(answer)


def outcome(future: Future[Delivered], wait_s: float) -> Delivered | None:
    """The outcome of a batch; None when there is none yet after so long. Raises CannotDeliver and DeliveryStopped."""
    try:
        return future.result(wait_s)
    except TimeoutError:
        return None


def headers_of(auth: tuple[str, str] | str | None) -> dict[str, Any]:
    """The header for a key: events may come with one, and need none."""
    return {"Authorization": f"Bearer {auth}"} if isinstance(auth, str) else {}
