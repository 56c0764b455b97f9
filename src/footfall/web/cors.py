"""The outermost layer: lets pages of other origins make the calls and read what the answers' headers say."""

import re
from collections.abc import Iterable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from footfall.settings import Settings

HeaderPairs = Iterable[tuple[bytes, bytes]]

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
# Of the headers that a preflight asks for, so many are named back, and so much of the list is read: pages send a few.
ASKED_NAMES_MAX = 50
ASKED_BYTES_MAX = 2_000
NOSNIFF = (b"x-content-type-options", b"nosniff")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,100}")


class Allowed:
    """The headers of every answer: those by which other origins may read it, and that no browser guesses its type.

    `cors_origins` is `*`, or a comma-separated list of origins, of which the asking one is named back.
    """

    def __init__(self, settings: Settings) -> None:
        origins = [origin.strip().rstrip("/") for origin in settings.cors_origins.split(",") if origin.strip()]
        self._origins = frozenset(origin.lower().encode() for origin in origins)
        self._exposed = (b"access-control-expose-headers", _join(EXPOSED_HEADERS))
        # Those of all answers, where they are the same whoever asks.
        self.any = ((b"access-control-allow-origin", b"*"), self._exposed, NOSNIFF) if "*" in origins else None

    def headers(self, asked: HeaderPairs) -> tuple[tuple[bytes, bytes], ...]:
        """Those of the answer to a request with these headers."""
        if self.any is not None:
            return self.any
        origin = _value(asked, b"origin")
        # `Vary` keeps caches from handing one origin's answer to another.
        if origin is None or origin.lower() not in self._origins:
            return ((b"vary", b"Origin"), NOSNIFF)
        return ((b"access-control-allow-origin", origin), self._exposed, (b"vary", b"Origin"), NOSNIFF)

    def preflight(self, scope: HTTPScope) -> list[tuple[bytes, bytes]]:
        """Those of the answer to a preflight.

        That of `POST /events` names the origin back and allows credentials, for `navigator.sendBeacon` always sends
        them, and a browser drops a beacon of JSON where the answer is `*`. Nothing is given away by that: the call
        looks at no cookie and no password, sets none, and answers anyone the same. The leave is for this one path and
        method, which browsers hold it to; everywhere else a page must name the password itself.
        """
        asked = scope["headers"]
        # An answer without content has no headers that a page could read, and no content to be taken for another.
        found = [header for header in self.headers(asked) if header not in (self._exposed, NOSNIFF)]
        origin, method = _value(asked, b"origin"), _value(asked, b"access-control-request-method")
        if scope["path"] != "/events" or method != b"POST" or origin is None:
            return found
        if self.any is not None:
            found = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        if any(name == b"access-control-allow-origin" for name, _ in found):
            found.append((b"access-control-allow-credentials", b"true"))
        return found


class Cors:
    """Answers every preflight itself, whatever the path, and adds the same few headers to every other answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._allowed = Allowed(settings)
        self._preflight = (
            (b"access-control-allow-methods", _join(METHODS)),
            (b"access-control-max-age", str(PREFLIGHT_AGE_S).encode()),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        extra = self._allowed.headers(scope["headers"])
        if scope["method"] == "OPTIONS" and _asks(scope["headers"]):
            names = (b"access-control-allow-headers", _names(scope["headers"]))
            answer = [*self._allowed.preflight(scope), *self._preflight, names]
            await send({"type": "http.response.start", "status": 204, "headers": answer})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return

        async def send_open(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A copy, because the layer below may send the same message for every request.
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, send_open)


def _asks(headers: HeaderPairs) -> bool:
    return _value(headers, b"origin") is not None and _value(headers, b"access-control-request-method") is not None


def _names(headers: HeaderPairs) -> bytes:
    """The headers that a page may send: those that calls read, and what tracing adds, as it was asked for."""
    asked = (_value(headers, b"access-control-request-headers") or b"")[:ASKED_BYTES_MAX].decode("latin-1")
    names = (name.strip().lower() for name in asked.split(",", ASKED_NAMES_MAX)[:ASKED_NAMES_MAX])
    return _join(dict.fromkeys([*REQUEST_HEADERS, *(name for name in names if _TOKEN.fullmatch(name))]))


def _value(headers: HeaderPairs, name: bytes) -> bytes | None:
    return next((value for key, value in headers if key == name), None)


def _join(names: Iterable[str]) -> bytes:
    return ", ".join(names).encode()
