"""A request under way, from its head, which may be known already, to its answer."""

import asyncio
import logging
import urllib.parse
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.protocols.utils import get_local_addr

from footfall import errors
from footfall.ingest import Budget, Headers, sender_of
from footfall.quarantine import Sender
from footfall.web.connections import ConnectionFlow
from footfall.web.cors import Allowed, HeadingPairs
from footfall.web.framing import Body, Headings, RequestHead, malformed

# The heads of requests that were parsed before, by their bytes.


# Heads that are known by their bytes, together some 2 MB at the most, and how long one of those may be.
KNOWN_HEADS_MAX = 1000
KNOWN_HEAD_BYTES_MAX = 2000


class ParsedHead(Struct, frozen=True):
    """What the head of a request says: its headers, those that matter here, and whether the connection stays."""

    headings: Headings
    headers: Headers
    keep_alive: bool


class HeadCache:
    """The heads of requests that were parsed before, by their bytes.

    A program sends the same head over and over, and knowing it again takes a tenth of the time of parsing it.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, ParsedHead] = {}

    def find(self, data: bytes) -> tuple[ParsedHead, bytes] | None:
        """A known head and the body behind it, when the data is one whole request."""
        end = data.find(b"\r\n\r\n") + 4
        head = self._known.get(data[:end])
        return (head, data[end:]) if head is not None and len(data) - end == head.headers.length else None

    def learn(self, data: bytes, head: ParsedHead, body: bytes) -> None:
        """Remember the head of a request, unless it is a long one, or of one request alone."""
        end = data.find(b"\r\n\r\n") + 4
        # The parser has the last word on where a head ends.
        if end > KNOWN_HEAD_BYTES_MAX or head.headers.idempotency_key or data[end:] != body:
            return
        if len(self._known) >= KNOWN_HEADS_MAX:
            self._known.clear()
        self._known[data[:end]] = head


# The usual answer, 200 with JSON, whose head hardly ever changes: put together once a second, and not for each.


class ResponseTemplate:
    """Makes answers that have no header but the server's own, those of their content, and those for other origins."""

    def __init__(self, allowed: Allowed) -> None:
        self._own: HeadingPairs | None = None
        self._front = b""
        # Where the answer depends on who asks, there is no usual one.
        self.is_usual = allowed.any is not None
        self._back = b"\r\n%b\r\n" % response_head(allowed.any or ())

    def answer(self, own: HeadingPairs, content: bytes) -> bytes:
        """Head and content. The server makes its own headers anew every second, and is asked for nothing else."""
        if own is not self._own:
            self._own = own
            self._front = STATUS_LINE[200] + response_head((*own, errors.CONTENT_TYPE)) + b"content-length: "
        return b"%b%d%b%b" % (self._front, len(content), self._back, content)


def response_head(headers: HeadingPairs) -> bytes:
    """Headers as they are sent."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


# A request under way: one that is served at the connection, or one that the application serves.


LOG = logging.getLogger("uvicorn.error")

# Address and port.
Client = tuple[str, int] | None
# The most of a body that is read for nothing, to keep the connection of a request that was answered without it.
PASSED_OVER_BYTES_MAX: Final = 64 * 1024


class Holding:
    """What a request takes up of the budget of bytes in flight, until its body is dealt with.

    What came is counted, not what is announced: nobody can spend the budget without sending as much.
    """

    held_bytes = 0
    _sender = ""

    def grow(self, budget: Budget, more_bytes: int, find_sender: Callable[[], str]) -> None:
        """Take up more, for a piece of the body that came. Raises RequestRefused when the sender holds too much."""
        if not self.held_bytes:
            self._sender = find_sender()
        budget.admit(self.held_bytes + more_bytes, lambda: self._sender)
        self.held_bytes += more_bytes
        budget.hold(self._sender, more_bytes)

    def give_back(self, budget: Budget) -> None:
        """Take up nothing any more."""
        budget.hold(self._sender, -self.held_bytes)
        self.held_bytes = 0


class PlainExchange(Holding):
    """A request that is served here."""

    response_complete = False

    def __init__(self, head: ParsedHead, client: Client) -> None:
        self.head = head
        self.keep_alive = head.keep_alive
        self.body = bytearray()
        self._client = client

    @property
    def headings(self) -> Headings:
        """The headers of the request."""
        return self.head.headings

    def sender(self) -> Sender:
        """Who sent it."""
        return sender_of(self.head.headings, self._client)


class Exchange(Holding, RequestResponseCycle):
    """A request that the application serves.

    One that it answers before its body has come ends the connection, unless little of the body is missing.
    """

    def __init__(
        self,
        found: RequestHead,
        incoming: Body,
        scope: Any,
        transport: "ExchangeTransport",
        flow: ConnectionFlow,
        default_headers: Headings,
        on_response: Callable[[], None],
    ) -> None:
        super().__init__(
            scope=scope,
            transport=cast("asyncio.Transport", transport),
            flow=flow,
            logger=LOG,
            access_logger=LOG,
            access_log=False,
            default_headers=default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=any(
                name == b"expect" and value.lower() == b"100-continue" for name, value in found.headings
            ),
            keep_alive=found.keep_alive,
            on_response=on_response,
        )
        self.incoming = incoming
        if not incoming.is_missing:
            self.more_body = False
            self.message_event.set()

    @property
    def headings(self) -> Headings:
        """The headers of the request."""
        return cast("Headings", self.scope["headers"])

    async def send(self, message: Any) -> None:
        if self.more_body and not self.response_started and self.incoming.is_missing_more_than(PASSED_OVER_BYTES_MAX):
            self.keep_alive = False
        await super().send(message)


class ExchangeTransport:
    """What a cycle takes for its transport, so that the connection decides how it ends."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close


def make_scope(
    found: RequestHead, transport: asyncio.Transport, client: Client, root_path: str, state: dict[str, Any]
) -> Any:
    """What an application is told of a request. Raises RequestRefused when its target is no path."""
    try:
        parsed = httptools.parse_url(found.target)
        raw_path = parsed.path or b"/"
        path = urllib.parse.unquote(raw_path.decode("ascii"))
    except (httptools.HttpParserInvalidURLError, UnicodeDecodeError) as error:
        raise malformed("the target of the request is no path") from error
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": found.version,
        "server": get_local_addr(transport),
        "client": client,
        "scheme": "http",
        "method": found.method.decode("ascii"),
        "root_path": root_path,
        "path": root_path + path,
        "raw_path": root_path.encode("ascii") + raw_path,
        "query_string": parsed.query or b"",
        "headers": found.headings,
        "state": state.copy(),
    }
