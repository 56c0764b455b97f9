"""Where a request goes, what becomes of HEAD, and what nobody caught."""

import asyncio
import json
import logging

import httpx
import pytest

from footfall.metrics import RequestMetrics
from footfall.web import ROUTES
from footfall.web.dispatcher import Dispatcher

FAILURE = (
    b'[{"value":{"code":"REQUEST_GENERAL_FAILURE","message":"the service failed; its log has the details"},'
    b'"children":[]}]'
)


def error(code, message):
    return f'[{{"value":{{"code":"{code}","message":"{message}"}},"children":[]}}]'.encode()


@pytest.mark.parametrize("path", ["/events", "/events/", "//events"])
async def test_events_go_to_the_collector_as_they_are(service, path):
    async with service() as opened:
        answer = await opened.client.post(f"http://events.example{path}", content=b"\xff not json")
        assert (answer.status_code, answer.content) == (200, b"collected")
        assert answer.headers["content-type"] == "x/collected"
        (call,) = opened.collected
        assert (call["method"], call["body"]) == ("POST", b"\xff not json")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/events", {"POST", "OPTIONS"}),
        ("HEAD", "/events", {"POST", "OPTIONS"}),
        ("DELETE", "/events", {"POST", "OPTIONS"}),
        ("PUT", "/reports", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("POST", "/reports/JOB-x", {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("DELETE", "/service/version", {"GET", "HEAD", "OPTIONS"}),
        ("PATCH", "/files/a/b/c", {"GET", "HEAD", "OPTIONS"}),
        ("BREW", "/docs", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_another_method_is_refused_with_those_that_there_are(service, method, path, allow):
    async with service() as opened:
        answer = await opened.client.request(method, path)
        expected = error(
            "REQUEST_METHOD_NOT_ALLOWED", f"this path does not have this method; it has {answer.headers['allow']}"
        )
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/json"
        assert set(answer.headers["allow"].split(", ")) == allow
        assert answer.content == (b"" if method == "HEAD" else expected + b"\n")
        assert opened.collected == []


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/reports/a/b", "/files/a/b", "/files/a/b/c/d", "/schema", "/openapi", "/docs/x", "/%00", "/%2e%2e/x"],
)
async def test_an_unknown_path_is_refused_in_the_same_shape(service, path):
    async with service() as opened:
        answer = await opened.client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/json"
        assert (
            answer.content
            == error("REQUEST_NOT_FOUND", "there is nothing at this path; GET /docs lists the calls") + b"\n"
        )


async def test_a_host_that_is_none_is_refused_in_the_same_shape(service):
    async with service() as opened:
        answer = await opened.client.get("/service/version", headers={"host": "a b<script>"})
        assert answer.status_code == 400
        assert answer.content == error("REQUEST_PARAMETER_MALFORMED", "the request cannot be read")


async def test_head_is_get_without_the_body(service):
    async with service() as opened:
        job = await opened.complete()
        link = await opened.link(job)
        paths = [route.path for route in ROUTES if route.method == "GET" and "{" not in route.path]
        for path in [*paths, f"/reports/JOB-{job.id}/availability", f"/reports/JOB-{job.id}", link]:
            get, head = await opened.anna.get(path), await opened.anna.head(path)
            assert head.status_code == get.status_code, path
            assert head.content == b""
            assert head.headers == get.headers


async def test_a_fault_of_a_call_tells_the_log_and_nobody_else(service, caplog):
    def fail(*_):
        raise ZeroDivisionError("secret")

    async with service() as opened:
        opened.state.close()
        opened.state.jobs.get = fail
        answer = await opened.anna.get("/reports/JOB-x")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.content == FAILURE
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "unexpected failure of GET '/reports/JOB-x'"
    assert record.exc_info[0] is ZeroDivisionError


async def sent(app, method="POST", path="/events"):
    """What an application sends for one request, and what it raises."""
    messages = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        messages.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    try:
        await app(scope, receive, send)
    except ZeroDivisionError as raised:
        return messages, raised
    return messages, None


async def test_a_fault_of_the_collector_is_answered_all_the_same(caplog):
    async def collect(scope, receive, send):
        raise ZeroDivisionError("secret")

    messages, raised = await sent(Dispatcher(collect, collect, RequestMetrics(), ()))
    assert raised is None
    assert [message["type"] for message in messages] == ["http.response.start", "http.response.body"]
    assert messages[0]["status"] == 500
    assert (b"content-type", b"application/json") in messages[0]["headers"]
    assert messages[1]["body"] == FAILURE
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


async def test_a_fault_within_an_answer_reaches_the_server(caplog):
    async def collect(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    messages, raised = await sent(Dispatcher(collect, collect, RequestMetrics(), ()))
    assert isinstance(raised, ZeroDivisionError)
    assert [message["status"] for message in messages] == [200]


async def test_other_protocols_pass(service):
    async with service() as opened:
        messages = asyncio.Queue()
        for name in ("startup", "shutdown"):
            messages.put_nowait({"type": f"lifespan.{name}"})
        answers = []

        async def send(message):
            answers.append(message["type"])

        await opened.app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, messages.get, send)
        assert answers == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_whatever_is_sent_no_other_error_body_leaves(service):
    """Odd requests of all kinds: each is answered, and each error has the contract's one shape."""
    odd = [
        httpx.Request(method, f"http://events.example{path}", headers=headers, content=content)
        for method in ("GET", "POST", "PUT", "TRACE", "CONNECT", "get")
        for path in ("/", "/reports", "/reports/%ff", "/reports/JOB-%00/availability", "/files/%0a/x/y", "/%E2%82")
        for headers, content in (
            ({}, b""),
            ({"content-length": "x"}, b""),
            ({"content-type": "multipart/form-data"}, b"--x"),
            ({"content-type": "application/json", "authorization": b"Basic \xff"}, b"{"),
            ({"accept": b"\xe9", "range": "bytes=a", "cookie": "=;;="}, b""),
        )
    ]
    async with service() as opened:
        for request in odd:
            for client in (opened.client, opened.anna):
                answer = await client.send(request, auth=client.auth)
                if answer.status_code >= 400:
                    assert answer.headers.get_list("content-type") == ["application/json"]
                    found = json.loads(answer.content)
                    assert found == {"message": "Unauthorized"} or list(found[0]) == ["value", "children"]
                    assert answer.status_code < 500, (request, found)


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", True),
        ("text/html", True),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html", False),
        (None, False),
    ],
)
async def test_an_unknown_path_is_a_page_for_browsers_and_json_for_everybody_else(service, accept, is_page):
    async with service(public_url="https://usage.example/x") as opened:
        headers = {} if accept is None else {"accept": accept}
        opened.client.headers.pop("accept")
        answer = await opened.client.get("/gone/<b>", headers=headers)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
        if not is_page:
            assert answer.headers["content-type"] == "application/json"
            assert answer.json()[0]["value"]["code"] == "REQUEST_NOT_FOUND"
            return
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert '<a href="https://usage.example/x/docs">' in answer.text
        assert "<code>/gone/&lt;b&gt;</code>" in answer.text


async def test_a_report_that_is_not_there_stays_json_in_a_browser(service):
    async with service() as opened:
        answer = await opened.anna.get("/reports/JOB-x/availability", headers={"accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")


async def test_errors_of_published_calls_and_of_signing_in_end_as_they_always_have(service):
    async with service() as opened:
        missing = await opened.anna.get("/reports/JOB-x/availability")
        assert (missing.status_code, missing.content[-2:]) == (404, b"}]")
        ours = await opened.anna.get("/reports/JOB-x/manifest")
        assert (ours.status_code, ours.content) == (404, missing.content + b"\n")
        for answer in (missing, ours):
            assert answer.headers.get_list("content-length") == [str(len(answer.content))]
        assert (await opened.client.get("/schedules")).content == b'{"message":"Unauthorized"}'
