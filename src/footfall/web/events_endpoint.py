"""The door: `POST /events` is answered where the connection is, everything else goes on to the application.

A request that comes whole and plain needs none of what stands between a server and an application: no scope, no task,
no messages, no second write. That is three quarters of what a request of one event costs. The steps of the collector
are the same; what is out of the ordinary (a compressed or a long body, `Expect`, HTTP/1.0) takes the ordinary way, with
the same outcome.
"""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from footfall import errors
from footfall.errors import RequestRefused
from footfall.ingest import SHORT_BYTES_MAX, Collector, Taken, read_headers
from footfall.settings import Settings
from footfall.system.process import connections_that_fit
from footfall.web.connection import Connection
from footfall.web.connections import ConnectionTable
from footfall.web.cors import Allowed
from footfall.web.exchange import HeadCache, ParsedHead, PlainExchange, ResponseTemplate
from footfall.web.framing import RequestHead


class EventsProtocol(Connection):
    """A connection that answers a plain `POST /events` itself."""

    def __init__(
        self,
        heads: HeadCache,
        plain: ResponseTemplate,
        collector: Collector,
        allowed: Allowed,
        connections: ConnectionTable,
        settings: Settings,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(collector, allowed, connections, settings, config, server_state, app_state, _loop)
        self._heads = heads
        self._plain = plain

    def data_received(self, data: bytes) -> None:
        found = self._heads.find(data) if self._is_idle else None
        # A head that is known may be of a body that was short by another plan.
        if (
            found
            and (size := len(found[1])) <= self._collector.inline_bytes_max
            and (size <= SHORT_BYTES_MAX or self._has_room(found[0]))
        ):
            head, body = found
            self._is_idle, self.deadline_s = False, math.inf
            self._exchange = exchange = PlainExchange(head, self.client)
            self._serve(exchange, body)
        else:
            super().data_received(data)

    def _has_room(self, head: ParsedHead) -> bool:
        """Whether a long body is taken of who sent this head."""
        return self._budget.has_room(lambda: self._collector.network(head.headings, self.client))

    def _welcome(self, found: RequestHead) -> PlainExchange | None:
        """An exchange, when this is a plain `POST /events`; None for the ordinary way."""
        if found.target != b"/events" or found.method != b"POST" or found.version != "1.1" or found.length is None:
            return None
        try:
            headers = read_headers(found.headings, self._settings)
        except RequestRefused:
            return None
        if headers.length is None or headers.encoding not in ("", "identity") or headers.expects:
            return None
        # A long body is worked on in a thread.
        if headers.length > self._collector.inline_bytes_max:
            return None
        return PlainExchange(ParsedHead(found.headings, headers, found.keep_alive), self.client)

    def _serve_read(self, exchange: PlainExchange) -> None:
        body = bytes(exchange.body)
        if self._is_packet and self._at == len(self._rest):
            self._heads.learn(self._rest, exchange.head, body)
        self._serve(exchange, body)

    def _serve(self, exchange: PlainExchange, body: bytes) -> None:
        collector = self._collector
        try:
            taken = collector.take(exchange.head.headers, body, exchange.sender)
            if taken.accepted or taken.quarantined:
                collector.journal.submit(taken.lines, partial(self._stored, exchange, taken))
            else:
                self._answer(exchange, collector.render(taken))
        except Exception as error:  # noqa: BLE001 - whoever sent it must hear of any failure
            self._answer(exchange, collector.refuse(error))

    def _stored(self, exchange: PlainExchange, taken: Taken, error: BaseException | None) -> None:
        if error is not None:
            self._answer(exchange, self._collector.refuse(error))
        elif taken.quarantined or not exchange.keep_alive or not self._plain.is_usual:
            self._answer(exchange, self._collector.render(taken))
        else:
            self._collector.count(taken)
            exchange.response_complete = True
            if not self.transport.is_closing():
                self.transport.write(self._plain.answer(self.server_state.default_headers, taken.answer))
                self._answered()

    def _answer(self, exchange: PlainExchange, answer: errors.Rendered) -> None:
        exchange.response_complete = True
        if self.transport.is_closing():
            return
        self._write(answer, exchange.head.headings, exchange.keep_alive)
        if not exchange.keep_alive:
            self._finish()
        self._answered()


def events_protocol(collector: Collector, settings: Settings) -> Callable[..., EventsProtocol]:
    """What the server makes its connections with."""
    allowed = Allowed(settings)
    connections = ConnectionTable(connections_that_fit(settings))
    return partial(EventsProtocol, HeadCache(), ResponseTemplate(allowed), collector, allowed, connections, settings)
