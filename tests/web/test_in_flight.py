"""More bytes in flight than there may be: long bodies are refused before they are read, and short ones go on."""

import asyncio
import gzip
import json
import time

import pytest
from events_server import EVENT, connecting, post, read, serving

LONG = 100_000
LONG_BEGUN = f"POST /events HTTP/1.1\r\nhost: here\r\ncontent-length: {LONG}\r\n\r\n".encode()
BODY_BEGUN = (LONG - 1) * b" "
CHUNKED_BEGUN = b"POST /events HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"


def events(number, chars):
    event = {**EVENT, "timestamp": int(time.time() * 1000), "context": [chars * "x"]}
    return json.dumps({"events": number * [event]}).encode()


async def holds(server, is_so):
    deadline = time.monotonic() + 20
    while not is_so(server.collector.budget.held_bytes):
        assert time.monotonic() < deadline, server.collector.budget.held_bytes
        await asyncio.sleep(0.01)


def long_begun(sender):
    """The head of a long request, as a proxy on this machine passes it on."""
    return LONG_BEGUN.replace(b"host: here", b"host: here\r\nx-forwarded-for: " + sender.encode())


async def test_a_long_body_is_refused_before_it_is_sent_while_others_are_in_flight(tmp_path):
    senders = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    async with serving(tmp_path, in_flight_bytes_max=4 * (LONG - 1)) as server, connecting(server) as connect:
        # What is only announced takes up nothing.
        await connect(LONG_BEGUN)
        under_way = [await connect(long_begun(sender) + BODY_BEGUN) for sender in senders]
        await holds(server, lambda held: held == 3 * (LONG - 1))
        reader, _ = await connect(long_begun(senders[0]))
        answer = await read(reader)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in answer
        assert b"SERVICE_UNAVAILABLE" in answer
        # A short one is served, however it comes.
        whole = post()
        assert [answer[9:12] for answer in await server.ask(whole)] == [b"200"]
        assert [answer[9:12] for answer in await server.ask(whole[:-5], whole[-5:])] == [b"200"]
        # A client that goes away, and one that is done, give back what they took.
        under_way[0][1].transport.abort()
        await holds(server, lambda held: held == 2 * (LONG - 1))
        body = events(1, 60_000)
        (answer,) = await server.ask(post(body + (LONG - len(body)) * b" "))
        assert answer[9:12] == b"200"
        await holds(server, lambda held: held == 2 * (LONG - 1))


@pytest.mark.parametrize("busy", [3 * ["192.0.2.1"], [f"2001:db8::{number}" for number in range(1, 4)]])
async def test_a_sender_that_holds_all_it_may_keeps_nobody_else_out(tmp_path, busy):
    body = events(1, 60_000)
    whole = body + (LONG - len(body)) * b" "
    async with serving(tmp_path, in_flight_bytes_max=4 * (LONG - 1)) as server, connecting(server) as connect:
        under_way = [await connect(long_begun(sender) + BODY_BEGUN) for sender in busy[:2]]
        await holds(server, lambda held: held == 2 * (LONG - 1))
        # Half of all is what one sender alone may hold.
        reader, _ = await connect(long_begun(busy[2]))
        assert (await read(reader)).startswith(b"HTTP/1.1 503 ")
        for begun in (long_begun(sender) for sender in ("192.0.2.7", "192.0.2.8")):
            reader, writer = await connect(begun + whole[:90_000])
            await holds(server, lambda held: held > 2 * (LONG - 1))
            writer.write(whole[90_000:])
            assert (await read(reader)).startswith(b"HTTP/1.1 200 ")
        for _, writer in under_way:
            writer.transport.abort()
        await holds(server, lambda held: held == 0)
        assert server.collector.budget._by_sender == {}


async def test_a_known_head_is_refused_as_a_new_one_is(tmp_path):
    body = events(1, 20_000)
    async with serving(tmp_path, in_flight_bytes_max=2 * (LONG - 1)) as server, connecting(server) as connect:
        reader, _ = await connect(post(body))
        assert (await read(reader)).startswith(b"HTTP/1.1 200 ")
        await connect(LONG_BEGUN + BODY_BEGUN)
        await holds(server, lambda held: held == LONG - 1)
        for sent in (post(body), post(body, "x-new: head")):
            reader, _ = await connect(sent)
            assert (await read(reader)).startswith(b"HTTP/1.1 503 ")
        # A short one is served, its head known or not.
        assert [answer[9:12] for _ in range(2) for answer in await server.ask(post())] == [b"200", b"200"]


@pytest.mark.parametrize("pieces", [(90_000,), (20_000, 20_000, 20_000, 20_000)])
async def test_a_body_in_chunks_is_counted_as_it_grows(tmp_path, pieces):
    async with serving(tmp_path, in_flight_bytes_max=2 * LONG) as server, connecting(server) as connect:
        reader, writer = await connect(CHUNKED_BEGUN)
        for size in pieces:
            writer.write(b"%x\r\n%b\r\n" % (size, size * b" "))
        await holds(server, lambda held: held == sum(pieces))
        writer.write(b"%x\r\n%b\r\n" % (LONG, LONG * b" "))
        await holds(server, lambda held: held >= LONG)
        writer.write(b"1\r\n \r\n")
        assert (await read(reader)).startswith(b"HTTP/1.1 503 ")
        await holds(server, lambda held: held == 0)


async def test_answers_that_nobody_takes_are_counted_until_their_clients_are_gone(tmp_path):
    """A body of 8 KB makes an answer of 8 MB; nothing of what is refused for it is stored."""
    small = post(gzip.compress(events(130, 64_000)), "content-encoding: gzip")
    async with serving(tmp_path, in_flight_bytes_max=1_000_000) as server, connecting(server) as connect:
        statuses = []
        for _ in range(3):
            reader, _ = await connect(small)
            statuses.append((await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20))[9:12])
            reader._transport.pause_reading()
        assert statuses == [b"200", b"503", b"503"]
        assert server.collector.events_accepted == 130
        assert [answer[9:12] for answer in await server.ask(post())] == [b"200"]
    await holds(server, lambda held: held == 0)
