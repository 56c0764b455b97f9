"""Where requests begin and end, over real connections: each has one answer of its own, whatever stands around it."""

import asyncio
import json

import pytest
from events_server import BODY, post, read, serving

H2C = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQCAAAAAAIAAAAA")
WEBSOCKET = ("connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: eA==")
CHUNKED = b"POST /events HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n%b\r\n"
IN_CHUNKS = b"%x;name=value\r\n%b\r\n0\r\ntrailer: one\r\n\r\n" % (len(BODY), BODY)


async def rest(reader, writer):
    """All that comes until the other side closes."""
    found = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return found


async def send_in_packets(writer, data, size):
    for start in range(0, len(data), size):
        writer.write(data[start : start + size])
        await writer.drain()
        await asyncio.sleep(0)


async def push(writer, piece, times):
    """Send a piece over and over, for as long as the other side takes it. Raises ConnectionError when it is gone."""
    for _ in range(times):
        writer.write(piece)
        await asyncio.wait_for(writer.drain(), 60)


def statuses(data):
    return [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("asks", [H2C, WEBSOCKET, (*H2C, "expect: nothing"), (*H2C, "content-type: image/png")])
@pytest.mark.parametrize("size", [1, 50, 10_000])
async def test_an_upgrade_is_ignored_and_the_next_request_begins_behind_the_body(tmp_path, asks, size):
    whole = post(BODY, *asks) + post(BODY, "connection: close")
    async with serving(tmp_path) as server:
        reader, writer = await server.connect()
        await send_in_packets(writer, whole, size)
        taken = "content-type: image/png" not in asks
        assert statuses(await rest(reader, writer)) == [200 if taken else 415, 200]
        assert server.stored() == 1 + taken


@pytest.mark.parametrize("head", [CHUNKED % b"", CHUNKED % ("\r\n".join((*H2C, "")).encode())])
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_body_in_chunks_is_read_to_its_end_whether_an_upgrade_is_asked_for_or_not(tmp_path, head, size):
    whole = head + IN_CHUNKS + post(BODY, "connection: close")
    async with serving(tmp_path) as server:
        reader, writer = await server.connect()
        await send_in_packets(writer, whole, size)
        assert statuses(await rest(reader, writer)) == [200, 200]
        assert server.stored() == 2


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"x" * 9000 + b"\r\n"]
)
async def test_what_stands_behind_a_request_is_refused_by_itself(tmp_path, garbage):
    async with serving(tmp_path) as server:
        reader, writer = await server.connect()
        writer.write(post() + garbage)
        first = await read(reader)
        assert (first[9:12], server.stored()) == (b"200", 1)
        writer.write(b"\r\n\r\n")
        assert statuses(await rest(reader, writer)) == [400]


@pytest.mark.parametrize("headers", [(), ("expect: nothing",)])
async def test_a_client_that_has_said_all_still_gets_its_answers(tmp_path, headers):
    async with serving(tmp_path) as server:
        reader, writer = await server.connect()
        writer.write(2 * post(BODY, *headers))
        writer.write_eof()
        assert statuses(await rest(reader, writer)) == [200, 200]
        assert server.stored() == 2


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nx: " + 9000 * b"y", 431),
        (b"GET /" + 9000 * b"y", 431),
        (b"GET / HTTP/1.1\r\n" + 102 * b"x: y\r\n", 431),
        (CHUNKED % b"" + b"0\r\n" + 2000 * b"a: b\r\n", 431),
        (CHUNKED % b"" + b"1;" + 9000 * b"e", 400),
        (CHUNKED % b"" + b"zz\r\n", 400),
        (CHUNKED % b"" + b"1\r\nab\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nhost: a\r\ncontent-length: -3\r\n\r\n", 400),
        (b"CONNECT there:1 HTTP/1.1\r\nhost: there\r\n\r\n", 405),
        (b"no HTTP at all\r\n\r\n", 400),
    ],
)
async def test_what_is_no_request_is_refused_in_the_api_s_own_words_and_the_connection_closed(tmp_path, sent, status):
    async with serving(tmp_path, head_bytes_max=8192, head_fields_max=100) as server:
        reader, writer = await server.connect()
        writer.write(sent)
        answer = await read(reader)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b"\r\ncontent-type: application/json\r\n" in answer
        assert b"\r\nconnection: close\r\n" in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])[0]["value"]["code"].startswith("REQUEST_")
        assert await rest(reader, writer) == b""
        assert server.stored() == 0


@pytest.mark.parametrize(
    ("sent", "statuses_wanted"),
    [(b"", []), (b"GET / HT", [408]), (post() + b"GET / HT", [200, 408]), (post()[:-5], [408])],
)
async def test_every_wait_for_a_client_ends(tmp_path, sent, statuses_wanted):
    async with serving(tmp_path, keep_alive_s=1, head_timeout_s=1, body_timeout_s=1) as server:
        reader, writer = await server.connect()
        writer.write(sent)
        assert statuses(await rest(reader, writer)) == statuses_wanted


@pytest.mark.parametrize("sent", [post(b"x" * 5000)[:-1000], CHUNKED % b"" + b"fffff\r\n"])
async def test_a_body_that_goes_on_after_its_refusal_is_read_up_to_a_bound(tmp_path, sent):
    """The bound is that of two bodies; the socket's own buffers come on top."""
    async with serving(tmp_path, body_bytes_max=4000, linger_s=600) as server:
        _, writer = await server.connect()
        writer.write(sent)
        with pytest.raises(ConnectionError):
            await push(writer, bytes(65_536), 1500)
        writer.close()


async def test_a_client_that_takes_no_answers_is_read_no_further_and_let_go(tmp_path):
    """It may have in flight what the sockets hold, and no more: the service takes no request while its answers wait."""
    async with serving(tmp_path, write_timeout_s=1) as server:
        reader, writer = await server.connect()
        reader._transport.pause_reading()
        with pytest.raises(ConnectionError):
            await push(writer, 1000 * post(), 1000)
        writer.close()
        waited = server.collector.events_accepted
        # A new client is served as ever, and nothing more of the other.
        (answer,) = await server.ask(post())
        assert answer[9:12] == b"200"
        assert server.collector.events_accepted == waited + 1


async def test_a_client_that_takes_a_large_answer_slowly_gets_all_of_it(tmp_path):
    event = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-APPLICATION-LOADED"}
    big = json.dumps({"events": 100 * [{**event, "timestamp": 1571029200000, "context": [60_000 * "x"]}]}).encode()
    async with serving(tmp_path, write_timeout_s=1) as server:
        reader, writer = await server.connect()
        writer.write(post(big))
        await writer.drain()
        found = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        assert found.startswith(b"HTTP/1.1 200 ")
        left = int(found.partition(b"content-length: ")[2].partition(b"\r")[0])
        while left:
            data = await asyncio.wait_for(reader.read(1_500_000), 20)
            assert data
            left -= len(data)
            reader._transport.pause_reading()
            await asyncio.sleep(0.1)
            reader._transport.resume_reading()
        writer.close()


async def test_pipelined_requests_in_cut_packets_are_answered_in_their_order(tmp_path):
    whole = b"".join(post(BODY.replace(b'"me"', b'"%d"' % number)) for number in range(30))
    async with serving(tmp_path) as server:
        reader, writer = await server.connect()
        for start in range(0, len(whole), 333):
            writer.write(whole[start : start + 333])
            await asyncio.sleep(0)
        for number in range(30):
            assert b'"context":["%d"]' % number in await read(reader)
        writer.close()
        assert server.stored() == 30


async def test_a_request_that_is_answered_before_its_small_body_has_come_keeps_its_connection(tmp_path):
    whole = post(BODY, "content-type: image/png")
    async with serving(tmp_path) as server:
        reader, writer = await server.connect()
        writer.write(whole[: -len(BODY)])
        first = await read(reader)
        assert (first[9:12], b"connection: close" in first) == (b"415", False)
        writer.write(BODY + post())
        assert (await read(reader))[9:12] == b"200"
        writer.close()
        assert server.stored() == 1
