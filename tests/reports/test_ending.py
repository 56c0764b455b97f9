"""A report that is cancelled, or whose worker stops, frees its worker and the store at once, wherever it is."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from footfall.errors import Code, RequestRefused
from footfall.state import JobStatus, State
from footfall.store import Store

# Within so long neither the worker nor the store may be busy with a report that was cancelled.
FREE_S = 2.0
# A statement that gives nothing for minutes.
ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"


class Endless(Store):
    """Surveys for ever: whatever is asked first keeps the engine busy, and gives no row."""

    entered: threading.Event
    left: threading.Event

    def rows(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        assert query
        self.entered.set()
        try:
            return super().rows(ENDLESS, parameters, settings)
        finally:
            self.left.set()


class Sleepy(Store):
    """Streams for ever, and slowly."""

    @contextlib.contextmanager
    def stream(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        assert query
        slow = "SELECT concat(toString(number), '|T|', sipHash64(number)) FROM numbers(1000000000000) FORMAT TSV"
        with super().stream(slow, parameters, settings) as blocks:
            yield (block for block in blocks if not time.sleep(0.01))


def at_work(place: Any) -> int:
    """How many statements of reports the engine runs."""
    query = "SELECT count() FROM system.processes WHERE position(Settings['log_comment'], ' report ') > 0"
    with contextlib.closing(Store(place.settings)) as store:
        ((number,),) = store.rows(query, {})
    return int(number)


async def until(condition: Callable[[], bool], within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.02)


FILL = """INSERT INTO events (customer, product, type, timestamp, context, sequence, batch, received, admitted)
SELECT 'C', 'P', 'T', number, [repeat('x', 100)], 1, generateUUIDv4(), 1, 1 FROM numbers(4000000)"""


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
async def test_a_large_report_is_broken_off_in_its_rows(place: Any, file_format: str) -> None:
    place.store.write(FILL, {})
    job = await place.order(output={"format": file_format})
    async with place.running():
        await place.seen(job, lambda job: job.bytes > 0 and job.progress > 0)
        assert at_work(place) > 0
        ended = await place.desk.end(place.user, f"JOB-{job.id}")
        assert (ended.status, ended.rows < 4_000_000) == (JobStatus.FAILED, True)
        await until(lambda: at_work(place) == 0 and place.stored() == [], FREE_S)


@pytest.fixture
def endless(make_place: Any) -> Any:
    place = make_place(store_type=Endless)
    place.store.entered, place.store.left = threading.Event(), threading.Event()
    return place


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_statement_that_gives_nothing_is_broken_off(
    endless: Any, caplog: pytest.LogCaptureFixture, elsewhere: bool
) -> None:
    """Also when the worker is on another node: all that it shares with the desk is the state database."""
    job = await endless.order()
    with contextlib.closing(State(f"sqlite:///{endless.settings.data / 'state.db'}")) as state:
        async with endless.running(endless.runner(state=state, node="there") if elsewhere else endless.runner()):
            await until(lambda: at_work(endless) == 1, 30)
            ended = await endless.desk.end(endless.user, f"JOB-{job.id}")
            assert (ended.status, ended.reason, ended.ended_ms) == (JobStatus.FAILED, "cancelled", endless.now_ms)
            await until(lambda: at_work(endless) == 0 and endless.store.left.is_set(), FREE_S)
            endless.store.entered.clear()
            # The worker is free too: it takes the next one.
            second = await endless.order()
            await until(endless.store.entered.is_set, FREE_S)
            await endless.desk.end(endless.user, f"JOB-{second.id}")
    assert endless.state.jobs.get(job.id) == ended
    assert endless.stored() == []
    assert "away" not in caplog.text, "a report that was cancelled is no outage"


async def test_a_stream_is_broken_off_and_its_file_removed(make_place: Any) -> None:
    place = make_place(store_type=Sleepy)
    place.fill()
    job = await place.order()
    async with place.running():
        await place.seen(job, lambda job: job.bytes > 0)
        await place.desk.end(place.user, f"JOB-{job.id}")
        await until(lambda: at_work(place) == 0 and place.stored() == [], FREE_S)
    assert place.state.jobs.get(job.id).reason == "cancelled"


async def test_a_stop_breaks_a_statement_off_and_costs_no_try(endless: Any) -> None:
    job = await endless.order()
    for stops in range(1, 11):
        endless.store.entered.clear()
        async with endless.running() as stop:
            await until(endless.store.entered.is_set, 30)
            stop.set()
            await endless.seen(job, lambda job: job.stops == stops)  # noqa: B023 - it is called at once
    now = endless.state.jobs.get(job.id)
    assert (now.status, now.tries, now.stops) == (JobStatus.RUNNING, 10, 10)
    assert at_work(endless) == 0
    async with endless.running(endless.runner(store=Store(endless.settings))):
        assert (await endless.ended(job)).status is JobStatus.COMPLETE


async def test_ending_a_finished_report_removes_its_file_and_keeps_the_rest(place: Any) -> None:
    place.load([{"timestamp": 1}])
    job = await place.make()
    link = await place.desk.link(place.user, job, "http://localhost")
    ended = [await place.desk.end(place.user, f"JOB-{job.id}") for _ in range(2)]
    assert ended[0] == ended[1] == place.state.jobs.get(job.id)
    assert (ended[0].status, ended[0].expired, ended[0].sha256) == (JobStatus.COMPLETE, True, job.sha256)
    assert place.stored() == []
    with pytest.raises(RequestRefused) as caught:
        await place.desk.link(place.user, ended[0], "http://localhost")
    assert caught.value.code is Code.EVENT_JOB_GET_FAILED
    with pytest.raises(RequestRefused) as caught:
        await place.desk.download(*link.rsplit("/", 3)[1:])
    assert caught.value.code is Code.EVENT_JOB_GET_FAILED


async def test_a_waiting_report_is_cancelled_too(place: Any) -> None:
    job = await place.order()
    answers = [await place.desk.end(place.user, f"JOB-{job.id}") for _ in range(2)]
    assert [(answer.status, answer.reason) for answer in answers] == [(JobStatus.FAILED, "cancelled")] * 2
    assert place.state.jobs.claim("worker", 60_000) is None
