"""The pipeline of `POST /events`: its steps in their order, each of which can refuse.

read headers -> read body -> unpack -> identify -> decode -> check bounds -> check plan -> encode -> journal -> answer
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from footfall import errors
from footfall.addresses import TrustedProxies, network_of
from footfall.errors import Code, RequestRefused
from footfall.ingest.batch_ids import BatchedEvent, batch_text, derive_batch, random_batches
from footfall.ingest.body import (
    ClientDisconnected,
    Headers,
    Receive,
    read_body,
    read_headers,
    send_answer,
    sender_of,
    watch_client,
)
from footfall.ingest.budget import RETRY_AFTER_S, Budget
from footfall.ingest.decode import check_bounds, decode
from footfall.ingest.decompression import BodyTooLong, unpack, unpack_within
from footfall.ingest.fast_path import FastPath
from footfall.ingest.refusals import not_in_plan, too_much_work
from footfall.ingest.refused_kinds import RefusedKinds
from footfall.journal import STAMPS, EncodedLines, Journal, JournalError, mark
from footfall.metrics import RequestMetrics
from footfall.plan import ClientLeft, LivePlan, RegexBudget, RegexBudgetSpent
from footfall.quarantine import hold_refused
from footfall.rate_limits import NOBODY, Account, AddressLimits, CustomerLimits, LimitHits, Spread
from footfall.settings import Settings
from footfall.system.clock import Clock
from footfall.system.executor import BoundedExecutor
from footfall.system.request_ids import RequestIds, read_sent_id, request_id
from footfall.wire import Sender

log = logging.getLogger(__name__)

encode_lines = msgspec.json.Encoder().encode_lines


class PreparedRequest(Struct, frozen=True, gc=False):
    """A request that no step before the journal refused: its lines, and the answer once they are on disk.

    `owner` is whose events they are, for the limits that it has.
    """

    answer: bytes
    lines: EncodedLines
    accepted: int
    quarantined: int
    owner: Account | Spread = NOBODY


EMPTY: Final = PreparedRequest(b"[]", EncodedLines(), 0, 0)

# How a request ends, counted already.
Outcome = PreparedRequest | RequestRefused
# What the caller of `accept` knows a request by.
Exchange = TypeVar("Exchange")


class Collector:
    """Accepts events: answers 200 when they are on disk, and anything else when nothing of the request was kept.

    In quarantine mode events that break the plan do not refuse the others: they are held, durably with them, and the
    answer's header `Footfall-Quarantined` says how many they are.

    It is the ASGI application of `POST /events`. A connection that has read a short, plain body itself calls `accept`.
    Both run the same steps, and both end in `_end` or `refuse`, which count the outcome.
    """

    def __init__(self, journal: Journal, plan: LivePlan, settings: Settings, clock: Clock) -> None:
        self.journal = journal
        self._plan = plan
        self._settings = settings
        self._clock = clock
        self._proxies = TrustedProxies(settings)
        self._quarantines = settings.plan_mode == "quarantine"
        self._batches = random_batches()
        self._executor = BoundedExecutor("bodies", settings.bodies_at_once_max, settings.calls_waiting_max)
        self.request_ids = RequestIds()
        self.budget = Budget(settings.in_flight_bytes_max)
        self.limit_hits = LimitHits(refuses=settings.limits_mode == "refuse")
        self.address_limits = AddressLimits(settings, self.limit_hits)
        self.customer_limits = CustomerLimits(settings, self.limit_hits, self._is_known)
        self._fast_path = FastPath(plan.checker, settings, self.customer_limits.find)
        self.customer_limits.dropped = self._forget_owners
        self.refusals: Counter[Code] = Counter()
        self.refused_kinds = RefusedKinds(clock, settings.refused_kinds_max)
        self.requests = RequestMetrics()
        journal.observe = self.requests.end_group
        self.events_accepted = 0
        self.events_quarantined = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request of the ASGI type `http` with the method POST."""
        try:
            # The lines are on disk then, and no variable here keeps them in memory while the client takes the answer.
            answer = self.render(await self._run(scope, receive))
        except ClientDisconnected:
            return
        await send_answer(send, *answer)

    async def _run(self, scope: Any, receive: Any) -> Outcome:
        """All steps of a request of any size. Raises ClientDisconnected."""
        try:
            headers = read_headers(scope["headers"], self._settings)
            body = await read_body(receive, self._settings)
            prepared = await self._unpack_and_prepare(headers, body, scope, receive)
            with self.budget.holding(prepared.answer, partial(self.network, scope["headers"], scope.get("client"))):
                if prepared is not EMPTY:
                    self._pay(prepared)
                    try:
                        await self.journal.write(prepared.lines)
                    except JournalError:
                        prepared.owner.give_back(len(prepared.answer))
                        raise
            return self._end(prepared)
        except ClientDisconnected:
            raise
        except Exception as error:  # noqa: BLE001 - whoever sent it must hear of any failure
            return self.refuse(error)

    def accept(
        self,
        headers: Headers,
        body: bytes,
        find_sender: Callable[[], Sender],
        exchange: Exchange,
        reply: Callable[[Exchange, Outcome], object],
    ) -> None:
        """All steps of a short, plain body, on the event loop; `reply` is called once, perhaps before this returns.

        It gets the caller's `exchange` back, which is quicker than a partial for each request.
        """
        try:
            prepared = self.prepare(headers, body, find_sender)
            if prepared is not EMPTY:
                # As `_pay` does: every request pays for a call.
                owner = prepared.owner
                owner.stored_bytes += len(prepared.answer)
                owner.left = left = owner.left - prepared.accepted
                if left < 0:
                    self._renew(prepared)
                try:
                    self.journal.submit(prepared.lines, partial(self._reply, prepared, exchange, reply))
                except JournalError:
                    owner.give_back(len(prepared.answer))
                    raise
                return
            outcome: Outcome = self._end(prepared)
        except Exception as error:  # noqa: BLE001 - whoever sent it must hear of any failure
            outcome = self.refuse(error)
        reply(exchange, outcome)

    def _reply(
        self,
        prepared: PreparedRequest,
        exchange: Exchange,
        reply: Callable[[Exchange, Outcome], object],
        error: BaseException | None,
    ) -> None:
        if error is not None:
            prepared.owner.give_back(len(prepared.answer))
        reply(exchange, self._end(prepared) if error is None else self.refuse(error))

    def _pay(self, prepared: PreparedRequest) -> None:
        """Count a request for the limits of its owner. Raises RequestRefused over one of them."""
        owner = prepared.owner
        owner.stored_bytes += len(prepared.answer)
        owner.left -= prepared.accepted
        if owner.left < 0:
            self._renew(prepared)

    def _renew(self, prepared: PreparedRequest) -> None:
        """Pay for a request whose owner has not so much left. Raises RequestRefused over a limit of the owner's."""
        if refused := self.customer_limits.renew(prepared.owner, prepared.accepted):
            prepared.owner.give_back(len(prepared.answer))
            raise refused

    def _forget_owners(self) -> None:
        self._fast_path.forget_owners()

    def _is_known(self, customer: str, product: str) -> bool:
        return self._plan.checker.knows(customer, product)

    async def _unpack_and_prepare(self, headers: Headers, body: bytes, scope: Any, receive: Receive) -> PreparedRequest:
        """Unpack and prepare a body as it was sent: at once when it is short, else on a thread.

        The senders of long bodies take turns at the threads.
        """
        settings, encoding, inline_bytes_max = self._settings, headers.encoding, self.inline_bytes_max
        raw_headers, client = scope["headers"], scope.get("client")
        find_sender = partial(sender_of, raw_headers, client)
        with contextlib.suppress(BodyTooLong):
            if len(body) <= inline_bytes_max:
                unpacked = unpack_within(body, encoding, inline_bytes_max, settings)
                return self.prepare(headers, unpacked, find_sender)
        # Only the event loop's thread takes random batches from the generator.
        batch, budget = next(self._batches), RegexBudget(settings.regex_cpu_s_max)
        watching = asyncio.ensure_future(watch_client(receive, budget))
        try:
            return await self._executor.run(
                lambda: self.prepare(headers, unpack(body, encoding, settings), find_sender, batch, budget),
                self.network(raw_headers, client),
            )
        except RegexBudgetSpent as error:
            raise too_much_work(settings) from error
        except ClientLeft as error:
            raise ClientDisconnected from error
        finally:
            watching.cancel()

    def prepare(
        self,
        headers: Headers,
        body: bytes,
        find_sender: Callable[[], Sender],
        random_batch: Raw | None = None,
        budget: RegexBudget | None = None,
    ) -> PreparedRequest:
        """The steps from an unpacked body to encoded lines. Raises RequestRefused, and keeps nothing then.

        A thread other than the event loop's must bring a `random_batch`, and `budget`, which bounds the time of the
        plan's expressions. On the event loop `inline_bytes_max` bounds that time.
        """
        settings, checker, now_ms = self._settings, self._plan.checker, self._clock.now_ms()
        fast_path = self._fast_path
        if fast_path.checker is not checker:
            fast_path = self._fast_path = FastPath(checker, settings, self.customer_limits.find)
        if headers.idempotency_key:
            batch = derive_batch(headers.idempotency_key, body)
        else:
            batch = next(self._batches) if random_batch is None else random_batch
        events, is_right, owner = fast_path.read(body, now_ms + settings.timestamp_ahead_max_ms, batch, budget)
        held, held_lines = 0, b""
        if events is None or not is_right:
            if events is None:
                events = decode(body, settings)
            check_bounds(events, len(body), now_ms, settings)
            sent = events
            events, held, held_lines = self._check_plan(events, batch, find_sender, budget)
            owner = self.customer_limits.find_owner(sent, events, len(held_lines))
        if not events and not held:
            return EMPTY
        # The answer is made of the same bytes as the lines for the journal.
        lines = encode_lines(events)
        answer = b"[%b]" % lines[:-1].replace(b"\n", b",").replace(STAMPS, b"")
        return PreparedRequest(answer, EncodedLines(lines, mark(held_lines) if held else b""), len(events), held, owner)

    def _check_plan(
        self, events: list[BatchedEvent], batch: Raw, find_sender: Callable[[], Sender], budget: RegexBudget | None
    ) -> tuple[list[BatchedEvent], int, bytes]:
        """The events that keep to the plan, numbered; the number of those that quarantine holds, and their lines."""
        checker = self._plan.checker
        refused = checker.check(events, budget)
        if refused and not self._quarantines:
            self.refused_kinds.note(events, refused)
            raise not_in_plan(refused, len(events), self._settings)
        for sequence, event in enumerate(events, 1):
            event.sequence, event.batch = sequence, batch
        if not refused:
            return events, 0, b""
        sender = find_sender()
        if not self._settings.quarantine_sender_kept:
            sender = Sender(origin=sender.origin)  # the site, which is nobody's own
        kept, held_lines = hold_refused(events, batch_text(batch), refused, sender, checker.plan.fingerprint)
        return kept, len(refused), held_lines

    def _end(self, prepared: PreparedRequest) -> PreparedRequest:
        """Count the events of a request whose lines are on disk."""
        self.events_accepted += prepared.accepted
        self.events_quarantined += prepared.quarantined
        return prepared

    def refuse(self, error: BaseException) -> RequestRefused:
        """The refusal of a request of which nothing was kept, counted. Failures go to the log."""
        if isinstance(error, JournalError):
            text = "the events cannot be made durable now; none of them was accepted"
            error = RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
        elif not isinstance(error, RequestRefused):
            error = self._fail(error)
        self.refusals[error.code] += 1
        self.refused_kinds.note_request(error)
        return error

    def _fail(self, error: BaseException) -> RequestRefused:
        """Log a fault of the service under the request's id, which is made here where the request has none yet."""
        id = request_id.get() or self.request_ids.make()  # noqa: A001 - what it is
        token = request_id.set(id)
        log.error("POST /events failed", exc_info=error)
        request_id.reset(token)
        refused = errors.internal_failure(id)
        refused.request_id = id
        return refused

    def sent_id(self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> str:
        """The id that a trusted proxy has given the request; else empty."""
        sent_id = read_sent_id(headers)
        return sent_id if sent_id and self._proxies.trust((client or ("",))[0]) else ""

    def request_id(self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> str:
        """The id of a request: what a trusted proxy calls it, or one of our own."""
        return self.sent_id(headers, client) or self.request_ids.make()

    def render(self, outcome: Outcome) -> errors.Rendered:
        """The answer to a request that has ended."""
        if isinstance(outcome, RequestRefused):
            return errors.render_refusal(outcome)
        headers = [errors.CONTENT_TYPE, (b"content-length", b"%d" % len(outcome.answer))]
        if outcome.quarantined:
            headers.append((b"footfall-quarantined", b"%d" % outcome.quarantined))
        return 200, headers, outcome.answer

    def close(self) -> None:
        """Long bodies that wait for a thread are not worked on any more."""
        self._executor.close()

    @property
    def inline_bytes_max(self) -> int:
        """The longest body that is worked on in the event loop itself, by the plan in force."""
        return self._plan.checker.inline_bytes_max

    def client_address(self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> str:
        """The client's address, as trusted proxies tell it."""
        return self._proxies.client_address((client or ("",))[0], headers)

    def network(self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> str:
        """The network that a request comes from, for limits that each sender has."""
        return network_of(self.client_address(headers, client))
