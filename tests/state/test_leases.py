"""Two nodes whose clocks differ share the jobs of one database, of either kind."""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import closing
from types import SimpleNamespace
from typing import Any

from footfall.files import Files
from footfall.plan import LivePlan
from footfall.reports import Reports, Runner
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State, User
from footfall.state.jobs import JobRepository
from footfall.store import Store
from footfall.system.clock import SystemClock

APART_MS = 30_000
USER = User(id="ann", password_hash="", customers=("C",), created_ms=0)


class Turned:
    """The machine's clock, but for so many ms."""

    def __init__(self, by_ms: int) -> None:
        self._by_ms = by_ms

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self._by_ms


class Gated(Store):
    """Answers nothing before the gate is open."""

    gate: threading.Event

    def rows(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        assert self.gate.wait(60)
        return super().rows(query, parameters, settings)


class CountingJobs(JobRepository):
    """Counts the looks for a job."""

    looks = 0

    def claim(self, *args: Any, **named: Any) -> Job | None:
        self.looks += 1
        return super().claim(*args, **named)


def run(settings: Settings, state: State, store: Store, node: str, by_ms: int, stop: asyncio.Event) -> Any:
    loaded = SimpleNamespace(loaded_through_ms=2**60)
    plan, files = LivePlan(None, settings), Files(settings)
    return Runner(state, store, plan, loaded, settings, Turned(by_ms), files, node).run(stop)


async def seen(state: State, job: Job, condition: Any) -> Job:
    async with asyncio.timeout(60):
        while not condition(now := state.jobs.get(job.id)):
            await asyncio.sleep(0.01)
    assert isinstance(now, Job)
    return now


async def test_a_node_whose_clock_is_ahead_leaves_a_job_to_who_is_at_work(url: str, state: State, engine: Any) -> None:
    settings = engine.settings(report_lease_s=APART_MS // 1000)

    async def make(here: Gated, there: Store, other: State) -> tuple[Job, Job]:
        stop = asyncio.Event()
        other.jobs = counting = CountingJobs(other.database)
        desk = Reports(state, settings, Turned(0), Files(settings))
        job = await desk.start(USER, b'{"filter":{"customer":"C","product":"P"}}')
        async with asyncio.TaskGroup() as nodes:
            nodes.create_task(run(settings, state, here, "here", 0, stop))
            claimed = await seen(state, job, lambda now: now.owner)
            nodes.create_task(run(settings, other, there, "there", APART_MS, stop))
            await seen(state, job, lambda now: counting.looks > 2 or now.tries > 1)
            here.gate.set()
            ended = await seen(state, job, lambda now: now.status is not JobStatus.RUNNING)
            stop.set()
        return claimed, ended

    with closing(Gated(settings)) as here, closing(Store(settings)) as there, closing(State(url)) as other:
        there.migrate()
        here.gate = threading.Event()
        claimed, ended = await make(here, there, other)
    assert (ended.status, ended.tries, ended.owner) == (JobStatus.COMPLETE, 1, claimed.owner)
