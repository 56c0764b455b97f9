"""POST /events: the bounds of requests, their encodings, and what is answered past them."""

import asyncio
import gzip
import json
import threading
import zlib

import brotli
import pytest

from footfall.system import zstd

EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1568381886060,
    "context": ["string"],
}
BODY = {"events": [EVENT]}


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("br", brotli.compress),
        ("zstd", zstd.compress),
        ("zstd", lambda data: zstd.compress(data[:9]) + zstd.compress(data[9:])),
        ("identity", bytes),
    ],
)
async def test_encodings_their_bounds_and_their_faults(service, encoding, pack):
    async def scenario():
        body = json.dumps({"events": [EVENT] * 2000}).encode()
        async with service(body_decoded_bytes_max=len(body)) as opened:
            packed = pack(body)
            for chunks in (1, 3):
                answer = await opened.post(packed, chunks, content_encoding=encoding)
                assert (answer.status, len(answer.json)) == (200, 2000)
            if encoding == "identity":
                return
            for wrong in (pack(body)[:-1], b"no such data", b""):
                answer = await opened.post(wrong, content_encoding=encoding)
                assert (answer.status, answer.json[0]["value"]["code"]) == (400, "REQUEST_INPUT_MALFORMED")
            answer = await opened.post(pack(body + b" "), content_encoding=encoding)
            assert (answer.status, answer.json[0]["value"]["code"]) == (413, "REQUEST_TOO_LARGE")

    await scenario()


class Wall:
    def now_ms(self) -> int:
        return 1_600_000_000_000


@pytest.mark.parametrize(
    ("timestamp", "status"),
    [
        (946_684_799_999, 400),
        (946_684_800_000, 200),
        (1_600_086_400_000, 200),
        (1_600_086_400_001, 400),
        (10**30, 400),
        (-1, 400),
        (1e300, 400),
        (1_568_381_886, 400),
        (20_261_031, 400),
        (1_568_381_886_000_000, 400),
    ],
)
async def test_timestamps_have_a_window(service, timestamp, status):
    async with service(clock=Wall()) as opened:
        answer = await opened.post({"events": [{**EVENT, "timestamp": timestamp}]})
        assert answer.status == status
        assert len(opened.stored()) == (status == 200)
        if status == 400:
            why = answer.problems[0][1]
            assert "must lie between 946684800000 and 1600086400000" in why
            hints = {1_568_381_886: "seconds", 1_568_381_886_000_000: "microseconds"}
            hints[20_261_031] = "a date, and is read as milliseconds"
            assert why.partition(", which looks like ")[2] == hints.get(timestamp, "")


async def test_the_bound_on_versions_holds_where_that_on_codes_is_larger(service):
    async with service(code_chars_max=10_000, version_chars_max=3) as opened:
        assert (await opened.post({"events": [{**EVENT, "version": "1.2"}]})).status == 200
        answer = await opened.post({"events": [{**EVENT, "version": "1.23"}]})
        assert answer.problems[0][1] == "events[0].version: must have 3 characters at the most"


async def test_named_problems_are_bounded(service):
    async with service(problems_max=3) as opened:
        assert len((await opened.post({"events": [{**EVENT, "type": "NO"}] * 50})).problems) == 3
        assert len((await opened.post({"events": [1] * 50})).problems) == 3


@pytest.mark.parametrize(
    ("changes", "headers", "body", "status", "code"),
    [
        ({"batch_events_max": 1}, {}, {"events": [EVENT] * 2}, 413, "REQUEST_TOO_LARGE"),
        ({"body_bytes_max": 10}, {}, BODY, 413, "REQUEST_TOO_LARGE"),
        ({"body_bytes_max": 10}, {"content_length": "11"}, b"", 413, "REQUEST_TOO_LARGE"),
        ({}, {"content_type": "application/x-www-form-urlencoded"}, BODY, 415, "REQUEST_UNSUPPORTED_MEDIA_TYPE"),
        ({}, {"content_encoding": "lz77"}, BODY, 415, "REQUEST_UNSUPPORTED_MEDIA_TYPE"),
        ({}, {"content_encoding": "gzip, br"}, BODY, 415, "REQUEST_UNSUPPORTED_MEDIA_TYPE"),
        ({}, {"idempotency_key": ""}, BODY, 400, "REQUEST_PARAMETER_MALFORMED"),
        ({}, {"idempotency_key": "x" * 201}, BODY, 400, "REQUEST_PARAMETER_MALFORMED"),
        ({}, {"idempotency_key": "caf\u00e9"}, BODY, 400, "REQUEST_PARAMETER_MALFORMED"),
        ({"journal_waiting_bytes_max": 1}, {}, BODY, 503, "SERVICE_UNAVAILABLE"),
    ],
)
async def test_limits_refuse_the_whole_request(service, changes, headers, body, status, code):
    async with service(**changes) as opened:
        for chunks in (1, 3):
            answer = await opened.post(body, chunks, **headers)
            assert (answer.status, answer.json[0]["value"]["code"]) == (status, code)
            assert answer.headers.get("retry-after") == ("1" if status == 503 else None)
        assert opened.stored() == []


async def test_a_body_that_does_not_arrive_times_out(service):
    async with service(body_timeout_s=1) as opened:
        answer = await opened.exchange([{"type": "http.request", "body": b"{", "more_body": True}], {})
        assert (answer.status, answer.json[0]["value"]["code"]) == (408, "REQUEST_TIMED_OUT")


async def test_a_refusal_for_want_of_room_is_answered_byte_for_byte(service):
    async with service(journal_waiting_bytes_max=1) as opened:
        answer = await opened.post(BODY)
        assert answer.headers == {
            "content-type": "application/json",
            "content-length": str(len(answer.body)),
            "retry-after": "1",
        }
        assert answer.body == (
            b'[{"value":{"code":"SERVICE_UNAVAILABLE",'
            b'"message":"the events cannot be made durable now; none of them was accepted"},"children":[]}]'
        )


def packed(data: bytes) -> bytes:
    """The same gzip at any time, since tests are named by it."""
    return gzip.compress(data, mtime=0)


MEMBERS = {"gzip": packed(b""), "zstd": zstd.compress(b"")}


@pytest.mark.parametrize("encoding", MEMBERS)
async def test_a_body_of_many_streams_is_unpacked_in_one_pass(service, encoding, monkeypatch):
    """Each stream used to copy all that lay behind it; what is copied is counted by what is given to zlib and zstd."""
    pack = {"gzip": packed, "zstd": zstd.compress}[encoding]
    given = 0

    class Counted:
        def __init__(self, stream):
            self.stream = stream

        def __getattr__(self, name):
            return getattr(self.stream, name)

        def decompress(self, data, *rest):
            nonlocal given
            given += len(data)
            return self.stream.decompress(data, *rest)

    inflate, decompressor = zlib.decompressobj, zstd.ZstdDecompressor
    monkeypatch.setattr(zlib, "decompressobj", lambda *args: Counted(inflate(*args)))
    monkeypatch.setattr(zstd, "ZstdDecompressor", lambda: Counted(decompressor()))
    async with service() as opened:
        body = json.dumps(BODY).encode()
        whole = MEMBERS[encoding] * 998 + pack(body[:9]) + pack(body[9:])
        assert (await opened.post(whole, content_encoding=encoding)).status == 200
        answer = await opened.post(MEMBERS[encoding] + whole, content_encoding=encoding)
        assert (answer.status, answer.json[0]["value"]["message"]) == (
            413,
            "the body is made of more than 1000 compressed streams",
        )
        before = given
        flood = MEMBERS[encoding] * (512 * 1024 // len(MEMBERS[encoding]))
        assert (await opened.post(flood, content_encoding=encoding)).status == 413
        # Each stream is given what is left of one piece: 16 KiB at the most.
        assert given - before <= 1000 * 16 * 1024


@pytest.mark.parametrize(
    ("encoding", "sent", "status"),
    [
        ("gzip", packed(json.dumps(BODY).encode()) + bytes(70_000), 200),
        ("gzip", packed(b'{"events":') + bytes(7) + packed(b"[]}"), 200),
        ("gzip", packed(json.dumps(BODY).encode()) + b"\0x", 400),
        ("gzip", bytes(20), 400),
        ("deflate", zlib.compress(json.dumps(BODY).encode()) + b"\0", 400),
        ("deflate", zlib.compress(json.dumps(BODY).encode(), wbits=-15) + b"x", 400),
        ("br", brotli.compress(json.dumps(BODY).encode()) + b"x", 400),
        ("br", brotli.compress(json.dumps(BODY).encode()) + brotli.compress(b"x"), 400),
        ("zstd", zstd.compress(json.dumps(BODY).encode()) + b"x", 400),
    ],
)
async def test_nothing_but_zeros_behind_gzip_may_follow_the_compressed_data(service, encoding, sent, status):
    async with service() as opened:
        assert (await opened.post(sent, content_encoding=encoding)).status == status


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (json.dumps({"events": [EVENT] * 3000}).encode(), {}),
        (packed(json.dumps({"events": [EVENT] * 3000}).encode()), {"content_encoding": "gzip"}),
        (brotli.compress(b" " * 3_000_000 + json.dumps(BODY).encode()), {"content_encoding": "br"}),
    ],
)
async def test_a_long_body_is_worked_on_in_a_thread_of_its_own_kind(service, body, headers, monkeypatch):
    names = []
    async with service() as opened:
        take = opened.collector._prepare

        def seen(*given):
            names.append(threading.current_thread().name)
            return take(*given)

        monkeypatch.setattr(opened.collector, "_prepare", seen)
        assert (await opened.post(BODY)).status == 200
        first = await opened.post(body, idempotency_key="k", **headers)
        again = await opened.post(body, 5, idempotency_key="k", **headers)
        assert (first.status, first.body) == (200, again.body)
        many = await asyncio.gather(*(opened.post(body, **headers) for _ in range(5)))
        assert len({answer.json[0]["batch"] for answer in many}) == 5
    assert names[0] == "MainThread"
    assert all(name.startswith("bodies") for name in names[1:])


async def test_more_long_bodies_than_may_wait_are_refused_for_now(service):
    body = json.dumps({"events": [EVENT] * 3000}).encode()
    async with service(bodies_at_once_max=1, calls_waiting_max=1) as opened:
        answers = await asyncio.gather(*(opened.post(body) for _ in range(5)))
        assert sorted(answer.status for answer in answers) == [200, 200, 503, 503, 503]
        assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}


@pytest.mark.parametrize(
    ("busy", "other"),
    [
        ([("203.0.113.1", "")], ("203.0.113.2", "")),
        ([("2001:db8::1", ""), ("2001:db8::2", "")], ("2001:db8:0:1::1", "")),
        # Behind a trusted proxy the client counts, which another one cannot claim to be.
        ([("127.0.0.1", "192.0.2.9, 203.0.113.1")], ("127.0.0.1", "203.0.113.2")),
        ([("203.0.113.1", "192.0.2.8"), ("203.0.113.1", "192.0.2.9")], ("203.0.113.2", "")),
    ],
)
async def test_the_senders_of_long_bodies_take_turns(service, busy, other):
    body = json.dumps({"events": [EVENT] * 3000}).encode()
    order = []
    async with service(bodies_at_once_max=1) as opened:

        async def post(name, sender):
            address, forwarded = sender
            assert (await opened.post(body, address=address, x_forwarded_for=forwarded)).status == 200
            order.append(name)

        waiting = [asyncio.create_task(post("busy", busy[number % len(busy)])) for number in range(8)]
        await asyncio.sleep(0)
        await asyncio.gather(*waiting, post("other", other))
    # One body is worked on already when the other sender's comes, and one more may have had its turn.
    assert "other" in order[:3], order
