"""What the service says of itself, byte for byte."""

import pytest

SERVICE = (
    b'{"version":"1.2.3","name":"footfall","description":"System for collecting and reporting usage statistics",'
    b'"environment":"test"}'
)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/service/version", b'{"service":' + SERVICE + b"}"),
        ("/service/version/", b'{"service":' + SERVICE + b"}"),
        ("/system/version", b'{"version":"1.2.3","service":' + SERVICE + b"}"),
        ("/healthz", b'{"status":"ok"}\n'),
        ("/health/live", b'{"status":"ok"}\n'),
        ("/health/ready", b'{"status":"ok"}\n'),
    ],
)
async def test_anybody_may_ask(service, path, body):
    async with service() as opened:
        answer = await opened.client.get(path)
        assert answer.status_code == 200
        assert answer.headers.get_list("content-type") == ["application/json"]
        assert answer.content == body


async def test_who_is_signed_in(service):
    async with service() as opened:
        users = (
            (opened.anna, b'{"id":"anna","context":"barchart.com","permissions":null}'),
            (opened.root, b'{"id":"root","context":"","permissions":"all"}'),
        )
        for client, user in users:
            answer = await client.get("/service/authenticate")
            assert answer.status_code == 200
            assert answer.headers.get_list("content-type") == ["application/json"]
            assert answer.content == b'{"service":{"service":' + SERVICE + b'},"user":' + user + b"}"


async def test_ill_health_is_unavailability(service):
    async with service() as opened:
        opened.healthy = False
        answer = await opened.client.get("/healthz")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.content == (
            b'[{"value":{"code":"SERVICE_UNAVAILABLE","message":"events cannot be accepted at present"},'
            b'"children":[]}]\n'
        )


async def test_a_process_that_is_not_ready_says_why_and_lives(service):
    async with service() as opened:
        opened.healthy = False
        answer = await opened.client.get("/health/ready")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()[0]["value"]["message"] == "events are refused: the disk is full"
        assert (await opened.client.get("/health/live")).status_code == 200


async def test_the_root_leads_to_the_description(service):
    async with service() as opened:
        answer = await opened.client.get("/")
        assert (answer.status_code, answer.content) == (307, b"")
        assert answer.headers["location"] == "http://events.example/docs"
