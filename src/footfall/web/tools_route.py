"""The route of `/mcp`: tools for language models over Streamable HTTP, each a call of this very application.

It has no rights of its own: whoever asks is signed in as by `GET /service/authenticate`, and every tool is a `GET` with
the same credentials, within the process, past the same guards. So its limits are those of the calls, and `POST /events`
shares nothing with it but the event loop, where a request takes some three times what the call of its tool does.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import unquote

from litestar import Request, Response

from footfall.errors import Code, RequestRefused
from footfall.mcp import READ_BYTES_MAX, Ask, Told
from footfall.web.asgi import ANSWER_NOW
from footfall.web.calls.request import JSON, UNCACHED, read_body, require_json
from footfall.web.dependencies import Parts
from footfall.web.openapi.document import Description
from footfall.web.route import PageRoute

PATH: Final = "/mcp"
# A request names a tool with its parameters, which a query string has to hold.
_BODY_BYTES_MAX: Final = 64 * 1024
# What the calls are told of the request: who asks, from where, and under which address of the service.
_PASSED: Final = (b"authorization", b"host", b"user-agent", b"footfall-code", b"forwarded", b"x-real-ip")
_PASSED_BEGIN: Final = b"x-forwarded-"
_SHARED: Final = ("type", "asgi", "http_version", "scheme", "server", "client", "root_path", ANSWER_NOW)


class ToolsOfRequest(Protocol):
    """What answers a request of the protocol by asking the application."""

    async def serve_request(
        self, ask: Ask, base_url: str, scope: Any, receive: Any, send: Any, *, body_bytes_max: int
    ) -> None:
        """Answer the request of the ASGI scope."""


class _Collected:
    """An answer that is kept instead of sent, up to a bound."""

    def __init__(self, bytes_max: int) -> None:
        self.status = 500
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self._bytes_max = bytes_max

    async def send(self, message: Mapping[str, Any]) -> None:
        """What the application calls with each part."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        elif len(self.body) <= self._bytes_max:
            self.body += message.get("body", b"")


class ToolsRoute:
    """Answers `POST /mcp`. `tools` makes what knows the protocol, from the service's description."""

    def __init__(self, parts: Parts, tools: "MakeTools") -> None:
        self._settings = parts.settings
        self._forwarded = parts.forwarded
        description = Description(parts.service, parts.plan, parts.settings)
        self._tools = tools(description.document(""))

    @property
    def route(self) -> PageRoute:
        """The route, for the application."""
        return PageRoute("POST", PATH, self.answer)

    async def answer(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Answer one message of the protocol. Raises RequestRefused."""
        require_json(request)
        if self._forwarded.is_cross_origin(request.scope):
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "a page of another origin may not ask here")
        signed_in = await _ask(request, "/service/authenticate")
        if signed_in.status != 200:
            return _response(signed_in)
        body = await read_body(request, self._settings.body_timeout_s, _BODY_BYTES_MAX)

        async def ask(target: str) -> Told:
            return (await _ask(request, target)).told

        collected = _Collected(READ_BYTES_MAX)
        base_url = self._forwarded.base_url(request.scope)
        await self._tools.serve_request(
            ask, base_url, request.scope, _receiver(body), collected.send, body_bytes_max=_BODY_BYTES_MAX
        )
        return Response(
            bytes(collected.body),
            status_code=collected.status,
            media_type=collected.headers.get("content-type", JSON),
            headers=UNCACHED,
        )


class MakeTools(Protocol):
    """Makes what answers requests, of the OpenAPI document."""

    def __call__(self, document: Mapping[str, Any]) -> ToolsOfRequest:
        """Make it."""


class _Answer(_Collected):
    @property
    def told(self) -> Told:
        return Told(self.status, bytes(self.body))


async def _ask(request: Request[Any, Any, Any], target: str) -> _Answer:
    """The application's own answer to a GET with the credentials of a request."""
    path, _, query = target.partition("?")
    outer: Any = request.scope
    passed = [one for one in outer["headers"] if one[0] in _PASSED or one[0].startswith(_PASSED_BEGIN)]
    scope: Any = {
        **{name: outer[name] for name in _SHARED if name in outer},
        "method": "GET",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [*passed, (b"accept", JSON.encode())],
    }
    answer = _Answer(READ_BYTES_MAX)
    await request.app(scope, _receiver(b"", request.receive), answer.send)
    return answer


def _receiver(body: bytes, gone: Any = None) -> Any:
    """What an application receives: the body, and then that the client has gone, once it has."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        if gone is None:
            await asyncio.Event().wait()
        while (message := await gone())["type"] != "http.disconnect":
            pass
        return message

    return receive


def _response(answer: _Answer) -> Response[bytes]:
    """An answer of the application, passed on."""
    kept = ("www-authenticate", "retry-after", "cache-control")
    headers = {name: answer.headers[name] for name in kept if name in answer.headers}
    media_type = answer.headers.get("content-type", JSON)
    return Response(bytes(answer.body), status_code=answer.status, media_type=media_type, headers=headers)
