"""POST /events, byte for byte: what is answered, and what is in the journal then."""

import gzip
import json
import re
import uuid

import pytest

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


async def test_the_reference_s_example_is_answered_byte_for_byte(service):
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


async def test_version_stands_before_timestamp_and_only_where_it_was_sent(service):
    async with service() as opened:
        answer = await opened.post({"events": [EVENT, {**EVENT, "version": "1.2"}, {**EVENT, "version": ""}]})
        assert [list(event) for event in answer.json] == [
            ["customer", "product", "type", "timestamp", "context", "sequence", "batch"],
            ["customer", "product", "type", "version", "timestamp", "context", "sequence", "batch"],
            ["customer", "product", "type", "version", "timestamp", "context", "sequence", "batch"],
        ]
        assert [event["sequence"] for event in answer.json] == [1, 2, 3]
        assert len({event["batch"] for event in answer.json}) == 1


@pytest.mark.parametrize("body", [b"{}", b" { } ", b'{"events":[]}', b'{"events":[],"other":1}', b"\xef\xbb\xbf{}"])
async def test_no_events_are_an_empty_array(service, body):
    async with service() as opened:
        answer = await opened.post(body)
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"[]", "application/json")
        assert opened.stored() == []


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"timestamp": 1568381886060.0}, {"timestamp": 1568381886060}),
        ({"other": {"deep": [1]}, "sequence": "x", "batch": 7}, {"sequence": 1}),
        ({"sequence": 99, "batch": "mine"}, {"sequence": 1}),
        ({"version": None}, {"version": ...}),
        ({"context": ["cut\ud83d"]}, {"context": ["cut\ufffd"]}),
        ({"context": ["\ude00x\ud83d\ud83d"]}, {"context": ["\ufffdx\ufffd\ufffd"]}),
        ({"context": ["\ud83d\U0001f600\\ud83d\\\ud83d"]}, {"context": ["\ufffd\U0001f600\\ud83d\\\ufffd"]}),
        ({"\ud83d": "\ud83d"}, {"context": ["string"]}),
        ({"context": ['}\n{,"|\u2028\U0001f600\u0000']}, {"context": ['}\n{,"|\u2028\U0001f600\u0000']}),
        (
            {"type": "PORTFOLIO-POSITION-CREATED", "context": ["u", "p", "q", None]},
            {"context": ["u", "p", "q", ""]},
        ),
    ],
)
async def test_what_is_taken_and_how_it_is_stored(service, sent, stored):
    async with service() as opened:
        answer = await opened.post(changed(**sent))
        assert answer.status == 200, answer.body
        (event,) = opened.stored()
        for key, value in stored.items():
            assert answer.json[0].get(key, ...) == event.get(key, ...) == value
        assert uuid.UUID(event["batch"])


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "text/plain;charset=UTF-8"]
)
async def test_content_types_that_are_taken(service, content_type):
    async with service() as opened:
        assert (await opened.post(BODY, content_type=content_type)).status == 200


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "body: is empty; it must be JSON in UTF-8"),
        (b"{", "body: is not JSON in UTF-8: it ends within a value"),
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
        (changed(context="x"), "events[0].context: must be an array of strings"),
        (changed(context=["x", 1]), "events[0].context[1]: must be a string"),
        *(
            (
                changed(timestamp=value),
                "events[0].timestamp: must be an integral number of milliseconds since 1970-01-01T00:00:00Z",
            )
            for value in (1.5, "1568381886060", True, None)
        ),
        (b'{"events":[{"customer":"\\ud8"}]}', None),
        (b'{"events":[{"customer":"x\0"}]}', None),
        (
            json.dumps(changed(type="~")).encode().replace(b'~"', b'\xff"'),
            "events[0].type: is not UTF-8: invalid start byte at byte 0",
        ),
        (
            json.dumps(changed(context=["a", "~"])).encode().replace(b'~"', b'\xed\xa0\x80"'),
            "events[0].context[1]: is not UTF-8: invalid continuation byte at byte 0",
        ),
        (b'{"other":1}', 'events: is missing; the body must be an object like {"events": [...]}'),
        *(
            (
                json.dumps({"sent": 1, key: [EVENT]}).encode(),
                f"events: is missing, and there is {key}; did you mean events?",
            )
            for key in ("Events", "EVENTS", "event", "batch", "data", "items")
        ),
        (
            json.dumps(EVENT).encode(),
            (
                "events: is missing: the body is an event by itself, which belongs into "
                '{"events": [...]}; did you mean events?'
            ),
        ),
        (changed(customer=""), "events[0].customer: must not be empty"),
        (changed(customer="x" * 201), "events[0].customer: must have 200 characters at the most"),
        (changed(version="x" * 201), "events[0].version: must have 200 characters at the most"),
        (changed(context=["x"] * 65), "events[0].context: must have 64 values at the most"),
        (changed(context=["x" * 65_537]), "events[0].context[0]: must have 65536 characters at the most"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_saying_where(service, body, problem):
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


async def test_every_wrong_event_is_named_and_none_is_kept(service):
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
        assert [child["value"]["data"] for child in answer.json[0]["children"]] == [
            {"path": "events[1].type", "index": 1},
            {"path": "events[3].context", "index": 3},
            {"path": "events[4].customer", "index": 4},
        ]
        assert opened.stored() == []
        assert opened.collector.refusals == {"EVENT_NOT_IN_PLAN": 1}


async def test_the_same_key_and_body_make_the_same_events_again(service):
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


async def test_without_a_key_every_request_is_a_new_batch(service):
    async with service() as opened:
        answers = [await opened.post(BODY) for _ in range(3)]
        assert len({answer.json[0]["batch"] for answer in answers}) == 3


async def test_open_mode_takes_unknown_codes_but_holds_the_bounds(service):
    async with service(plan_mode="open") as opened:
        assert (await opened.post(changed(customer="NEW", product="P", type="T", context=[]))).status == 200
        assert (await opened.post(changed(customer="NEW", type=""))).status == 400


async def test_a_fault_of_the_service_says_nothing_of_itself(service, caplog):
    async with service() as opened:

        async def fail(lines):
            raise RuntimeError("a secret of the service")

        opened.journal.write = fail
        answer = await opened.post(BODY)
        assert (answer.status, answer.headers["content-type"]) == (500, "application/json")
        # The log has it under the same id.
        assert re.sub(rb"[0-9a-f]{8}-\d+", b"ID", answer.body) == (
            b'[{"value":{"code":"REQUEST_GENERAL_FAILURE",'
            b'"message":"the service failed; its log has the details of request ID"},"children":[]}]'
        )
    assert "a secret of the service" in caplog.text
