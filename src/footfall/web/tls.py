"""TLS between the socket and a connection of `connection`: the handshake, then bytes in and out.

The event loop's own TLS begins with a handshake that nobody sees: it is in no table, has no deadline of ours and no
address. Here a connection is in the table from the moment that it is accepted, and its handshake has the time of a
head. The cipher is OpenSSL's, by the memory buffers that Python offers for that.
"""

import asyncio
import contextlib
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
from footfall.web.server import ServerConfig, ServerState, client_address

_READ_BYTES: Final = 64 * 1024
_HANDSHAKE_RECORD: Final = b"\x16"
# What a client gets that speaks HTTP without TLS.
_PLAIN_ANSWER: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 23\r\n"
    b"connection: close\r\n\r\nthis port speaks https\n"
)


class TlsTransport(asyncio.Transport):
    """The transport of a connection whose bytes go through OpenSSL on their way to the socket's transport."""

    def __init__(self, plain: asyncio.Transport, context: ssl.SSLContext, on_readable: Callable[[], None]) -> None:
        super().__init__()
        self.incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self._outgoing, server_side=True)
        self.plain = plain
        self.is_paused = self.is_ended = self._is_closing = False
        self._on_readable = on_readable

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.tls if name == "ssl_object" else self.plain.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._is_closing or self.plain.is_closing()

    def pause_reading(self) -> None:
        self.is_paused = True
        self.plain.pause_reading()

    def resume_reading(self) -> None:
        self.is_paused = False
        self.plain.resume_reading()
        # What was decrypted before, or came in the same packet, waits.
        asyncio.get_running_loop().call_soon(self._on_readable)

    def get_write_buffer_size(self) -> int:
        return self.plain.get_write_buffer_size()

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if self.is_closing() or self.is_ended:
            return
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self.tls.write(rest) :]
        except ssl.SSLError:
            self.abort()
            return
        self.flush()

    def flush(self) -> None:
        """Hand the socket what OpenSSL has for the client."""
        if self._outgoing.pending and not self.plain.is_closing():
            self.plain.write(self._outgoing.read())

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """End what is sent. What still comes is handed on as it is, encrypted: only its length matters then."""
        self._say_goodbye()
        if not self.plain.is_closing() and self.plain.can_write_eof():
            self.plain.write_eof()

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._say_goodbye()
            self.plain.close()

    def abort(self) -> None:
        self._is_closing = True
        self.plain.abort()

    def _say_goodbye(self) -> None:
        if self.is_ended:
            return
        self.is_ended = True
        # The client's goodbye is not waited for.
        with contextlib.suppress(ssl.SSLError, ValueError):
            self.tls.unwrap()
        self.flush()


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
        self._has_ended = self._is_eof_told = False
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

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        if self.transport.is_ended:
            if self._connection is not None:
                self._connection.data_received(data)
            return
        if not self._has_begun and data[:1] != _HANDSHAKE_RECORD:
            self._end("plain", _PLAIN_ANSWER)
            return
        self._has_begun = True
        self.transport.incoming.write(data)
        if self._connection is None:
            self._shake_hands()
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
        elif not self._is_over:
            self._is_over = True
            self._certificate.handshakes["failed"] += 1

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

    def _shake_hands(self) -> None:
        try:
            self.transport.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.transport.flush()
            return
        except ssl.SSLError:
            self._end("failed")
            return
        self.transport.flush()
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
        if not self._limits.is_proxied:
            self._limits.take(b"", 1)
        self.transport.flush()
        if answer:
            self.transport.plain.write(answer)
        # The table goes on watching: who does not take the rest in time is cut.
        self.deadline_s = self._loop.time() + self._settings.linger_s
        self.transport.plain.close()

    def _leave(self) -> None:
        self._state.connections.discard(self)
        self._connections.remove(self)

    def _read(self) -> None:
        """Hand on what can be decrypted, until the connection wants no more for now."""
        connection, transport = self._connection, self.transport
        while connection is not None and not (transport.is_paused or transport.is_closing() or transport.is_ended):
            try:
                data = transport.tls.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLError:
                transport.flush()
                transport.abort()
                return
            if not data:
                self._has_ended = True
                break
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
