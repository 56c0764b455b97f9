"""A report waits for what is on its way, on this node and on others, each of which has a clock of its own."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from footfall.errors import RequestRefused
from footfall.state import JobStatus, State


@contextlib.contextmanager
def telling(place: Any, node: str, loaded_through_ms: int, ahead_ms: int = -1_000_000) -> Iterator[SimpleNamespace]:
    """A node that tells how far it is, again and again, by a clock that is ahead of this one's, and goes on."""
    stop, begun = threading.Event(), threading.Event()
    far = SimpleNamespace(loaded_through_ms=loaded_through_ms)
    place.state.nodes.put(node, loaded_through_ms, place.now_ms + ahead_ms)

    def tell() -> None:
        told = 0
        with contextlib.closing(State(f"sqlite:///{place.settings.data / 'state.db'}")) as state:
            while not stop.wait(0.02):
                told += 1
                state.nodes.put(node, far.loaded_through_ms, place.now_ms + ahead_ms + told)
                begun.set()

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        assert begun.wait(60)
        yield far
    finally:
        stop.set()
        teller.join()


async def test_a_report_waits_for_what_this_node_has_not_loaded(place: Any) -> None:
    async def make() -> bytes:
        job = await place.order()
        place.loaded.loaded_through_ms = job.started_ms - 1
        async with place.running():
            await place.seen(job, lambda job: job.owner is not None)
            await asyncio.sleep(0.5)
            assert place.state.jobs.get(job.id).status is JobStatus.RUNNING
            place.load([{"timestamp": 1, "admitted": job.started_ms}])
            place.loaded.loaded_through_ms = job.started_ms
            ended = await place.ended(job)
        content = await place.read(ended)
        assert isinstance(content, bytes)
        return content

    assert await make() == b"1|T|a\n"


async def test_a_report_waits_for_every_other_node(place: Any) -> None:
    job = await place.order()
    place.state.nodes.put("here", 0, 0)  # what this node says of itself is older than what it knows
    with telling(place, "there", job.started_ms - 1) as there:
        async with place.running():
            await place.seen(job, lambda job: job.owner is not None)
            await asyncio.sleep(0.5)
            assert place.state.jobs.get(job.id).status is JobStatus.RUNNING
            there.loaded_through_ms = job.started_ms
            assert (await place.ended(job)).status is JobStatus.COMPLETE


@pytest.mark.parametrize("late", ["here", "there"])
async def test_a_report_names_the_node_that_keeps_it_waiting_too_long(make_place: Any, late: str) -> None:
    place = make_place(report_barrier_timeout_s=2)
    place.loaded.loaded_through_ms = 0 if late == "here" else place.now_ms
    with telling(place, "there", 0 if late == "there" else place.now_ms):
        job = await place.make()
    reason = f"events that came before the report were not loaded within 2 s: node {late} is behind"
    assert (job.status, job.reason) == (JobStatus.TIMEOUT, reason)


async def test_a_report_has_what_a_node_with_a_clock_ahead_took_before_it(place: Any) -> None:
    """That node stamped the event later than this one's clock was when the report was ordered."""
    stamp_ms = place.now_ms + 5_000
    place.load([{"timestamp": 1, "admitted": stamp_ms}, {"timestamp": 2, "admitted": place.now_ms + 1_000_000}])
    job = await place.order()
    with telling(place, "there", stamp_ms + 60_000, ahead_ms=5_000):
        async with place.running():
            ended = await place.ended(job)
    assert await place.read(ended) == b"1|T|a\n"
    assert stamp_ms < ended.watermark_ms < stamp_ms + 60_000
    assert ended.started_ms == place.now_ms


async def test_a_watermark_stays_where_it_was_pinned_whoever_takes_the_report_over(place: Any) -> None:
    job = await place.order()
    place.state.jobs.claim("the dead", 0)
    assert place.state.jobs.pin_watermark(job.id, "the dead", place.now_ms + 7)
    place.clock.ms += 60_000
    with telling(place, "there", place.now_ms + 1_000_000, ahead_ms=5_000):
        async with place.running():
            assert (await place.ended(job)).watermark_ms == place.now_ms + 7


async def test_a_watermark_that_was_asked_for_is_kept(place: Any) -> None:
    with telling(place, "there", place.now_ms + 1_000_000, ahead_ms=5_000):
        job = await place.make(output={"asOf": place.now_ms - 1})
    assert (job.status, job.watermark_ms) == (JobStatus.COMPLETE, place.now_ms - 1)


async def test_a_node_that_has_gone_silent_is_waited_for_and_named(make_place: Any) -> None:
    """It may have taken events by a clock that is ahead."""
    place = make_place(report_barrier_timeout_s=1)
    place.state.nodes.put("there", place.now_ms + 5_000, place.now_ms + 5_000)
    job = await place.make()
    reason = "events that came before the report were not loaded within 1 s: node there has not said how late it is"
    assert (job.status, job.reason) == (JobStatus.TIMEOUT, reason)


async def test_where_there_is_one_node_its_time_of_the_order_is_the_watermark(place: Any) -> None:
    place.state.nodes.put("here", place.now_ms, place.now_ms + 5_000)
    job = await place.order()
    place.clock.ms += 10
    async with place.running():
        assert (await place.ended(job)).watermark_ms == job.started_ms


async def test_a_node_takes_the_watermark_of_another_whose_clock_is_ahead(place: Any) -> None:
    place.state.nodes.put("there", place.now_ms, place.now_ms + 5_000)
    job = await place.order(output={"asOf": place.now_ms + 5_000})
    assert (job.watermark_ms, job.started_ms) == (place.now_ms + 5_000, place.now_ms)
    with pytest.raises(RequestRefused) as caught:
        await place.order(output={"asOf": place.now_ms + 5_001})
    assert f"must not be later than now, {place.now_ms + 5_000}:" in str(caught.value.problems[0])


async def test_a_sequel_never_ends_before_what_it_follows(place: Any) -> None:
    """The clock of a node that is gone was ahead, and the first report's watermark is by it."""
    first = await place.order()
    place.state.jobs.claim("there", 60_000)
    place.state.jobs.pin_watermark(first.id, "there", place.now_ms + 5_000)
    place.state.jobs.finish(first.id, "there", JobStatus.COMPLETE, place.now_ms, 0, 0, None, None)
    second = await place.make(output={"since": f"JOB-{first.id}"})
    assert (second.status, second.watermark_ms) == (JobStatus.COMPLETE, place.now_ms + 5_000)
