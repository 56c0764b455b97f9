"""The pipeline of `POST /events`: its steps in their order, each of which can refuse.

read headers -> read body -> unpack -> identify -> decode -> check bounds -> check plan -> encode -> journal -> answer
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TypeVar

from msgspec import structs

from footfall import errors
from footfall.accounts import WriteKeys
from footfall.addresses import TrustedProxies, network_of
from footfall.errors import Code, RequestRefused
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
from footfall.ingest.decompression import BodyTooLong, unpack, unpack_within
from footfall.ingest.preparation import EMPTY, Preparation, PreparedRequest
from footfall.ingest.refusals import too_much_work
from footfall.ingest.refused_kinds import RefusedKinds
from footfall.ingest.sender_rules import SenderRules
from footfall.journal import Journal, JournalError
from footfall.metrics import RequestMetrics, StepMetrics
from footfall.plan import ClientLeft, LivePlan, RegexBudget, RegexBudgetSpent
from footfall.rate_limits import AddressLimits, CustomerLimits, KeyLimits, LimitHits
from footfall.settings import Settings
from footfall.system.clock import Clock
from footfall.system.executor import BoundedExecutor
from footfall.system.request_ids import RequestIds, read_sent_id, request_id
from footfall.wire import Sender

log = logging.getLogger(__name__)

# The key of a scope whose value is the commit that a request waited for.
COMMIT: Final = "footfall.commit"
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

    def __init__(
        self, journal: Journal, plan: LivePlan, settings: Settings, clock: Clock, write_keys: WriteKeys | None = None
    ) -> None:
        self.journal = journal
        self._plan = plan
        self._settings = settings
        self._proxies = TrustedProxies(settings)
        self._executor = BoundedExecutor("bodies", settings.bodies_at_once_max, settings.calls_waiting_max)
        self.request_ids = RequestIds()
        self.budget = Budget(settings.in_flight_bytes_max)
        self.limit_hits = LimitHits(refuses=settings.limits_mode == "refuse")
        self.address_limits = AddressLimits(settings, self.limit_hits)
        self.customer_limits = CustomerLimits(settings, self.limit_hits, self._is_known)
        self.key_limits = KeyLimits(settings, self.limit_hits)
        self._sender_rules = SenderRules.of(settings, write_keys)
        self.refused_kinds = RefusedKinds(clock, settings.refused_kinds_max)
        checks = self._sender_rules, self.refused_kinds
        self.preparation = Preparation(plan, settings, clock, self.customer_limits, *checks)
        self._prepare = self.preparation.prepare
        self.customer_limits.dropped = self.preparation.forget_owners
        self.refusals: Counter[Code] = Counter()
        self.requests = RequestMetrics()
        self.steps = StepMetrics()
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
            headers = self.read_headers(scope["headers"], scope.get("query_string", b""))
            body = await read_body(receive, self._settings)
            prepared = await self._unpack_and_prepare(headers, body, scope, receive)
            with self.budget.holding(prepared.answer, partial(self.network, scope["headers"], scope.get("client"))):
                if prepared is not EMPTY:
                    self._pay(prepared)
                    try:
                        scope[COMMIT] = await self.journal.write(prepared.lines)
                    except JournalError:
                        prepared.owner.give_back(len(prepared.answer))
                        raise
            return self._end(prepared)
        except ClientDisconnected:
            raise
        except Exception as error:  # noqa: BLE001 - whoever sent it must hear of any failure
            return self.refuse(error)

    def read_headers(self, raw: Iterable[tuple[bytes, bytes]], query: bytes) -> Headers:
        """The headers of one request, with what its URL has behind the `?`. Raises RequestRefused."""
        headers = read_headers(raw, self._settings)
        if self._sender_rules is None:
            return headers
        return structs.replace(headers, sender=self._sender_rules.read(raw, query))

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
            if (steps := self.steps).until_timed:
                steps.until_timed -= 1
                prepared = self._prepare(headers, body, find_sender)
            else:
                prepared = steps.time(partial(self._prepare, headers, body, find_sender))
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
        """Pay for a request whose owner has not so much left. Raises RequestRefused over a limit of the owner's, or of
        the key's.
        """
        events, refused = prepared.accepted, None
        if prepared.key_id:
            refused = self.key_limits.take(prepared.key_id, events + prepared.quarantined)
        if refused := refused or self.customer_limits.renew(prepared.owner, events):
            prepared.owner.give_back(len(prepared.answer))
            raise refused

    def _is_known(self, customer: str, product: str) -> bool:
        return self._plan.checker.knows(customer, product)

    @property
    def waiting(self) -> int:
        """Long bodies that wait for a thread."""
        return self._executor.waiting

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
                return self._prepare(headers, unpacked, find_sender)
        # Only the event loop's thread takes random batches from the generator.
        batch, budget = self.preparation.random_batch(), RegexBudget(settings.regex_cpu_s_max)
        watching, began_s = asyncio.ensure_future(watch_client(receive, budget)), time.monotonic()
        try:
            return await self._executor.run(
                lambda: self._prepare(headers, unpack(body, encoding, settings), find_sender, batch, budget),
                self.network(raw_headers, client),
            )
        except RegexBudgetSpent as error:
            raise too_much_work(settings) from error
        except ClientLeft as error:
            raise ClientDisconnected from error
        finally:
            watching.cancel()
            self.steps.add_long(time.monotonic() - began_s)

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
