"""POST /events: values that are made for a plan's regular expressions hold up nobody, and have an end."""

import asyncio
import json
import random
import threading

import brotli
import pytest

PLAN = """
[products.A]
columns = ["item"]
types.USED = ["item"]
[[rules]]
regex = ".*-.{1,200}"
"""


def body(events, value_chars):
    """Events with values for which RE2 has to go through all of `.*-.{1,200}` at each character."""
    chance = random.Random(7)
    event = {"customer": "C", "product": "A", "type": "USED", "timestamp": 1568381886060}
    value = "".join(chance.choices("-a", k=value_chars)) + "-x"
    values = (value[at:] + value[:at] for at in range(events))
    return json.dumps({"events": [{**event, "context": [value]} for value in values]}).encode()


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


async def test_a_body_that_may_cost_much_is_worked_on_in_a_thread(service, plan, monkeypatch):
    names = []
    async with service(plan=plan) as opened:
        take = opened.collector._prepare

        def seen(*given):
            names.append(threading.current_thread().name.partition("_")[0])
            return take(*given)

        monkeypatch.setattr(opened.collector, "_prepare", seen)
        most = opened.collector.inline_bytes_max
        short, long = body(1, 100), body(1, most)
        assert len(short) < most < len(long) < 4000
        assert (await opened.post(short)).status == 200
        assert (await opened.post(long)).status == 200
        assert (await opened.post(brotli.compress(long), content_encoding="br")).status == 200
    assert names == ["MainThread", "bodies", "bodies"]


@pytest.mark.parametrize("mode", ["strict", "quarantine"])
async def test_expressions_that_take_too_long_for_one_body_end_with_413(service, plan, mode):
    sent = brotli.compress(body(200, 25_000), quality=1)
    async with service(plan=plan, plan_mode=mode, regex_cpu_s_max=1) as opened:
        answer = await opened.post(sent, content_encoding="br")
        assert answer.status == 413
        assert answer.problems == [("REQUEST_TOO_LARGE", answer.problems[0][1])]
        assert "take more than 1 s for this request" in answer.body.decode()
        assert opened.stored() == []


async def test_expressions_end_when_their_client_has_left(service, plan):
    sent = brotli.compress(body(200, 25_000), quality=1)
    async with service(plan=plan, regex_cpu_s_max=3600, bodies_at_once_max=1) as opened:
        headers = [(b"content-encoding", b"br")]
        messages = iter([{"type": "http.request", "body": sent}, {"type": "http.disconnect"}])

        async def receive():
            return next(messages)

        async def send(_message):
            pytest.fail("nobody is there to be answered")

        scope = {"type": "http", "method": "POST", "path": "/events", "headers": headers}
        # The only thread is free afterwards; without an end it would be busy for a minute.
        async with asyncio.timeout(30):
            await opened.collector(scope, receive, send)
            assert (await opened.post(body(1, 5000))).status == 200
        assert len(opened.stored()) == 1


async def test_a_body_whose_client_left_is_kept_when_it_costs_little(service, plan):
    async with service(plan=plan) as opened:
        messages = iter([{"type": "http.request", "body": body(1, 5000)}, {"type": "http.disconnect"}])

        async def receive():
            return next(messages)

        async def send(_message):
            pass

        scope = {"type": "http", "method": "POST", "path": "/events", "headers": []}
        await opened.collector(scope, receive, send)
        assert len(opened.stored()) == 1
