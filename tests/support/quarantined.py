"""A node without its processes: a collector in quarantine mode, a real journal and store, and the desk."""

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from msgspec import structs

from footfall.files import Files
from footfall.ingest import Collector
from footfall.journal import Folder, Journal
from footfall.loading import Archive, Loader
from footfall.plan import LivePlan, Plan
from footfall.quarantine import Held, Quarantine, Selection
from footfall.reports import Destinations, attempt_path
from footfall.reports.worker.attempt import Attempt
from footfall.settings import Settings
from footfall.state import Job
from footfall.store import Store
from footfall.system.clock import NodeClock
from footfall.wire import ReportFilter

TIME = 1_568_381_886_060
PLAN = """
[products.SHOP]
columns = ["user", "item"]

[products.SHOP.types]
OPENED = ["user"]
BOUGHT = ["user", "item"]
"""
# The same with a type more, and with an item that may be missing.
WIDER = PLAN + 'RETURNED = ["user", "item"]\n'
WIDEST = WIDER.replace('BOUGHT = ["user", "item"]', 'BOUGHT = ["user", "item?"]')


def event(kind: str = "OPENED", *context: str | None, **changes: Any) -> dict[str, Any]:
    return {"customer": "C", "product": "SHOP", "type": kind, "timestamp": TIME, "context": list(context)} | changes


def remake(store: Store, job: Job, plan: Plan) -> bytes:
    """The file of a report, made now by what makes reports, as of the time at which the report was started."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=folder)
        files = Destinations(settings, Files(settings))
        Attempt(job, plan, store, files, time.monotonic() + 60).run()
        return (settings.data / "files" / attempt_path(job.id, job.tries, job.file)).read_bytes()


class Node:
    """`journal` runs while the node is `open`; what it holds goes into the store with `load`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data = settings.data
        self.plan_file = self.data / "plan.toml"
        self.plan_file.write_text(PLAN)
        self.clock = NodeClock(self.data / "clock")
        self.store = Store(settings)
        self.folder = Folder(self.data / "journal")
        archive = Archive(self.data / "archive", 30)
        self.loader = Loader(self.folder, self.store, archive, self.data / "aside", settings, self.clock)
        self.plan = LivePlan(self.plan_file, settings)

    @contextlib.asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator["Node"]:
        settings = structs.replace(self.settings, **changes)
        self.journal = Journal(self.folder, settings, self.clock)
        self.collector = Collector(self.journal, self.plan, settings, self.clock)
        self.quarantine = Quarantine(self.store, self.journal, lambda: self.plan.plan, settings)
        task = asyncio.create_task(self.journal.run())
        try:
            yield self
        finally:
            self.journal.close()
            await task

    def use(self, plan: str) -> None:
        """Put another plan in force."""
        self.plan_file.write_text(plan)
        assert self.plan.reload() is None

    async def post(self, *events: dict[str, Any], key: str = "", **headers: str) -> tuple[list[dict[str, Any]], int]:
        """Post events; gives the answer's events, and how many are held."""
        sent: list[dict[str, Any]] = []
        body = json.dumps({"events": events}).encode()
        named = headers | ({"idempotency-key": key} if key else {})
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/events", "headers": raw, "client": ("203.0.113.9", 4711)}
        await self.collector(scope, receive, send)
        assert sent[0]["status"] == 200, sent[1]["body"]
        return json.loads(sent[1]["body"]), int(dict(sent[0]["headers"]).get(b"footfall-quarantined", 0))

    async def load(self) -> None:
        """Everything that is in the journal goes into the store."""
        while self.folder.names():
            await asyncio.to_thread(self.loader.tick)
            await asyncio.sleep(0.005)

    async def held(self, **wanted: Any) -> list[Held]:
        return (await self.quarantine.page(Selection(**{"state": "held"} | wanted), 1000)).events

    def stored(self, columns: str = "type, context, sequence") -> list[tuple[Any, ...]]:
        statement = f"SELECT {columns} FROM events FINAL ORDER BY timestamp, batch, sequence"  # noqa: S608 - our own
        return self.store.rows(statement, {})

    def report(self, watermark: int) -> bytes:
        """A report on everything of customer C as of a time."""
        job = Job(
            id="job",
            user="u",
            account="a",
            filter=ReportFilter(customer="C", product="SHOP"),
            started_ms=watermark,
            watermark_ms=watermark,
            file="file.csv",
        )
        return remake(self.store, job, self.plan.plan)

    def archived(self) -> list[Path]:
        """The loaded segments, in their order."""
        return sorted((self.data / "archive").glob("*/*"), key=lambda path: path.name)

    def close(self) -> None:
        self.store.close()
        self.clock.close()
