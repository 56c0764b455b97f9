"""A real server with the endpoint of `POST /events`, a collector and a journal; and requests to it as bytes."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn

from footfall import web
from footfall.accounts import WriteKeys
from footfall.ingest import Collector
from footfall.journal import Folder, Frame, Journal, walk
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.system.clock import SystemClock

EVENT = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-APPLICATION-LOADED", "context": ["me"]}
BODY = json.dumps({"events": [{**EVENT, "timestamp": int(time.time() * 1000)}]}).encode()
Connect = Callable[..., Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
BATCH = re.compile(rb'"batch":"[^"]*"|date: [^\r]*|x-request-id: [^\r]*')


class Server:
    def __init__(self, port: int, folder: Any, collector: Collector, sent_on: list[str]) -> None:
        self.port = port
        self.folder = folder
        self.collector = collector
        self.sent_on = sent_on
        self.certificate: web.Certificate | None = None
        # Those that the server has open.
        self.connections: set[Any] = set()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, *pieces: bytes, answers: int = 1) -> list[bytes]:
        """What comes back over one connection when these pieces are sent one after the other."""
        reader, writer = await self.connect()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        found = [await read(reader) for _ in range(answers)]
        writer.close()
        return found

    async def has_begun(self, number: int) -> None:
        """Wait until so many connections have sent a part of a body, and the server has read it."""
        async with asyncio.timeout(60):
            while sum(connection._body.is_missing for connection in self.connections) != number:
                await asyncio.sleep(0.01)

    def stored(self) -> int:
        parts = [part for path in self.folder.iterdir() for part in walk(path.read_bytes())]
        return sum(part.lines.count(b"\n") for part in parts if isinstance(part, Frame))


@contextlib.asynccontextmanager
async def serving(
    folder: Any, write_keys: WriteKeys | None = None, held: asyncio.Event | None = None, **changes: Any
) -> AsyncIterator[Server]:
    """Serve until the block ends. A request of `/held` waits for the event."""
    settings = Settings(disk_free_bytes_min=0, **changes)
    journal = Journal(Folder(folder / "journal"), settings, SystemClock())
    running = asyncio.create_task(journal.run())
    collector = Collector(journal, LivePlan(None, settings), settings, SystemClock(), write_keys)
    cors_headers = web.CorsHeaders(settings)
    sent_on: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        """The collector as it is behind the framework, with the headers that stand around every answer."""

        async def send_open(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *cors_headers.for_request(scope["headers"])]}
            await send(message)

        sent_on.append(f"{scope['method']} {scope['path']}")
        if held is not None and scope["path"] == "/held":
            await held.wait()
        await collector(scope, receive, send_open)

    certificate = web.Certificate(settings) if settings.tls_certificate else None
    protocol = web.events_protocol(collector, settings, certificate)
    config = uvicorn.Config(
        application, http=protocol, lifespan="off", log_config=None, server_header=False, ws="none", port=0,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        found = Server(port, folder / "journal", collector, sent_on)
        found.certificate = certificate
        found.connections = server.server_state.connections
        yield found
    finally:
        server.should_exit = True
        await task
        collector.close()
        journal.close()
        await running


@contextlib.asynccontextmanager
async def connecting(server: Server) -> AsyncIterator[Connect]:
    """Makes connections, which may begin with something sent; in the end they are cut."""
    made = []

    async def connect(sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await server.connect()
        made.append(writer)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    try:
        yield connect
    finally:
        for writer in made:
            writer.transport.abort()


async def read(reader: asyncio.StreamReader) -> bytes:
    """One answer, head and body."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    size = int(re.search(rb"content-length: (\d+)", head).group(1))
    return head + await asyncio.wait_for(reader.readexactly(size), 20)


def post(body: bytes = BODY, *headers: str, version: str = "1.1", target: str = "/events") -> bytes:
    lines = [f"POST {target} HTTP/{version}", "host: here", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
