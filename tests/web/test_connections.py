"""More connections than there may be: those that do nothing make room, and whoever comes gets in or hears why not."""

import asyncio
import os
import socket
import subprocess
import sys
import time

import pytest
import uvloop
from events_server import BODY, connecting, post, read, serving

from footfall.web.connections import SEARCH_S, ConnectionTable

pytestmark = pytest.mark.usefixtures("pauses")

BEGUN = post()[:-5]
CHUNKED = b"POST /events HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"
PART_OF_A_HEAD = b"POST /events HTTP/1.1\r\nhost: he"


async def end(reader):
    """Whether the other side has closed, within the time of a test."""
    try:
        return await asyncio.wait_for(reader.read(), 20) == b""
    except ConnectionError:
        return True


async def is_served(reader, writer):
    writer.write(post())
    return (await read(reader))[9:12] == b"200"


async def test_the_connection_that_was_idle_for_longest_makes_room_for_a_new_one(tmp_path):
    async with serving(tmp_path, connections_max=3) as server, connecting(server) as connect:
        first, second, third = [await connect() for _ in range(3)]
        for used in (second, third, first):
            assert await is_served(*used)
        fourth = await connect()
        assert await is_served(*fourth)
        assert await end(second[0])
        for kept in (third, first, fourth):
            assert await is_served(*kept)
        # Many more come and go, and each gets in.
        for _ in range(50):
            assert await is_served(*await connect())


async def test_a_client_that_has_yet_to_take_the_end_of_its_answer_does_not_make_room(tmp_path, monkeypatch):
    served = []
    add = ConnectionTable.add
    monkeypatch.setattr(ConnectionTable, "add", lambda *given: served.append(given[1]) or add(*given))
    async with serving(tmp_path, connections_max=1) as server, connecting(server) as connect:
        reader, writer = await connect()
        assert await is_served(reader, writer)
        transport, sent = served[0].transport, 0
        # More than the system takes, and less than what has the server wait.
        while not transport.get_write_buffer_size():
            transport.write(bytes(32 * 1024))
            sent += 32 * 1024
        another, _ = await connect()
        assert (await read(another))[9:12] == b"503"
        assert await asyncio.wait_for(reader.readexactly(sent), 20) == bytes(sent)
        assert await is_served(reader, writer)
        # Connections to let go of are not searched for again at once.
        async with asyncio.timeout(20):
            while not await is_served(*await connect()):
                await asyncio.sleep(SEARCH_S)


async def test_a_client_that_has_sent_a_part_of_a_head_makes_room_where_none_is_idle(tmp_path):
    async with serving(tmp_path, connections_max=3) as server, connecting(server) as connect:
        begun, busy, idle = [await connect() for _ in range(3)]
        assert await is_served(*idle)
        begun[1].write(PART_OF_A_HEAD)
        busy[1].write(BEGUN)
        assert await is_served(*await connect())
        assert await end(idle[0])
        (answer,) = await server.ask(post())
        assert answer[9:12] == b"200"
        more = await connect()
        more[1].write(BEGUN)
        last = await connect()
        last[1].write(BEGUN)
        assert await end(begun[0])
        for under_way in (busy, more, last):
            under_way[1].write(BODY[-5:])
            assert (await read(under_way[0]))[9:12] == b"200"


@pytest.mark.parametrize("reads", [False, True])
def test_requests_that_are_answered_at_once_wait_unread_for_their_turn(tmp_path, reads):
    """Each turn of the loop one was answered and a packet was read: 80 MB of them were kept, and copied each time."""

    async def flood() -> int:
        async with serving(tmp_path, address_requests_per_s=0) as server, connecting(server) as connect:
            reader, writer = await connect(post())
            await read(reader)
            (connection,) = server.connections
            some, most = 2_000 * post(b"{}"), 0
            for _ in range(60):
                writer.write(some)
                for _ in range(4):
                    await asyncio.sleep(0)
                    most = max(most, len(connection._buffer))
                if reads:
                    await reader.read(64 * 1024)
            return most

    assert uvloop.run(flood()) <= 3 * 256 * 1024


async def test_where_each_has_a_request_under_way_the_new_one_is_told_to_come_again(tmp_path):
    async with serving(tmp_path, connections_max=3) as server, connecting(server) as connect:
        busy = [await connect(BEGUN) for _ in range(3)]
        await server.has_begun(3)
        reader, _ = await connect()
        answer = await read(reader)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in answer
        assert b"\r\nconnection: close\r\n" in answer
        assert b"SERVICE_UNAVAILABLE" in answer
        assert await end(reader)
        for reader, writer in busy:
            writer.write(BODY[-5:])
            assert (await read(reader))[9:12] == b"200"
        # There is room again as soon as they are done.
        deadline = time.monotonic() + 20
        while True:
            reader, writer = await connect()
            writer.write(post())
            if (await read(reader))[9:12] == b"200":
                break
            assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("begun", "rest"),
    [
        (BEGUN, BODY[-5:]),
        (post()[: -len(BODY)], BODY),
        (CHUNKED + b"%x\r\n" % len(BODY) + BODY[:9], BODY[9:] + b"\r\n0\r\n\r\n"),
    ],
    ids=["with a length", "without any of it", "in chunks"],
)
async def test_a_client_that_pauses_in_a_body_makes_room_where_no_other_can(tmp_path, monkeypatch, pauses, begun, rest):
    pauses(0)
    served = []
    add = ConnectionTable.add
    monkeypatch.setattr(ConnectionTable, "add", lambda *given: served.append(given[1]) or add(*given))
    async with serving(tmp_path, connections_max=2) as server, connecting(server) as connect:
        paused = []
        for _ in range(2):
            paused.append(await connect(begun))
            async with asyncio.timeout(20):
                while len(served) < len(paused) or served[-1].eviction_rank != 2:
                    await asyncio.sleep(0.01)
        assert await is_served(*await connect())
        assert await end(paused[0][0])
        # The one that is left is served, once its client goes on.
        paused[1][1].write(rest)
        assert (await read(paused[1][0]))[9:12] == b"200"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_accepted(port):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sent:
        sent.sendall(post())
        return sent.recv(12) == b"HTTP/1.1 200"


def limited(soft, hard, *command):
    """A command that may open so many files."""
    return ["sh", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"', "sh", sys.executable, *command]


@pytest.fixture
def web(tmp_path):
    """Starts a web process that may open so many files; returns its port, and the path of its log."""
    started = []

    def start(files):
        port, log = free_port(), tmp_path / "log"
        (tmp_path / "data").mkdir(exist_ok=True)
        settings = {"port": port, "data_dir": tmp_path / "data", "disk_free_bytes_min": 0}
        environment = {**os.environ, **{f"FOOTFALL_{name.upper()}": str(value) for name, value in settings.items()}}
        with log.open("wb") as file:
            command = limited(files, files, "-m", "footfall", "web")
            started.append(subprocess.Popen(command, env=environment, stderr=file))
        deadline = time.monotonic() + 60
        while True:
            try:
                assert is_accepted(port)
            except OSError:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            else:
                return port, log

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_thousand_idle_connections_lock_nobody_out_whatever_the_bound_on_open_files(web):
    port, log = web(256)
    idle = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(1000)]
    assert all(is_accepted(port) for _ in range(50))
    assert "only 64 of connections_max = 10000 connections fit" in log.read_text()
    for one in idle:
        one.close()


@pytest.mark.parametrize(
    ("soft", "hard", "most", "files", "fit"),
    [(200, 1000, 300, 728, 300), (200, 1000, 500, 1000, 436), (900, 1000, 300, 900, 300), (64, 64, 300, 64, 1)],
)
def test_the_bound_on_open_files_is_raised_to_what_connections_need(soft, hard, most, files, fit):
    code = (
        "import resource; from footfall.system import process; from footfall.settings.schema import Settings; "
        f"settings = Settings(connections_max={most}); process.raise_file_limit_for_connections(settings); "
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], process.connections_that_fit(settings))"
    )
    found = subprocess.run(limited(soft, hard, "-c", code), capture_output=True, check=True, text=True, timeout=60)
    assert found.stdout.split() == [str(files), str(fit)]
    assert ("connections fit" in found.stderr) == (fit < most)
