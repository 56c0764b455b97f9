"""The whole API in process, over a real state, real accounts, real reports and real files."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from msgspec import Struct
from states import state_url

from footfall import web
from footfall.accounts import Accounts
from footfall.errors import Code
from footfall.files import Files
from footfall.journal import Folder, Journal
from footfall.live import Live
from footfall.metrics import RequestMetrics, SharedMetrics, Values
from footfall.plan import LivePlan
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports, attempt_path
from footfall.schedules import Schedules
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State
from footfall.store import Store
from footfall.usage import Usage
from footfall.validation import CodeLookup
from footfall.wire import Service

NOW_MS = 1_700_000_000_000
FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}
PASSWORD = "correct horse battery"
SERVICE = Service("1.2.3", "footfall", "System for collecting and reporting usage statistics", "test")


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


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


def open_metrics(folder: Path, refused: Counter[Code], requests: RequestMetrics) -> SharedMetrics:
    """The metrics of a process that has accepted twelve events."""

    def read() -> Values:
        counts: Values = {("footfall_requests_refused_total", code.value): number for code, number in refused.items()}
        return counts | requests.values() | {("footfall_events_accepted_total",): 12}

    return SharedMetrics(folder / "run" / "metrics", "web", read)


def open_accounts(state: State, settings: Settings, clock: TurnedClock) -> Accounts:
    """Anna, who sees one customer, and an admin; their passwords are hashed quickly."""
    accounts = Accounts(state, settings, clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    accounts.add("anna", PASSWORD, context="barchart.com", customers=("BARCHART",))
    accounts.add("root", PASSWORD, permissions="all", admin=True)
    return accounts


@pytest.fixture
def service(tmp_path: Path) -> Callable[..., contextlib.AbstractAsyncContextManager[Opened]]:
    """Opens the API in the test's folder; `changes` are settings."""

    @contextlib.asynccontextmanager
    async def opened(peer: str = "127.0.0.1", **changes: Any) -> AsyncIterator[Opened]:
        settings = Settings(data_dir=str(tmp_path), **changes)
        clock = TurnedClock()
        collected: list[dict[str, Any]] = []

        async def collect(scope: Any, receive: Any, send: Any) -> None:
            """Stands where the collector stands, and answers what it was called with."""
            collected.append({"method": scope["method"], "path": scope["path"], "body": (await receive())["body"]})
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"x/collected")]})
            await send({"type": "http.response.body", "body": b"collected"})

        async with contextlib.AsyncExitStack() as stack:
            state = stack.enter_context(contextlib.closing(State(state_url(tmp_path))))
            state.migrate()
            accounts = stack.enter_context(contextlib.closing(open_accounts(state, settings, clock)))
            files = Files(settings)
            plan = LivePlan(None, settings)
            journal = Journal(Folder(tmp_path / "journal"), settings, clock)
            reports = stack.enter_context(contextlib.closing(Reports(state, settings, clock, files)))
            store = stack.enter_context(contextlib.closing(Store(settings)))
            estimates = stack.enter_context(contextlib.closing(Estimates(reports, state, store, plan, settings)))
            receipts = stack.enter_context(contextlib.closing(Receipts(Folder(tmp_path / "journal"), store, settings)))
            live = stack.enter_context(contextlib.closing(Live(state, settings, clock, plan, "0123456789abcdef")))
            refused, requests = Counter[Code](), RequestMetrics()
            metrics = stack.enter_context(contextlib.closing(open_metrics(tmp_path, refused, requests)))
            app = web.build(
                settings=settings,
                accounts=accounts,
                reports=reports,
                schedules=Schedules(state, settings, clock),
                estimates=estimates,
                receipts=receipts,
                codes=stack.enter_context(contextlib.closing(CodeLookup(plan, store, settings))),
                usage=stack.enter_context(contextlib.closing(Usage(state, store, settings, clock, plan))),
                live=live,
                plan=plan,
                quarantine=Quarantine(store, journal, lambda: plan.plan, settings),
                collect=collect,
                service=SERVICE,
                clock=clock,
                node_metrics=web.NodeMetrics(metrics, state, settings, clock),
                refused=refused,
                requests=requests,
                healthy=lambda: found.healthy,
            )
            transport = httpx.ASGITransport(app, client=(peer, 4711))
            nobody, anna, root = [
                await stack.enter_async_context(
                    httpx.AsyncClient(transport=transport, base_url="http://events.example", auth=auth)
                )
                for auth in (None, ("anna", PASSWORD), ("root", PASSWORD))
            ]
            found = Opened(app, nobody, anna, root, state, files, clock, collected, journal, live)
            yield found

    return opened
