"""A node that answers statistics, without its processes: what happens to a store happens to it, by the real parts."""

import asyncio
import shutil
import uuid
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import parse_qs, urlsplit

import checked
import msgspec
import rolled_up
from msgspec import structs
from states import state_url
from usage_events import PLAN, Event

from footfall.files import Files
from footfall.journal import Folder, Journal
from footfall.loading import Archive, Loader
from footfall.plan import LivePlan
from footfall.quarantine import Quarantine, Selection
from footfall.reports import Destinations, Reports, Runner, file_path
from footfall.reports.worker.attempt import Attempt
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State, User
from footfall.store import Store
from footfall.system.clock import SystemClock
from footfall.usage import Answer, RollupKeeper, Usage

ADMIN = User(id="root", password_hash="", admin=True, created_ms=0)
# 2027-01-15: later than all events, until a test has some admitted later.
NOW_MS = 1_800_000_000_000
TABLES = ("events", "quarantine", "rollup_changes", "rollup_days")


def texts(given: dict[str, Any]) -> dict[str, list[str]]:
    """Parameters as a URL has them."""
    return {name: list(map(str, value)) if isinstance(value, list) else [str(value)] for name, value in given.items()}


class Node(checked.Node):
    """`events` are all that were admitted and loaded, `held` those that quarantine holds."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.store.close()
        self.now_ms = NOW_MS
        self.events: list[Event] = []
        self.held: list[Event] = []
        (self.data / "plan.toml").write_text(PLAN)
        self.open(settings)

    def open(self, settings: Settings) -> None:
        """All objects, on what is on disk."""
        self.settings = structs.replace(settings, plan=str(self.data / "plan.toml"), plan_mode="open")
        self.clock = checked.Hand(self.now_ms)
        self.store = Store(self.settings)
        self.state = State(state_url(self.data))
        self.plan = LivePlan(self.data / "plan.toml", self.settings)
        self.folder = Folder(self.data / "journal")
        self.archive = Archive(self.data / "archive", self.settings.archive_days)
        self.loader = Loader(self.folder, self.store, self.archive, self.data / "aside", self.settings, self.clock)
        self.keeper = RollupKeeper(self.state, self.store, self.settings, SystemClock(), "here")
        self.usage = Usage(self.state, self.store, self.settings, self.clock, self.plan)
        self._note_loaded()

    def close(self) -> None:
        self.usage.close()
        self.state.close()
        self.store.close()

    def restart(self, **changes: Any) -> None:
        """The same with new objects, and with other settings."""
        self.close()
        self.open(structs.replace(self.settings, **changes))

    def empty(self, **changes: Any) -> None:
        """Begin anew, with nothing, and with other settings."""
        for table in ("events", "quarantine"):
            self.sql(f"TRUNCATE TABLE {table}")
        self.store.run_table_script("rollups_renew")
        for name in ("archive", "inventory", "journal", "run/quarantine"):
            path = self.data / name
            path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
        self.events, self.held = [], []
        self.restart(**changes)

    def _note_loaded(self) -> None:
        self.load()
        self.state.nodes.put("here", self.loader.loaded_through_ms, self.clock.ms)

    def admit(self, events: Iterable[Event]) -> None:
        """Have events admitted at their times, and loaded; of each time in a segment of its own."""
        found = sorted(events, key=lambda event: event["admitted"])
        for admitted_ms, group in groupby(found, key=lambda event: event["admitted"]):
            listed = [*group]
            stamped = [{name: each for name, each in one.items() if name != "admitted"} for one in listed]
            self.clock.ms = admitted_ms
            asyncio.run(self._append(released=checked.lines(stamped)))
            self.events += listed
        self.clock.ms = self.now_ms
        self._note_loaded()

    def hold(self, events: Sequence[Event], received_ms: int) -> None:
        """Have quarantine hold events."""
        batch = str(uuid.UUID(int=9))
        self.held = [
            {**one, "batch": batch, "sequence": at, "received": received_ms} for at, one in enumerate(events, 1)
        ]
        why = {"code": "EVENT_NOT_IN_PLAN", "place": "type", "reason": "an earlier plan", "plan": "p"}
        lines = [{**{name: each for name, each in one.items() if name != "received"}, **why} for one in self.held]
        self.clock.ms = received_ms
        asyncio.run(self._append(quarantined=checked.lines(lines)))
        self.clock.ms = self.now_ms
        self._note_loaded()

    def release(self, admitted_ms: int) -> None:
        """Release all that is held."""

        async def scenario(journal: Journal) -> None:
            desk = Quarantine(self.store, journal, lambda: self.plan.plan, self.settings)
            outcome = await desk.release(Selection(), "root")
            assert (outcome.changed, outcome.stayed, outcome.stopped) == (len(self.held), 0, "")

        self.clock.ms = admitted_ms
        asyncio.run(self._with_journal(scenario))
        self.clock.ms = self.now_ms
        self._note_loaded()
        self.events += [{**one, "admitted": admitted_ms} for one in self.held]
        self.held = []

    async def _append(self, **lines: bytes) -> None:
        await self._with_journal(lambda journal: journal.append(**lines))

    async def _with_journal(self, work: Any) -> None:
        journal = Journal(self.folder, self.settings, self.clock)
        task = asyncio.create_task(journal.run())
        try:
            await work(journal)
        finally:
            journal.close()
            await task

    def look(self) -> None:
        rolled_up.look(self.keeper)

    def count_days(self) -> None:
        rolled_up.count_days(self.keeper)

    def merge(self) -> None:
        for table in TABLES:
            self.sql(f"OPTIMIZE TABLE {table} FINAL")

    async def ask(self, name: str, **given: Any) -> Answer:
        return await self._answer(name, texts(given))

    async def follow(self, link: str) -> Answer:
        """The answer of a permalink."""
        parts = urlsplit(link)
        return await self._answer(parts.path.removeprefix("usage/"), parse_qs(parts.query, strict_parsing=True))

    async def _answer(self, name: str, given: dict[str, list[str]]) -> Answer:
        return await self.usage.ask(ADMIN, self.usage.parse(name, given))

    async def report(self, body: Any) -> bytes:
        """The file of the report that an answer names, by one attempt: JSON lines."""
        files = Files(self.settings)
        drafted = await Reports(self.state, self.settings, self.clock, files).draft(ADMIN, report_text(body))
        job = structs.replace(drafted, tries=1)
        attempt = Attempt(job, self.plan.plan, self.store, Destinations(self.settings, files), deadline_s=2**40)
        done = await asyncio.to_thread(attempt.run)
        return self._take_file(job, done.rows)

    async def complete(self, body: Any) -> bytes:
        """The same by a runner, once the report is COMPLETE."""
        files, stop = Files(self.settings), asyncio.Event()
        ordered = await Reports(self.state, self.settings, self.clock, files).start(ADMIN, report_text(body))
        parts = (self.state, self.store, self.plan, self.loader, self.settings, self.clock, files)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(Runner(*parts, "here").run(stop))
            while (job := self.state.jobs.get(ordered.id)) is None or job.ended_ms is None:
                await asyncio.sleep(0.05)
            stop.set()
        assert job.status is JobStatus.COMPLETE
        return self._take_file(job, job.rows)

    def _take_file(self, job: Job, rows: int | None) -> bytes:
        path = self.data / "files" / file_path(job)
        found = path.read_bytes()
        path.unlink()
        assert rows == len(found.splitlines())
        return found


def report_text(body: Any) -> bytes:
    """The body for `POST /reports` of an answer, for JSON lines."""
    output = {**body.output, "format": "jsonl"}
    return msgspec.json.encode({"filter": body.filter, "output": output, "duplicates": body.duplicates})


def encode(answer: Answer) -> bytes:
    return msgspec.json.encode(answer)
