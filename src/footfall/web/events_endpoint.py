"""The endpoint of `POST /events` at the connection: plain requests are answered here, the application serves the rest.

A plain request needs no scope, task, messages or second write, which are three quarters of what a request of one event
costs. The collector's steps are the same. A request with a compressed or long body, `Expect`, or HTTP/1.0 goes to the
application, which answers it the same.
"""

import asyncio
import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from footfall.errors import RequestRefused
from footfall.ingest import SHORT_BYTES_MAX, Collector, Outcome, PreparedRequest
from footfall.metrics import EVENTS
from footfall.rate_limits import TOKEN_BITS
from footfall.settings import Settings
from footfall.system.process import connections_that_fit
from footfall.tracing import Tracer
from footfall.web.certificate import Certificate
from footfall.web.connections import ConnectionTable
from footfall.web.cors import CorsHeaders
from footfall.web.exchange import HeadCache, ParsedHead, PlainExchange, ResponseTemplate
from footfall.web.framing import RequestHead
from footfall.web.limited_connection import LimitedConnection
from footfall.web.server import ServerConfig, ServerState
from footfall.web.tls import tls_protocol

# A target with a query, of the characters that any parser of URLs takes.
_QUERIED: Final = re.compile(rb"/events\?[!$-~]*")


class EventsProtocol(LimitedConnection):
    """A connection that answers a plain `POST /events` itself."""

    def __init__(
        self,
        heads: HeadCache,
        template: ResponseTemplate,
        collector: Collector,
        cors_headers: CorsHeaders,
        connections: ConnectionTable,
        settings: Settings,
        config: ServerConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(collector, cors_headers, connections, settings, config, server_state, app_state, _loop)
        self._heads = heads
        self._template = template

    def data_received(self, data: bytes) -> None:
        found = self._heads.find(data) if self._is_idle else None
        # With another plan, a body of this length may be a long one now.
        if (
            found
            and (size := len(found[1])) <= self._collector.inline_bytes_max
            and (size <= SHORT_BYTES_MAX or self._has_room(found[0]))
        ):
            head, body = found
            self._is_idle, self.deadline_s = False, math.inf
            self._exchange = exchange = PlainExchange(head, self.client)
            limits = self._limits
            bucket = limits.find(head.headers.forwarded) if limits.is_proxied else limits.bucket
            cost = 1 if size < SHORT_BYTES_MAX else 1 + (size >> TOKEN_BITS)
            bucket.left = left = bucket.left - cost
            if left < 0:
                bucket.left += cost
                if refused := limits.take(head.headers.forwarded, cost):
                    self._refuse_plain(exchange, refused)
                    return
            self._collector.accept(head.headers, body, exchange, exchange, self._answer)
        else:
            super().data_received(data)

    def retire(self) -> None:
        """Have the answer to the request under way, or else to the next, be the last, and say so in its head."""
        if not self._reader.is_last:
            # Heads that were parsed before would keep the connection.
            self._reader.is_last, self._heads = True, HeadCache()
            if self._exchange is not None:
                self._exchange.be_last()

    def _has_room(self, head: ParsedHead) -> bool:
        """Whether the sender of this head has room for a long body in the budget."""
        return self._budget.has_room(lambda: self._collector.network(head.raw_headers, self.client))

    def _make_plain_exchange(self, head: RequestHead) -> PlainExchange | None:
        target = head.target
        if target != b"/events" and not _QUERIED.fullmatch(target):
            return None
        if head.method != b"POST" or head.version != "1.1" or head.length is None:
            return None
        try:
            headers = self._collector.read_headers(head.headers, target[len(b"/events?") :])
        except RequestRefused:
            return None
        if headers.length is None or headers.encoding not in ("", "identity") or headers.expects:
            return None
        # The application works on a long body in a thread.
        if headers.length > self._collector.inline_bytes_max:
            return None
        exchange = PlainExchange(ParsedHead(head.headers, headers, head.keep_alive), self.client)
        exchange.body = bytearray()
        exchange.request_id = self._collector.sent_id(head.headers, self.client)
        return exchange

    def _answer_plain(self, exchange: PlainExchange) -> None:
        body = bytes(exchange.body)
        # A head with an id of its own will not come again.
        if self._is_packet and self._offset == len(self._buffer) and not exchange.request_id:
            self._heads.learn(self._buffer, exchange.head, body)
        self._collector.accept(exchange.head.headers, body, exchange, exchange, self._answer)

    def _answer(self, exchange: PlainExchange, outcome: Outcome) -> None:
        if self.transport.is_closing():
            return
        keep_alive = exchange.keep_alive
        if (
            isinstance(outcome, PreparedRequest)
            and not outcome.quarantined
            and keep_alive
            and self._template.is_usable
            and not exchange.request_id
        ):
            self._requests.accepted += 1
            self.transport.write(self._template.fill(self.server_state.default_headers, outcome.answer))
        else:
            # A failure was logged under an id already.
            failed_id = outcome.request_id if isinstance(outcome, RequestRefused) else ""
            answer = self._collector.render(outcome)
            if isinstance(outcome, PreparedRequest):
                self._requests.accepted += 1
            else:
                self._requests.count(EVENTS, answer[0])
            self._write(answer, exchange.head.raw_headers, keep_alive, failed_id or exchange.request_id)
            if not keep_alive:
                self._finish()
        self._on_answered()


def events_protocol(
    collector: Collector, settings: Settings, certificate: Certificate | None = None, tracer: Tracer | None = None
) -> Callable[..., asyncio.Protocol]:
    """What the server makes each of its connections with; over TLS with a certificate, and traced with a tracer."""
    cors_headers = CorsHeaders(settings)
    connections = ConnectionTable(
        connections_that_fit(settings), collector.limit_hits, settings.address_connections_max
    )
    heads, template = HeadCache(), ResponseTemplate(cors_headers, collector.request_ids)
    given = heads, template, collector, cors_headers, connections, settings
    make: Callable[..., EventsProtocol] = partial(EventsProtocol, *given)
    # These build on this module, and cost nothing where they are not wanted.
    if tracer is not None or settings.access_log:
        from footfall.web.access_log import AccessLogLimit, LoggedEventsProtocol  # noqa: PLC0415

        logged = AccessLogLimit(settings.access_log_lines_per_s), *given
        make = partial(LoggedEventsProtocol, *logged)
        if tracer is not None:
            from footfall.web.traced_connection import TracedEventsProtocol  # noqa: PLC0415

            make = partial(TracedEventsProtocol, tracer, settings.access_log, *logged)
    return make if certificate is None else tls_protocol(make, certificate, collector, connections, settings)
