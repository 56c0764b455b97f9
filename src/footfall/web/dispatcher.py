"""Between CORS and the framework: the raw handler of `POST /events`, `HEAD`, and exceptions that nobody caught."""

import logging
import time
from collections.abc import Iterable
from typing import Final, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from footfall import errors
from footfall.metrics import EVENTS, OTHER, RequestMetrics
from footfall.system.request_ids import request_id
from footfall.web.forwarded import loggable_path

log = logging.getLogger(__name__)

IS_HEAD: Final = "footfall.is_head"


class Dispatcher:
    """Hands `POST /events` to its raw handler, past the framework's routing, and everything else to the framework.

    A `HEAD` is served as a `GET`, whose body is dropped. The scope then has the key `IS_HEAD`, so that a call with a
    long body need not make it. An exception that nobody caught becomes a refusal without details; once an answer has
    begun, it is raised, and the connection is closed.
    """

    def __init__(self, calls: ASGIApp, collect: ASGIApp, requests: RequestMetrics, routes: Iterable[str]) -> None:
        self._calls = calls
        self._collect = collect
        self._requests = requests
        self._routes = frozenset(routes)
        requests.expect(self._routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._calls(scope, receive, send)
            return
        app, is_head = self._calls, False
        if scope["method"] == "POST" and scope["path"] == "/events":
            app = self._collect
        elif scope["method"] == "HEAD":
            scope, is_head = cast("HTTPScope", {**scope, "method": "GET", IS_HEAD: True}), True
        response, began_s = _Response(send, is_head), time.monotonic()
        try:
            await app(scope, receive, response.send)
        except Exception:
            if response.has_begun:
                raise
            log.exception("unexpected failure of %s %r", scope["method"], loggable_path(scope["path"]))
            await response.refuse()
        finally:
            # A client that went away before its answer began has none.
            if response.has_begun:
                route = EVENTS if app is self._collect else self._route(scope)
                self._requests.count_timed(route, response.status, time.monotonic() - began_s)

    def _route(self, scope: HTTPScope) -> str:
        """The method and the template of the path, which the framework's router has found; else OTHER."""
        route = f"{scope['method']} {scope.get('path_template')}"
        return route if route in self._routes else OTHER


class _Response:
    """Sends the answer to one request, notes its status once it begins, and drops the body for a `HEAD`."""

    __slots__ = ("_is_head", "_send", "status")

    def __init__(self, send: Send, is_head: bool) -> None:
        self._send = send
        self._is_head = is_head
        self.status = 0

    @property
    def has_begun(self) -> bool:
        return self.status > 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif self._is_head and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    async def refuse(self) -> None:
        status, headers, body = errors.render_refusal(errors.internal_failure(request_id.get()))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
