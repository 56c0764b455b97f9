"""The door, over real connections to a real server: what it answers itself must be as the application would answer."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import uvicorn
from hypothesis import strategies as st

from footfall import api
from footfall.api.door import KNOWN_HEAD_BYTES_MAX, KNOWN_HEADS_MAX, Head, Heads
from footfall.clock import SystemClock
from footfall.collecting import Collector, Headers
from footfall.journal import Folder, Frame, Journal, walk
from footfall.plan import LivePlan
from footfall.settings import Settings

EVENT = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-APPLICATION-LOADED", "context": ["me"]}
BODY = json.dumps({"events": [{**EVENT, "timestamp": int(time.time() * 1000)}]}).encode()
BATCH = re.compile(rb'"batch":"[^"]*"|date: [^\r]*')


class Server:
    def __init__(self, port: int, folder: Any, collector: Collector, sent_on: list[str]) -> None:
        self.port = port
        self.folder = folder
        self.collector = collector
        self.sent_on = sent_on

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

    def stored(self) -> int:
        parts = [part for path in self.folder.iterdir() for part in walk(path.read_bytes())]
        return sum(part.lines.count(b"\n") for part in parts if isinstance(part, Frame))


@contextlib.asynccontextmanager
async def serving(folder: Any, **changes: Any) -> AsyncIterator[Server]:
    settings = Settings(disk_free_bytes_min=0, **changes)
    journal = Journal(Folder(folder / "journal"), settings, SystemClock())
    running = asyncio.create_task(journal.run())
    collector = Collector(journal, LivePlan(None, settings), settings, SystemClock())
    allowed = api.Allowed(settings)
    sent_on: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        """The collector as it is behind the framework, with the headers that stand around every answer."""

        async def send_open(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *allowed.headers(scope["headers"])]}
            await send(message)

        sent_on.append(f"{scope['method']} {scope['path']}")
        await collector(scope, receive, send_open)

    door = api.door(collector, settings)
    config = uvicorn.Config(
        application, http=door, lifespan="off", log_config=None, server_header=False, ws="none", port=0,
        timeout_keep_alive=settings.keep_alive_s,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Server(port, folder / "journal", collector, sent_on)
    finally:
        server.should_exit = True
        await task
        collector.close()
        journal.close()
        await running


async def read(reader: asyncio.StreamReader) -> bytes:
    """One answer, head and body."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    size = int(re.search(rb"content-length: (\d+)", head).group(1))
    return head + await asyncio.wait_for(reader.readexactly(size), 20)


def post(body: bytes = BODY, *headers: str, version: str = "1.1") -> bytes:
    lines = [f"POST /events HTTP/{version}", "host: here", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


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
def test_an_answer_is_the_same_as_the_application_s(tmp_path, body, headers, changes):
    """An `Expect` that is not `100-continue` does nothing but send a request the ordinary way."""

    async def scenario() -> None:
        async with serving(tmp_path, **changes) as server:
            (here,) = await server.ask(post(body, *headers))
            seen = list(server.sent_on)
            (there,) = await server.ask(post(body, *headers, "expect: nothing"))
            assert len(server.sent_on) == len(seen) + 1
            assert BATCH.sub(b"", here) == BATCH.sub(b"", there)
            # Only what its headers already condemn is sent on.
            assert bool(seen) == (b"UNSUPPORTED_MEDIA_TYPE" in here or b"PARAMETER_MALFORMED" in here)

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_a_request_in_pieces_is_one_request(tmp_path, size):
    whole = post()

    async def scenario() -> None:
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

    asyncio.run(scenario())


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
def test_a_head_that_is_known_by_now_is_read_like_the_first(tmp_path, pieces):
    async def scenario() -> None:
        async with serving(tmp_path) as server:
            answers = await server.ask(*pieces, answers=3)
            assert {BATCH.sub(b"", answer) for answer in answers} == {BATCH.sub(b"", answers[0])}
            assert answers[0].startswith(b"HTTP/1.1 200 ")
            assert server.stored() == 3

    asyncio.run(scenario())


def test_heads_are_known_by_all_their_bytes_and_only_where_nothing_but_the_body_follows():
    said = Head([], Headers(length=3), keep_alive=True)
    first = b"POST /events HTTP/1.1\r\ncontent-length: 3\r\n\r\n"
    heads = Heads()
    assert heads.find(first + b"abc") is None
    heads.learn(first + b"abc", said, b"abc")
    assert heads.find(first + b"xyz") == (said, b"xyz")
    for other in (first + b"ab", first + b"abcd", first.lower() + b"abc", first, b"abc"):
        assert heads.find(other) is None
    # What the parser took for the body is not what follows; a key that is of one request; a head that is too long.
    second = first.replace(b"POST", b"post")
    heads.learn(second + b"abc", said, b"bc")
    heads.learn(second + b"abc", Head([], Headers(length=3, idempotency_key="k"), keep_alive=True), b"abc")
    heads.learn(b"x" * KNOWN_HEAD_BYTES_MAX + second + b"abc", said, b"abc")
    assert heads.find(second + b"abc") is heads.find(b"x" * KNOWN_HEAD_BYTES_MAX + second + b"abc") is None


def test_no_more_heads_are_kept_than_may_be():
    said, heads = Head([], Headers(length=0), keep_alive=True), Heads()
    many = [b"POST /events?%d\r\n\r\n" % number for number in range(KNOWN_HEADS_MAX + 1)]
    for head in many:
        heads.learn(head, said, b"")
        assert heads.find(head) == (said, b"")
    assert sum(heads.find(head) is not None for head in many) <= KNOWN_HEADS_MAX


def test_requests_that_do_not_wait_for_answers_are_answered_in_order(tmp_path):
    async def scenario() -> None:
        async with serving(tmp_path) as server:
            wrong = post(b"{")
            both = await server.ask(post() + wrong + post() + wrong + post(), answers=5)
            assert [answer[9:12] for answer in both] == [b"200", b"400", b"200", b"400", b"200"]
            assert server.stored() == 3

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "request_",
    [
        post(version="1.0"),
        post(BODY, "expect: 100-continue"),
        post(BODY + b" " * 300_000),
        b"POST /events HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (len(BODY), BODY),
        post().replace(b"/events", b"/events?a=b"),
        post().replace(b"POST", b"PUT"),
    ],
)
def test_what_is_out_of_the_ordinary_goes_the_ordinary_way(tmp_path, request_):
    async def scenario() -> None:
        async with serving(tmp_path) as server:
            reader, writer = await server.connect()
            writer.write(request_)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            if b"100 Continue" in head:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            assert head.startswith(b"HTTP/1.1 200 ")
            writer.close()
            assert (len(server.sent_on), server.stored()) == (1, 1)

    asyncio.run(scenario())


def test_a_body_that_does_not_come_is_refused_and_the_connection_closed(tmp_path):
    async def scenario() -> None:
        async with serving(tmp_path, body_timeout_s=1) as server:
            reader, writer = await server.connect()
            writer.write(post()[:-5])
            answer = await read(reader)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in answer
            assert await reader.read() == b""
            writer.close()
            assert (server.stored(), server.collector.refusals.total()) == (0, 1)

    asyncio.run(scenario())


def test_a_connection_that_rests_is_closed_and_one_that_does_not_is_kept(tmp_path):
    async def scenario() -> None:
        async with serving(tmp_path, keep_alive_s=1) as server:
            reader, writer = await server.connect()
            for _ in range(8):
                writer.write(post())
                assert (await read(reader)).startswith(b"HTTP/1.1 200 ")
                await asyncio.sleep(0.25)
            assert await asyncio.wait_for(reader.read(), 20) == b""
            writer.close()

    asyncio.run(scenario())


def test_a_client_that_leaves_early_loses_nothing_that_was_taken(tmp_path):
    async def scenario() -> None:
        async with serving(tmp_path) as server:
            _, writer = await server.connect()
            writer.write(post())
            await writer.drain()
            writer.transport.abort()
            (answer,) = await server.ask(post())
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert server.stored() in (1, 2)

    asyncio.run(scenario())


NOW_MS = int(time.time() * 1000)
GOOD = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": NOW_MS,
    "context": ["me"],
}
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"version": "1.2.3"},
    {"version": None},
    {"timestamp": float(NOW_MS)},
    {"timestamp": 1},
    {"customer": "NOBODY"},
    {"context": ["cut\ud83d"]},
    {"context": ["a", "b"]},
    {"context": [7]},
    {"more": {"deep": [1e300]}},
)
bodies = st.lists(st.sampled_from(CHANGES), max_size=4).map(
    lambda changes: json.dumps({"events": [{**GOOD, **change} for change in changes]}).encode()
) | st.sampled_from((b"", b"{}", b"[]", b"{", b'{"Events":[]}', b'{"events":[{"customer":"\xff"}]}', b"\xef\xbb\xbf{}"))
any_bounds = st.fixed_dictionaries(
    {},
    optional={
        "plan_mode": st.sampled_from(("strict", "open", "quarantine")),
        "cors_origins": st.sampled_from(("*", "", "https://page.example")),
        "batch_events_max": st.integers(1, 4),
        "body_bytes_max": st.sampled_from((10, 300, 100_000)),
        "body_inline_bytes_max": st.sampled_from((1, 200, 100_000)),
        "code_chars_max": st.sampled_from((5, 28, 1000)),
        "version_chars_max": st.integers(1, 6),
        "context_values_max": st.integers(1, 2),
        "context_value_chars_max": st.integers(1, 4),
        "timestamp_min_ms": st.sampled_from((0, 10, NOW_MS + 1)),
        "problems_max": st.integers(1, 3),
    },
)
headers = st.lists(
    st.sampled_from(("content-type: application/json", "idempotency-key: one", "origin: https://page.example")),
    max_size=2,
    unique=True,
)


async def ask(server: Any, data: bytes, cuts: list[int]) -> bytes:
    """The answer to a request that is sent in packets which end at these places."""
    reader, writer = await server.connect()
    ends = sorted({cut % len(data) for cut in cuts} | {len(data)})
    for start, end in zip([0, *ends], ends, strict=False):
        writer.write(data[start:end])
        await writer.drain()
        await asyncio.sleep(0)
    answer = await read(reader)
    writer.close()
    return BATCH.sub(b"", answer)


@hypothesis.settings(
    max_examples=40, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    any_bounds, st.lists(st.tuples(bodies, headers, st.lists(st.integers(0), max_size=4)), min_size=1, max_size=5)
)
def test_an_answer_does_not_tell_which_way_a_request_went_whatever_the_settings_body_and_packets(
    tmp_path: Path, bounds: dict[str, Any], sent: list[tuple[bytes, list[str], list[int]]]
) -> None:
    """An `Expect` that is not `100-continue` does nothing but send a request the ordinary way."""

    async def scenario() -> None:
        async with serving(tmp_path, **{"body_bytes_max": 100_000} | bounds) as server:
            for body, named, cuts in sent:
                here = await ask(server, post(body, *named), cuts)
                seen = len(server.sent_on)
                there = await ask(server, post(body, *named, "expect: nothing"), [])
                assert len(server.sent_on) == seen + 1
                assert here == there

    asyncio.run(scenario())
