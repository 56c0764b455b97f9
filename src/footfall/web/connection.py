"""One connection: requests come in one after the other, each has one answer, and every wait for the client ends.

One request of a connection is served at a time. What came behind it waits unread, and nothing more is read meanwhile:
a connection holds one request and two packets.
uvicorn makes a protocol for each connection (see `server`). Everything else is asyncio's public API.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from typing import Any, Final, cast

from footfall import errors
from footfall.errors import Code, RequestRefused, render_refusal
from footfall.ingest import Collector, too_slow
from footfall.metrics import OTHER
from footfall.settings import Settings
from footfall.system.request_ids import HEADER
from footfall.web.asgi import AsgiExchange, make_scope
from footfall.web.connections import ConnectionFlow, ConnectionTable
from footfall.web.cors import CorsHeaders
from footfall.web.exchange import CLOSE_HEADER, PlainExchange, format_answer
from footfall.web.framing import Body, HeadReader, RawHeaders, RequestHead
from footfall.web.server import ServerConfig, ServerState, client_address

# Seconds after its own deadline for a body that the application has to say so itself, before the connection does.
LATE_S: Final = 5
# Bytes of a body that wait for the application, past which no more are read.
UNREAD_BYTES_MAX: Final = 64 * 1024


class Connection(asyncio.Protocol, ABC):
    """One connection. A subclass says which requests it answers itself; the application serves the others."""

    transport: asyncio.Transport
    flow: ConnectionFlow

    @property
    @abstractmethod
    def network(self) -> str:
        """Where it comes from; empty for a connection of a trusted proxy."""

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
        self.loop = _loop or asyncio.get_event_loop()
        self.server_state = server_state
        self._config = config
        self._app_state = app_state
        self._collector = collector
        self._budget = collector.budget
        self._requests = collector.requests
        self._cors_headers = cors_headers
        self._connections = connections
        self._settings = settings
        self.deadline_s = math.inf
        self._is_idle = False  # Whether no request is under way, not even a part of one.
        # The request that is served; None also while the body of one that has its answer is yet to be skipped.
        self._exchange: PlainExchange | AsgiExchange | None = None
        self._reader = HeadReader(settings)
        self._buffer, self._offset = b"", 0  # What came, and the offset of what was not read yet.
        # Whether the head of the request under way began where the buffer does, which is then one packet.
        self._is_packet = False
        self._body = Body(0, settings)
        self._next_turn: asyncio.Handle | None = None  # That of the loop, in which the buffer is read.
        self._at_eof = False
        self._discard_bytes_left: int | None = None  # Bytes to read and discard after the last answer.

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.flow = ConnectionFlow(self.transport, self.loop, self._settings, self._budget, self._find_sender)
        self.client = client_address(self.transport)
        self.server_state.connections.add(self)
        if refused := self._connections.add(self, self.loop):
            self._refuse_connection(refused)
        else:
            self._await_request()

    def data_received(self, data: bytes) -> None:
        if self._discard_bytes_left is not None:
            self._discard_bytes_left -= len(data)
            if self._discard_bytes_left < 0:
                self._close()
        else:
            self._is_packet = False
            self._buffer, self._offset = self._buffer[self._offset :] + data, 0
            if self._next_turn is None:
                self._read_buffer()
            else:
                # Requests that have their answers at once: those that came have a turn each, and more wait unread.
                self.flow.hold_reading()

    def eof_received(self) -> bool:
        """Keep the connection for the answers that the client still waits for."""
        self._at_eof = True
        if self._exchange is not None:
            self._exchange.hurry()
        is_served = self._exchange is not None and not self._body.is_missing
        return self._discard_bytes_left is None and (is_served or self._next_turn is not None)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.server_state.connections.discard(self)
        self._connections.remove(self)
        self._is_idle, self._buffer, self._offset = False, b"", 0
        if self._next_turn is not None:
            self._next_turn.cancel()
        self._drop_exchange()
        self.flow.resume_writing()

    def pause_writing(self) -> None:
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        self.flow.resume_writing()
        if self.transport.is_closing():
            return
        self.flow.deadline_s = math.inf
        if self._exchange is None and self._discard_bytes_left is None:
            self._await_request()

    # What uvicorn (`shutdown`) and the table of connections call.

    def shutdown(self) -> None:
        """Close, once the request under way has its answer."""
        if self._exchange is None:
            self._close()
        else:
            self._exchange.be_last()

    def expire(self) -> None:
        """The client did not send in time what was waited for."""
        if self._discard_bytes_left is not None or (self._exchange is None and not self._reader.has_begun):
            self._close()
        elif self._exchange is None:
            text = f"the head of the request did not arrive within {self._settings.head_timeout_s} s"
            self._refuse(RequestRefused(Code.REQUEST_TIMED_OUT, text))
        else:
            self._refuse(too_slow(self._settings))

    @property
    def eviction_rank(self) -> int | None:
        """0 for an idle connection, 1 for one with a part of a head; None for a request or an answer under way."""
        if self.transport.get_write_buffer_size():
            return None
        if self._is_idle or self._discard_bytes_left is not None:
            return 0
        return 1 if self._exchange is None and self._reader.has_begun else None

    def evict(self) -> None:
        """Close at once, to make room for another connection."""
        self.transport.abort()

    def _read_buffer(self) -> None:
        """Read up to the end of one request. The next has a turn of its own, so that other connections have theirs."""
        self._next_turn = None
        self._is_idle = False
        if self.transport.is_closing():
            return
        try:
            while self._offset < len(self._buffer) and self._next_turn is None and self._discard_bytes_left is None:
                if not self._may_read():
                    self.flow.hold_reading()
                    return
                if self._exchange is None and self._body.is_missing:
                    self._skip_body()
                elif self._exchange is None:
                    self._read_head()
                else:
                    self._read_body()
        except RequestRefused as refused:
            self._refuse(refused)
            return
        if self._offset >= len(self._buffer):
            self._on_buffer_read()

    def _on_buffer_read(self) -> None:
        self._buffer, self._offset = b"", 0
        if self._at_eof and self._exchange is None:
            self._close()
            return
        self._is_idle = self._exchange is None and not self._body.is_missing and not self._reader.has_begun
        self._is_idle &= self._discard_bytes_left is None and not self.flow.write_paused
        self.flow.release_reading()

    def _may_read(self) -> bool:
        """Whether the buffer is of the request under way, or of the next, before which all answers must be taken."""
        return not self.flow.write_paused if self._exchange is None else self._body.is_missing

    def _skip_body(self) -> None:
        """Skip the rest of a body whose request was answered before all of it came."""
        _, self._offset = self._body.feed(self._buffer, self._offset)
        if not self._body.is_missing:
            self.deadline_s = self.loop.time() + self._settings.keep_alive_s

    def _read_head(self) -> None:
        begins, offset = not self._reader.has_begun, self._offset
        head, self._offset = self._reader.feed(self._buffer, offset)
        if head is not None:
            self._is_packet = begins and offset == 0
            self._begin_request(head)
        elif begins and self._reader.has_begun:
            self.deadline_s = self.loop.time() + self._settings.head_timeout_s

    def _begin_request(self, head: RequestHead) -> None:
        if head.method == b"CONNECT":
            raise RequestRefused(Code.REQUEST_METHOD_NOT_ALLOWED, "this service is no proxy")
        self._budget.admit(head.length or 0, lambda: self._collector.network(head.headers, self.client))
        self._body = Body(head.length, self._settings)
        self.deadline_s = math.inf
        exchange = self._make_plain_exchange(head)
        if exchange is None:
            self._start_application(head)
            if self._body.is_missing:
                self.deadline_s = self.loop.time() + self._settings.body_timeout_s + LATE_S
            return
        self._exchange = exchange
        if not self._body.is_missing:
            self._answer_plain(exchange)
        elif self._body.is_missing_more_than(len(self._buffer) - self._offset):
            self.deadline_s = self.loop.time() + self._settings.body_timeout_s

    def _read_body(self) -> None:
        piece, self._offset = self._body.feed(self._buffer, self._offset)
        is_whole = not self._body.is_missing
        if is_whole:
            self.deadline_s = math.inf
        exchange = self._exchange
        if isinstance(exchange, PlainExchange):
            exchange.body += piece
            if is_whole:
                exchange.release(self._budget)
                self._answer_plain(exchange)
            else:
                exchange.hold(self._budget, len(piece), self._find_sender)
        elif exchange is not None:
            exchange.hold(self._budget, len(piece), self._find_sender)
            exchange.body += piece
            exchange.more_body = not is_whole
            if len(exchange.body) > UNREAD_BYTES_MAX and not is_whole:
                self.flow.pause_reading()
            exchange.message_event.set()

    def _find_sender(self) -> str:
        """The network that the request under way came from, or the client's own when none is under way."""
        return self._collector.network(self._exchange.raw_headers if self._exchange else (), self.client)

    @abstractmethod
    def _make_plain_exchange(self, head: RequestHead) -> PlainExchange | None:
        """The exchange of a request that the connection answers itself; None for one of the application."""

    @abstractmethod
    def _answer_plain(self, exchange: PlainExchange) -> None:
        """Answer a request whose body has come."""

    def _start_application(self, head: RequestHead) -> None:
        """Have the application serve the request. Raises RequestRefused when its target is no path."""
        state = self.server_state
        scope = make_scope(head, self.transport, self.client, self._config.root_path, self._app_state)
        self._exchange = exchange = AsgiExchange(
            head, self._body, scope, self.transport, self.flow, state.default_headers, self._on_answered, self._finish
        )
        exchange.request_id = self._collector.request_id(head.headers, self.client)
        task = self.loop.create_task(exchange.run(self._config.loaded_app))
        task.add_done_callback(state.tasks.discard)
        # The application may work on the body for longer than the client stays.
        task.add_done_callback(lambda _: exchange.release(self._budget))
        state.tasks.add(task)

    def _write(self, answer: errors.Rendered, asked: RawHeaders, keep_alive: bool, request_id: str = "") -> None:
        named = (HEADER, (request_id or self._collector.request_ids.make()).encode())
        added = (*self._cors_headers.for_request(asked), named, *(() if keep_alive else (CLOSE_HEADER,)))
        self.transport.write(format_answer(answer, self.server_state.default_headers, added))

    def _on_answered(self) -> None:
        self._exchange = None
        if not (self.transport.is_closing() or self.flow.write_paused or self._discard_bytes_left is not None):
            self._await_request()

    def _await_request(self) -> None:
        """Read the next request in the next turn when some of it has come; else wait for it."""
        waits_s = self._settings.body_timeout_s if self._body.is_missing else self._settings.keep_alive_s
        self.deadline_s = self.loop.time() + waits_s
        if self._offset < len(self._buffer):
            if self._next_turn is None:
                self._next_turn = self.loop.call_soon(self._read_buffer)
            return
        self._buffer, self._offset = b"", 0
        if self._at_eof:
            self._close()
            return
        self._is_idle = not self._body.is_missing
        self.flow.is_reading_held = False
        if self.flow.read_paused:
            self.flow.resume_reading()

    def _refuse(self, refused: RequestRefused) -> None:
        """Refuse what cannot be read, unless an answer has begun, and read nothing more."""
        has_begun = isinstance(self._exchange, AsgiExchange) and self._exchange.response_started
        self._drop_exchange()
        if not self.transport.is_closing():
            if not has_begun:
                self._write_refusal(refused)
            self._finish()

    def _write_refusal(self, refused: RequestRefused) -> None:
        """Answer what has no exchange, and no route."""
        answer = render_refusal(self._collector.refuse(refused))
        self._requests.count(OTHER, answer[0])
        self._write(answer, [], keep_alive=False, request_id=refused.request_id)

    def _drop_exchange(self) -> None:
        """End the exchange of the request under way without an answer, and tell the application that serves it."""
        exchange, self._exchange = self._exchange, None
        if isinstance(exchange, AsgiExchange):
            exchange.disconnect()
        elif exchange is not None:
            exchange.release(self._budget)

    def _finish(self) -> None:
        """Close after the last answer. What still comes is discarded: a reset could take the answer from the client."""
        if self._offset >= len(self._buffer) and not self._body.is_missing and not self._reader.has_begun:
            self._close()
            return
        self._buffer, self._offset = b"", 0
        self._discard_bytes_left = 2 * self._settings.body_bytes_max  # Proxies let more through than one body may have.
        self.deadline_s = self.loop.time() + self._settings.linger_s
        self.transport.write_eof()
        self.flow.is_reading_held = False
        self.flow.resume_reading()

    def _refuse_connection(self, refused: RequestRefused) -> None:
        """Refuse and close at once: there is no room, and no other connection can make some."""
        self._discard_bytes_left = 0
        self._write_refusal(refused)
        self._close()

    def _close(self) -> None:
        """Close, once the client has taken what was written."""
        self._is_idle, self.deadline_s = False, math.inf
        self.flow.close()
