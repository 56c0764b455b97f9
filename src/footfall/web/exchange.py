"""A plain `POST /events`, which the connection answers by itself: the request, known heads, a template of the answer.

A request of the application is in `asgi`.
"""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Final

from msgspec import Struct

from footfall import errors
from footfall.ingest import Budget, Headers, sender_of
from footfall.system.request_ids import DIGITS, HEADER, RequestIds
from footfall.web.cors import CorsHeaders
from footfall.web.framing import RawHeaders
from footfall.web.server import Client
from footfall.wire import Sender

# Heads in the cache, which take 2 MB at most, and the bytes of one.
KNOWN_HEADS_MAX = 1000
KNOWN_HEAD_BYTES_MAX = 2000

STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus
}
CLOSE_HEADER: Final = (b"connection", b"close")

# Lengths of answers as they are sent, and the ends of heads: to format a number takes as long as to join an answer.
_LENGTHS_MAX: Final = 2000
_LENGTHS: Final = tuple(b"%d" % length for length in range(_LENGTHS_MAX))
_LAST_DIGITS: Final = tuple(b"%b\r\n\r\n" % digits for digits in DIGITS)


class ParsedHead(Struct, frozen=True):
    """The head of a `POST /events`: its headers, what `ingest` reads of them, and whether the connection stays."""

    raw_headers: RawHeaders
    headers: Headers
    keep_alive: bool


class HeadCache:
    """The heads of requests that were parsed before, by their bytes.

    A program sends the same head over and over. To look it up takes a tenth of the time of parsing it.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, ParsedHead] = {}

    def find(self, data: bytes) -> tuple[ParsedHead, bytes] | None:
        """A known head and the body behind it, when the data is one whole request."""
        end = data.find(b"\r\n\r\n") + 4
        head = self._known.get(data[:end])
        return (head, data[end:]) if head is not None and len(data) - end == head.headers.length else None

    def learn(self, data: bytes, head: ParsedHead, body: bytes) -> None:
        """Remember the head of a request, unless it is long, or has an `Idempotency-Key` and so will not come again."""
        end = data.find(b"\r\n\r\n") + 4
        # The parser has the last word on where a head ends.
        if end > KNOWN_HEAD_BYTES_MAX or head.headers.idempotency_key or data[end:] != body:
            return
        if len(self._known) >= KNOWN_HEADS_MAX:
            self._known.clear()
        self._known[data[:end]] = head


class ResponseTemplate:
    """The usual answer: 200 with JSON, and no headers but the server's, the content's, the request's id and CORS.

    Its head changes once a second, with the server's `Date`, and is kept until then.
    """

    def __init__(self, cors_headers: CorsHeaders, ids: RequestIds) -> None:
        self._ids = ids
        self._digits: Iterator[bytes] = iter(())
        self._server_headers: RawHeaders | None = None
        self._before_length = b""
        # Where the CORS headers depend on the origin that asks, there is no usual answer.
        self.is_usable = cors_headers.for_any_origin is not None
        self._cors = format_headers(cors_headers.for_any_origin or ())
        self._after_length = b""

    def fill(self, server_headers: RawHeaders, content: bytes) -> bytes:
        """The whole answer with this content. The server makes a new list of its headers when they change."""
        if server_headers is not self._server_headers:
            self._server_headers = server_headers
            headers = format_headers((*server_headers, errors.CONTENT_TYPE))
            self._before_length = STATUS_LINES[200] + headers + b"content-length: "
        digits = next(self._digits, b"")
        if not digits:
            self._after_length = b"\r\n%b%b: %b" % (self._cors, HEADER, self._ids.begin_block())
            self._digits = iter(_LAST_DIGITS)
            digits = next(self._digits)
        length = len(content)
        # To join is quicker than to format, and most answers are short.
        return b"".join(
            (
                self._before_length,
                _LENGTHS[length] if length < _LENGTHS_MAX else b"%d" % length,
                self._after_length,
                digits,
                content,
            )
        )


def format_headers(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they are sent, one a line."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def format_answer(
    answer: errors.Rendered, before: Iterable[tuple[bytes, bytes]], added: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """A whole answer as it is sent, with headers before and behind its own."""
    status, headers, content = answer
    return b"%b%b\r\n%b" % (STATUS_LINES[status], format_headers((*before, *headers, *added)), content)


class HeldBody:
    """The bytes of a request's body that count against the budget of the process, until the request is dealt with.

    Bytes that came are counted, not those that are announced: nobody can spend the budget without sending as much.
    """

    held_bytes = 0
    keep_alive: bool
    _sender = ""

    def hurry(self) -> None:
        """The answer should not wait any longer for something that it can do without."""

    def be_last(self) -> None:
        """The server stops: have the connection end with this answer."""
        self.keep_alive = False
        self.hurry()

    def hold(self, budget: Budget, more_bytes: int, find_sender: Callable[[], str]) -> None:
        """Count a piece of the body that came. Raises RequestRefused when the sender holds too much."""
        if not self.held_bytes:
            self._sender = find_sender()
        budget.admit(self.held_bytes + more_bytes, lambda: self._sender)
        self.held_bytes += more_bytes
        budget.hold(self._sender, more_bytes)

    def release(self, budget: Budget) -> None:
        """Count nothing of the body any more."""
        budget.hold(self._sender, -self.held_bytes)
        self.held_bytes = 0


class PlainExchange(HeldBody):
    """One request that the connection answers by itself. `request_id` is that of its caller, empty for one of ours.

    `body` is there for one that comes in pieces. A call gives the sender: a method would be made for every request.
    """

    request_id = ""
    body: bytearray

    def __init__(self, head: ParsedHead, client: Client) -> None:
        self.head = head
        self.keep_alive = head.keep_alive
        self._client = client

    def __call__(self) -> Sender:
        """Who sent the request."""
        return sender_of(self.head.raw_headers, self._client)

    @property
    def raw_headers(self) -> RawHeaders:
        """The headers of the request."""
        return self.head.raw_headers
