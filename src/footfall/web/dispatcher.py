"""Between CORS and the framework: the raw handler of `POST /events`, `HEAD`, and exceptions that nobody caught."""

import logging
from typing import Final, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from footfall import errors
from footfall.system.request_ids import request_id
from footfall.web.errors import PATH_CHARS_MAX

log = logging.getLogger(__name__)

IS_HEAD: Final = "footfall.is_head"


class Dispatcher:
    """Hands `POST /events` to its raw handler, past the framework's routing, and everything else to the framework.

    A `HEAD` is served as a `GET`, whose body is dropped. The scope then has the key `IS_HEAD`, so that a call with a
    long body need not make it. An exception that nobody caught becomes a refusal without details; once an answer has
    begun, it is raised, and the connection is closed.
    """

    def __init__(self, calls: ASGIApp, collect: ASGIApp) -> None:
        self._calls = calls
        self._collect = collect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._calls(scope, receive, send)
            return
        app, is_head = self._calls, False
        if scope["method"] == "POST" and scope["path"] == "/events":
            app = self._collect
        elif scope["method"] == "HEAD":
            scope, is_head = cast("HTTPScope", {**scope, "method": "GET", IS_HEAD: True}), True
        response = _Response(send, is_head)
        try:
            await app(scope, receive, response.send)
        except Exception:
            if response.has_begun:
                raise
            log.exception("unexpected failure of %s %r", scope["method"], scope["path"][:PATH_CHARS_MAX])
            await response.refuse()


class _Response:
    """Sends the answer to one request, notes whether it has begun, and drops the body for a `HEAD`."""

    __slots__ = ("_is_head", "_send", "has_begun")

    def __init__(self, send: Send, is_head: bool) -> None:
        self._send = send
        self._is_head = is_head
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
        elif self._is_head and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    async def refuse(self) -> None:
        status, headers, body = errors.render_refusal(errors.internal_failure(request_id.get()))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
