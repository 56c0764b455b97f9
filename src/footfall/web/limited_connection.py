"""A connection that keeps to the limits of its address, checked when a head has come and before its body is read.

A request over the limit is answered 429. Then the connection is not read for the seconds of `Retry-After`,
SLOWED_S_MAX at the most: a client that goes on at once waits for the system's buffers, and costs nothing meanwhile. A
proxy's connection has the requests of many, and is never slowed.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from typing import Any, Final, cast

from footfall.errors import RequestRefused
from footfall.ingest import Collector, Outcome
from footfall.rate_limits import Source
from footfall.settings import Settings
from footfall.web.asgi import SKIPPED_BYTES_MAX
from footfall.web.connection import Connection
from footfall.web.connections import ConnectionTable
from footfall.web.cors import CorsHeaders
from footfall.web.exchange import PlainExchange
from footfall.web.framing import Body, RawHeaders, RequestHead
from footfall.web.server import ServerConfig, ServerState
from footfall.web.server import client_address as address_of

# Seconds for which a connection is not read after a refusal, at the most: of a client that has gone meanwhile, nothing
# is noticed before.
SLOWED_S_MAX: Final = 1


class LimitedConnection(Connection, ABC):
    """A connection whose requests cost tokens of its address, or of the address that a trusted proxy names."""

    def __init__(
        self,
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
        self._limits = collector.address_limits
        self._is_limited = self._limits.is_on
        self._peer = ""
        self._is_proxied = False
        # Seconds for which the connection is not read before its next request.
        self._slowed_s = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        client = address_of(cast("asyncio.Transport", transport))
        self._peer = client[0] if client else ""
        # What comes through a Unix socket has no address, and so no limit.
        self._is_limited &= bool(self._peer)
        self._is_proxied = not self._peer or self._limits.trust(self._peer)
        self.network = "" if self._is_proxied else self._limits.network(self._peer)
        super().connection_made(transport)

    @property
    def eviction_rank(self) -> int | None:
        return 0 if self._slowed_s and not self.transport.get_write_buffer_size() else super().eviction_rank

    def _source(self, headers: RawHeaders) -> Source:
        """Where a request with these headers comes from."""
        if not self._is_proxied:
            return self._peer
        return self._peer, b",".join([value for name, value in headers if name == b"x-forwarded-for"])

    def _begin_request(self, head: RequestHead) -> None:
        refused = self._limits.check(self._source(head.headers), head.length or 0) if self._is_limited else None
        if refused is None:
            super()._begin_request(head)
            return
        self._body = Body(head.length, self._settings)
        exchange = self._make_plain_exchange(head)
        if exchange is None or self._body.is_missing_more_than(len(self._buffer) - self._offset + SKIPPED_BYTES_MAX):
            raise refused
        self._exchange, self.deadline_s = exchange, math.inf
        self._refuse_plain(exchange, refused)

    def _refuse_plain(self, exchange: PlainExchange, refused: RequestRefused) -> None:
        """Answer a request over a limit of its address, whose body need not have come; the connection stays."""
        if not self._is_proxied:
            self._slowed_s = min(refused.retry_after_s or 0, SLOWED_S_MAX)
        self._answer(exchange, self._collector.refuse(refused))

    @abstractmethod
    def _answer(self, exchange: PlainExchange, outcome: Outcome) -> None:
        """Send the answer of a request, and wait for the next one."""

    def _read_body(self) -> None:
        begin, exchange = self._offset, self._exchange
        is_counted = self._is_limited and self._body.is_chunked
        super()._read_body()
        if is_counted and exchange is not None:
            self._limits.charge(self._source(exchange.raw_headers), self._offset - begin)

    def _await_request(self) -> None:
        if not self._slowed_s or (self._at_eof and self._offset >= len(self._buffer)):
            super()._await_request()
            return
        self.flow.pause_reading()
        self.flow.is_reading_held = True
        if self._next_turn is not None:
            self._next_turn.cancel()
        self.deadline_s = math.inf
        self._next_turn = self.loop.call_later(self._slowed_s, self._end_slowness)

    def _on_buffer_read(self) -> None:
        if self._slowed_s:
            self._buffer, self._offset = b"", 0
        else:
            super()._on_buffer_read()

    def _end_slowness(self) -> None:
        self._slowed_s, self._next_turn, self.flow.is_reading_held = 0, None, False
        if not self.transport.is_closing():
            super()._await_request()
