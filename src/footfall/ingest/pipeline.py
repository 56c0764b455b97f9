"""The way of `POST /events`: its steps, each of which can refuse."""

import asyncio
import contextlib
import hashlib
import logging
import os
import struct
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, cast

import msgspec
from msgspec import Raw, Struct

from footfall import errors
from footfall.addresses import TrustedProxies, network_of
from footfall.errors import Code, Problem, RequestRefused
from footfall.ingest import decode
from footfall.ingest.body import ClientDisconnected, Headers, Receive, read_body, read_headers, sender_of
from footfall.ingest.budget import RETRY_AFTER_S, SHORT_BYTES_MAX, Budget
from footfall.ingest.decompression import TooLong, unpack, unpack_within
from footfall.ingest.fast_path import FastPath
from footfall.journal import STAMPS, EncodedLines, Journal, JournalError, mark
from footfall.plan import ClientLeft, LivePlan, Refused, TooMuchWork, Work
from footfall.quarantine import Sender, hold
from footfall.settings import Settings
from footfall.system.clock import Clock
from footfall.system.executor import BoundedExecutor
from footfall.wire import StoredEvent

log = logging.getLogger(__name__)

# What the UUIDs of requests with an Idempotency-Key are derived from; it must never change.
NAMESPACE = uuid.UUID("6b77a91d-6f08-511a-b67d-1d6faf7a127d").bytes
# UUIDs that are made of one call for randomness: 4 KB, what a call gives for hardly more than it takes for 16 bytes.
BATCHES_AT_ONCE = 256
# The bits of them all that their version, 4, and their variant give, and those of these that are set.
_GIVEN: Final = int.from_bytes(bytes.fromhex("000000000000f000c000000000000000") * BATCHES_AT_ONCE)
_SET: Final = int.from_bytes(bytes.fromhex("00000000000040008000000000000000") * BATCHES_AT_ONCE)
_groups: Final = struct.Struct("8s4s4s4s12s").iter_unpack

encode_lines = msgspec.json.Encoder().encode_lines


class Taken(Struct, frozen=True, gc=False):
    """What is to be made of a request whose events can be accepted: its answer, once its lines are on disk."""

    answer: bytes
    lines: EncodedLines
    accepted: int
    quarantined: int


NOTHING: Final = Taken(b"[]", EncodedLines(), 0, 0)


class Collector:
    """Accepts events: answers 200 when they are on disk, and anything else when nothing of the request was kept.

    In quarantine mode events that break the plan do not refuse the others: they are held, durably with them, and the
    answer's header `Footfall-Quarantined` says how many they are.

    It is the ASGI application of `POST /events`; whoever has a whole body already may go its steps himself: `take`, the
    journal's `submit`, then `render`, or `refuse` where one of them fails.
    """

    def __init__(self, journal: Journal, plan: LivePlan, settings: Settings, clock: Clock) -> None:
        self.journal = journal
        self._plan = plan
        self._settings = settings
        self._clock = clock
        self._proxies = TrustedProxies(settings)
        self._holds = settings.plan_mode == "quarantine"
        self._batches = batches()
        self._quick = FastPath(plan.checker, settings)
        self._long = BoundedExecutor("bodies", settings.bodies_at_once_max, settings.calls_waiting_max)
        self.budget = Budget(settings.in_flight_bytes_max)
        self.refusals: Counter[Code] = Counter()
        self.events_accepted = 0
        self.events_quarantined = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request of the ASGI type `http` with the method POST."""
        try:
            # Nothing is held of what was taken here while its answer waits: its lines are on disk.
            answer = await self._accept(await self._receive(scope, receive), scope)
        except ClientDisconnected:
            return
        except Exception as error:  # noqa: BLE001 - whoever sent it must hear of any failure
            answer = self.refuse(error)
        await _answer(send, *answer)

    async def _accept(self, taken: Taken, scope: Any) -> errors.Rendered:
        """The answer, once the lines are on disk. A short body may have a long answer, which is held meanwhile."""
        sender = partial(self.network, scope["headers"], scope.get("client"))
        self.budget.admit(len(taken.answer), sender)
        with self._holding(taken.answer, sender):
            if taken.accepted or taken.quarantined:
                await self.journal.write(taken.lines)
        return self.render(taken)

    @contextlib.contextmanager
    def _holding(self, answer: bytes, sender: Callable[[], str]) -> Iterator[None]:
        """Count an answer until the end of the block, unless it is a short one."""
        if len(answer) <= SHORT_BYTES_MAX:
            yield
            return
        network = sender()
        self.budget.hold(network, len(answer))
        try:
            yield
        finally:
            self.budget.hold(network, -len(answer))

    async def _receive(self, scope: Any, receive: Any) -> Taken:
        headers = read_headers(scope["headers"], self._settings)
        sent = await read_body(receive, self._settings)
        return await self._take_sent(headers, sent, scope, receive)

    def close(self) -> None:
        """Long bodies that wait for a thread are not taken any more."""
        self._long.close()

    @property
    def inline_bytes_max(self) -> int:
        """The length of a body that is worked on in the event loop itself, at the most, by the plan in force."""
        return self._plan.checker.inline_bytes_max

    def network(self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> str:
        """The network that a request comes from, for limits that each sender has."""
        return network_of(self._proxies.client_address((client or ("",))[0], headers))

    async def _take_sent(self, headers: Headers, sent: bytes, scope: Any, receive: Receive) -> Taken:
        """What `take` makes of a body as it was sent: at once when it is short, on a thread when it is not.

        For the threads the senders of long bodies take turns.
        """
        settings, encoding, inline_bytes_max = self._settings, headers.encoding, self.inline_bytes_max
        raw_headers, client = scope["headers"], scope.get("client")
        sender = partial(sender_of, raw_headers, client)
        with contextlib.suppress(TooLong):
            if len(sent) <= inline_bytes_max:
                return self.take(headers, unpack_within(sent, encoding, inline_bytes_max, settings), sender)
        # Batches are made on one thread only.
        batch, work = next(self._batches), Work(settings.regex_cpu_s_max)
        leaving = asyncio.ensure_future(_tell_leaving(receive, work))
        try:
            return await self._long.run(
                lambda: self.take(headers, unpack(sent, encoding, settings), sender, batch, work),
                self.network(raw_headers, client),
            )
        except TooMuchWork as error:
            raise _too_much_work(settings) from error
        except ClientLeft as error:
            raise ClientDisconnected from error
        finally:
            leaving.cancel()

    def take(
        self,
        headers: Headers,
        body: bytes,
        sender: Callable[[], Sender],
        batch: Raw | None = None,
        work: Work | None = None,
    ) -> Taken:
        """The events of a body, checked, numbered and encoded. Raises RequestRefused, and keeps nothing then.

        `batch` is what the events are marked with when the request has no key; on any other thread than the event
        loop's it must be given. `work` bounds what expressions of the plan do, which `inline_bytes_max` does without.
        """
        settings, checker, now_ms = self._settings, self._plan.checker, self._clock.now_ms()
        quick = self._quick
        if quick.checker is not checker:
            quick = self._quick = FastPath(checker, settings)
        key = headers.idempotency_key
        if key:
            marked = mark_batch(str(_derive(key, body)).encode())
        else:
            marked = next(self._batches) if batch is None else batch
        events, held, refused = quick.take(body, now_ms + settings.timestamp_ahead_max_ms, marked, work), b"", 0
        if events is None:
            events = decode.decode(body, settings)
            decode.limit(events, len(body), now_ms, settings)
            events, held, refused = self._check(events, marked, sender, work)
            for event in events:
                event.batch = cast("str", marked)
        if not events and not held:
            return NOTHING
        lines = encode_lines(events)
        answer = b"[%b]" % lines[:-1].replace(b"\n", b",").replace(STAMPS, b"")
        return Taken(answer, EncodedLines(lines, mark(held) if held else b""), len(events), refused)

    def _check(
        self, events: list[StoredEvent], marked: Raw, sender: Callable[[], Sender], work: Work | None
    ) -> tuple[list[StoredEvent], bytes, int]:
        """The events that keep to the plan, numbered; the lines of those that are held, and how many they are."""
        checker = self._plan.checker
        refused = checker.check(events, work)
        if refused and not self._holds:
            raise _not_in_plan(refused, len(events), self._settings)
        for sequence, event in enumerate(events, 1):
            event.sequence = sequence
        if not refused:
            return events, b"", 0
        batch = bytes(marked)[1 : -1 - len(STAMPS)].decode()
        kept, held = hold(events, batch, refused, sender(), checker.plan.fingerprint)
        return kept, held, len(refused)

    def render(self, taken: Taken) -> errors.Rendered:
        """The answer to a request whose lines are on disk; counts its events."""
        self.count(taken)
        headers = [errors.CONTENT_TYPE, (b"content-length", b"%d" % len(taken.answer))]
        if taken.quarantined:
            headers.append((b"footfall-quarantined", b"%d" % taken.quarantined))
        return 200, headers, taken.answer

    def count(self, taken: Taken) -> None:
        """Count the events of a request that is answered by the content of `taken` alone."""
        self.events_accepted += taken.accepted
        self.events_quarantined += taken.quarantined

    def refuse(self, error: BaseException) -> errors.Rendered:
        """The answer to a request of which nothing was kept, and why; counts it. Failures go to the log."""
        if isinstance(error, JournalError):
            text = "the events cannot be made durable now; none of them was accepted"
            error = RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
        elif not isinstance(error, RequestRefused):
            log.error("POST /events failed", exc_info=error)
            error = RequestRefused(Code.REQUEST_GENERAL_FAILURE, "the service failed; its log has the details")
        self.refusals[error.code] += 1
        return errors.render_refusal(error)


def batches() -> Iterator[Raw]:
    """Random UUIDs of version 4, marked, without end, made in blocks: a quarter of the time of uuid4 and its text."""
    size = 16 * BATCHES_AT_ONCE
    while True:
        block = int.from_bytes(os.urandom(size)) & ~_GIVEN | _SET
        for groups in _groups(block.to_bytes(size).hex().encode()):
            yield mark_batch(b"%b-%b-%b-%b-%b" % groups)


def mark_batch(batch: bytes) -> Raw:
    """A batch as the last value of an encoded event, with STAMPS behind it.

    Raw is written as it stands: the one way to have the encoder put anything but JSON between two tokens.
    """
    return Raw(b'"%b"%b' % (batch, STAMPS))


def _derive(key: str, body: bytes) -> uuid.UUID:
    """A UUID of version 5 over key and body; no key holds a NUL, so that no two pairs read the same."""
    name = key.encode() + b"\0" + body
    return uuid.UUID(bytes=hashlib.sha1(NAMESPACE + name, usedforsecurity=False).digest()[:16], version=5)


async def _answer(send: Any, status: int, headers: list[tuple[bytes, bytes]], content: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _tell_leaving(receive: Receive, work: Work) -> None:
    """Tell the work on a body that came whole when its client leaves."""
    if (await receive())["type"] == "http.disconnect":
        work.leave()


def _too_much_work(settings: Settings) -> RequestRefused:
    text = f"regular expressions of the tracking plan take more than {settings.regex_cpu_s_max} s for this request"
    problem = Problem(Code.REQUEST_TOO_LARGE, "events", "send fewer events in one request, or shorter values")
    return RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,))


def _not_in_plan(refused: list[Refused], events: int, settings: Settings) -> RequestRefused:
    problems = tuple(problem for item in refused for problem in item.problems)
    noun = "one event breaks" if len(refused) == 1 else f"{len(refused)} events break"
    # The checker stops when it has as many problems as an error names.
    stopped = len(problems) >= settings.problems_max and refused[-1].index < events - 1
    text = f"{'at least ' if stopped else ''}{noun} the tracking plan; nothing was stored"
    return RequestRefused(Code.EVENT_NOT_IN_PLAN, text, problems)
