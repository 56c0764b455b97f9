"""The part of ClickHouse's HTTP protocol that clickhouse-connect speaks, as an ASGI application over its executors.

A failure before the first byte has a status and `X-ClickHouse-Exception-Code`. A later one is written into the body as
ClickHouse does since 25.11, between markers with the tag that `X-ClickHouse-Exception-Tag` announced, and then the
connection is closed without the last chunk, so that no client can take a cut result for a whole one.

A client on the same machine may name a pipe of its own in the spool folder. The result of a SELECT goes straight there,
and the response's body only says whether it is whole. This saves 0.12 us of a core for each row of a report.
"""

import asyncio
import base64
import binascii
import contextlib
import hmac
import json
import logging
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import msgspec

from footfall.store.engine import sql
from footfall.store.engine.executors import EngineError, EngineStatement, Executors, StatementResult
from footfall.store.engine.request import Bounds, ClientGone, Reader, Receive, Request
from footfall.store.engine.rights import Rights
from footfall.store.pipe import PIPE_HEADER, ResponsePipe, is_pipe_name

_log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_AUTHENTICATION_FAILED = 516
# The statuses of the codes that a client may want to tell apart; all others are 500.
_STATUSES = {
    36: 400,
    48: 501,
    60: 404,
    62: 400,
    72: 400,
    81: 404,
    89: 400,
    115: 404,
    307: 413,
    456: 400,
    457: 400,
    516: 403,
}


class EngineApplication:
    """The application: `/ping` for anybody, statements for whoever knows the password."""

    def __init__(self, executors: Executors, user: str, password: str, spool: Path, bounds: Bounds) -> None:
        self._executors = executors
        self._user = user.encode()
        self._password = password.encode()
        self._spool = spool
        self._reader = Reader(spool, bounds, Rights(executors.table_functions()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/ping":
            await _respond(send, 200, b"Ok.\n", [])
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._authenticate(headers)
            pipe = self._find_pipe(headers)
            request = await self._reader.read(scope["query_string"], headers, receive)
        except EngineError as error:
            await _refuse(send, error, [])
        except ClientGone:
            pass
        else:
            await self._answer(request, pipe, receive, send)

    def _authenticate(self, headers: dict[str, str]) -> None:
        user, password = _read_credentials(headers)
        # Both are always compared, so that the time does not tell which of them was wrong.
        if not hmac.compare_digest(user, self._user) & hmac.compare_digest(password, self._password):
            raise EngineError(_AUTHENTICATION_FAILED, "Authentication failed. (AUTHENTICATION_FAILED)")

    def _find_pipe(self, headers: dict[str, str]) -> Path | None:
        name = headers.get(PIPE_HEADER.lower())
        if name is None:
            return None
        if not is_pipe_name(name):
            raise EngineError(36, "This cannot be the name of a pipe. (BAD_ARGUMENTS)")
        return self._spool / name

    async def _answer(self, request: Request, pipe: Path | None, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        response = Response(send, request)
        gone = asyncio.ensure_future(_wait_gone(receive))
        try:
            if request.statement.keyword in sql.STREAMED and pipe is not None:
                await self._send_to_pipe(request.statement, response, gone, pipe)
            elif request.statement.keyword in sql.STREAMED:
                await self._send_blocks(request.statement, response, gone)
            else:
                await self._send_whole(request.statement, response, gone)
        except EngineError as error:
            seconds = time.monotonic() - started
            _log.info("statement %s failed with code %d after %.3f s", request.query_id, error.code, seconds)
            await response.fail(error)
        finally:
            gone.cancel()

    async def _send_blocks(
        self, statement: EngineStatement, response: "Response", gone: "asyncio.Future[None]"
    ) -> None:
        text, path = str(statement.text), self._spool / f"{statement.mark}.pipe"
        form = sql.read_format(text)
        try:
            with ResponsePipe(path) as pipe:
                work = self._executors.start(msgspec.structs.replace(statement, text=sql.into_file(text, str(path))))
                async for block in pipe.read(work, gone):
                    await response.write(block, form)
            if not gone.done():
                await response.end(await work, form)
        finally:
            # The pipe is closed by now: a statement that waits to write into a pipe does not notice a KILL.
            await self._executors.stop(statement)
            # A statement that began after that has made a file there.
            path.unlink(missing_ok=True)

    async def _send_to_pipe(
        self, statement: EngineStatement, response: "Response", gone: "asyncio.Future[None]", pipe: Path
    ) -> None:
        text = str(statement.text)
        form = sql.read_format(text)
        redirected = msgspec.structs.replace(statement, text=sql.into_file(text, str(pipe)), pipe=pipe)
        try:
            with _held_open(pipe):
                work = self._executors.start(redirected)
                await response.begin(form)
                either: set[asyncio.Future[Any]] = {work, gone}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                outcome = await work
                if not self._executors.delivered_whole(redirected):
                    raise EngineError(394, "Query was cancelled. (QUERY_WAS_CANCELLED)")
                await response.end(outcome, form)
        finally:
            await self._executors.stop(redirected)

    async def _send_whole(self, statement: EngineStatement, response: "Response", gone: "asyncio.Future[None]") -> None:
        work = self._executors.start(statement)
        either: set[asyncio.Future[Any]] = {work, gone}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await response.end(await work, sql.read_format(str(statement.text)) if statement.reads else None)
        finally:
            await self._executors.stop(statement)


class Response:
    """One response. Its head is sent with the first byte of the body, so that a failure before has its own status."""

    def __init__(self, send: Send, request: Request) -> None:
        self._send = send
        self._tag = secrets.token_hex(8)
        self._begun = False
        self._headers: Headers = [
            (b"content-type", b"application/octet-stream"),
            (b"x-clickhouse-query-id", request.query_id.encode()),
            (b"x-clickhouse-timezone", b"UTC"),
            (b"x-clickhouse-exception-tag", self._tag.encode()),
        ]

    async def write(self, block: bytes, form: str | None) -> None:
        """Send a part of the result; returns when the client has taken nearly all of it, or has gone."""
        await self.begin(form)
        await self._send({"type": "http.response.body", "body": block, "more_body": True})

    async def end(self, outcome: StatementResult, form: str | None) -> None:
        """Send the rest of the result, and the end."""
        if not self._begun:
            self._headers.append((b"x-clickhouse-summary", json.dumps(outcome.summary).encode()))
        await self.begin(form)
        await self._send({"type": "http.response.body", "body": outcome.body})

    async def fail(self, error: EngineError) -> None:
        """Report the error: by a status when nothing has been sent, else inside the body."""
        if not self._begun:
            await _refuse(self._send, error, self._headers)
            return
        message, tag = f"{error}\n".encode(), self._tag.encode()
        block = b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (tag, message, len(message), tag)
        await self._send({"type": "http.response.body", "body": block, "more_body": True})
        # Returning without the end makes the server close the connection without the last chunk.

    async def begin(self, form: str | None) -> None:
        """Send the head, unless it has been sent."""
        if not self._begun:
            self._begun = True
            named = [] if form is None else [(b"x-clickhouse-format", form.encode())]
            await self._send({"type": "http.response.start", "status": 200, "headers": [*self._headers, *named]})


@contextlib.contextmanager
def _held_open(pipe: Path) -> Iterator[None]:
    """Keep the pipe open for writing: its reader sees no end before the statement has begun to write."""
    try:
        file = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        raise EngineError(76, f"The client's pipe cannot be opened: {error.strerror}. (CANNOT_OPEN_FILE)") from error
    try:
        yield
    finally:
        os.close(file)


async def _wait_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, error: EngineError, headers: Headers) -> None:
    code = (b"x-clickhouse-exception-code", str(error.code).encode())
    await _respond(send, _STATUSES.get(error.code, 500), f"{error}\n".encode(), [*headers, code])


async def _respond(send: Send, status: int, body: bytes, headers: Headers) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _read_credentials(headers: dict[str, str]) -> tuple[bytes, bytes]:
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"].encode(), headers.get("x-clickhouse-key", "").encode()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, ValueError):
            user, _, password = base64.b64decode(token, validate=True).partition(b":")
            return user, password
    return b"", b""
