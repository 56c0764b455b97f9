"""CORS, the outermost layer: lets pages of other origins make the calls and read the answers with their headers."""

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
    "footfall-schedule",
    "footfall-file",
    "footfall-warning",
    "etag",
    "content-disposition",
    "content-range",
    "location",
    "link",
    "preference-applied",
    "x-request-id",
)
# A day: the longest that any browser remembers a preflight.
PREFLIGHT_AGE_S = 86_400
# Headers that a preflight may ask for, and bytes of their list that are read: pages ask for a few.
ASKED_NAMES_MAX = 50
ASKED_BYTES_MAX = 2_000
NOSNIFF = (b"x-content-type-options", b"nosniff")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,100}")


class CorsHeaders:
    """The headers that every answer has: who may read it, and that no browser may guess its type.

    `cors_origins` is `*`, or a list of origins with commas, of which the one that asks is named in the answer.
    """

    def __init__(self, settings: Settings) -> None:
        origins = [origin.strip().rstrip("/") for origin in settings.cors_origins.split(",") if origin.strip()]
        self._origins = frozenset(origin.lower().encode() for origin in origins)
        self._exposed = (b"access-control-expose-headers", _join(EXPOSED_HEADERS))
        # The headers where they are the same for all origins, else None.
        self.for_any_origin = (
            ((b"access-control-allow-origin", b"*"), self._exposed, NOSNIFF) if "*" in origins else None
        )

    def for_request(self, asked: HeaderPairs) -> tuple[tuple[bytes, bytes], ...]:
        """The headers of the answer to a request with these headers."""
        if self.for_any_origin is not None:
            return self.for_any_origin
        origin = _find_header(asked, b"origin")
        # `Vary` keeps caches from handing one origin's answer to another.
        if origin is None or origin.lower() not in self._origins:
            return ((b"vary", b"Origin"), NOSNIFF)
        return ((b"access-control-allow-origin", origin), self._exposed, (b"vary", b"Origin"), NOSNIFF)

    def for_preflight(self, scope: HTTPScope) -> list[tuple[bytes, bytes]]:
        """The headers of the answer to a preflight.

        For `POST /events` they name the origin and allow credentials: `navigator.sendBeacon` always sends credentials,
        and a browser drops a beacon with JSON when the answer is `*`. That gives nothing away: the call reads and sets
        no cookie and no password, and answers everyone the same. Browsers allow credentials for this path and method
        alone; for all other calls a page must send the password itself.
        """
        asked = scope["headers"]
        # An answer without content needs neither: no page reads its headers, no browser guesses its type.
        found = [header for header in self.for_request(asked) if header not in (self._exposed, NOSNIFF)]
        origin, method = _find_header(asked, b"origin"), _find_header(asked, b"access-control-request-method")
        if scope["path"] != "/events" or method != b"POST" or origin is None:
            return found
        if self.for_any_origin is not None:
            found = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        if any(name == b"access-control-allow-origin" for name, _ in found):
            found.append((b"access-control-allow-credentials", b"true"))
        return found


class CorsMiddleware:
    """Answers every preflight itself, whatever the path, and adds the same few headers to every other answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._cors_headers = CorsHeaders(settings)
        self._preflight = (
            (b"access-control-allow-methods", _join(METHODS)),
            (b"access-control-max-age", str(PREFLIGHT_AGE_S).encode()),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        extra = self._cors_headers.for_request(scope["headers"])
        if scope["method"] == "OPTIONS" and _is_preflight(scope["headers"]):
            names = (b"access-control-allow-headers", _allowed_names(scope["headers"]))
            answer = [*self._cors_headers.for_preflight(scope), *self._preflight, names]
            await send({"type": "http.response.start", "status": 204, "headers": answer})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return

        async def send_open(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A copy, because the layer below may send the same message for every request.
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, send_open)


def _is_preflight(headers: HeaderPairs) -> bool:
    return (
        _find_header(headers, b"origin") is not None
        and _find_header(headers, b"access-control-request-method") is not None
    )


def _allowed_names(headers: HeaderPairs) -> bytes:
    """The headers that a page may send: those that calls read, and those that it asks for, such as tracing's."""
    asked = (_find_header(headers, b"access-control-request-headers") or b"")[:ASKED_BYTES_MAX].decode("latin-1")
    names = (name.strip().lower() for name in asked.split(",", ASKED_NAMES_MAX)[:ASKED_NAMES_MAX])
    return _join(dict.fromkeys([*REQUEST_HEADERS, *(name for name in names if _TOKEN.fullmatch(name))]))


def _find_header(headers: HeaderPairs, name: bytes) -> bytes | None:
    return next((value for key, value in headers if key == name), None)


def _join(names: Iterable[str]) -> bytes:
    return ", ".join(names).encode()
