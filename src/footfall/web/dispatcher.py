"""What every request passes once it is inside CORS: the shortcut of `POST /events`, `HEAD`, the last net for faults."""

import logging
from typing import Final, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from footfall import errors
from footfall.web.errors import failure

log = logging.getLogger(__name__)

BODYLESS: Final = "footfall.bodyless"


class Dispatcher:
    """Hands `POST /events` to its raw handler, past the framework's routing, and everything else to the framework.

    A `HEAD` is served as the `GET` that it stands for, with its headers and without its body; the scope then has the
    key `BODYLESS`, so that a call with a long body need not make it. An exception that nobody caught becomes the
    refusal that names no details; once an answer has begun, it goes on to the server, which closes the connection.
    """

    def __init__(self, calls: ASGIApp, collect: ASGIApp) -> None:
        self._calls = calls
        self._collect = collect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._calls(scope, receive, send)
            return
        app, bodyless = self._calls, False
        if scope["method"] == "POST" and scope["path"] == "/events":
            app = self._collect
        elif scope["method"] == "HEAD":
            scope, bodyless = cast("HTTPScope", {**scope, "method": "GET", BODYLESS: True}), True
        answer = _Answer(send, bodyless)
        try:
            await app(scope, receive, answer.send)
        except Exception:
            if answer.begun:
                raise
            log.exception("unexpected failure of %s %r", scope["method"], scope["path"])
            await answer.refuse()


class _Answer:
    """The way out of one request: remembers whether the answer has begun, and drops the body of a `HEAD`'s."""

    __slots__ = ("_bodyless", "_send", "begun")

    def __init__(self, send: Send, bodyless: bool) -> None:
        self._send = send
        self._bodyless = bodyless
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
        elif self._bodyless and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    async def refuse(self) -> None:
        status, headers, body = errors.render_refusal(failure())
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
