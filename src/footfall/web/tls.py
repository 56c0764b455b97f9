"""TLS between the socket and a connection of `connection`: the handshake, then bytes in and out.

The event loop's own TLS begins with a handshake that nobody sees: it is in no table, has no deadline of ours and no
address. Here a connection is in the table from the moment that it is accepted, and its handshake has the time of a
head. The cipher is OpenSSL's, by the memory buffers that Python offers for that.
"""

import asyncio
import math
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from footfall.ingest import Collector
from footfall.rate_limits import ClientLimits
from footfall.settings import Settings
from footfall.web.certificate import Certificate
from footfall.web.connection import Connection
from footfall.web.connections import ConnectionTable
from footfall.web.limited_connection import SLOWED_S_MAX
from footfall.web.server import ServerConfig, ServerState, client_address
from footfall.web.tls_transport import TlsTransport

_HANDSHAKE_RECORD: Final = b"\x16"
# What a client gets that speaks HTTP without TLS.
_PLAIN_ANSWER: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 23\r\n"
    b"connection: close\r\n\r\nthis port speaks https\n"
)


class TlsProtocol(asyncio.Protocol):
    """One connection over TLS. Until its handshake is over it has its own place in the table of connections."""

    transport: TlsTransport

    def __init__(
        self,
        make_connection: Callable[[], Connection],
        certificate: Certificate,
        collector: Collector,
        connections: ConnectionTable,
        settings: Settings,
        server_state: ServerState,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._make_connection = make_connection
        self._certificate = certificate
        self._collector = collector
        self._connections = connections
        self._settings = settings
        self._state = server_state
        self._loop = loop
        self._connection: Connection | None = None
        self._has_begun = self._is_last = self._is_over = False
        # Whether the client sends no more, and whether the connection knows.
        self._has_ended = self._is_eof_told = self._has_data = False
        self.deadline_s = math.inf

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        plain = cast("asyncio.Transport", transport)
        client = client_address(plain)
        self._limits = ClientLimits(self._collector.address_limits, client[0] if client else "")
        self.transport = TlsTransport(plain, self._certificate.context, self._read)
        self._state.connections.add(self)
        if refused := self._connections.add(self, self._loop):
            self._collector.refuse(refused)
            self._is_over = True
            plain.abort()
        else:
            self.deadline_s = self._loop.time() + self._settings.head_timeout_s
            if self._limits.is_empty:
                self.transport.pause_reading()
                # uvloop begins to read after this call, whatever was paused in it.
                self._loop.call_soon(self._stay_paused)
                self._loop.call_later(SLOWED_S_MAX, self._end_slowness)

    def data_received(self, data: bytes) -> None:
        # What comes behind the end that the client has said is no data, and nobody reads it.
        if self._is_over or self._has_ended:
            return
        if self.transport.is_ended:
            if self._connection is not None:
                self._connection.data_received(data)
            return
        if not self._has_begun and data[:1] != _HANDSHAKE_RECORD:
            self._end("plain", _PLAIN_ANSWER)
            return
        self._has_begun = True
        self.transport.receive(data)
        self._read()

    def eof_received(self) -> bool:
        if self._connection is None:
            if not self._is_over:
                self._end("failed")
            return False
        self._has_ended = True
        self._read()
        return not self.transport.is_closing()

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()
        if self._connection is not None:
            self._connection.connection_lost(error)
            is_free = self._has_data
        else:
            is_free = self._is_over or not self._has_begun
            self._certificate.handshakes["failed"] += not self._is_over
            self._is_over = True
        if not is_free:
            self._take_token()

    def pause_writing(self) -> None:
        if self._connection is not None:
            self._connection.pause_writing()

    def resume_writing(self) -> None:
        if self._connection is not None:
            self._connection.resume_writing()

    # What uvicorn, a drain and the table of connections call, before there is a connection.

    @property
    def flow(self) -> "TlsProtocol":
        """The client has nothing to take before its handshake is over."""
        return self

    @property
    def network(self) -> str:
        return self._limits.network

    @property
    def eviction_rank(self) -> int:
        return 1

    def evict(self) -> None:
        self.transport.abort()

    def expire(self) -> None:
        """The handshake is not over in time."""
        if self._is_over:
            self.transport.abort()
        else:
            self._end("slow")
            self.transport.abort()

    def retire(self) -> None:
        self._is_last = True

    def shutdown(self) -> None:
        self.transport.abort()

    def _stay_paused(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def _end_slowness(self) -> None:
        """The handshake of an address over its limit may begin."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _shake_hands(self) -> None:
        try:
            is_complete = self.transport.shake_hands()
        except ssl.SSLError:
            self._end("failed")
            return
        self.transport.flush()
        if not is_complete:
            return
        self._certificate.handshakes["complete"] += 1
        self._leave()
        self._connection = self._make_connection()
        self._connection.connection_made(self.transport)
        if self._is_last:
            cast("Any", self._connection).retire()

    def _end(self, outcome: str, answer: bytes = b"") -> None:
        """End a handshake that does not become a connection. It costs its address as much as a request."""
        self._is_over = True
        self._certificate.handshakes[outcome] += 1
        self._take_token()
        self.transport.flush()
        if answer:
            self.transport.plain.write(answer)
        # The table goes on watching: who does not take the rest in time is cut.
        self.deadline_s = self._loop.time() + self._settings.linger_s
        self.transport.plain.close()

    def _take_token(self) -> None:
        """Have a handshake without a request cost its address as much as a request."""
        if not self._limits.is_proxied:
            self._limits.take(b"", 1)

    def _leave(self) -> None:
        self._state.connections.discard(self)
        self._connections.remove(self)

    def _read(self) -> None:
        """Go on with the handshake, or hand on what can be decrypted until the connection wants no more for now."""
        transport = self.transport
        if self._connection is None and not (transport.is_paused or self._is_over):
            self._shake_hands()
        connection = self._connection
        while connection is not None and not (transport.is_paused or transport.is_closing() or transport.is_ended):
            try:
                data = transport.read()
            except ssl.SSLError:
                transport.flush()
                transport.abort()
                return
            if data is None:
                break
            if not data:
                self._has_ended = True
                break
            self._has_data = True
            connection.data_received(data)
        transport.flush()
        if connection is not None and self._has_ended and not self._is_eof_told and not transport.is_paused:
            self._is_eof_told = True
            if not transport.is_closing() and not connection.eof_received():
                transport.close()


def tls_protocol(
    make_connection: Callable[..., Connection],
    certificate: Certificate,
    collector: Collector,
    connections: ConnectionTable,
    settings: Settings,
) -> Callable[..., TlsProtocol]:
    """What the server makes its connections with; `make_connection` is what it would call without TLS."""

    def make(
        config: ServerConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> TlsProtocol:
        loop = _loop or asyncio.get_running_loop()
        inner = partial(make_connection, config=config, server_state=server_state, app_state=app_state, _loop=loop)
        return TlsProtocol(inner, certificate, collector, connections, settings, server_state, loop)

    return make
