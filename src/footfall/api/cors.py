"""The outermost layer: lets pages of other origins make the calls and read what the answers' headers say."""

from collections.abc import Iterable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from footfall.settings import Settings

Headings = Iterable[tuple[bytes, bytes]]

METHODS = ("GET", "POST", "DELETE", "HEAD", "OPTIONS")
REQUEST_HEADERS = (
    "content-type",
    "authorization",
    "idempotency-key",
    "content-encoding",
    "accept",
    "range",
    "if-none-match",
    "if-range",
)
EXPOSED_HEADERS = (
    "retry-after",
    "footfall-progress",
    "footfall-rows",
    "footfall-bytes",
    "footfall-reason",
    "footfall-quarantined",
    "footfall-duplicates",
    "footfall-warning",
    "etag",
    "content-disposition",
    "content-range",
    "location",
    "link",
)
# A day: the longest that any browser remembers a preflight.
PREFLIGHT_AGE_S = 86_400


class Allowed:
    """The headers by which other origins may read an answer.

    `cors_origins` is `*`, or a comma-separated list of origins, of which the asking one is named back.
    """

    def __init__(self, settings: Settings) -> None:
        origins = [origin.strip().rstrip("/") for origin in settings.cors_origins.split(",") if origin.strip()]
        self._origins = frozenset(origin.lower().encode() for origin in origins)
        self._exposed = (b"access-control-expose-headers", _join(EXPOSED_HEADERS))
        # Those of all answers, where they are the same whoever asks.
        self.any = ((b"access-control-allow-origin", b"*"), self._exposed) if "*" in origins else None

    def headers(self, asked: Headings) -> tuple[tuple[bytes, bytes], ...]:
        """Those of the answer to a request with these headers."""
        if self.any is not None:
            return self.any
        origin = _value(asked, b"origin")
        # `Vary` keeps caches from handing one origin's answer to another.
        if origin is None or origin.lower() not in self._origins:
            return ((b"vary", b"Origin"),)
        return ((b"access-control-allow-origin", origin), self._exposed, (b"vary", b"Origin"))


class Cors:
    """Answers every preflight itself, whatever the path, and adds the same few headers to every other answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._allowed = Allowed(settings)
        self._preflight = (
            (b"access-control-allow-methods", _join(METHODS)),
            (b"access-control-allow-headers", _join(REQUEST_HEADERS)),
            (b"access-control-max-age", str(PREFLIGHT_AGE_S).encode()),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        extra = self._allowed.headers(scope["headers"])
        if scope["method"] == "OPTIONS" and _asks(scope["headers"]):
            # A preflight's answer has no headers that a page could read.
            extra = tuple(header for header in extra if header[0] != b"access-control-expose-headers")
            await send({"type": "http.response.start", "status": 204, "headers": [*extra, *self._preflight]})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return

        async def send_open(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A copy, because the layer below may send the same message for every request.
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, send_open)


def _asks(headings: Headings) -> bool:
    return _value(headings, b"origin") is not None and _value(headings, b"access-control-request-method") is not None


def _value(headings: Headings, name: bytes) -> bytes | None:
    return next((value for key, value in headings if key == name), None)


def _join(names: Iterable[str]) -> bytes:
    return ", ".join(names).encode()
