"""The whole API in process, over a real state, real accounts, real reports and real files."""

import contextlib
import dataclasses
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct
from parts import PASSWORD, Collector, TurnedClock, open_parts

from footfall import web
from footfall.files import Files
from footfall.journal import Journal
from footfall.live import Live
from footfall.reports import attempt_path
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State
from footfall.web import limited_connection

FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}


class Opened(Struct):
    """The API and what stands behind it; `client` is nobody, `anna` and `root` are signed in."""

    app: Any
    client: httpx.AsyncClient
    anna: httpx.AsyncClient
    root: httpx.AsyncClient
    state: State
    files: Files
    clock: TurnedClock
    collected: list[dict[str, Any]]
    journal: Journal
    live: Live
    healthy: bool = True

    async def start(self, **filters: Any) -> Job:
        """A report of anna's, as POST /reports leaves it."""
        answer = await self.anna.post("/reports", json={"filter": {**FILTER, **filters}})
        return self._job(answer.raise_for_status().json()["job"])

    async def complete(self, content: bytes = b"1|A|x\n", **filters: Any) -> Job:
        """The same, with its file, as a worker leaves it."""
        job = await self.start(**filters)
        claimed = self.state.jobs.claim("worker", 60_000)
        assert claimed
        assert claimed.id == job.id
        self.files.put(attempt_path(job.id, claimed.tries, job.file), iter([content]))
        digest = hashlib.sha256(content).hexdigest()
        self._end(job, JobStatus.COMPLETE, content.count(b"\n"), len(content), digest, None)
        return self._job(job.id)

    async def fail(self, status: JobStatus, reason: str) -> Job:
        """The same, ended without a file."""
        job = await self.start()
        assert self.state.jobs.claim("worker", 60_000)
        self._end(job, status, 0, 0, None, reason)
        return self._job(job.id)

    async def link(self, job: Job) -> str:
        answer = await self.anna.get(f"/reports/JOB-{job.id}")
        return str(answer.raise_for_status().json()["link"])

    def _end(self, job: Job, status: JobStatus, rows: int, size: int, digest: str | None, reason: str | None) -> None:
        self.clock.ms += 1
        assert self.state.jobs.finish(job.id, "worker", status, self.clock.ms, rows, size, digest, reason)

    def _job(self, job_id: str) -> Job:
        job = self.state.jobs.get(job_id)
        assert job
        return job


@pytest.fixture
def service(tmp_path: Path) -> Callable[..., contextlib.AbstractAsyncContextManager[Opened]]:
    """Opens the API in the test's folder; `changes` are settings."""

    @contextlib.asynccontextmanager
    async def opened(peer: str = "127.0.0.1", **changes: Any) -> AsyncIterator[Opened]:
        settings = Settings(data_dir=str(tmp_path), **changes)
        clock, collect = TurnedClock(), Collector()
        async with contextlib.AsyncExitStack() as stack:
            parts, state, files, journal = open_parts(stack, settings, clock, collect)
            app = web.build(dataclasses.replace(parts, refusal=lambda: None if found.healthy else "the disk is full"))
            transport = httpx.ASGITransport(app, client=(peer, 4711))
            nobody, anna, root = [
                await stack.enter_async_context(
                    httpx.AsyncClient(transport=transport, base_url="http://events.example", auth=auth)
                )
                for auth in (None, ("anna", PASSWORD), ("root", PASSWORD))
            ]
            found = Opened(app, nobody, anna, root, state, files, clock, collect.collected, journal, parts.live)
            yield found

    return opened


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the seconds that count as a pause in a body; until then no client pauses, however slow the machine."""

    def set_length(paused_s: float) -> None:
        monkeypatch.setattr(limited_connection, "PAUSED_S", paused_s)

    set_length(1000)
    return set_length
