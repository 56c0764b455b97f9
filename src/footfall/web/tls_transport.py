"""The transport that a connection over TLS writes to: OpenSSL, between two buffers in memory.

A buffer of OpenSSL never shrinks while its connection is open. So what comes is handed over in pieces, and what is
sent is taken out record by record: a connection keeps two small buffers, however long a body or an answer was.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, Final

# Bytes that OpenSSL gets at once, and those that it decrypts at once: a record has at most 16 KiB.
_PIECE_BYTES: Final = 8 * 1024
_READ_BYTES: Final = 16 * 1024
# Bytes of a connection that may be no data: its handshake, and so many for each byte of data. A record of a single byte
# takes up to 90. A client that only changes keys, which takes 15 us for 27 bytes, is over this soon.
_OVERHEAD_BYTES_MAX: Final = 64 * 1024
_OVERHEAD_FACTOR_MAX: Final = 90


class TlsTransport(asyncio.Transport):
    """The transport of a connection whose bytes go through OpenSSL on their way to the socket's transport."""

    def __init__(self, plain: asyncio.Transport, context: ssl.SSLContext, on_readable: Callable[[], None]) -> None:
        super().__init__()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.plain = plain
        self.is_paused = self.is_ended = self._is_closing = False
        self._waiting = memoryview(b"")  # What came and OpenSSL has not.
        self._fed_bytes = self._read_bytes = 0
        self._is_plain_paused = False
        self._on_readable = on_readable

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.tls if name == "ssl_object" else self.plain.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._is_closing or self.plain.is_closing()

    def pause_reading(self) -> None:
        self.is_paused = self._is_plain_paused = True
        self.plain.pause_reading()

    def resume_reading(self) -> None:
        """Go on with what came; more is read once that is done, so that only a packet or two ever wait."""
        self.is_paused = False
        if self.is_ended or not self._waiting:
            self._resume_plain()
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
                self.flush()
        except ssl.SSLError:
            self.abort()

    def flush(self) -> None:
        """Hand the socket what OpenSSL has for the client."""
        if self._outgoing.pending and not self.plain.is_closing():
            self.plain.write(self._outgoing.read())

    def receive(self, data: bytes) -> None:
        """Take what came from the client. `shake_hands` and `read` go on with it."""
        self._waiting = memoryview(bytes(self._waiting) + data if self._waiting else data)

    def shake_hands(self) -> bool:
        """Whether the handshake is over with what came so far. Raises ssl.SSLError when it fails."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                if not self._feed():
                    return False
            else:
                return True

    def read(self) -> bytes | None:
        """Some data; none at the end of what the client sends; None until more comes. Raises ssl.SSLError."""
        while True:
            try:
                data = self.tls.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                if not self._feed():
                    return None
            except ssl.SSLZeroReturnError:
                return b""
            else:
                self._read_bytes += len(data)
                return data

    def _feed(self) -> bool:
        """Hand OpenSSL a piece of what waits, all of whose data was read. False when nothing waits."""
        piece = self._waiting[:_PIECE_BYTES]
        if not piece:
            self._resume_plain()
            return False
        # The last view of a packet would keep all of it.
        self._waiting = self._waiting[len(piece) :] if len(piece) < len(self._waiting) else memoryview(b"")
        self._fed_bytes += len(piece)
        if self._fed_bytes > _OVERHEAD_BYTES_MAX + (1 + _OVERHEAD_FACTOR_MAX) * self._read_bytes:
            raise ssl.SSLError("too many bytes that are no data")
        self._incoming.write(piece)
        return True

    def _resume_plain(self) -> None:
        if self._is_plain_paused and not self.plain.is_closing():
            self._is_plain_paused = False
            self.plain.resume_reading()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """End what is sent. What still comes is handed on as it is, encrypted: only its length matters then."""
        self._say_goodbye()
        if not self.plain.is_closing() and self.plain.can_write_eof():
            self.plain.write_eof()
        if not self.is_paused:
            # What waits is decrypted no more, and must not hold back what comes.
            self._resume_plain()

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
