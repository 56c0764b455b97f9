"""The live stream over a real connection: its head, its end, and clients that take nothing."""

import asyncio
import contextlib
import socket
import sqlite3

import httpx
import uvicorn

from footfall import web
from footfall.ingest import Collector
from footfall.plan import LivePlan
from footfall.settings import Settings

DEADLINE_S = 20
PATH = "/usage/live?customer=*&product=*"
LINE = b'{"customer":"BARCHART","product":"P","type":"T","timestamp":1,"context":["%b"],"sequence":1,"batch":"b"}\n'

END = LINE.replace(b'"T"', b'"END"').replace(b"%b", b"%d")


@contextlib.asynccontextmanager
async def serving(opened):
    """The application behind a real socket and our connections, with a journal that runs."""
    settings = Settings()
    running = asyncio.create_task(opened.journal.run())
    collector = Collector(opened.journal, LivePlan(None, settings), settings, opened.clock)
    config = uvicorn.Config(
        opened.app, http=web.events_protocol(collector, settings), lifespan="off", log_config=None, ws="none", port=0
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    async with asyncio.timeout(DEADLINE_S):
        while not server.started:
            await asyncio.sleep(0.005)
    yield server, server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    async with asyncio.timeout(DEADLINE_S):
        await serving
    collector.close()
    opened.journal.close()
    await running


def request(client, path=PATH, version="1.1", method="GET"):
    authorization = next(iter(client.auth.auth_flow(httpx.Request("GET", "http://x")))).headers["authorization"]
    return f"{method} {path} HTTP/{version}\r\nhost: x\r\nauthorization: {authorization}\r\n\r\n".encode()


async def begin(port, asked, receive_bytes=None):
    """A connection whose stream has begun, and the head of the answer."""
    made = socket.socket()
    if receive_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=made, limit=receive_bytes or 2**16)
    writer.write(asked)
    async with asyncio.timeout(DEADLINE_S):
        return reader, writer, await reader.readuntil(b"\r\n\r\n")


async def test_a_stream_is_neither_kept_nor_collected_on_the_way_and_ends_in_order_when_the_service_stops(service):
    async with service() as opened, serving(opened) as (server, port):
        reader, writer, head = await begin(port, request(opened.anna))
        for header in (b"content-type: text/event-stream", b"cache-control: no-store", b"x-accel-buffering: no"):
            assert b"\r\n" + header + b"\r\n" in head
        assert b"\r\naccess-control-allow-origin: *\r\n" in head
        assert b"\r\ntransfer-encoding: chunked\r\n" in head
        # A proxy may speak HTTP/1.0, which has no chunks.
        old, old_writer, old_head = await begin(port, request(opened.anna, version="1.0"))
        assert b"transfer-encoding" not in old_head
        await opened.journal.append(LINE % b"told")
        async with asyncio.timeout(DEADLINE_S):
            await reader.readuntil(b'"context":["told"]')
            await old.readuntil(b'"context":["told"]')
            server.should_exit = True
            assert b'event: end\ndata: {"reason":"stopping"}\n\n\r\n0\r\n\r\n' in await reader.read()
            assert (await old.read()).endswith(b'data: {"reason":"stopping"}\n\n')
        writer.close()
        old_writer.close()


async def test_a_client_that_takes_nothing_delays_neither_events_nor_the_stop(service):
    async with service(live_buffer_bytes_max=50_000) as opened, serving(opened) as (_, port):
        _, writer, _ = await begin(port, request(opened.anna), receive_bytes=4096)
        writer.transport.pause_reading()
        quick, quick_writer, _ = await begin(port, request(opened.root, f"{PATH}&types=END"))
        for number in range(4):
            await opened.journal.append((LINE % (b"x" * 50_000)) * 100 + END % number)
            async with asyncio.timeout(DEADLINE_S):
                while b'["%d"]' % number not in (await quick.readline()):
                    pass
        quick_writer.transport.abort()
    # The service has stopped, although its end was never taken.
    writer.transport.abort()


async def test_a_client_that_leaves_the_end_alone_does_not_delay_the_stop(service):
    async with service() as opened, serving(opened) as (server, port):
        _, writer, _ = await begin(port, request(opened.anna), receive_bytes=4096)
        writer.transport.pause_reading()
        (connection,) = server.server_state.connections
        transport = connection.transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        # More than the system takes, and so little that the stream does not wait: it is over before its client has it.
        async with asyncio.timeout(DEADLINE_S):
            while not transport.get_write_buffer_size():
                await opened.journal.append(LINE % (b"x" * 5_000))
                await asyncio.sleep(0.05)
    writer.transport.abort()


async def test_a_stream_that_nobody_may_open_and_one_that_is_not_wanted_leave_nothing(service):
    async with (
        service(live_listeners_each_max=1) as opened,
        serving(opened) as (_, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", auth=opened.anna.auth) as anna,
    ):
        assert (await anna.get(PATH + "&start=1")).status_code == 400
        assert (await anna.get("/usage/live?customer=TGAM&product=*")).status_code == 403
        assert (await anna.get(PATH, auth=("anna", "no"))).status_code == 401
        head = await anna.head(PATH)
        assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream")
        _, writer, _ = await begin(port, request(opened.anna))
        refused = await anna.get(PATH)
        assert (refused.status_code, refused.json()[0]["value"]["code"]) == (429, "REQUEST_RATE_LIMITED")
        assert refused.headers["retry-after"] == "10"
        # A client that has gone leaves room.
        writer.transport.abort()
        async with asyncio.timeout(DEADLINE_S):
            while opened.live.listeners:
                await asyncio.sleep(0.01)


async def test_a_stream_without_its_entry_in_the_audit_log_is_not_open(service, tmp_path):
    async with service(live_listeners_each_max=1) as opened:
        with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as connection:
            connection.execute("ALTER TABLE audit RENAME TO away")
        for _ in range(2):
            assert (await opened.anna.get(PATH)).status_code == 503
            assert opened.live.listeners == 0


async def test_who_comes_too_late_for_the_last_place_is_refused_too(service):
    async with service(live_listeners_each_max=1) as opened, serving(opened) as (_, port):
        begun = await asyncio.gather(*(begin(port, request(opened.anna)) for _ in range(8)))
        heads = sorted(head.split(b" ")[1] for _, _, head in begun)
        assert heads == [b"200", *[b"429"] * 7]
        for _, writer, _ in begun:
            writer.transport.abort()
