"""Requests to the identity provider: each bounded in time and bytes as a whole, over TLS, without redirects.

A client of our own, on httptools, because the time that usual clients bound is that between two packets: a provider
that sends a byte every second would keep a sign-in, and a thread, for as long as it likes.
"""

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httptools
from msgspec import Struct

from footfall.oidc.refusals import Refusal, SignInRefused
from footfall.settings.identity_provider import is_trusted_url

_PIECE_BYTES = 64 * 1024


class Reply(Struct, frozen=True):
    """What the provider answered."""

    status: int
    body: bytes


class _Reader:
    """Takes the pieces of one answer; the names of its methods are those that the parser calls."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.body = bytearray()
        self.status = 0
        self.is_complete = False

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.status = self.parser.get_status_code()
        # What comes before the answer, such as "early hints", is not the answer.
        self.is_complete = self.status >= 200


class Fetcher:
    """Asks the provider. `timeout_s` bounds a whole exchange, `bytes_max` its whole answer with the head."""

    def __init__(self, timeout_s: float, bytes_max: int) -> None:
        self._timeout_s = timeout_s
        self._bytes_max = bytes_max
        self._tls = ssl.create_default_context()

    async def fetch(self, url: str, headers: Mapping[str, str] | None = None, form: str | None = None) -> Reply:
        """The answer to a GET, or to a POST of a form. Raises SignInRefused when there is none in time and bounds."""
        if not is_trusted_url(url):
            raise SignInRefused(Refusal.UNAVAILABLE, f"the provider names a URL that is not asked: {url[:200]!r}")
        where = urlsplit(url).netloc
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(url, headers or {}, form)
        except TimeoutError as error:
            raise SignInRefused(Refusal.UNAVAILABLE, f"{where} did not answer in {self._timeout_s} s") from error
        except (OSError, httptools.HttpParserError) as error:
            raise SignInRefused(Refusal.UNAVAILABLE, f"{where} cannot be asked: {error!r:.200}") from error

    async def _exchange(self, url: str, headers: Mapping[str, str], form: str | None) -> Reply:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=self._tls if secure else None)
        try:
            writer.write(_head(url, headers, form) + (form or "").encode())
            await writer.drain()
            return await self._read(reader)
        finally:
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> Reply:
        answer, received = _Reader(), 0
        while not answer.is_complete:
            piece = await reader.read(_PIECE_BYTES)
            received += len(piece)
            if received > self._bytes_max:
                raise SignInRefused(Refusal.UNAVAILABLE, f"an answer of more than {self._bytes_max} bytes")
            if not piece:
                raise ConnectionError("the connection ended before the answer")
            answer.parser.feed_data(piece)
        return Reply(answer.status, bytes(answer.body))


def _head(url: str, headers: Mapping[str, str], form: str | None) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = {"Host": host, "Accept": "application/json", "Connection": "close", "User-Agent": "footfall", **headers}
    if form is not None:
        lines |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form.encode()))}
    method = "GET" if form is None else "POST"
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())])
    return head.encode("ascii", "replace") + b"\r\n\r\n"
