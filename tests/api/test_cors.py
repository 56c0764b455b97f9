"""Pages of other origins may make every call, and read the headers that matter."""

import asyncio
import re
from pathlib import Path

import pytest

import footfall
from footfall.api import ROUTES

HEADER = re.compile(r'"(footfall-[a-z-]+)"', re.IGNORECASE)
ORIGIN = "https://app.example"
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type, authorization, idempotency-key, content-encoding",
}
METHODS = "GET, POST, DELETE, HEAD, OPTIONS"
REQUEST_HEADERS = (
    "content-type, authorization, idempotency-key, content-encoding, accept, range, if-none-match, if-range"
)
EXPOSED = (
    "retry-after, footfall-progress, footfall-rows, footfall-bytes, footfall-reason, footfall-quarantined, "
    "footfall-duplicates, footfall-warning, etag, content-disposition, content-range, location, link"
)


def test_every_path_answers_a_preflight(service):
    async def scenario():
        async with service() as opened:
            for path in [*(route.path for route in ROUTES), "/nowhere", "/reports/", "/events/x"]:
                answer = await opened.client.options(path, headers=PREFLIGHT)
                assert answer.status_code == 204, path
                assert answer.content == b""
                assert dict(answer.headers) == {
                    "access-control-allow-origin": "*",
                    "access-control-allow-methods": METHODS,
                    "access-control-allow-headers": REQUEST_HEADERS,
                    "access-control-max-age": "86400",
                }
            assert opened.collected == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/events", 200),
        ("GET", "/service/version", 200),
        ("GET", "/service/authenticate", 401),
        ("GET", "/nowhere", 404),
        ("DELETE", "/reports", 405),
    ],
)
def test_every_answer_can_be_read_by_every_origin(service, method, path, status):
    async def scenario():
        async with service() as opened:
            answer = await opened.client.request(method, path, headers={"origin": ORIGIN})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["access-control-expose-headers"] == EXPOSED
            assert "vary" not in answer.headers

    asyncio.run(scenario())


@pytest.mark.parametrize("origin", ["https://app.example", "https://other.example"])
def test_a_listed_origin_is_named_back(service, origin):
    async def scenario():
        async with service(cors_origins="https://other.example/, https://app.example") as opened:
            answer = await opened.client.get("/service/version", headers={"origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["access-control-expose-headers"] == EXPOSED
            assert answer.headers["vary"] == "Origin"
            preflight = await opened.client.options("/events", headers={**PREFLIGHT, "origin": origin})
            assert preflight.status_code == 204
            assert preflight.headers["access-control-allow-origin"] == origin
            assert preflight.headers["access-control-allow-methods"] == METHODS
            assert preflight.headers["vary"] == "Origin"

    asyncio.run(scenario())


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}, {"origin": "null"}])
@pytest.mark.parametrize("origins", ["https://app.example", ""])
def test_an_origin_that_is_not_listed_gets_no_leave(service, headers, origins):
    async def scenario():
        async with service(cors_origins=origins) as opened:
            answer = await opened.client.get("/service/version", headers=headers)
            assert answer.status_code == 200
            assert "access-control-allow-origin" not in answer.headers
            assert answer.headers["vary"] == "Origin"
            preflight = await opened.client.options("/events", headers={**PREFLIGHT, "origin": "x", **headers})
            assert preflight.status_code == 204
            assert "access-control-allow-origin" not in preflight.headers

    asyncio.run(scenario())


def test_every_header_of_our_own_can_be_read():
    source = Path(footfall.__file__).parent
    named = {name.lower() for path in source.rglob("*.py") for name in HEADER.findall(path.read_text("utf-8"))}
    assert {"footfall-progress", "footfall-rows", "footfall-bytes", "footfall-reason"} <= named
    assert named <= set(EXPOSED.split(", "))


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/events", "OPTIONS, POST"),
        ("/reports/JOB-x", "GET, HEAD, OPTIONS"),
        ("/service/version", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_bare_options_lists_the_methods(service, path, allow):
    async def scenario():
        async with service() as opened:
            # Without both of its headers it is no preflight.
            for headers in ({}, {"origin": ORIGIN}, {"access-control-request-method": "POST"}):
                answer = await opened.client.options(path, headers=headers)
                assert answer.status_code == 204
                assert answer.content == b""
                assert answer.headers["allow"] == allow

    asyncio.run(scenario())
