"""Pages of other origins may make every call, and read the headers that matter."""

import re
from pathlib import Path

import pytest

import footfall
from footfall.web import ROUTES

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
    "footfall-duplicates, footfall-schedule, footfall-file, footfall-warning, etag, content-disposition, "
    "content-range, location, link, preference-applied, x-request-id"
)


async def test_every_path_answers_a_preflight(service):
    async with service() as opened:
        for path in [*{route.path for route in ROUTES} - {"/events"}, "/nowhere", "/reports/", "/events/x"]:
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
async def test_every_answer_can_be_read_by_every_origin(service, method, path, status):
    async with service() as opened:
        answer = await opened.client.request(method, path, headers={"origin": ORIGIN})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == EXPOSED
        assert "vary" not in answer.headers


@pytest.mark.parametrize("origin", ["https://app.example", "https://other.example"])
async def test_a_listed_origin_is_named_back(service, origin):
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


@pytest.mark.parametrize(
    ("origins", "method", "path", "expected"),
    [
        ("*", "POST", "/events", (ORIGIN, "true")),
        (ORIGIN, "POST", "/events", (ORIGIN, "true")),
        ("https://other.example", "POST", "/events", (None, None)),
        ("*", "GET", "/events", ("*", None)),
        ("*", "POST", "/events/", ("*", None)),
        ("*", "POST", "/reports", ("*", None)),
        (ORIGIN, "POST", "/reports", (ORIGIN, None)),
    ],
)
async def test_credentials_may_go_along_with_events_alone(service, origins, method, path, expected):
    async with service(cors_origins=origins) as opened:
        headers = PREFLIGHT | {"access-control-request-method": method}
        answer = await opened.client.options(path, headers=headers)
        found = [answer.headers.get(f"access-control-allow-{name}") for name in ("origin", "credentials")]
        assert tuple(found) == expected


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (
            "content-type,traceparent, Sentry-Trace ,baggage,x-request-id",
            "traceparent, sentry-trace, baggage, x-request-id",
        ),
        ('a b, "x", c:d, \x00, ok', "ok"),
        (", ".join(f"x-{n}" for n in range(99)), ", ".join(f"x-{n}" for n in range(50))),
        ("x" * 101, ""),
    ],
)
async def test_a_preflight_names_back_the_headers_that_were_asked_for(service, asked, named):
    async with service() as opened:
        answer = await opened.client.options("/events", headers=PREFLIGHT | {"access-control-request-headers": asked})
        expected = f"{REQUEST_HEADERS}, {named}" if named else REQUEST_HEADERS
        assert answer.headers["access-control-allow-headers"] == expected


@pytest.mark.parametrize("origins", ["*", "https://app.example"])
@pytest.mark.parametrize("path", ["/events", "/docs", "/nowhere", "/service/authenticate", "/healthz"])
async def test_no_browser_may_guess_the_type_of_an_answer(service, origins, path):
    async with service(cors_origins=origins) as opened:
        answer = await opened.client.get(path)
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


async def test_the_page_cannot_be_framed_and_errors_are_not_kept(service):
    async with service() as opened:
        assert "frame-ancestors 'none'" in (await opened.client.get("/docs")).headers["content-security-policy"]
        for answer in (
            await opened.anna.get("/reports/JOB-x"),
            await opened.anna.get("/usage/counts"),
            await opened.client.get("/service/authenticate"),
        ):
            assert (answer.is_error, answer.headers["cache-control"]) == (True, "no-store")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"origin": "http://events.example"}, 404),
        ({"sec-fetch-site": "same-origin", "origin": "http://events.example"}, 404),
        ({"origin": ORIGIN, "content-type": "application/json"}, 404),
        ({"origin": ORIGIN}, 415),
        ({"origin": "null"}, 415),
        ({"origin": ORIGIN, "content-type": "text/plain"}, 415),
        ({"origin": ORIGIN, "content-type": "multipart/form-data; boundary=x"}, 415),
        ({"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"}, 415),
        ({"sec-fetch-site": "cross-site"}, 415),
    ],
)
async def test_a_form_of_another_site_changes_nothing(service, headers, status):
    async with service() as opened:
        for call in ("pause", "resume"):
            assert (await opened.anna.post(f"/schedules/x/{call}", headers=headers)).status_code == status
        body = {"/reports": b"{}", "/schedules": b"{}", "/quarantine/release": b"[]", "/quarantine/drop": b"[]"}
        for path, content in body.items():
            answer = await opened.root.post(path, headers=headers, content=content)
            assert answer.status_code == (400 if status == 404 else 415), path


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}, {"origin": "null"}])
@pytest.mark.parametrize("origins", ["https://app.example", ""])
async def test_an_origin_that_is_not_listed_gets_no_leave(service, headers, origins):
    async with service(cors_origins=origins) as opened:
        answer = await opened.client.get("/service/version", headers=headers)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["vary"] == "Origin"
        preflight = await opened.client.options("/events", headers={**PREFLIGHT, "origin": "x", **headers})
        assert preflight.status_code == 204
        assert "access-control-allow-origin" not in preflight.headers


def test_every_header_of_our_own_can_be_read():
    source = Path(footfall.__file__).parent
    named = {name.lower() for path in source.rglob("*.py") for name in HEADER.findall(path.read_text("utf-8"))}
    assert {"footfall-progress", "footfall-rows", "footfall-bytes", "footfall-reason"} <= named
    # One of a request, which a preflight allows as it is asked for.
    assert named - {"footfall-code"} <= set(EXPOSED.split(", "))


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/events", "OPTIONS, POST"),
        ("/reports", "GET, HEAD, OPTIONS, POST"),
        ("/schedules", "GET, HEAD, OPTIONS, POST"),
        ("/reports/JOB-x", "DELETE, GET, HEAD, OPTIONS"),
        ("/schedules/x", "DELETE, GET, HEAD, OPTIONS"),
        ("/service/version", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_bare_options_lists_the_methods(service, path, allow):
    async with service() as opened:
        # Without both of its headers it is no preflight.
        for headers in ({}, {"origin": ORIGIN}, {"access-control-request-method": "POST"}):
            answer = await opened.client.options(path, headers=headers)
            assert answer.status_code == 204
            assert answer.content == b""
            assert answer.headers["allow"] == allow
        wrong = await opened.client.patch(path)
        assert (wrong.status_code, sorted(wrong.headers["allow"].split(", "))) == (405, allow.split(", "))
