"""The demo's requests over HTTP: what became of each is counted, in every mode of the plan."""

import asyncio

import pytest
from events_server import serving

from footfall.demo import CannotPost, Demo, Kind, Poster, Tally
from footfall.system.clock import SystemClock

DEMO = Demo(seed=5, customers=("BARCHART", "TGAM"), end_ms=SystemClock().now_ms(), days=5, events=3_000)
REQUESTS = list(DEMO.requests())


def count(kind: Kind) -> int:
    return sum(len(request.events) for request in REQUESTS if request.kind is kind)


def in_seconds() -> int:
    """Events with times that no mode takes."""
    return sum(event.timestamp < 10**10 for request in REQUESTS for event in request.events)


async def post(server, requests=REQUESTS) -> Tally:
    def run() -> Tally:
        with Poster(f"http://127.0.0.1:{server.port}/") as poster:
            return poster.post_all(requests, lambda _: None)

    return await asyncio.to_thread(run)


@pytest.mark.parametrize("mode", ["strict", "quarantine", "open"])
async def test_what_became_of_each_event_is_counted(tmp_path, mode):
    async with serving(tmp_path, plan_mode=mode) as server:
        tally = await post(server)
        assert (tally.events, tally.duplicates) == (count(Kind.USUAL), count(Kind.DUPLICATE))
        assert tally.retries == sum(request.times - 1 for request in REQUESTS) > 0
        assert tally.requests == sum(request.times for request in REQUESTS)
        assert tally.refused + tally.quarantined + tally.taken == count(Kind.BROKEN) > 0
        match mode:
            case "strict":
                assert tally.refused == count(Kind.BROKEN)
            case "quarantine":
                assert (tally.refused, tally.taken) == (in_seconds(), 0)
            case _:
                assert (tally.quarantined, tally.taken > 0) == (0, True)


async def test_a_service_that_does_not_take_the_demo_ends_it(tmp_path):
    wrong = [request for request in REQUESTS if request.kind is Kind.BROKEN]
    usual = [type(wrong[0])(Kind.USUAL, "k", request.events) for request in wrong[:1]]
    async with serving(tmp_path, plan_mode="strict") as server:
        with pytest.raises(CannotPost, match="the service answered 400: events"):
            await post(server, usual)
    async with serving(tmp_path / "held", plan_mode="quarantine") as server:
        held = [request for request in wrong if request.events[0].timestamp > 10**10]
        with pytest.raises(CannotPost, match="are in quarantine"):
            await post(server, [type(held[0])(Kind.USUAL, "k", held[0].events)])
    with pytest.raises(CannotPost, match=r"nothing answers at http://127.0.0.1:1/events: Connection refused"):
        await asyncio.to_thread(Poster("http://127.0.0.1:1").post, REQUESTS[0])
