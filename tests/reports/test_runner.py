"""Runners share the jobs, survive each other, and never call a short file complete."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from footfall.state import Job, JobStatus, State, StateUnavailable
from footfall.store import Store

ROWS = 20_000
LEASE_MS = 30_000


class Gated(Store):
    """Lets the first block of a stream through, and the others when the gate is open."""

    gate: threading.Event

    @contextlib.contextmanager
    def stream(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        with super().stream(query, parameters, settings) as blocks:
            yield self._pass(blocks)

    def _pass(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            yield block[:1000]
            assert self.gate.wait(60)
            yield block[1000:]


class Lossy(Store):
    """Loses the last row of a stream, and says nothing of it."""

    @contextlib.contextmanager
    def stream(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        with super().stream(query, parameters, settings) as blocks:
            whole = b"".join(blocks)
            yield iter([whole[: whole[:-1].rindex(b"\n") + 1]])


class Slow(Store):
    """Has a statement run into the limit of time that it is given, before any other."""

    def rows(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        super().rows("SELECT sum(sleepEachRow(0.5)) FROM numbers(20) SETTINGS max_block_size = 1", {}, settings)
        return super().rows(query, parameters, settings)


class Counting(State):
    """Counts the jobs that were ended."""

    ends = 0

    def job_finish(self, *args: Any) -> bool:
        done = super().job_finish(*args)
        self.ends += done
        return done


class Failing(State):
    """Cannot claim or record at first; `lost` says that it does record, and only the answer is lost."""

    failures = 2
    lost = False

    def job_claim(self, owner: str, now_ms: int, lease_ms: int) -> Job | None:
        if self.failures == 2:
            self.failures -= 1
            raise StateUnavailable("no connection")
        return super().job_claim(owner, now_ms, lease_ms)

    def job_finish(self, *args: Any) -> bool:
        if self.failures:
            self.failures -= 1
            if self.lost:
                super().job_finish(*args)
            raise StateUnavailable("the connection broke")
        return super().job_finish(*args)


def fill(place: Any) -> None:
    place.load({"timestamp": n, "context": [f"value {n}"]} for n in range(ROWS))


EXPECTED = "".join(f"{n}|T|value {n}\n" for n in range(ROWS)).encode()


async def finish(place: Any, **wanted: Any) -> Job:
    job = await place.make(**wanted)
    assert isinstance(job, Job)
    return job


@pytest.fixture
def gated(make_place: Any) -> Any:
    place = make_place(store_type=Gated)
    place.store.gate = threading.Event()
    fill(place)
    return place


def test_two_runners_share_the_jobs_and_end_each_once(place: Any) -> None:
    fill(place)

    async def make() -> None:
        jobs = [await place.order(start=n) for n in range(12)]
        other = Counting(f"sqlite:///{place.settings.data / 'state.db'}")
        here = Counting(f"sqlite:///{place.settings.data / 'state.db'}")
        with contextlib.closing(here), contextlib.closing(other):
            async with place.running(place.runner(state=here), place.runner(state=other, node="there")):
                ended = [await place.ended(job) for job in jobs]
            assert [(job.status, job.tries, job.rows) for job in ended] == [
                (JobStatus.COMPLETE, 1, ROWS - n) for n in range(12)
            ]
            assert here.ends + other.ends == 12

    asyncio.run(make())


def test_progress_is_told_while_a_report_runs(gated: Any) -> None:
    async def make() -> None:
        job = await gated.order()
        async with gated.running():
            running = await gated.seen(job, lambda job: job.rows > 0)
            assert running.status is JobStatus.RUNNING
            assert (running.rows < ROWS, running.bytes, running.rows_total) == (True, 1000, ROWS)
            gated.store.gate.set()
            ended = await gated.ended(job)
        assert (ended.rows, ended.bytes, ended.rows_total) == (ROWS, len(EXPECTED), ROWS)
        assert ended.ended_ms == gated.now_ms
        assert await gated.read(ended) == EXPECTED

    asyncio.run(make())


def test_a_dead_workers_report_is_made_by_another(place: Any) -> None:
    fill(place)

    async def make() -> None:
        job = await place.order()
        place.state.job_claim("the dead", place.now_ms, LEASE_MS)
        half = place.settings.data / "files" / job.id / "1" / f"{job.file}#1"
        half.parent.mkdir(parents=True)
        half.write_bytes(EXPECTED[:1000])
        async with place.running():
            await asyncio.sleep(0.5)
            assert place.state.job_get(job.id).owner == "the dead"
            place.clock.ms += LEASE_MS
            ended = await place.ended(job)
        assert (ended.status, ended.tries) == (JobStatus.COMPLETE, 2)
        assert place.stored() == [f"{job.id}/2/{job.file}"]
        assert await place.read(ended) == EXPECTED

    asyncio.run(make())


def test_a_worker_that_lost_its_lease_leaves_neither_status_nor_file(gated: Any) -> None:
    async def make() -> None:
        job = await gated.order()
        async with gated.running():
            await gated.seen(job, lambda job: job.rows > 0)
            assert gated.state.job_claim("the next", gated.now_ms + LEASE_MS, LEASE_MS) is not None
            gated.store.gate.set()
        now = gated.state.job_get(job.id)
        assert (now.status, now.owner, now.tries) == (JobStatus.RUNNING, "the next", 2)
        assert gated.stored() == []

    asyncio.run(make())


def test_a_worker_notices_that_its_lease_was_lost(gated: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def make() -> None:
        job = await gated.order()
        async with gated.running():
            await gated.seen(job, lambda job: job.rows > 0)
            gated.state.job_claim("the next", gated.now_ms + LEASE_MS, LEASE_MS)
            gated.clock.ms += LEASE_MS // 2
            async with asyncio.timeout(30):
                while "the lease was lost" not in caplog.text:
                    await asyncio.sleep(0.01)
            gated.store.gate.set()
        assert gated.state.job_get(job.id).owner == "the next"
        assert gated.stored() == []

    asyncio.run(make())


def test_a_lease_is_kept_for_as_long_as_it_takes(gated: Any) -> None:
    async def make() -> None:
        job = await gated.order()
        async with gated.running():
            await gated.seen(job, lambda job: job.rows > 0)
            for _ in range(3):
                before = gated.state.job_get(job.id).lease_until_ms
                gated.clock.ms += LEASE_MS // 3
                await gated.seen(job, lambda job: job.lease_until_ms > before)  # noqa: B023 - it is called at once
            gated.store.gate.set()
            assert (await gated.ended(job)).tries == 1

    asyncio.run(make())


def test_a_worker_that_stops_hands_its_report_on_at_once(gated: Any) -> None:
    async def make() -> None:
        job = await gated.order()
        async with gated.running() as stop:
            await gated.seen(job, lambda job: job.rows > 0)
            stop.set()
            await gated.seen(job, lambda job: job.lease_until_ms <= gated.now_ms)
            gated.store.gate.set()
        assert gated.state.job_get(job.id).status is JobStatus.RUNNING
        assert gated.stored() == []
        async with gated.running():
            ended = await gated.ended(job)
        assert (ended.status, ended.tries) == (JobStatus.COMPLETE, 2)
        assert await gated.read(ended) == EXPECTED

    asyncio.run(make())


def test_a_report_that_kills_its_workers_is_given_up(place: Any) -> None:
    async def make() -> Job:
        job = await place.order()
        for n in range(place.settings.report_tries_max):
            place.state.job_claim(f"dead {n}", place.clock.ms, LEASE_MS)
            place.clock.ms += LEASE_MS
        async with place.running():
            ended = await place.ended(job)
        assert isinstance(ended, Job)
        return ended

    ended = asyncio.run(make())
    assert (ended.status, ended.reason) == (
        JobStatus.FAILED,
        "the report was given up after 3 workers had died over it",
    )


def test_a_report_waits_for_what_this_node_has_not_loaded(place: Any) -> None:
    async def make() -> bytes:
        job = await place.order()
        place.loaded.loaded_through_ms = job.started_ms - 1
        async with place.running():
            await place.seen(job, lambda job: job.owner is not None)
            await asyncio.sleep(0.5)
            assert place.state.job_get(job.id).status is JobStatus.RUNNING
            place.load([{"timestamp": 1, "admitted": job.started_ms}])
            place.loaded.loaded_through_ms = job.started_ms
            ended = await place.ended(job)
        content = await place.read(ended)
        assert isinstance(content, bytes)
        return content

    assert asyncio.run(make()) == b"1|T|a\n"


def test_a_report_waits_for_every_other_node(place: Any) -> None:
    async def make() -> None:
        job = await place.order()
        place.state.node_put("here", 0, 0)  # what this node says of itself is older than what it knows
        place.state.node_put("there", job.started_ms - 1, 0)
        async with place.running():
            await place.seen(job, lambda job: job.owner is not None)
            await asyncio.sleep(0.5)
            assert place.state.job_get(job.id).status is JobStatus.RUNNING
            place.state.node_put("there", job.started_ms, 0)
            assert (await place.ended(job)).status is JobStatus.COMPLETE

    asyncio.run(make())


@pytest.mark.parametrize("late", ["here", "there"])
def test_a_report_names_the_node_that_keeps_it_waiting_too_long(make_place: Any, late: str) -> None:
    place = make_place(report_barrier_timeout_s=1)
    place.state.node_put("there", 0 if late == "there" else place.now_ms, 0)
    place.loaded.loaded_through_ms = 0 if late == "here" else place.now_ms
    job = asyncio.run(finish(place))
    reason = f"events that came before the report were not loaded within 1 s: node {late} is behind"
    assert (job.status, job.reason) == (JobStatus.TIMEOUT, reason)


def test_a_report_that_takes_too_long_says_what_to_do(make_place: Any) -> None:
    job = asyncio.run(finish(make_place(store_type=Slow, report_timeout_s=1)))
    assert (job.status, job.reason) == (
        JobStatus.TIMEOUT,
        "the report took longer than 1 s: narrow its range of time (filter.start, filter.end), or its types",
    )


def test_rows_that_are_missing_fail_the_report(make_place: Any) -> None:
    place = make_place(store_type=Lossy)
    fill(place)
    job = asyncio.run(finish(place))
    assert (job.status, job.reason) == (JobStatus.FAILED, "the engine returned 19999 of 20000 rows")
    assert place.stored() == []


class Proxy:
    """Passes bytes on to the engine; of its first connections, it cuts the answers after so many bytes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.cuts = 0
        self.cut_bytes = 100_000

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._close(*self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, questions}
        await asyncio.gather(self._ask(reader, questions), self._answer(answers, writer))
        await self._close(writer, questions)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(65536):
                writer.write(block)
                await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(65536):
                passed += len(block)
                if passed > self.cut_bytes and self.cuts:
                    self.cuts -= 1
                    break
                writer.write(block)
                await writer.drain()
        writer.close()

    async def _close(self, *writers: asyncio.StreamWriter) -> None:
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._writers.discard(writer)


@pytest.mark.parametrize(("cuts", "timeout_s"), [(2, 60), (10**9, 2)])
def test_a_stream_that_breaks_off_never_makes_a_short_file(
    engine: Any, make_place: Any, cuts: int, timeout_s: int
) -> None:
    async def make() -> tuple[Any, Job]:
        proxy = Proxy(json.loads(engine.place.read_bytes())["port"])
        async with proxy as port:
            place = await asyncio.to_thread(make_place, port=port, report_timeout_s=timeout_s)
            await asyncio.to_thread(fill, place)
            proxy.cuts = cuts
            return place, await finish(place)

    place, job = asyncio.run(make())
    if cuts == 2:
        assert (job.status, job.tries) == (JobStatus.COMPLETE, 1)
        assert asyncio.run(place.read(job)) == EXPECTED
        assert len(place.stored()) == 1
    else:
        assert (job.status, job.reason) == (JobStatus.FAILED, "the events store could not be reached for 2 s")
        assert place.stored() == []


def test_a_statement_that_fails_fails_the_report_and_not_the_runner(place: Any, caplog: Any) -> None:
    async def make() -> None:
        place.store.rows("DROP TABLE events SYNC", {})
        first, second = await place.order(), await place.order()
        async with place.running():
            for job in (first, second):
                ended = await place.ended(job)
                assert ended.status is JobStatus.FAILED
                assert ended.reason == "the events store could not run the report's statement"
        assert "UNKNOWN_TABLE" in caplog.text

    asyncio.run(make())


def test_a_file_that_cannot_be_written_fails_the_report(place: Any) -> None:
    fill(place)

    async def make() -> Job:
        job = await place.order()
        (Path(place.settings.data_dir) / "files" / job.id).write_bytes(b"in the way")
        async with place.running():
            ended = await place.ended(job)
        assert isinstance(ended, Job)
        return ended

    job = asyncio.run(make())
    assert (job.status, job.reason) == (JobStatus.FAILED, "the report's file could not be written")


@pytest.mark.parametrize("lost", [False, True])
def test_a_state_that_is_away_for_a_while_costs_no_report(place: Any, lost: bool) -> None:
    fill(place)

    async def make() -> None:
        job = await place.order()
        state = Failing(f"sqlite:///{place.settings.data / 'state.db'}")
        state.lost = lost
        with contextlib.closing(state):
            async with place.running(place.runner(state=state)):
                await place.ended(job)
        ended = place.state.job_get(job.id)
        assert (ended.status, ended.tries) == (JobStatus.COMPLETE, 1)
        assert await place.read(ended) == EXPECTED

    asyncio.run(make())
