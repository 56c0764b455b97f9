"""`POST /events` over real connections: what a connection answers itself is what the application would answer."""

import asyncio

import pytest
from events_server import BATCH, BODY, post, read, serving

from footfall.ingest import Headers
from footfall.web.exchange import KNOWN_HEAD_BYTES_MAX, KNOWN_HEADS_MAX, HeadCache, ParsedHead


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY, ("content-type: application/json",)),
        (BODY, ("Content-Type: text/plain; charset=utf-8", "Origin: https://page.example")),
        (b'{"events":[]}', ()),
        (b"{", ()),
        (b'{"events":[{"customer":7}]}', ()),
        (BODY.replace(b"BARCHART", b"NOBODY"), ()),
        (BODY, ("content-type: image/png",)),
        (BODY, ("idempotency-key: one",)),
        (BODY, ("idempotency-key: " + 201 * "k",)),
        (BODY, ("connection: close",)),
    ],
)
@pytest.mark.parametrize("changes", [{}, {"plan_mode": "quarantine"}, {"cors_origins": "https://page.example"}])
async def test_an_answer_is_the_same_as_the_application_s(tmp_path, body, headers, changes):
    """An `Expect` that is not `100-continue` does nothing but send a request the ordinary way."""
    async with serving(tmp_path, **changes) as server:
        (here,) = await server.ask(post(body, *headers))
        seen = list(server.sent_on)
        (there,) = await server.ask(post(body, *headers, "expect: nothing"))
        assert len(server.sent_on) == len(seen) + 1
        assert BATCH.sub(b"", here) == BATCH.sub(b"", there)
        # Only what its headers already condemn is sent on.
        assert bool(seen) == (b"UNSUPPORTED_MEDIA_TYPE" in here or b"PARAMETER_MALFORMED" in here)


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
async def test_a_request_in_pieces_is_one_request(tmp_path, size):
    whole = post()
    async with serving(tmp_path) as server:
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        reader, writer = await server.connect()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        assert (await read(reader)).startswith(b"HTTP/1.1 200 ")
        writer.close()
        assert (server.stored(), server.sent_on) == (1, [])


@pytest.mark.parametrize(
    "pieces",
    [
        [post(), post(), post()],
        [post() + post() + post()],
        [post(), post() + post()],
        [post(), post()[:-5], post()[-5:] + post()],
        [post(), post()[:20], post()[20:], post()],
        [post(), b"\r\n" + post(), post()],
    ],
)
async def test_a_head_that_is_known_by_now_is_read_like_the_first(tmp_path, pieces):
    async with serving(tmp_path) as server:
        answers = await server.ask(*pieces, answers=3)
        assert {BATCH.sub(b"", answer) for answer in answers} == {BATCH.sub(b"", answers[0])}
        assert answers[0].startswith(b"HTTP/1.1 200 ")
        assert server.stored() == 3


def test_heads_are_known_by_all_their_bytes_and_only_where_nothing_but_the_body_follows():
    said = ParsedHead([], Headers(length=3), keep_alive=True)
    first = b"POST /events HTTP/1.1\r\ncontent-length: 3\r\n\r\n"
    heads = HeadCache()
    assert heads.find(first + b"abc") is None
    heads.learn(first + b"abc", said, b"abc")
    assert heads.find(first + b"xyz") == (said, b"xyz")
    for other in (first + b"ab", first + b"abcd", first.lower() + b"abc", first, b"abc"):
        assert heads.find(other) is None
    # What the parser took for the body is not what follows; a key that is of one request; a head that is too long.
    second = first.replace(b"POST", b"post")
    heads.learn(second + b"abc", said, b"bc")
    heads.learn(second + b"abc", ParsedHead([], Headers(length=3, idempotency_key="k"), keep_alive=True), b"abc")
    heads.learn(b"x" * KNOWN_HEAD_BYTES_MAX + second + b"abc", said, b"abc")
    assert heads.find(second + b"abc") is heads.find(b"x" * KNOWN_HEAD_BYTES_MAX + second + b"abc") is None


def test_no_more_heads_are_kept_than_may_be():
    said, heads = ParsedHead([], Headers(length=0), keep_alive=True), HeadCache()
    many = [b"POST /events?%d\r\n\r\n" % number for number in range(KNOWN_HEADS_MAX + 1)]
    for head in many:
        heads.learn(head, said, b"")
        assert heads.find(head) == (said, b"")
    assert sum(heads.find(head) is not None for head in many) <= KNOWN_HEADS_MAX


async def test_requests_that_do_not_wait_for_answers_are_answered_in_order(tmp_path):
    async with serving(tmp_path) as server:
        wrong = post(b"{")
        both = await server.ask(post() + wrong + post() + wrong + post(), answers=5)
        assert [answer[9:12] for answer in both] == [b"200", b"400", b"200", b"400", b"200"]
        assert server.stored() == 3


@pytest.mark.parametrize(
    "request_",
    [
        post(version="1.0"),
        post(BODY, "expect: 100-continue"),
        post(BODY + b" " * 300_000),
        b"POST /events HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (len(BODY), BODY),
        post().replace(b"/events", b"/events?a#b"),
        post().replace(b"POST", b"PUT"),
    ],
)
async def test_what_is_out_of_the_ordinary_goes_the_ordinary_way(tmp_path, request_):
    async with serving(tmp_path) as server:
        reader, writer = await server.connect()
        writer.write(request_)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        if b"100 Continue" in head:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        assert head.startswith(b"HTTP/1.1 200 ")
        writer.close()
        assert (len(server.sent_on), server.stored()) == (1, 1)


async def test_a_body_that_does_not_come_is_refused_and_the_connection_closed(tmp_path):
    async with serving(tmp_path, body_timeout_s=1) as server:
        reader, writer = await server.connect()
        writer.write(post()[:-5])
        answer = await read(reader)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer
        assert await reader.read() == b""
        writer.close()
        assert (server.stored(), server.collector.refusals.total()) == (0, 1)


async def test_a_connection_that_rests_is_closed_and_one_that_does_not_is_kept(tmp_path):
    async with serving(tmp_path, keep_alive_s=1) as server:
        reader, writer = await server.connect()
        for _ in range(8):
            writer.write(post())
            assert (await read(reader)).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.25)
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()


async def test_a_client_that_leaves_early_loses_nothing_that_was_taken(tmp_path):
    async with serving(tmp_path) as server:
        _, writer = await server.connect()
        writer.write(post())
        await writer.drain()
        writer.transport.abort()
        (answer,) = await server.ask(post())
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert server.stored() in (1, 2)


async def test_requests_are_counted_and_timed_where_the_connection_answers_them(tmp_path):
    async with serving(tmp_path) as server:
        await server.ask(post() + post(), answers=2)
        await server.ask(post(b"{"))
        await server.ask(b"GET / HTTP/1.1\r\n\r\n")
        found = server.collector.requests.values()
    counted = {key[1:]: value for key, value in found.items() if key[0] == "footfall_requests_total" and value}
    assert counted == {("POST /events", "2xx"): 2, ("POST /events", "4xx"): 1, ("other", "4xx"): 1}
    assert found["footfall_request_duration_seconds", "POST /events", "+Inf"] == 2
    assert 0 < found["footfall_request_duration_seconds", "POST /events", "sum"] < 60
