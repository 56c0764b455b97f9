"""The door: where connections come in. `POST /events` is answered here, everything else goes on to the application.

A request that comes whole and plain needs none of what stands between a server and an application: no scope, no task,
no messages, no second write. That is three quarters of what a request of one event costs. The steps of the collector
are the same; what is out of the ordinary (a compressed or a long body, `Expect`, HTTP/1.0, a request behind one that
still waits for its answer) takes the ordinary way, with the same outcome.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct
from uvicorn import Config
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from footfall import refusals
from footfall.api.cors import Allowed
from footfall.api.plain import Plain, head
from footfall.collecting import Collector, Headers, Taken, read_headers, sender, too_slow
from footfall.errors import RequestRefused
from footfall.quarantine import Sender
from footfall.settings import Settings

# Address and port.
Client = tuple[str, int] | None
# As the parser gives them, names in lower case.
Headings = list[tuple[bytes, bytes]]
# Heads that are known by their bytes, together some 2 MB at the most, and how long one of those may be.
KNOWN_HEADS_MAX = 1000
KNOWN_HEAD_BYTES_MAX = 2000


class Head(Struct, frozen=True):
    """What the head of a request says: its headers, those that matter here, and whether the connection stays."""

    headings: Headings
    headers: Headers
    keep_alive: bool


class Heads:
    """The heads of requests that were parsed before, by their bytes.

    A program sends the same head over and over, and knowing it again takes a tenth of the time of parsing it.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def find(self, data: bytes) -> tuple[Head, bytes] | None:
        """A known head and the body behind it, when the data is one whole request."""
        end = data.find(b"\r\n\r\n") + 4
        head = self._known.get(data[:end])
        return (head, data[end:]) if head is not None and len(data) - end == head.headers.length else None

    def learn(self, data: bytes, head: Head, body: bytes) -> None:
        """Remember the head of a request, unless it is a long one, or of one request alone."""
        end = data.find(b"\r\n\r\n") + 4
        # The parser has the last word on where a head ends.
        if end > KNOWN_HEAD_BYTES_MAX or head.headers.idempotency_key or data[end:] != body:
            return
        if len(self._known) >= KNOWN_HEADS_MAX:
            self._known.clear()
        self._known[data[:end]] = head


class _Signal:
    """What the server sets when a connection is lost; nobody here waits for it."""

    def set(self) -> None:
        """Nothing."""


class _Visit:
    """A request that is served here, in the shape in which the server asks whether one is under way."""

    message_event = _Signal()
    arrived = disconnected = response_complete = False

    def __init__(self, head: Head, client: Client) -> None:
        self.head = head
        self.keep_alive = head.keep_alive
        self._client = client

    def sender(self) -> Sender:
        """Who sent it."""
        return sender(self.head.headings, self._client)


class Door(HttpToolsProtocol):
    """One connection. The server makes it, and sees to its end when the service stops."""

    def __init__(
        self,
        collector: Collector,
        heads: Heads,
        allowed: Allowed,
        plain: Plain,
        settings: Settings,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._collector = collector
        self._heads = heads
        self._allowed = allowed
        self._plain = plain
        self._settings = settings
        self._visit: _Visit | None = None
        self._pieces: list[bytes] = []
        self._late: asyncio.TimerHandle | None = None
        self._resting_since_s: float | None = None
        # Whether the parser is between two requests; what came then, until the first request in it is whole.
        self._between = True
        self._came = b""

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._between = False
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._visit = self._welcome()
        if self._visit is not None:
            self.cycle = self._visit  # type: ignore[assignment]
            return
        # The ordinary way wants a scope, and looks for `Expect`, from the beginning.
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._visit is None:
            super().on_body(body)
        else:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._between = True
        came, self._came = self._came, b""
        if self._visit is None:
            super().on_message_complete()
            return
        visit, self._visit = self._visit, None
        visit.arrived = True
        if self._late is not None:
            self._late.cancel()
            self._late = None
        body, self._pieces = b"".join(self._pieces), []
        if came:
            self._heads.learn(came, visit.head, body)
        self._serve(visit, body)

    # What the event loop calls.

    def data_received(self, data: bytes) -> None:
        self._resting_since_s = None
        self._came = b""
        if self._between:
            if self._is_free() and (found := self._heads.find(data)):
                head, body = found
                self.cycle = visit = _Visit(head, self.client)  # type: ignore[assignment]
                self._serve(visit, body)
                return
            self._came = data
        super().data_received(data)
        if self._visit is not None and self._late is None:
            self._late = self.loop.call_later(self._settings.body_timeout_s, self._give_up, self._visit)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        if self._late is not None:
            self._late.cancel()

    # The steps of a request.

    def _is_free(self) -> bool:
        """Whether no request waits for its answer, and the client reads them."""
        return (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused

    def _welcome(self) -> _Visit | None:
        """A visit, when this is a plain `POST /events` with nothing before it; None for the ordinary way."""
        parser = self.parser
        if self.url != b"/events" or parser.get_method() != b"POST" or parser.should_upgrade():
            return None
        if not self._is_free() or parser.get_http_version() != "1.1":
            return None
        try:
            headers = read_headers(self.headers, self._settings)
        except RequestRefused:
            return None
        if headers.length is None or headers.encoding not in ("", "identity") or headers.expects:
            return None
        # A long body is worked on in a thread.
        if headers.length > self._settings.body_inline_bytes_max:
            return None
        return _Visit(Head(self.headers, headers, parser.should_keep_alive()), self.client)

    def _serve(self, visit: _Visit, body: bytes) -> None:
        collector = self._collector
        try:
            taken = collector.take(visit.head.headers, body, visit.sender)
            if taken.accepted or taken.quarantined:
                collector.journal.submit(taken.lines, partial(self._stored, visit, taken))
            else:
                self._answer(visit, collector.render(taken))
        except Exception as error:  # noqa: BLE001 - whoever sent it must hear of any failure
            self._answer(visit, collector.refuse(error))

    def _stored(self, visit: _Visit, taken: Taken, error: BaseException | None) -> None:
        if error is not None:
            self._answer(visit, self._collector.refuse(error))
        elif taken.quarantined or not visit.keep_alive or not self._plain.is_usual:
            self._answer(visit, self._collector.render(taken))
        else:
            self._collector.count(taken)
            visit.response_complete = True
            if not self.transport.is_closing():
                self.transport.write(self._plain.answer(self.server_state.default_headers, taken.answer))
                self.on_response_complete()

    def _give_up(self, visit: _Visit) -> None:
        """The body has not come in time; whatever comes now cannot be told from the next request."""
        self._late = None
        if visit.arrived or self.transport.is_closing():
            return
        self._visit, visit.keep_alive = None, False
        self._answer(visit, self._collector.refuse(too_slow(self._settings)))

    def _answer(self, visit: _Visit, answer: refusals.Rendered) -> None:
        visit.response_complete = True
        if self.transport.is_closing():
            return
        status, headers, content = answer
        allowed = self._allowed.headers(visit.head.headings)
        closing = () if visit.keep_alive else (CLOSE_HEADER,)
        shown = head((*self.server_state.default_headers, *headers, *allowed, *closing))
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], shown, content))
        if not visit.keep_alive:
            self.transport.close()
        self.on_response_complete()

    # The end of a connection that rests. One timer goes on from request to request: making one for each costs more.

    def on_response_complete(self) -> None:
        if self.pipeline:
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        self._resting_since_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _unset_keepalive_if_required(self) -> None:
        self._resting_since_s = None

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._resting_since_s is None:
            return
        left_s = self._resting_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left_s, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()


def door(collector: Collector, settings: Settings) -> Callable[..., Door]:
    """What the server makes its connections with."""
    allowed = Allowed(settings)
    return partial(Door, collector, Heads(), allowed, Plain(allowed), settings)
