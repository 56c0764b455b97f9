"""The call that streams events while they are accepted, as `text/event-stream`, for `EventSource` of browsers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Final, cast

from litestar.di import NamedDependency
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send

from footfall.live import STOPPING, Listener, Live
from footfall.web.asgi import ANSWER_NOW, CUT
from footfall.web.calls.request import UNCACHED, SignedInRequest
from footfall.web.dependencies import Services
from footfall.web.dispatcher import IS_HEAD

MEDIA_TYPE: Final = "text/event-stream"
# Proxies such as nginx would collect the answer first.
_HEADERS: Final = {**UNCACHED, "content-type": MEDIA_TYPE, "x-accel-buffering": "no"}
# Seconds in which a client must have taken the end of a stream, before its connection is cut.
_END_S: Final = 1.0


async def listen(request: SignedInRequest, services: NamedDependency[Services]) -> ASGIApp:
    """Stream events as the node accepts them; `Last-Event-ID` goes on after the event of that id."""
    given = request.query_params
    listener = services.live.parse(request.user, {key: given.getall(key) for key in given})
    if IS_HEAD in request.scope:
        return ASGIResponse(headers=_HEADERS)
    services.live.require_room(request.user)
    last_id = request.headers.get("last-event-id", "")
    return stream_messages(services.live, listener, partial(services.live.begin, listener, last_id))


def stream_messages(
    live: Live,
    listener: Listener,
    begin: Callable[[], Awaitable[AsyncGenerator[bytes]]],
    further: Mapping[str, str] | None = None,
) -> ASGIApp:
    """The answer that has the messages that `begin` makes, with `further` headers; the listener leaves when it ends.

    It begins here, because an answer that is given up before it is sent, such as one without its entry in the audit
    log, has no end.
    """

    async def send_all(scope: Scope, _: Receive, send: Send) -> None:
        answer_now = cast("asyncio.Event | None", scope.get(ANSWER_NOW))
        cut = cast("Callable[[], None]", scope.get(CUT, lambda: None))
        watches = [asyncio.ensure_future(_cut_after_end(listener, cut))]
        if answer_now is not None:
            watches.append(asyncio.ensure_future(_end_on(answer_now, listener)))
        try:
            messages = await begin()
            headers = [(name.encode(), value.encode()) for name, value in {**_HEADERS, **(further or {})}.items()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async with aclosing(messages):
                async for piece in messages:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            live.leave(listener)
            for watch in watches:
                watch.cancel()
            # What was sent may still wait for the client to take it.
            asyncio.get_running_loop().call_later(_END_S, cut)

    return send_all


async def _end_on(answer_now: asyncio.Event, listener: Listener) -> None:
    """End the stream when the client has gone or the service stops."""
    await answer_now.wait()
    listener.end(STOPPING)


async def _cut_after_end(listener: Listener, cut: Callable[[], None]) -> None:
    """Cut the connection of a client that does not take what comes before the end of its stream."""
    await listener.has_ended.wait()
    await asyncio.sleep(_END_S)
    cut()
