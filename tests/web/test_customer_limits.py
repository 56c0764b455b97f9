"""The limits of a customer's product, over connections: short and long bodies, strict and in quarantine."""

import json
import time

from events_server import EVENT, post, serving

from footfall.rate_limits import Limit

LIMITS = {"limits_mode": "refuse", "customer_events_per_s": 1, "customer_events_burst": 10}


def body(number, **changes):
    event = {**EVENT, "timestamp": int(time.time() * 1000), **changes}
    return json.dumps({"events": number * [event]}).encode()


def statuses(answers):
    return [int(answer[9:12]) for answer in answers]


async def test_events_over_the_rate_are_refused_and_nothing_of_them_is_kept(tmp_path):
    async with serving(tmp_path, **LIMITS) as server:
        sent = [post(body(4)), post(body(5)), post(body(9)), post(body(1)), post(body(3, customer="TGAM"))]
        answers = await server.ask(*sent, answers=5)
        assert statuses(answers) == [200, 200, 200, 429, 200]
        # Eighteen were taken of ten, one comes each second.
        assert b"\r\nretry-after: 9\r\n" in answers[3]
        (error,) = json.loads(answers[3].partition(b"\r\n\r\n")[2])
        assert error["value"]["code"] == "REQUEST_RATE_LIMITED"
        assert "customer BARCHART, product PORTFOLIO" in error["value"]["message"]
        assert server.stored() == 21
        assert server.collector.limit_hits.counts[Limit.CUSTOMER_EVENTS] == 1


async def test_a_long_body_on_a_thread_pays_too(tmp_path):
    async with serving(tmp_path, body_inline_bytes_max=1_000, **LIMITS) as server:
        answers = await server.ask(post(body(50)), post(body(50)), answers=2)
        assert statuses(answers) == [200, 429]
        assert server.stored() == 50


async def test_the_bytes_of_a_day_are_counted_when_they_are_on_disk(tmp_path):
    async with serving(tmp_path, limits_mode="refuse", customer_day_bytes_max=20_000) as server:
        found = statuses([answer for _ in range(6) for answer in await server.ask(post(body(70)))])
        assert found[0] == 200
        used = server.collector.customer_limits.watch()
        assert used["footfall_day_budget_used_ratio", "customer_day_bytes"] > 0.5
        assert server.collector.limit_hits.counts[Limit.CUSTOMER_DAY_BYTES] == found.count(429)


async def test_what_quarantine_holds_is_bounded_and_good_events_go_on(tmp_path):
    changes = {"limits_mode": "refuse", "plan_mode": "quarantine", "quarantine_day_bytes_max": 5_000}
    async with serving(tmp_path, **changes) as server:
        bad = post(body(10, type="NO-SUCH-TYPE"))
        answers = await server.ask(bad, bad, bad, post(body(1)), answers=4)
        found = statuses(answers)
        assert found[0] == 200
        assert found[2:] == [429, 200]
        assert server.collector.limit_hits.counts[Limit.QUARANTINE_DAY_BYTES] == found.count(429)


async def test_by_default_all_is_served(tmp_path):
    changes = {name: value for name, value in LIMITS.items() if name != "limits_mode"}
    async with serving(tmp_path, **changes) as server:
        assert statuses(await server.ask(*5 * [post(body(5))], answers=5)) == 5 * [200]
        assert server.stored() == 25
        assert server.collector.limit_hits.counts[Limit.CUSTOMER_EVENTS] == 3
