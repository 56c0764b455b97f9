"""Runners share the jobs, fairly between users, and survive each other."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from programs import program

from footfall.reports.worker.lease import Lease, Progress
from footfall.state import Job, JobStatus, State, User
from footfall.state.jobs import JobRepository
from footfall.store import Store

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


# A worker of its own, in a process of its own, that never gets beyond a file's first block.
@contextlib.contextmanager
def stuck_worker(place: Any) -> Iterator[None]:
    """The process of such a worker; at the end it is killed."""
    worker = subprocess.Popen(
        [sys.executable, program("stop_while_reporting"), msgspec.json.encode(place.settings).decode()]
    )
    try:
        yield
    finally:
        worker.kill()
        worker.wait()


class CountingJobs(JobRepository):
    """Counts the jobs that were ended."""

    ends = 0

    def finish(self, *args: Any, **named: Any) -> bool:
        done = super().finish(*args, **named)
        self.ends += done
        return done


def gate(make_place: Any, **changes: Any) -> Any:
    """A place whose reports are made up to their first block, until its gate is opened."""
    place = make_place(store_type=Gated, **changes)
    place.store.gate = threading.Event()
    place.fill()
    return place


@pytest.fixture
def gated(make_place: Any) -> Any:
    return gate(make_place)


def take(place: Any, job: Job) -> None:
    """Have the lease of a job run out, and another worker take it."""
    while (now := place.state.jobs.get(job.id)).owner != "the next":
        place.state.jobs.renew(job.id, now.owner, 0)
        place.state.jobs.claim("the next", LEASE_MS)


async def test_two_runners_share_the_jobs_and_end_each_once(place: Any) -> None:
    place.fill()
    jobs = [await place.order(start=n) for n in range(12)]
    other = State(f"sqlite:///{place.settings.data / 'state.db'}")
    here = State(f"sqlite:///{place.settings.data / 'state.db'}")
    other.jobs, here.jobs = theirs, ours = CountingJobs(other.database), CountingJobs(here.database)
    with contextlib.closing(here), contextlib.closing(other):
        async with place.running(place.runner(state=here), place.runner(state=other, node="there")):
            ended = [await place.ended(job) for job in jobs]
        assert [(job.status, job.tries, job.rows) for job in ended] == [
            (JobStatus.COMPLETE, 1, place.rows - n) for n in range(12)
        ]
        assert ours.ends + theirs.ends == 12


async def test_progress_is_told_while_a_report_runs(gated: Any) -> None:
    job = await gated.order()
    async with gated.running():
        running = await gated.seen(job, lambda job: job.rows > 0)
        assert running.status is JobStatus.RUNNING
        assert (running.rows < gated.rows, running.bytes, running.rows_total) == (True, 1000, gated.rows)
        gated.store.gate.set()
        ended = await gated.ended(job)
    assert (ended.rows, ended.bytes, ended.rows_total) == (gated.rows, len(gated.filled), gated.rows)
    assert ended.ended_ms == gated.now_ms
    assert await gated.read(ended) == gated.filled


async def test_a_dead_workers_report_is_made_by_another(place: Any) -> None:
    place.fill()
    job = await place.order()
    place.state.jobs.claim("the dead", LEASE_MS)
    half = place.settings.data / "files" / job.id / "1" / f"{job.file}#1"
    half.parent.mkdir(parents=True)
    half.write_bytes(place.filled[:1000])
    async with place.running():
        await asyncio.sleep(0.5)
        assert place.state.jobs.get(job.id).owner == "the dead"
        assert place.state.jobs.renew(job.id, "the dead", 0)
        ended = await place.ended(job)
    assert (ended.status, ended.tries) == (JobStatus.COMPLETE, 2)
    assert place.stored() == [f"{job.id}/2/{job.file}"]
    assert await place.read(ended) == place.filled


async def test_a_report_survives_the_death_of_its_workers_process(place: Any) -> None:
    place.fill()
    job = await place.order()
    with stuck_worker(place):
        await place.seen(job, lambda job: job.rows > 0)
    assert place.stored() == [f"{job.id}/1/{job.file}#1"]
    assert place.state.jobs.renew(job.id, place.state.jobs.get(job.id).owner, 0)
    async with place.running():
        ended = await place.ended(job)
    assert (ended.status, ended.tries) == (JobStatus.COMPLETE, 2)
    assert place.stored() == [f"{job.id}/2/{job.file}"]
    assert await place.read(ended) == place.filled


async def test_a_worker_that_lost_its_lease_leaves_neither_status_nor_file(gated: Any) -> None:
    job = await gated.order()
    async with gated.running():
        await gated.seen(job, lambda job: job.rows > 0)
        take(gated, job)
        gated.store.gate.set()
    now = gated.state.jobs.get(job.id)
    assert (now.status, now.owner, now.tries) == (JobStatus.RUNNING, "the next", 2)
    assert gated.stored() == []


async def test_a_worker_notices_that_its_lease_was_lost(gated: Any, caplog: pytest.LogCaptureFixture) -> None:
    job = await gated.order()
    async with gated.running():
        await gated.seen(job, lambda job: job.rows > 0)
        take(gated, job)
        async with asyncio.timeout(30):
            while "the lease was lost" not in caplog.text:
                await asyncio.sleep(0.01)
        gated.store.gate.set()
    assert gated.state.jobs.get(job.id).owner == "the next"
    assert gated.stored() == []


async def test_the_end_of_a_report_is_no_lost_lease(place: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    place.fill()
    job = await place.order()
    claimed = place.state.jobs.claim("node", LEASE_MS)
    lease, stopped = Lease(claimed, place.state, LEASE_MS // 1000, 0.0), asyncio.Event()
    lease.expect_end()
    place.state.jobs.finish(job.id, "node", JobStatus.COMPLETE, 1, 0, 0, sha256="0", reason=None)
    await lease.keep(lambda: Progress(0, 0, 0, 0.0), stopped)
    assert (stopped.is_set(), caplog.messages) == (True, [])
    # A report that its user has cancelled is no alarm either.
    await Lease(claimed, place.state, LEASE_MS // 1000, 0.0).keep(lambda: Progress(0, 0, 0, 0.0), asyncio.Event())
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("INFO", f"report {job.id}: work on it ends, since it was cancelled or removed")
    ]


async def test_a_lease_is_kept_for_as_long_as_it_takes(make_place: Any) -> None:
    gated = gate(make_place, report_lease_s=3)
    job = await gated.order()
    async with gated.running():
        await gated.seen(job, lambda job: job.rows > 0)
        for _ in range(3):
            before = gated.state.jobs.get(job.id).lease_until_ms
            await gated.seen(job, lambda job: job.lease_until_ms > before)  # noqa: B023 - it is called at once
        gated.store.gate.set()
        assert (await gated.ended(job)).tries == 1


async def test_a_worker_that_stops_hands_its_report_on_at_once(gated: Any) -> None:
    job = await gated.order()
    async with gated.running() as stop:
        await gated.seen(job, lambda job: job.rows > 0)
        stop.set()
        await gated.seen(job, lambda job: job.stops == 1)
        gated.store.gate.set()
    assert gated.state.jobs.get(job.id).status is JobStatus.RUNNING
    assert gated.stored() == []
    async with gated.running():
        ended = await gated.ended(job)
    assert (ended.status, ended.tries, ended.stops) == (JobStatus.COMPLETE, 2, 1)
    assert await gated.read(ended) == gated.filled


class SlowJobs(JobRepository):
    """Claims at once, and then only when it may."""

    def __init__(self, state: State) -> None:
        super().__init__(state.database)
        self.claims, self.may = 0, threading.Event()

    def claim(self, owner: str, lease_ms: int) -> Job | None:
        self.claims += 1
        if self.claims > 1:
            self.may.wait(60)
        return super().claim(owner, lease_ms)


async def test_a_worker_that_stops_does_not_claim_what_it_gives_back(gated: Any) -> None:
    async def make(state: State) -> Job:
        state.jobs = jobs = SlowJobs(state)
        job = await gated.order()
        async with gated.running(gated.runner(state=state)) as stop:
            await gated.seen(job, lambda job: job.rows > 0 and jobs.claims > 1)
            stop.set()
            await asyncio.sleep(0.2)
            jobs.may.set()
            await gated.seen(job, lambda job: job.stops > 0)
            gated.store.gate.set()
        return gated.state.jobs.get(job.id)

    with contextlib.closing(State(f"sqlite:///{gated.settings.data / 'state.db'}")) as state:
        given_back = await make(state)
    assert (given_back.tries, given_back.stops) == (1, 1)


async def test_a_report_that_kills_its_workers_is_given_up(place: Any) -> None:
    job = await place.order()
    for n in range(place.settings.report_tries_max):
        place.state.jobs.claim(f"dead {n}", 0)
    async with place.running():
        ended = await place.ended(job)
    assert isinstance(ended, Job)
    assert (ended.status, ended.reason) == (
        JobStatus.FAILED,
        "the report was given up after 3 workers had died over it",
    )


class NotingJobs(JobRepository):
    """Notes whose jobs are claimed, in their order."""

    def __init__(self, state: State) -> None:
        super().__init__(state.database)
        self.users: list[str] = []

    def claim(self, owner: str, lease_ms: int) -> Job | None:
        job = super().claim(owner, lease_ms)
        self.users += [job.user] if job else []
        return job


async def test_many_waiting_reports_hold_up_another_users_first_by_one_only(make_place: Any) -> None:
    place = make_place(store_type=Gated, reports_at_once_max=1)
    place.store.gate = threading.Event()
    place.load([{"timestamp": 1}])
    bob = User(id="bob", password_hash="", customers=("C",), created_ms=0)

    async def make() -> list[str]:
        many = [await place.order() for _ in range(20)]
        with contextlib.closing(State(f"sqlite:///{place.settings.data / 'state.db'}")) as state:
            state.jobs = jobs = NotingJobs(state)
            async with place.running(place.runner(state=state)):
                # All were started in the same millisecond.
                await place.seen(min(many, key=lambda job: job.id), lambda job: job.owner is not None)
                place.clock.ms += 1
                first = await place.desk.start(bob, b'{"filter":{"customer":"C","product":"P"}}')
                place.store.gate.set()
                for job in (first, *many):
                    assert (await place.ended(job)).status is JobStatus.COMPLETE
            return jobs.users

    assert await make() == ["ann", "bob", *["ann"] * 19]
