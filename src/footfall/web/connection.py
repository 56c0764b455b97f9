"""One connection: requests come in one after the other, each has one answer, and every wait for the client ends.

One request of a connection is served at a time. What came behind it waits, unread, and nothing more is read meanwhile:
a connection holds one request and one packet. It is an asyncio protocol that takes the place of uvicorn's own, whose
object for a request (`RequestResponseCycle`) it keeps.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from typing import Any, Final, cast

from uvicorn import Config
from uvicorn.protocols.http.flow_control import CLOSE_HEADER, HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from footfall import errors
from footfall.errors import Code, RequestRefused
from footfall.ingest import Collector, too_slow
from footfall.settings import Settings
from footfall.web.connections import ConnectionFlow, ConnectionTable, no_room
from footfall.web.cors import Allowed
from footfall.web.exchange import Exchange, ExchangeTransport, PlainExchange, make_scope, response_head
from footfall.web.framing import Body, HeadReader, RequestHead

# Seconds that an application has to answer by itself that a body is late, before the connection does.
LATE_S: Final = 5


class Connection(asyncio.Protocol, ABC):
    """One connection. The server makes it, and sees to its end when the service stops."""

    transport: asyncio.Transport
    flow: ConnectionFlow

    def __init__(
        self,
        collector: Collector,
        allowed: Allowed,
        connections: ConnectionTable,
        settings: Settings,
        config: Config,
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
        self._allowed = allowed
        self._connections = connections
        self._settings = settings
        self.deadline_s = math.inf
        # Whether nothing is under way at all.
        self._is_idle = False
        self._exchange: PlainExchange | Exchange | None = None
        self._reader = HeadReader(settings)
        # What came and was not read yet, and where that begins.
        self._rest, self._at = b"", 0
        # Whether the request under way began where the rest does, which is then one packet.
        self._is_packet = False
        self._body = Body(0, settings)
        self._turn: asyncio.Handle | None = None
        self._at_eof = False
        # Bytes that are yet read and dropped, once the last answer is given.
        self._dropping: int | None = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.flow = ConnectionFlow(self.transport, self.loop, self._settings, self._budget, self._find_sender)
        self.client = get_remote_addr(self.transport)
        self.server_state.connections.add(self)  # type: ignore[arg-type]
        if self._connections.add(self, self.loop):
            self._rests()
        else:
            self._turn_away()

    def data_received(self, data: bytes) -> None:
        if self._dropping is not None:
            self._dropping -= len(data)
            if self._dropping < 0:
                self._close()
        else:
            self._is_packet = False
            self._rest, self._at = self._rest[self._at :] + data, 0
            if self._turn is None:
                self._go_on()

    def eof_received(self) -> bool:
        """A client that has said all may still wait for its answers."""
        self._at_eof = True
        return self._dropping is None and (
            self._turn is not None or (self._exchange is not None and not self._body.is_missing)
        )

    def connection_lost(self, _exc: Exception | None) -> None:
        self.server_state.connections.discard(self)
        self._connections.remove(self)
        self._is_idle, self._rest, self._at = False, b"", 0
        if self._turn is not None:
            self._turn.cancel()
        self._part()
        self.flow.resume_writing()

    def pause_writing(self) -> None:
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        self.flow.resume_writing()
        if self.transport.is_closing():
            return
        self.flow.deadline_s = math.inf
        if self._exchange is None and self._dropping is None:
            self._rests()

    # What the server and the timer of all connections call.

    def shutdown(self) -> None:
        """Close, once the answer under way is given."""
        if self._exchange is None:
            self._close()
        else:
            self._exchange.keep_alive = False

    def expire(self) -> None:
        """What was waited for has not come in time."""
        if self._dropping is not None or (self._exchange is None and not self._reader.has_begun):
            self._close()
        elif self._exchange is None:
            text = f"the head of the request did not arrive within {self._settings.head_timeout_s} s"
            self._refuse(RequestRefused(Code.REQUEST_TIMED_OUT, text))
        else:
            self._refuse(too_slow(self._settings))

    @property
    def rank(self) -> int | None:
        """How soon it is let go for new ones: 0 first; None while a request is under way, or its answer is unsent."""
        if self.transport.get_write_buffer_size():
            return None
        if self._is_idle or self._dropping is not None:
            return 0
        return 1 if self._exchange is None and self._reader.has_begun else None

    def let_go(self) -> None:
        """Close at once, for the sake of another."""
        self.transport.abort()

    def _go_on(self) -> None:
        """Read on, up to the end of one request; the next one has a turn of its own, so that others have theirs."""
        self._turn = None
        self._is_idle = False
        if self.transport.is_closing():
            return
        try:
            while self._at < len(self._rest) and self._turn is None and self._dropping is None:
                if not self._is_ready():
                    self.flow.pause_reading()
                    self.flow.is_held = True
                    return
                if self._exchange is None and self._body.is_missing:
                    self._pass_over()
                elif self._exchange is None:
                    self._read_head()
                else:
                    self._read_body()
        except RequestRefused as refused:
            self._refuse(refused)
            return
        if self._at >= len(self._rest):
            self._rest, self._at = b"", 0
            if self._at_eof and self._exchange is None:
                self._close()
                return
            self._is_idle = self._exchange is None and not self._body.is_missing and not self._reader.has_begun
            self._is_idle &= self._dropping is None and not self.flow.write_paused
            if self.flow.is_held:
                self.flow.is_held = False
                self.flow.resume_reading()

    def _is_ready(self) -> bool:
        """Whether what came can be read: the body of the request under way, or the next one when there is none.

        The next one waits until the client has taken the answers before it.
        """
        return not self.flow.write_paused if self._exchange is None else self._body.is_missing

    def _pass_over(self) -> None:
        """Read past the rest of a body whose request was answered before it had come."""
        _, self._at = self._body.feed(self._rest, self._at)
        if not self._body.is_missing:
            self.deadline_s = self.loop.time() + self._settings.keep_alive_s

    def _read_head(self) -> None:
        begins, at = not self._reader.has_begun, self._at
        found, self._at = self._reader.feed(self._rest, at)
        if found is not None:
            self._is_packet = begins and at == 0
            self._begin(found)
        elif begins and self._reader.has_begun:
            self.deadline_s = self.loop.time() + self._settings.head_timeout_s

    def _begin(self, found: RequestHead) -> None:
        if found.method == b"CONNECT":
            raise RequestRefused(Code.REQUEST_METHOD_NOT_ALLOWED, "this service is no proxy")
        self._budget.admit(found.length or 0, lambda: self._collector.network(found.headings, self.client))
        self._body = Body(found.length, self._settings)
        self.deadline_s = math.inf
        exchange = self._welcome(found)
        if exchange is None:
            self._start(found)
            if self._body.is_missing:
                self.deadline_s = self.loop.time() + self._settings.body_timeout_s + LATE_S
            return
        self._exchange = exchange
        if not self._body.is_missing:
            self._serve_read(exchange)
        elif self._body.is_missing_more_than(len(self._rest) - self._at):
            self.deadline_s = self.loop.time() + self._settings.body_timeout_s

    def _read_body(self) -> None:
        piece, self._at = self._body.feed(self._rest, self._at)
        is_whole = not self._body.is_missing
        if is_whole:
            self.deadline_s = math.inf
        exchange = self._exchange
        if isinstance(exchange, PlainExchange):
            exchange.body += piece
            if is_whole:
                exchange.give_back(self._budget)
                self._serve_read(exchange)
            else:
                exchange.grow(self._budget, len(piece), self._find_sender)
        elif exchange is not None:
            exchange.grow(self._budget, len(piece), self._find_sender)
            exchange.body += piece
            exchange.more_body = not is_whole
            if len(exchange.body) > HIGH_WATER_LIMIT and not is_whole:
                self.flow.pause_reading()
            exchange.message_event.set()

    def _find_sender(self) -> str:
        """The network of whoever sent the request under way, as far as one is."""
        return self._collector.network(self._exchange.headings if self._exchange else (), self.client)

    @abstractmethod
    def _welcome(self, found: RequestHead) -> PlainExchange | None:
        """The exchange of a request that is served here; None for the application's."""

    @abstractmethod
    def _serve_read(self, exchange: PlainExchange) -> None:
        """Serve a request whose body has been read."""

    def _write(self, answer: errors.Rendered, headings: list[tuple[bytes, bytes]], keep_alive: bool) -> None:
        status, headers, content = answer
        closing = () if keep_alive else (CLOSE_HEADER,)
        shown = response_head(
            (*self.server_state.default_headers, *headers, *self._allowed.headers(headings), *closing)
        )
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], shown, content))

    # The ordinary way.

    def _start(self, found: RequestHead) -> None:
        """Have the application serve the request. Raises RequestRefused when its target is none."""
        config, state = self._config, self.server_state
        scope = make_scope(found, self.transport, self.client, config.root_path, self._app_state)
        transport = ExchangeTransport(self.transport, self._finish)
        self._exchange = cycle = Exchange(
            found, self._body, scope, transport, self.flow, state.default_headers, self._answered
        )
        task = self.loop.create_task(cycle.run_asgi(config.loaded_app))
        task.add_done_callback(state.tasks.discard)
        # Its body may be worked on for longer than its client stays.
        task.add_done_callback(lambda _: cycle.give_back(self._budget))
        state.tasks.add(task)

    # The end of a request, and of the connection.

    def _answered(self) -> None:
        self.server_state.total_requests += 1
        self._exchange = None
        if not (self.transport.is_closing() or self.flow.write_paused or self._dropping is not None):
            self._rests()

    def _rests(self) -> None:
        """Nothing is under way, but for what came behind it already."""
        waits_s = self._settings.body_timeout_s if self._body.is_missing else self._settings.keep_alive_s
        self.deadline_s = self.loop.time() + waits_s
        if self._at < len(self._rest):
            if self._turn is None:
                self._turn = self.loop.call_soon(self._go_on)
            return
        self._rest, self._at = b"", 0
        if self._at_eof:
            self._close()
            return
        self._is_idle = not self._body.is_missing
        self.flow.is_held = False
        if self.flow.read_paused:
            self.flow.resume_reading()

    def _refuse(self, refused: RequestRefused) -> None:
        """Answer what cannot be read, unless an answer has begun, and read nothing more."""
        exchange = self._exchange
        has_begun = isinstance(exchange, Exchange) and exchange.response_started
        self._part()
        if self.transport.is_closing():
            return
        if not has_begun:
            self._write(self._collector.refuse(refused), [], keep_alive=False)
        self._finish()

    def _part(self) -> None:
        """Tell whoever serves the request under way that its client is gone."""
        exchange, self._exchange = self._exchange, None
        if isinstance(exchange, Exchange):
            exchange.disconnected = not exchange.response_complete
            exchange.message_event.set()
        elif exchange is not None:
            exchange.give_back(self._budget)

    def _finish(self) -> None:
        """Close after the last answer; what the client still sends is dropped, or it would not hear of the answer."""
        if self._at >= len(self._rest) and not self._body.is_missing and not self._reader.has_begun:
            self._close()
            return
        self._rest, self._at = b"", 0
        self._dropping = self._settings.body_bytes_max
        self.deadline_s = self.loop.time() + self._settings.linger_s
        self.transport.write_eof()
        self.flow.is_held = False
        self.flow.resume_reading()

    def _turn_away(self) -> None:
        """Close at once: there is no room, and nobody who could make some."""
        self._dropping = 0
        self._write(self._collector.refuse(no_room()), [], keep_alive=False)
        self._close()

    def _close(self) -> None:
        """Close, once the client has taken what was written."""
        self._is_idle, self.deadline_s = False, math.inf
        self.flow.close()
