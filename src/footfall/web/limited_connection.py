"""A connection that keeps to the limits of its address, checked when a head has come and before its body is read.

A request over the limit is answered 429. Then the connection is not read for the seconds of `Retry-After`,
SLOWED_S_MAX at the most, and a new connection of the same address neither: a client that goes on at once waits for the
system's buffers, and costs nothing meanwhile. A proxy's connection has the requests of many, and is never slowed.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from typing import Final, cast

from footfall.errors import Code, RequestRefused
from footfall.ingest import Outcome
from footfall.rate_limits import TOKEN_BITS, ClientLimits
from footfall.web.asgi import SKIPPED_BYTES_MAX, AsgiExchange
from footfall.web.connection import LATE_S, Connection
from footfall.web.exchange import PlainExchange
from footfall.web.framing import Body, RawHeaders, RequestHead
from footfall.web.server import client_address as address_of

# Seconds for which a connection is not read after a refusal, at the most: of a client that has gone meanwhile, nothing
# is noticed before.
SLOWED_S_MAX: Final = 1
# Seconds without any of a body after which its connection may be closed for a new one, when no other can be: longer
# than networks that lose packets pause. Otherwise `connections_max` slow bodies could keep everybody out.
PAUSED_S: Final = 5


class LimitedConnection(Connection, ABC):
    """A connection whose requests cost tokens of its address, or of the address that a trusted proxy names."""

    _limits: ClientLimits
    # Seconds for which the connection is not read before its next request. An object has it only while that is so:
    # Python finds the attributes of one that has more than thirty in twice the time.
    _slowed_s = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        client = address_of(cast("asyncio.Transport", transport))
        self._limits = ClientLimits(self._collector.address_limits, client[0] if client else "")
        super().connection_made(transport)
        if self._limits.is_empty:
            self._slow_down(SLOWED_S_MAX)
            # uvloop begins to read after this call, whatever was paused in it.
            self.loop.call_soon(self._stay_paused)

    @property
    def network(self) -> str:
        return self._limits.network

    @property
    def eviction_rank(self) -> int | None:
        """As for any connection; 2 for one whose client pauses in a body."""
        if self._slowed_s and not self.transport.get_write_buffer_size():
            return 0
        rank = super().eviction_rank
        return 2 if rank is None and self._is_body_paused() else rank

    def _is_body_paused(self) -> bool:
        """Whether more of a body is to come, none came for PAUSED_S, and the client alone is to blame."""
        if not self._body.is_missing or self.flow.read_paused or self._offset < len(self._buffer):
            return False
        if self.transport.get_write_buffer_size():
            return False
        # The deadline tells when the wait for the body began.
        began_s = self.deadline_s - self._settings.body_timeout_s
        if isinstance(self._exchange, AsgiExchange):
            if self._exchange.response_started:
                return False
            began_s -= LATE_S
        return self.loop.time() - max(began_s, self._body.came_s) >= PAUSED_S

    def _begin_request(self, head: RequestHead) -> None:
        refused = self._limits.take(_forwarded(head.headers), 1 + ((head.length or 0) >> TOKEN_BITS))
        if refused is None:
            super()._begin_request(head)
            return
        self._body = Body(head.length, self._settings)
        exchange = self._make_plain_exchange(head)
        if exchange is None or self._body.is_missing_more_than(len(self._buffer) - self._offset + SKIPPED_BYTES_MAX):
            raise refused
        self._exchange, self.deadline_s = exchange, math.inf
        self._refuse_plain(exchange, refused)

    def _write_refusal(self, refused: RequestRefused) -> None:
        """What cannot be read costs as much as what can."""
        if not self._limits.is_proxied and refused.code is not Code.REQUEST_RATE_LIMITED:
            self._limits.take(b"", 1)
        super()._write_refusal(refused)

    def _refuse_plain(self, exchange: PlainExchange, refused: RequestRefused) -> None:
        """Answer a request over a limit of its address, whose body need not have come; the connection stays."""
        self._answer(exchange, self._collector.refuse(refused))
        if not self._limits.is_proxied:
            self._slow_down(min(refused.retry_after_s or 0, SLOWED_S_MAX))

    @abstractmethod
    def _answer(self, exchange: PlainExchange, outcome: Outcome) -> None:
        """Send the answer of a request, and wait for the next one."""

    def _read_body(self) -> None:
        begin, exchange = self._offset, self._exchange
        is_counted = self._body.is_chunked
        super()._read_body()
        if is_counted and exchange is not None:
            self._limits.charge(_forwarded(exchange.raw_headers), self._offset - begin)

    def resume_writing(self) -> None:
        if self._slowed_s:
            self.flow.resume_writing()
        else:
            super().resume_writing()

    def _on_buffer_read(self) -> None:
        if self._slowed_s:
            self._buffer, self._offset = b"", 0
        else:
            super()._on_buffer_read()

    def _slow_down(self, seconds: int) -> None:
        """Read nothing for so long, unless the connection ends with the answer that was just written."""
        if self.transport.is_closing() or self._discard_bytes_left is not None:
            return
        self._slowed_s, self._is_idle, self.deadline_s = seconds, False, math.inf
        self.flow.hold_reading()
        if self._next_turn is not None:
            self._next_turn.cancel()
        self._next_turn = self.loop.call_later(seconds, self._end_slowness)

    def _stay_paused(self) -> None:
        if self.flow.read_paused and not self.transport.is_closing():
            self.transport.pause_reading()

    def _end_slowness(self) -> None:
        # Reading stays held until the buffer was read: who has sent a part of a request can then send the rest.
        del self._slowed_s
        self._next_turn = None
        if not self.transport.is_closing() and not self.flow.write_paused:
            self._await_request()


def _forwarded(headers: RawHeaders) -> bytes:
    """All values of `X-Forwarded-For`, with commas."""
    return b",".join([value for name, value in headers if name == b"x-forwarded-for"])
