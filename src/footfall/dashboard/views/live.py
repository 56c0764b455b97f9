"""Live: events as the node takes them, and what is refused; without a script, the newest as a page to load again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final, cast

import msgspec
from litestar import Response
from litestar.types import ASGIApp

from footfall.dashboard.commands import tail_command
from footfall.dashboard.exploration import choices_of
from footfall.dashboard.refusals import fault_of
from footfall.dashboard.selection import ALL, FILTERS, ask, filters
from footfall.dashboard.serving import HEADERS
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Rendered, Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.live import USER_CHANGED, Listener
from footfall.state import RefusedKind, StateUnavailable
from footfall.usage import EventList
from footfall.web import IS_HEAD, stream_messages

# Rows of the page, with a script and without.
ROWS: Final = 100
_LISTED: Final = 50
_REFUSED: Final = 20
# The newest by their own time, so that the store looks at one day.
_DAY_MS: Final = 86_400_000
# Types of a plan whose keys are named in the page; of a larger plan, places of the context are numbered.
_TYPES_MAX: Final = 500
_RETRY_MS: Final = 10_000


class Streamed(Response[bytes]):
    """An answer that an application sends, piece by piece."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(b"")
        self._app = app

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]
        """The application itself."""
        return self._app


async def show(visit: Visit) -> Shown:
    """The newest events that are selected, and what was refused last."""
    address, settings = visit.address, visit.services.settings
    now_ms = visit.services.clock.now_ms()
    values: dict[str, Any] = {
        "filters": list(filters(address)),
        "choices": choices_of(visit.services.plan.plan, visit.user, address),
        "names": FILTERS,
        "stream": address.at(visit.path("/dashboard/live/stream")),
        "tail": tail_command(visit.base_url, address.pairs),
        "rows": ROWS,
        "listed": _LISTED,
        "keys": keys_of(visit),
        "mode": settings.plan_mode,
        "each_max": settings.live_listeners_each_max,
        "refused": await _refused(visit),
        "now": now_ms,
        "answer": None,
        "fault": None,
    }
    try:
        given = {"customer": [ALL], "product": [ALL], **address.given(FILTERS)}
        asked = {**given, "start": [str(now_ms - _DAY_MS)], "limit": [str(_LISTED)]}
        answer = cast("EventList", await ask(visit, "events", asked))
    except RequestRefused as error:
        fault = fault_of(error, visit)
        # What comes is told without the store, so that the page is whole but for its first rows.
        status = 200 if error.code is Code.SERVICE_UNAVAILABLE else fault.status
        return Rendered("live.html", {**values, "fault": fault}, status)
    return Rendered("live.html", {**values, "answer": answer})


async def stream(visit: Visit) -> Shown:
    """The events of the selection as `text/event-stream`: what `GET /usage/live` tells, for the cookie's user."""
    live, headers = visit.services.live, visit.request.headers
    listener = live.parse(visit.user, {"customer": [ALL], "product": [ALL], **visit.address.given(FILTERS)})
    if IS_HEAD in visit.request.scope:
        return Response(b"", headers=HEADERS, media_type="text/event-stream")

    async def begin() -> AsyncGenerator[bytes]:
        try:
            messages = await live.begin(listener, headers.get("last-event-id", ""))
        except RequestRefused as error:
            return _refusal(error, listener)
        return _while_signed_in(visit, listener, messages)

    return Streamed(stream_messages(live, listener, begin, HEADERS))


def keys_of(visit: Visit) -> dict[str, dict[str, list[str]]]:
    """The names of the context's places, by product and type; none for a plan of very many types."""
    products = visit.services.plan.plan.products
    if sum(len(product.types) for product in products) > _TYPES_MAX:
        return {}
    return {
        product.name: {kind.name: [str(key).rstrip("?") for key in kind.keys] for kind in product.types}
        for product in products
    }


async def _refused(visit: Visit) -> list[RefusedKind]:
    if not visit.user.admin:
        return []
    try:
        return await asyncio.to_thread(visit.services.refusals.newest, _REFUSED)
    except StateUnavailable:
        return []


async def _refusal(error: RequestRefused, listener: Listener) -> AsyncGenerator[bytes]:
    """Why there is no stream now, in words; the browser asks again after a while."""
    told = msgspec.json.encode({"reason": "limit", "text": f"{error.message}. {text('live.limit')}"})
    listener.end("limit")
    yield b"retry: %d\nevent: end\ndata: %b\n\n" % (_RETRY_MS, told)


async def _while_signed_in(visit: Visit, listener: Listener, messages: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The messages until the session ends."""
    watch = asyncio.create_task(_end_with_session(visit, listener))
    try:
        async with aclosing(messages):
            async for piece in messages:
                yield piece
    finally:
        watch.cancel()


async def _end_with_session(visit: Visit, listener: Listener) -> None:
    while await visit.services.sessions.is_open(visit.token):  # noqa: ASYNC110 - the state database tells
        await asyncio.sleep(visit.services.settings.live_user_check_s)
    listener.end(USER_CHANGED)
