"""POST /events, byte for byte: what is answered, and what is in the journal then."""

import asyncio
import gzip
import json
import re
import uuid
import zlib

import brotli
import pytest

from footfall import zstd

UUID = re.compile(rb'"batch":"([0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"')
EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1568381886060,
    "context": ["string"],
}
BODY = {"events": [EVENT]}


def changed(**changes):
    """A request of one event that differs from EVENT; a value of None leaves the key out."""
    event = {**EVENT, **changes}
    return {"events": [{key: value for key, value in event.items() if value is not ...}]}


def test_the_reference_s_example_is_answered_byte_for_byte(service):
    async def scenario():
        async with service() as opened:
            answer = await opened.post(BODY)
            batch = UUID.search(answer.body).group(1)
            assert answer.status == 200
            assert answer.headers == {"content-type": "application/json", "content-length": str(len(answer.body))}
            assert answer.body == (
                b'[{"customer":"BARCHART","product":"PORTFOLIO","type":"PORTFOLIO-APPLICATION-LOADED",'
                b'"timestamp":1568381886060,"context":["string"],"sequence":1,"batch":"' + batch + b'"}]'
            )
            (stored,) = opened.stored()
            assert {**stored, "received": 0, "admitted": 0} == {**answer.json[0], "received": 0, "admitted": 0}

    asyncio.run(scenario())


def test_version_stands_before_timestamp_and_only_where_it_was_sent(service):
    async def scenario():
        async with service() as opened:
            answer = await opened.post({"events": [EVENT, {**EVENT, "version": "1.2"}, {**EVENT, "version": ""}]})
            assert [list(event) for event in answer.json] == [
                ["customer", "product", "type", "timestamp", "context", "sequence", "batch"],
                ["customer", "product", "type", "version", "timestamp", "context", "sequence", "batch"],
                ["customer", "product", "type", "version", "timestamp", "context", "sequence", "batch"],
            ]
            assert [event["sequence"] for event in answer.json] == [1, 2, 3]
            assert len({event["batch"] for event in answer.json}) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [b"{}", b'{"events":[]}', b' {"other":1} '])
def test_no_events_are_an_empty_array(service, body):
    async def scenario():
        async with service() as opened:
            answer = await opened.post(body)
            assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"[]", "application/json")
            assert opened.stored() == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"timestamp": 1568381886060.0}, {"timestamp": 1568381886060}),
        ({"other": {"deep": [1]}, "sequence": "x", "batch": 7}, {"sequence": 1}),
        ({"sequence": 99, "batch": "mine"}, {"sequence": 1}),
        ({"context": ['}\n{,"|\u2028\U0001f600\u0000']}, {"context": ['}\n{,"|\u2028\U0001f600\u0000']}),
        (
            {"type": "PORTFOLIO-POSITION-CREATED", "context": ["u", "p", "q", None]},
            {"context": ["u", "p", "q", ""]},
        ),
    ],
)
def test_what_is_taken_and_how_it_is_stored(service, sent, stored):
    async def scenario():
        async with service() as opened:
            answer = await opened.post(changed(**sent))
            assert answer.status == 200, answer.body
            (event,) = opened.stored()
            for key, value in stored.items():
                assert answer.json[0][key] == event[key] == value
            assert uuid.UUID(event["batch"])

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "text/plain;charset=UTF-8"]
)
def test_content_types_that_are_taken(service, content_type):
    async def scenario():
        async with service() as opened:
            assert (await opened.post(BODY, content_type=content_type)).status == 200

    asyncio.run(scenario())


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
def test_encodings_their_bounds_and_their_faults(service, encoding, pack):
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

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "body: is not JSON in UTF-8: Input data was truncated"),
        (b"{", "body: is not JSON in UTF-8: Input data was truncated"),
        (b'{"events":[]}x', "body: is not JSON in UTF-8: JSON is malformed: trailing characters (byte 14)"),
        (b"[]", 'body: must be an object like {"events": [...]}'),
        (b"[" * 100_000, "body: is nested too deep"),
        (b'{"a":' * 100_000, "body: is nested too deep"),
        (b'{"events":null}', "events: must be an array of events"),
        (b'{"events":{}}', "events: must be an array of events"),
        (b'{"events":[1]}', "events[0]: must be an object"),
        (changed(customer=...), "events[0].customer: is missing; it must be a string"),
        (changed(customer=1), "events[0].customer: must be a string"),
        (changed(product=None), "events[0].product: must be a string"),
        (changed(type=["x"]), "events[0].type: must be a string"),
        (changed(version=1), "events[0].version: must be a string, or left out"),
        (changed(version=None), "events[0].version: must be a string, or left out"),
        (changed(context="x"), "events[0].context: must be an array of strings"),
        (changed(context=["x", 1]), "events[0].context[1]: must be a string"),
        *(
            (
                changed(timestamp=value),
                "events[0].timestamp: must be an integral number of milliseconds since 1970-01-01T00:00:00Z",
            )
            for value in (1.5, "1568381886060", True, None)
        ),
        (b'{"events":[{"customer":"\\ud800"}]}', None),
        (b'{"events":[{"customer":"\xff"}]}', None),
        (changed(customer=""), "events[0].customer: must not be empty"),
        (changed(customer="x" * 201), "events[0].customer: must have 200 characters at the most"),
        (changed(version="x" * 201), "events[0].version: must have 200 characters at the most"),
        (changed(context=["x"] * 65), "events[0].context: must have 64 values at the most"),
        (changed(context=["x" * 65_537]), "events[0].context[0]: must have 65536 characters at the most"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_saying_where(service, body, problem):
    async def scenario():
        async with service() as opened:
            answer = await opened.post(body)
            assert answer.status == 400
            assert answer.headers["content-type"] == "application/json"
            assert answer.json[0]["value"] == {
                "code": "REQUEST_INPUT_MALFORMED",
                "message": "the request cannot be read: one thing is wrong",
            }
            ((code, message),) = answer.problems
            assert code == "REQUEST_INPUT_MALFORMED"
            assert problem in (None, message)
            assert opened.stored() == []

    asyncio.run(scenario())


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
    ],
)
def test_timestamps_have_a_window(service, timestamp, status):
    async def scenario():
        async with service(clock=Wall()) as opened:
            answer = await opened.post(changed(timestamp=timestamp))
            assert answer.status == status
            assert len(opened.stored()) == (status == 200)
            if status == 400:
                assert "must lie between 946684800000 and 1600086400000" in answer.problems[0][1]

    asyncio.run(scenario())


def test_every_wrong_event_is_named_and_none_is_kept(service):
    async def scenario():
        async with service() as opened:
            events = [EVENT, {**EVENT, "type": "NO"}, EVENT, {**EVENT, "context": []}, {**EVENT, "customer": "X"}]
            answer = await opened.post({"events": events})
            assert (answer.status, answer.json[0]["value"]["code"]) == (400, "EVENT_NOT_IN_PLAN")
            assert answer.json[0]["value"]["message"] == "3 events break the tracking plan; nothing was stored"
            assert [message.split(":")[0] for _, message in answer.problems] == [
                "events[1].type",
                "events[3].context",
                "events[4].customer",
            ]
            assert opened.stored() == []
            assert opened.collector.refusals == {"EVENT_NOT_IN_PLAN": 1}

    asyncio.run(scenario())


def test_named_problems_are_bounded(service):
    async def scenario():
        async with service(problems_max=3) as opened:
            assert len((await opened.post({"events": [{**EVENT, "type": "NO"}] * 50})).problems) == 3
            assert len((await opened.post({"events": [1] * 50})).problems) == 3

    asyncio.run(scenario())


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
def test_limits_refuse_the_whole_request(service, changes, headers, body, status, code):
    async def scenario():
        async with service(**changes) as opened:
            for chunks in (1, 3):
                answer = await opened.post(body, chunks, **headers)
                assert (answer.status, answer.json[0]["value"]["code"]) == (status, code)
                assert answer.headers.get("retry-after") == ("1" if status == 503 else None)
            assert opened.stored() == []

    asyncio.run(scenario())


def test_a_body_that_does_not_arrive_times_out(service):
    async def scenario():
        async with service(body_timeout_s=1) as opened:
            answer = await opened.exchange([{"type": "http.request", "body": b"{", "more_body": True}], {})
            assert (answer.status, answer.json[0]["value"]["code"]) == (408, "REQUEST_TIMED_OUT")

    asyncio.run(scenario())


def test_the_same_key_and_body_make_the_same_events_again(service):
    async def scenario():
        async with service() as opened:
            first = await opened.post(BODY, idempotency_key="k1")
            again = await opened.post(BODY, 2, idempotency_key="k1")
            other_body = await opened.post(changed(timestamp=1568381886061), idempotency_key="k1")
            other_key = await opened.post(BODY, idempotency_key="k2")
            packed = await opened.post(
                gzip.compress(json.dumps(BODY).encode()), idempotency_key="k1", content_encoding="gzip"
            )
            assert first.body == again.body == packed.body
            assert len({answer.json[0]["batch"] for answer in (first, other_body, other_key)}) == 3

    asyncio.run(scenario())


def test_without_a_key_every_request_is_a_new_batch(service):
    async def scenario():
        async with service() as opened:
            answers = [await opened.post(BODY) for _ in range(3)]
            assert len({answer.json[0]["batch"] for answer in answers}) == 3

    asyncio.run(scenario())


def test_open_mode_takes_unknown_codes_but_holds_the_bounds(service):
    async def scenario():
        async with service(plan_mode="open") as opened:
            assert (await opened.post(changed(customer="NEW", product="P", type="T", context=[]))).status == 200
            assert (await opened.post(changed(customer="NEW", type=""))).status == 400

    asyncio.run(scenario())


def test_a_fault_of_the_service_says_nothing_of_itself(service, caplog):
    async def scenario():
        async with service() as opened:

            async def fail(*lines):
                raise RuntimeError("a secret of the service")

            opened.journal.append = fail
            answer = await opened.post(BODY)
            assert (answer.status, answer.headers["content-type"]) == (500, "application/json")
            assert answer.body == (
                b'[{"value":{"code":"REQUEST_GENERAL_FAILURE",'
                b'"message":"the service failed; its log has the details"},"children":[]}]'
            )

    asyncio.run(scenario())
    assert "a secret of the service" in caplog.text


def test_a_refusal_for_want_of_room_is_answered_byte_for_byte(service):
    async def scenario():
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

    asyncio.run(scenario())
