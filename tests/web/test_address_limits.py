"""The limits of an address at the door: requests at a rate and connections at once, counted or refused."""

import asyncio
import json
import logging
import time

import pytest
import uvloop
from events_server import BODY, connecting, post, read, serving

from footfall.rate_limits import Limit

LIMITS = {"limits_mode": "refuse", "address_requests_per_s": 1, "address_requests_burst": 5}


def statuses(answers):
    return [int(answer[9:12]) for answer in answers]


def forwarded(*addresses):
    return [f"x-forwarded-for: {address}" for address in addresses]


async def test_a_burst_passes_and_the_next_is_refused_with_a_time_to_wait(tmp_path):
    async with serving(tmp_path, trusted_proxies="", **LIMITS) as server:
        answers = await server.ask(*7 * [post()], answers=6)
        assert statuses(answers) == 5 * [200] + [429]
        head, _, body = answers[5].partition(b"\r\n\r\n")
        assert b"\r\nretry-after: 1\r\n" in head
        assert b"\r\ncontent-type: application/json\r\n" in head
        assert b"connection: close" not in head
        (error,) = json.loads(body)
        assert error["value"]["code"] == "REQUEST_RATE_LIMITED"
        assert server.stored() == 5
        assert server.collector.refusals["REQUEST_RATE_LIMITED"] >= 1
        assert server.collector.limit_hits.counts[Limit.ADDRESS_REQUESTS] >= 1


async def test_a_client_that_waits_as_it_is_told_gets_on_on_the_same_connection(tmp_path):
    async with serving(tmp_path, trusted_proxies="", **LIMITS) as server:
        reader, writer = await server.connect()
        for wanted in (*5 * [200], 429):
            writer.write(post())
            assert statuses([await read(reader)]) == [wanted]
        await asyncio.sleep(1.0)
        writer.write(post())
        assert statuses([await read(reader)]) == [200]
        writer.close()


async def test_a_client_that_goes_on_at_once_waits_a_second_for_each_refusal(tmp_path):
    async with serving(tmp_path, trusted_proxies="", **LIMITS) as server:
        reader, writer = await server.connect()
        writer.write(9 * post())
        began = time.monotonic()
        assert statuses([await read(reader) for _ in range(6)])[5] == 429
        assert time.monotonic() - began < 0.8
        await read(reader)
        assert 0.8 < time.monotonic() - began < 5
        writer.close()


@pytest.mark.parametrize("part", [len(post()) - 5, 10], ids=["of a body", "of a head"])
async def test_a_part_of_a_request_that_came_before_the_wait_can_be_completed_after_it(tmp_path, part):
    async with serving(tmp_path, trusted_proxies="", **LIMITS) as server:
        reader, writer = await server.connect()
        writer.write(6 * post() + post()[:part])
        assert statuses([await read(reader) for _ in range(6)]) == 5 * [200] + [429]
        await asyncio.sleep(1.2)
        writer.write(post()[part:])
        assert statuses([await read(reader)]) == [200]
        writer.close()


async def test_a_client_that_leaves_in_a_request_that_it_began_before_the_wait_is_noticed_after_it(tmp_path):
    changes = {"body_timeout_s": 600, "head_timeout_s": 600}
    async with serving(tmp_path, trusted_proxies="", **LIMITS, **changes) as server:
        reader, writer = await server.connect()
        writer.write(6 * post() + post()[:-5])
        assert statuses([await read(reader) for _ in range(6)]) == 5 * [200] + [429]
        writer.transport.abort()
        async with asyncio.timeout(60):
            while server.connections:
                await asyncio.sleep(0.05)


async def test_by_default_it_is_counted_and_not_refused(tmp_path, caplog):
    changes = {name: value for name, value in LIMITS.items() if name != "limits_mode"}
    with caplog.at_level(logging.WARNING):
        async with serving(tmp_path, trusted_proxies="", **changes) as server:
            assert statuses(await server.ask(*9 * [post()], answers=9)) == 9 * [200]
            assert server.collector.limit_hits.counts[Limit.ADDRESS_REQUESTS] == 4
    (line,) = [record.getMessage() for record in caplog.records if "limit" in record.getMessage()]
    assert "address_requests" in line
    assert "127.0.0.1" in line


async def test_each_address_behind_a_trusted_proxy_has_its_own_tokens(tmp_path):
    async with serving(tmp_path, **LIMITS) as server:
        first, second, beside = (forwarded(one) for one in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"))
        sent = [post(BODY, *headers) for headers in (*3 * [first], *3 * [second], *2 * [beside])]
        # The two of one /64 share their tokens. A proxy's connection is not slowed, and what is sent for others passes.
        assert statuses(await server.ask(*sent, answers=8)) == 5 * [200] + [429] + 2 * [200]
        # What a client claims itself stands before what the proxy adds.
        claimed = [post(BODY, f"x-forwarded-for: 192.0.2.{number}, 2001:db8::3") for number in range(2)]
        assert statuses(await server.ask(*claimed, answers=2)) == 2 * [429]


async def test_what_a_stranger_claims_does_not_count(tmp_path):
    async with serving(tmp_path, trusted_proxies="192.0.2.1", **LIMITS) as server:
        sent = [post(BODY, *forwarded(f"192.0.2.{number}")) for number in range(6)]
        assert statuses(await server.ask(*sent, answers=6)) == 5 * [200] + [429]


async def test_a_long_body_costs_more_and_is_refused_before_it_is_sent(tmp_path):
    begun = b"POST /events HTTP/1.1\r\nhost: here\r\ncontent-length: 100000\r\n\r\n"
    async with serving(tmp_path, trusted_proxies="", **LIMITS) as server, connecting(server) as connect:
        assert statuses(await server.ask(post(BODY + (100_000 - len(BODY)) * b" "))) == [200]
        reader, _ = await connect(begun)
        answer = await read(reader)
        assert statuses([answer]) == [429]
        # Seven tokens of five are taken, and one is to come; a second of that may be over.
        assert any(b"\r\nretry-after: %d\r\n" % seconds in answer for seconds in (2, 3))
        assert b"\r\nconnection: close\r\n" in answer


async def test_a_body_in_chunks_costs_what_it_has(tmp_path):
    chunked = b"POST /events HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"
    filled = BODY + (100_000 - len(BODY)) * b" "
    async with serving(tmp_path, trusted_proxies="", **LIMITS) as server:
        whole = chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (len(filled), filled)
        assert statuses(await server.ask(whole)) == [200]
        (answer,) = await server.ask(post())
        assert statuses([answer]) == [429]


async def test_other_calls_of_an_address_are_limited_too(tmp_path):
    asked = b"GET /health HTTP/1.1\r\nhost: here\r\n\r\n"
    async with serving(tmp_path, trusted_proxies="", **LIMITS) as server:
        assert statuses(await server.ask(*5 * [post()], asked, answers=6)) == 5 * [200] + [429]


async def test_what_cannot_be_read_costs_a_token_and_then_connections_wait(tmp_path):
    async with serving(tmp_path, trusted_proxies="", **LIMITS) as server, connecting(server) as connect:
        for _ in range(5):
            reader, _ = await connect(b"no HTTP\r\n\r\n")
            assert statuses([await read(reader)]) == [400]
        began = time.monotonic()
        reader, _ = await connect(b"no HTTP\r\n\r\n")
        await read(reader)
        assert 0.7 < time.monotonic() - began < 5


async def test_zero_is_no_limit(tmp_path):
    async with serving(tmp_path, trusted_proxies="", limits_mode="refuse", address_requests_per_s=0) as server:
        assert statuses(await server.ask(*50 * [post()], answers=50)) == 50 * [200]


CONNECTIONS = {"limits_mode": "refuse", "address_connections_max": 3, "trusted_proxies": ""}
BEGUN = post()[:-5]


@pytest.mark.usefixtures("pauses")
async def test_past_its_connections_an_address_loses_an_idle_one_of_its_own(tmp_path):
    async with serving(tmp_path, **CONNECTIONS) as server, connecting(server) as connect:
        made = [await connect(post()) for _ in range(3)]
        for reader, _ in made:
            assert statuses([await read(reader)]) == [200]
        reader, _ = await connect(post())
        assert statuses([await read(reader)]) == [200]
        assert await asyncio.wait_for(made[0][0].read(), 20) == b""
        # Of two that are kept one has a request under way now, and is not closed for another.
        made[1][1].write(BEGUN)
        await server.has_begun(1)
        for _ in range(3):
            reader, _ = await connect(post())
            assert statuses([await read(reader)]) == [200]
        made[1][1].write(post()[-5:])
        assert statuses([await read(made[1][0])]) == [200]


@pytest.mark.usefixtures("pauses")
async def test_past_its_busy_connections_an_address_is_refused(tmp_path):
    async with serving(tmp_path, **CONNECTIONS) as server, connecting(server) as connect:
        for _ in range(3):
            await connect(BEGUN)
        await server.has_begun(3)
        reader, _ = await connect()
        answer = await read(reader)
        assert statuses([answer]) == [429]
        assert b"\r\nretry-after: 1\r\n" in answer
        assert server.collector.limit_hits.counts[Limit.ADDRESS_CONNECTIONS] == 1


@pytest.mark.parametrize("changes", [{"limits_mode": "count"}, {"trusted_proxies": "127.0.0.1"}])
async def test_connections_are_counted_by_default_and_never_those_of_a_proxy(tmp_path, changes):
    async with serving(tmp_path, **CONNECTIONS | changes) as server, connecting(server) as connect:
        for _ in range(3):
            await connect(BEGUN)
        await server.has_begun(3)
        reader, _ = await connect(post())
        assert statuses([await read(reader)]) == [200]
        assert server.collector.limit_hits.counts[Limit.ADDRESS_CONNECTIONS] == ("limits_mode" in changes)


def test_a_new_connection_of_an_address_over_its_limit_is_not_read_by_the_loop_of_the_service(tmp_path):
    """The loop is uvloop, which begins to read a connection after it was made."""

    async def flood() -> int:
        limits = {"limits_mode": "refuse", "address_requests_per_s": 1, "address_requests_burst": 1}
        async with serving(tmp_path, trusted_proxies="", **limits) as server, connecting(server) as connect:
            first, _ = await connect(post() * 3)
            while b" 429 " not in await first.readline():
                pass
            before, most = set(server.connections), 0
            _, writer = await connect()
            for _ in range(100):
                writer.write(bytes(64 * 1024))
                await asyncio.sleep(0)
                most = max([most, *(len(each._buffer) for each in server.connections - before)])
            return most

    assert uvloop.run(flood()) <= 512 * 1024
