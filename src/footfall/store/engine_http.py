"""The part of ClickHouse's HTTP protocol that clickhouse-connect speaks, as an ASGI application over the lanes.

A failure before the first byte has a status and `X-ClickHouse-Exception-Code`. A later one is written into the body as
ClickHouse does since 25.11, between markers that carry the tag of the response's `X-ClickHouse-Exception-Tag`, and then
the connection is closed without the last chunk, so that no client can take a cut result for a whole one.
"""

import asyncio
import base64
import binascii
import hmac
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from footfall.store.engine_lanes import EngineError, Lanes, Statement
from footfall.store.engine_request import Disconnected, Limits, Receive, read_request

_log = logging.getLogger(__name__)
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Scope = MutableMapping[str, Any]

_AUTHENTICATION_FAILED = 516
# The statuses that ClickHouse gives for the codes that clients look at; all others are 500.
_STATUSES = {36: 400, 62: 400, 72: 400, 457: 400, 456: 400, 60: 404, 81: 404, 115: 404, 307: 413, 516: 403, 48: 501}


class BrokenOff(Exception):
    """Raised to the server after a failed stream, so that it closes the connection without the last chunk."""


class HttpOutlet:
    """Sends a result's blocks from a lane's thread through the event loop; the loop's flow control makes it wait."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._headers = headers
        self.tag = secrets.token_hex(8)
        self.gone = False
        self.begun = False

    def begin(self, format: str | None, summary: dict[str, str]) -> None:
        headers = [*self._headers, (b"x-clickhouse-exception-tag", self.tag.encode())]
        if format is not None:
            headers.append((b"x-clickhouse-format", format.encode()))
        if summary:
            headers.append((b"x-clickhouse-summary", json.dumps(summary).encode()))
        self.begun = True
        self._wait(self._send({"type": "http.response.start", "status": 200, "headers": headers}))

    def write(self, block: bytes) -> None:
        self._wait(self._send({"type": "http.response.body", "body": block, "more_body": True}))

    def _wait(self, sending: Awaitable[None]) -> None:
        async def send() -> None:
            await sending

        asyncio.run_coroutine_threadsafe(send(), self._loop).result()


class Protocol:
    """The ASGI application: `/ping` for anybody, statements for whoever knows the password."""

    def __init__(self, lanes: Lanes, user: str, password: str, spool: Path, limits: Limits, timezone: str) -> None:
        self._lanes = lanes
        self._user = user.encode()
        self._password = password.encode()
        self._spool = spool
        self._limits = limits
        self._timezone = timezone.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/ping":
            await _respond(send, 200, b"Ok.\n", [])
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._authenticate(headers)
            request = await read_request(scope["query_string"], headers, receive, self._spool, self._limits)
        except EngineError as error:
            await _refuse(send, error, [])
            return
        except Disconnected:
            return
        try:
            await self._answer(request.statement, receive, send)
        finally:
            if request.data is not None:
                request.data.unlink(missing_ok=True)

    def _authenticate(self, headers: dict[str, str]) -> None:
        user, password = _credentials(headers)
        # Both are always compared, so that the time says nothing about which was wrong.
        right = hmac.compare_digest(user, self._user) & hmac.compare_digest(password, self._password)
        if not right:
            message = f"Code: {_AUTHENTICATION_FAILED}. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)"
            raise EngineError(_AUTHENTICATION_FAILED, message)

    async def _answer(self, statement: Statement, receive: Receive, send: Send) -> None:
        headers = [
            (b"x-clickhouse-query-id", statement.query_id.encode("latin-1", "replace")),
            (b"x-clickhouse-timezone", self._timezone),
            (b"content-type", b"application/octet-stream"),
        ]
        outlet = HttpOutlet(send, headers)
        started = time.monotonic()
        work = self._lanes.start(statement, outlet)
        watch = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            # What writes is not cut short: its outcome would be unknown, and it ends soon.
            if not work.done() and statement.reads:
                outlet.gone = True
                await self._lanes.stop(statement, work)
            await work
            await _finish(outlet, send)
        except EngineError as error:
            _log.info(
                "statement %s failed after %.3f s with code %d",
                statement.query_id,
                time.monotonic() - started,
                error.code,
            )
            await _fail(outlet, error, send, headers)
        except asyncio.CancelledError:
            outlet.gone = True
            await self._lanes.stop(statement, work)
            raise
        finally:
            watch.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _finish(outlet: HttpOutlet, send: Send) -> None:
    if outlet.begun:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _fail(outlet: HttpOutlet, error: EngineError, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    if outlet.gone:
        return
    if not outlet.begun:
        await _refuse(send, error, headers)
        return
    message = f"{error}\n".encode()
    block = b"\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (
        outlet.tag.encode(),
        message,
        len(message),
        outlet.tag.encode(),
    )
    await send({"type": "http.response.body", "body": block, "more_body": True})
    raise BrokenOff from error


async def _refuse(send: Send, error: EngineError, headers: list[tuple[bytes, bytes]]) -> None:
    code = (b"x-clickhouse-exception-code", str(error.code).encode())
    await _respond(send, _STATUSES.get(error.code, 500), f"{error}\n".encode(), [*headers, code])


async def _respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _credentials(headers: dict[str, str]) -> tuple[bytes, bytes]:
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"].encode(), headers.get("x-clickhouse-key", "").encode()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return b"", b""
    try:
        user, _, password = base64.b64decode(token, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b"", b""
    return user, password
