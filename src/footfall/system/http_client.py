"""One HTTP request to another server: bounded in time and bytes as a whole, over TLS, without redirects or proxies.

A client of our own, on httptools, because the time that usual clients bound is that between two packets: a server that
sends a byte every second would keep whoever asks for as long as it likes.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httptools
from msgspec import Struct

_PIECE_BYTES = 64 * 1024
# Addresses of a host that are tried: one that is not reached must not keep its other ones from being asked.
_ADDRESSES_MAX = 4

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ExchangeFailed(Exception):
    """There is no answer within time and bounds; the text says why, and names the host alone."""


class Reply(Struct, frozen=True):
    """What was answered; `headers` by their names in lower case."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


class _Reader:
    """Takes the pieces of one answer; the names of its methods are those that the parser calls."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.status = 0
        self.is_complete = False
        self._has_head = False

    def on_message_begin(self) -> None:
        self.headers = {}
        self._has_head = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._has_head = True

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.status = self.parser.get_status_code()
        # What comes before the answer, such as "early hints", is not the answer.
        self.is_complete = self.status >= 200

    def end(self) -> None:
        """The connection has ended: so has an answer that tells neither its length nor its pieces."""
        is_told = {"content-length", "transfer-encoding"} & self.headers.keys()
        if self._has_head and not is_told and self.parser.get_status_code() >= 200:
            self.on_message_complete()


class HttpClient:
    """Asks servers. `timeout_s` bounds a whole exchange, `bytes_max` its whole answer with the head.

    `accepts` says of an address whether it may be connected to; it is asked of the very address that then is.
    """

    def __init__(self, timeout_s: float, bytes_max: int, accepts: Callable[[Address], bool] | None = None) -> None:
        self._timeout_s = timeout_s
        self._bytes_max = bytes_max
        self._accepts = accepts
        self._tls = ssl.create_default_context()

    async def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """The answer to a GET. Raises ExchangeFailed."""
        return await self._ask("GET", url, headers, b"")

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The answer to a POST. Raises ExchangeFailed."""
        return await self._ask("POST", url, {**headers, "Content-Length": str(len(body))}, body)

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        where = urlsplit(url).netloc.rpartition("@")[2]
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(url, _head(method, url, headers) + body)
        except TimeoutError as error:
            raise ExchangeFailed(f"{where} did not answer in {self._timeout_s} s") from error
        except (OSError, UnicodeError, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise ExchangeFailed(f"{where} cannot be asked: {error!r:.200}") from error

    async def _exchange(self, url: str, request: bytes) -> Reply:
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        tls = {"ssl": self._tls, "server_hostname": host} if secure else {}
        reader, writer = await self._connect(host, port, tls)
        try:
            writer.write(request)
            await writer.drain()
            return await self._read(reader)
        finally:
            writer.transport.abort()

    async def _connect(
        self, host: str, port: int, tls: Mapping[str, Any]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the first address of the host that takes one; each has its share of the time."""
        addresses = await self._addresses(host, port)
        failed: OSError | None = None
        for address in addresses:
            try:
                async with asyncio.timeout(self._timeout_s / len(addresses)):
                    return await asyncio.open_connection(address, port, **tls)
            except OSError as error:
                failed = error
        raise failed or ConnectionError(f"no address of {host} is one to connect to")

    async def _addresses(self, host: str, port: int) -> list[str]:
        """The host, of which asyncio tries all addresses; where they are chosen, those that may be connected to."""
        if self._accepts is None:
            return [host]
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        texts = dict.fromkeys(str(address[0]) for *_, address in found)
        return [text for text in texts if self._accepts(ipaddress.ip_address(text.partition("%")[0]))][:_ADDRESSES_MAX]

    async def _read(self, reader: asyncio.StreamReader) -> Reply:
        answer, received = _Reader(), 0
        while not answer.is_complete:
            piece = await reader.read(_PIECE_BYTES)
            received += len(piece)
            if received > self._bytes_max:
                raise ConnectionError(f"an answer of more than {self._bytes_max} bytes")
            if piece:
                answer.parser.feed_data(piece)
                continue
            answer.end()
            if not answer.is_complete:
                raise ConnectionError("the connection ended before the answer")
        return Reply(answer.status, bytes(answer.body), answer.headers)


def _head(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = {"Host": host, "Accept": "application/json", "Connection": "close", "User-Agent": "footfall", **headers}
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())])
    return head.encode("ascii", "replace") + b"\r\n\r\n"
