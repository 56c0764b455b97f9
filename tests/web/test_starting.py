"""Starting a report, byte for byte."""

import asyncio
import base64
import json
import re

import pytest

FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}
PASSWORD = b"correct horse battery"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def error(code, message, *children):
    nodes = ",".join(
        f'{{"value":{{"code":"{code}","message":"{text}","data":{{"path":"{text.partition(":")[0]}"}}}},"children":[]}}'
        for text in children
    )
    return f'[{{"value":{{"code":"{code}","message":"{message}"}},"children":[{nodes}]}}]'.encode()


def check_error(answer, status, body):
    assert answer.status_code == status
    assert answer.headers.get_list("content-type") == ["application/json"]
    assert answer.headers["content-length"] == str(len(body))
    assert answer.content == body


async def test_a_report_is_started_and_its_status_answered_at_once(service):
    async with service() as opened:
        answer = await opened.anna.post("/reports", json={"filter": FILTER})
        job = answer.json()["job"]
        assert UUID.fullmatch(job)
        assert answer.status_code == 200
        assert answer.headers.get_list("content-type") == ["application/json"]
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["footfall-progress"] == "0"
        assert answer.headers["cache-control"] == "no-store"
        assert (
            answer.content
            == (
                f'{{"job":"{job}","source":"JOB-{job}","status":"RUNNING",'
                '"filter":{"customer":"BARCHART","product":"PORTFOLIO"},'
                '"timing":{"day":"2023-11-14","start":1700000000000}}'
            ).encode()
        )


async def test_a_status_has_every_key_that_has_a_value_in_the_contract_s_order(service):
    wanted = {
        "output": {"delimiter": ";"},
        "filter": {
            "end": "1571115600000",
            "start": 1571029200000,
            "types": ["A", "B"],
            "product": "P",
            "customer": "C",
        },
    }
    async with service() as opened:
        answer = await opened.root.post("/reports", json=wanted)
        job = answer.json()["job"]
        assert (
            answer.content
            == (
                f'{{"job":"{job}","source":"JOB-{job}","status":"RUNNING",'
                '"filter":{"customer":"C","product":"P","types":["A","B"],"start":1571029200000,"end":1571115600000},'
                '"timing":{"day":"2023-11-14","start":1700000000000},"output":{"delimiter":";"}}'
            ).encode()
        )


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', None])
async def test_types_that_mean_json_are_taken(service, content_type):
    async with service() as opened:
        headers = {"content-type": content_type} if content_type else {}
        answer = await opened.anna.post("/reports", content=json.dumps({"filter": FILTER}), headers=headers)
        assert answer.status_code == 200


async def test_another_type_is_refused(service):
    types = [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "garbage"),
        "application/json; charset=utf-16",
    ]
    async with service() as opened:
        for content_type in types:
            headers = {"content-type": content_type}
            answer = await opened.anna.post("/reports", content=json.dumps({"filter": FILTER}), headers=headers)
            code, problem = "REQUEST_UNSUPPORTED_MEDIA_TYPE", f"content-type: {content_type!r} is not taken here"
            check_error(answer, 415, error(code, "Content-Type must be application/json, in UTF-8", problem))


async def test_a_compressed_body_is_refused(service):
    async with service() as opened:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        answer = await opened.anna.post("/reports", content=b"\x1f\x8b", headers=headers)
        code = "REQUEST_UNSUPPORTED_MEDIA_TYPE"
        problem = "content-encoding: 'gzip' is not taken here"
        check_error(answer, 415, error(code, "the body of this call must not be compressed", problem))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"filter":[]}',
            error(
                "REQUEST_INPUT_MALFORMED",
                "the report cannot be started: one thing is wrong",
                "filter: must be an object",
            ),
        ),
        (
            b'{"filter":{"customer":"","product":7}}',
            error(
                "REQUEST_PARAMETER_MALFORMED",
                "the report cannot be started: 2 things are wrong",
                "filter.customer: must not be empty",
                "filter.product: must be a string",
            ),
        ),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_with_all_that_is_wrong(service, body, expected):
    async with service() as opened:
        answer = await opened.anna.post("/reports", content=body, headers={"content-type": "application/json"})
        check_error(answer, 400, expected)


async def test_whatever_the_body_is_it_is_refused_in_the_same_shape(service):
    async with service() as opened:
        for body in (b"", b"{", b"null", b"[" * 5000, b'"\xff"', b'{"filter":{}}', b'{"filter":null}'):
            answer = await opened.anna.post("/reports", content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 400, body[:40]
            assert answer.json()[0]["value"]["code"] in ("REQUEST_INPUT_MALFORMED", "REQUEST_PARAMETER_MALFORMED")
            assert answer.json()[0]["children"]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused(service, chunked):
    async def chunks():
        for _ in range(11):
            yield b"x" * 10

    async with service(call_body_bytes_max=100) as opened:
        content = chunks() if chunked else b"x" * 110
        answer = await opened.anna.post("/reports", content=content)
        check_error(answer, 413, error("REQUEST_TOO_LARGE", "the body is larger than 100 bytes"))


async def test_a_body_that_does_not_arrive_is_refused(service):
    async def chunks():
        yield b"{"
        await asyncio.Event().wait()

    async with service(body_timeout_s=1) as opened:
        answer = await opened.anna.post("/reports", content=chunks())
        check_error(answer, 408, error("REQUEST_TIMED_OUT", "the body did not arrive within 1 seconds"))


async def test_a_client_that_leaves_is_no_fault_of_the_service(service, caplog):
    async with service() as opened:
        sent = []

        async def receive():
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        request = opened.anna.build_request("POST", "/reports")
        headers = [*request.headers.raw, (b"authorization", b"Basic " + base64.b64encode(b"anna:" + PASSWORD))]
        scope = {"type": "http", "method": "POST", "path": "/reports", "query_string": b"", "headers": headers}
        await opened.app(scope, receive, send)
        assert sent[0]["status"] == 408
    assert caplog.records == []


async def test_another_s_customer_is_refused(service):
    async with service() as opened:
        answer = await opened.anna.post("/reports", json={"filter": {**FILTER, "customer": "TGAM"}})
        body = error("REQUEST_AUTHORIZATION_FAILURE", "you may not see the customer 'TGAM'")
        check_error(answer, 403, body)
        assert (await opened.root.post("/reports", json={"filter": {**FILTER, "customer": "TGAM"}})).is_success
