"""A request that the ASGI application serves: its scope, its `receive` and its `send`."""

import asyncio
import logging
import re
import urllib.parse
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import httptools
from litestar.types import ASGIApp, Message

from footfall.system.request_ids import HEADER, request_id
from footfall.web.connections import ConnectionFlow
from footfall.web.exchange import STATUS_LINES, HeldBody
from footfall.web.framing import Body, RawHeaders, RequestHead, malformed
from footfall.web.server import Client, server_address

log = logging.getLogger(__name__)

# An answer that is given before the whole body has come keeps its connection when at most so much is missing. That is
# read and discarded.
SKIPPED_BYTES_MAX: Final = 64 * 1024
# The key of a scope whose value is an event: it is set when the client has gone, or sends nothing more, and when the
# server stops. An answer that waits for something should then come at once.
ANSWER_NOW: Final = "footfall.answer_now"
# The key of a scope whose value is a call that cuts the connection, whatever the client has yet to take of the answer.
# One that goes on to the next request is left alone.
CUT: Final = "footfall.cut"
# What no header may have: a value with a line end would be two headers.
_NAME_REFUSED: Final = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_VALUE_REFUSED: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_FAILURE_HEADERS: Final = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"21"),
    (b"connection", b"close"),
]
_WITHOUT_CONTENT: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class AsgiExchange(HeldBody):
    """One request that the application serves.

    The connection sets `request_id`, appends to `body`, changes `more_body` and `disconnected`, and then sets
    `message_event`. It gets a call of `answered` when the answer is complete, and before that of `close` when the
    connection must end: the client or the application wants that, the application failed, or more than
    SKIPPED_BYTES_MAX of the body are missing.
    """

    def __init__(
        self,
        head: RequestHead,
        incoming: Body,
        scope: Any,
        transport: asyncio.Transport,
        flow: ConnectionFlow,
        server_headers: RawHeaders,
        answered: Callable[[], None],
        close: Callable[[], None],
    ) -> None:
        self.request_id = ""
        # Of the answer so far, for the access log.
        self.status = self.sent_bytes = 0
        self.body = bytearray()
        self.more_body = incoming.is_missing
        self.message_event = asyncio.Event()
        self.keep_alive = head.keep_alive
        self.raw_headers = head.headers
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self._answer_now = asyncio.Event()
        self._expects_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in head.headers
        )
        self.scope = scope
        scope[ANSWER_NOW] = self._answer_now
        scope[CUT] = self._cut
        self._incoming = incoming
        self._transport = transport
        self._flow = flow
        self._server_headers = server_headers
        self._answered = answered
        self._close = close
        # Bytes of the answer that are to come, where its length is known and it is not sent in chunks.
        self._left_bytes = 0
        self._is_chunked = self._ends_with_connection = False
        if not self.more_body:
            self.message_event.set()

    async def run(self, app: ASGIApp) -> None:
        """Have the application serve the request. If it fails, the client gets a 500, or the connection is closed."""
        # Whatever the task of this request logs has its id.
        request_id.set(self.request_id)
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException:
            log.exception("the application failed")
            await self._fail()
        else:
            if not (self.response_complete or self.disconnected):
                log.error("the application returned before its answer was complete")
                await self._fail()

    def _cut(self) -> None:
        if not self.response_complete or self._transport.is_closing():
            self._transport.abort()

    def hurry(self) -> None:
        self._answer_now.set()

    def disconnect(self) -> None:
        """The client has gone, or gets no more of this answer."""
        self.disconnected = not self.response_complete
        self.message_event.set()
        self.hurry()

    async def receive(self) -> Any:
        """What has come of the body since the last call, as soon as something has come."""
        if self._expects_continue and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._expects_continue = False
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Write a part of the answer, once the client has taken enough of what was written before."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start" and not self.response_started:
            self._write_head(message["status"], list(message["headers"]))
        elif message["type"] == "http.response.body" and self.response_started and not self.response_complete:
            self._write_body(message.get("body", b""))
            if not message.get("more_body", False):
                self._complete()
        else:
            raise RuntimeError(f"the application sent {message['type']!r} where it does not belong")

    async def _fail(self) -> None:
        if self.response_started:
            self._close()
            return
        await self.send({"type": "http.response.start", "status": 500, "headers": _FAILURE_HEADERS})
        await self.send({"type": "http.response.body", "body": b"Internal Server Error", "more_body": False})

    def _write_head(self, status: int, headers: RawHeaders) -> None:
        self.response_started = True
        self.status = status
        self._expects_continue = False
        if self.more_body and self._incoming.is_missing_more_than(SKIPPED_BYTES_MAX):
            self.keep_alive = False
        parts = [STATUS_LINES[status]]
        length: int | None = None
        says_close = False
        for given, value in (*self._server_headers, *headers):
            if _NAME_REFUSED.search(given) or _VALUE_REFUSED.search(value):
                raise RuntimeError("the application sent a header that cannot be one")
            name = given.lower()
            if name == b"content-length":
                length = int(value)
            elif name == b"connection" and b"close" in value.lower():
                self.keep_alive, says_close = False, True
            parts += [name, b": ", value, b"\r\n"]
        parts.append(b"%b: %b\r\n" % (HEADER, self.request_id.encode()))
        is_endless = length is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_CONTENT
        # HTTP/1.0 has no chunks: the end of the connection is that of the answer.
        self.keep_alive &= not (is_endless and self.scope["http_version"] == "1.0")
        if not self.keep_alive and not says_close:
            parts.append(b"connection: close\r\n")
        self._is_chunked = is_endless and self.scope["http_version"] != "1.0"
        if self._is_chunked:
            parts.append(b"transfer-encoding: chunked\r\n")
        self._left_bytes = length or 0
        self._ends_with_connection = is_endless and not self._is_chunked
        parts.append(b"\r\n")
        self._transport.write(b"".join(parts))

    def _write_body(self, body: bytes) -> None:
        if self.scope["method"] == "HEAD":
            self._left_bytes = 0
            return
        self.sent_bytes += len(body)
        if self._is_chunked:
            if body:
                self._transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        elif self._ends_with_connection:
            self._transport.write(body)
        else:
            self._left_bytes -= len(body)
            if self._left_bytes < 0:
                raise RuntimeError("the application's answer is longer than its Content-Length")
            self._transport.write(body)

    def _complete(self) -> None:
        if self._left_bytes:
            raise RuntimeError("the application's answer is shorter than its Content-Length")
        if self._is_chunked:
            self._transport.write(b"0\r\n\r\n")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self._close()
        self._answered()


def make_scope(
    head: RequestHead, transport: asyncio.Transport, client: Client, root_path: str, state: dict[str, Any]
) -> Any:
    """The ASGI scope of a request. Raises RequestRefused when its target is no path."""
    try:
        parsed = httptools.parse_url(head.target)
        raw_path = parsed.path or b"/"
        path = urllib.parse.unquote(raw_path.decode("ascii"))
    except (httptools.HttpParserInvalidURLError, UnicodeDecodeError) as error:
        raise malformed("the target of the request is no path") from error
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head.version,
        "server": server_address(transport),
        "client": client,
        "scheme": "http" if transport.get_extra_info("ssl_object") is None else "https",
        "method": head.method.decode("ascii"),
        "root_path": root_path,
        "path": root_path + path,
        "raw_path": root_path.encode("ascii") + raw_path,
        "query_string": parsed.query or b"",
        "headers": head.headers,
        "state": state.copy(),
    }
