"""Middleware for ASGI and WSGI: records the use of named routes.

A function of the program says which event a request is, if any; it gets the request's scope or environ, and the status
of the answer. The event is tracked when the answer has begun, and what goes wrong is logged: it never fails a request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

from footfall_client.outbox import Outbox

logger: Final = logging.getLogger("footfall_client")
Event = Mapping[str, Any]
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]
StartResponse = Callable[..., Any]
WsgiApplication = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class AsgiMiddleware:
    """Around an ASGI application: `route_event(scope, status)` gives the event of a request, or None.

    Frameworks write what they matched into the scope (Starlette `scope["endpoint"]`, Litestar
    `scope["route_handler"]`), so that it is there when the answer has begun. A track that waits for the disk is made in
    a thread.
    """

    def __init__(self, app: AsgiApplication, outbox: Outbox, route_event: Callable[[Scope, int], Event | None]) -> None:
        self._app = app
        self._outbox = outbox
        self._route_event = route_event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            event = _event_of(self._route_event, scope, status) if status else None
            if event is not None and self._outbox.is_waiting:
                await asyncio.to_thread(_track, self._outbox, event)
            elif event is not None:
                _track(self._outbox, event)


class WsgiMiddleware:
    """Around a WSGI application: `route_event(environ, status)` gives the event of a request, or None."""

    def __init__(
        self, app: WsgiApplication, outbox: Outbox, route_event: Callable[[dict[str, Any], int], Event | None]
    ) -> None:
        self._app = app
        self._outbox = outbox
        self._route_event = route_event

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        def note(status: str, headers: Any, *error: Any) -> Any:
            event = _event_of(self._route_event, environ, int(status.split(maxsplit=1)[0]))
            if event is not None:
                _track(self._outbox, event)
            return start_response(status, headers, *error)

        return self._app(environ, note)


def _event_of(route_event: Callable[[Any, int], Event | None], request: Any, status: int) -> Event | None:
    try:
        return route_event(request, status)
    except Exception:
        logger.exception("the event of a request could not be made")
        return None


def _track(outbox: Outbox, event: Event) -> None:
    try:
        outbox.track(**event)
    except Exception:
        logger.exception("the event of a request was not tracked")
