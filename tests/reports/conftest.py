"""What the tests of reports share: a place with real state, store and files, where reports are ordered and made."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec import structs
from s3 import S3
from states import state_url

from footfall.files import Files
from footfall.plan import LivePlan
from footfall.reports import Destinations, Reports, Runner
from footfall.reports.worker.attempt import ORDINARY_OPTIONS
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State, User
from footfall.store import Store
from footfall.system import background

NOW_MS = 1_760_000_000_000
DAY_MS = 86_400_000
# Numbered events, made by the engine itself.
FILL = """
    INSERT INTO events (customer, product, type, timestamp, context, sequence, batch, received, admitted)
    SELECT 'C', 'P', 'T', number, [concat('value ', toString(number))], 1, generateUUIDv4(), {at:Int64}, {at:Int64}
    FROM numbers({rows:UInt64})
"""
USER = User(id="ann", password_hash="", customers=("BARCHART", "C"), created_ms=0)


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


class Loaded:
    """How far this node has loaded: far enough for any report, until a test says otherwise."""

    def __init__(self) -> None:
        self.loaded_through_ms = NOW_MS + 1000 * DAY_MS


class Place:
    """Everything that reports need, on one engine database, one SQLite file and one folder."""

    user = USER
    now_ms = NOW_MS
    rows = 20_000
    filled = "".join(f"{n}|T|value {n}\n" for n in range(rows)).encode()

    def __init__(self, settings: Settings, store: Store, make_segment: Callable[..., Path]) -> None:
        self.settings = settings
        self.store = store
        self.clock = TurnedClock()
        self.loaded = Loaded()
        self.options = ORDINARY_OPTIONS
        self.state = State(state_url(settings.data))
        self.state.migrate()
        self.state.users.add(USER)
        self.plan = LivePlan(None, settings)
        self.files = Files(settings)
        self.destinations = Destinations(settings, self.files)
        self.desk = Reports(self.state, settings, self.clock, self.files)
        self._make_segment = make_segment

    def runner(self, **changes: Any) -> Runner:
        """A runner of this place, or of one with other parts."""
        parts = {
            "state": self.state,
            "store": self.store,
            "plan": self.plan,
            "loader_progress": self.loaded,
            "settings": self.settings,
            "clock": self.clock,
            "files": self.files,
            "node": "here",
            "options": self.options,
        }
        return Runner(**(parts | changes))

    @contextlib.asynccontextmanager
    async def running(self, *runners: Runner) -> AsyncIterator[asyncio.Event]:
        """Runners at work, by default one of this place; they are told to stop at the end, or before by the event."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for runner in runners or (self.runner(),):
                tasks.create_task(runner.run(stop))
                background.start([background.BackgroundTask("expire", 600, runner.remove_expired)], tasks, stop)
            try:
                yield stop
            finally:
                stop.set()

    def load(self, events: Iterable[dict[str, Any]]) -> None:
        """Put events into the store; what they do not say is filled in."""
        path = self.settings.data / f"{uuid.uuid4().hex}.jsonl.zst"
        self.store.load(self._make_segment(path, [event(**given) for given in events]))

    def fill(self) -> None:
        """Load so many events that their report is more than one block: `filled` is its file."""
        self.store.write(FILL, {"rows": self.rows, "at": NOW_MS - 1})

    async def order(self, *, output: dict[str, Any] | None = None, **wanted: Any) -> Job:
        body = {"filter": {"customer": "C", "product": "P"} | wanted, "output": output}
        return await self.desk.start(USER, json.dumps(body).encode())

    async def make(self, *, output: dict[str, Any] | None = None, **wanted: Any) -> Job:
        """Order a report and have it made."""
        job = await self.order(output=output, **wanted)
        async with self.running():
            return await self.ended(job)

    async def ended(self, job: Job, within_s: float = 60) -> Job:
        """The job when it has ended."""
        return await self.seen(job, lambda now: now.status is not JobStatus.RUNNING, within_s)

    async def seen(self, job: Job, condition: Callable[[Job], bool], within_s: float = 60) -> Job:
        """The job as soon as the condition holds for it."""
        async with asyncio.timeout(within_s):
            while True:
                now = self.state.jobs.get(job.id)
                assert now is not None
                if condition(now):
                    return now
                await asyncio.sleep(0.01)

    async def read(self, job: Job) -> bytes:
        """The report's file, by its link."""
        link = await self.desk.link(self.user, job, "http://localhost")
        _, source, token, name = link.removeprefix("http://localhost").rsplit("/", 3)
        download = await self.desk.download(source, token, name)
        return b"".join([chunk async for chunk in download.stream(0, download.size)])

    async def report(self, *, output: dict[str, Any] | None = None, **wanted: Any) -> str:
        """The text of the file of a report that is ordered and made."""
        job = await self.make(output=output, **wanted)
        assert job.status is JobStatus.COMPLETE, job.reason
        return (await self.read(job)).decode()

    def stored(self) -> list[str]:
        """The paths of all files, finished or not."""
        root = self.settings.data / "files"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    def close(self) -> None:
        self.state.close()
        self.store.close()


def event(**given: Any) -> dict[str, Any]:
    """An event as the journal writes it, of a product that the packaged plan does not know."""
    whole = {"customer": "C", "product": "P", "type": "T", "timestamp": NOW_MS - DAY_MS, "context": ["a"]}
    stamps = {"sequence": 1, "batch": str(uuid.uuid4()), "received": NOW_MS - 1, "admitted": NOW_MS - 1}
    return whole | stamps | given


MakePlace = Callable[..., Place]


@pytest.fixture
def make_place(engine: Any, make_segment: Any) -> Iterator[MakePlace]:
    """Makes places on the engine; `store_type` and `port` can put something between it and the reports."""
    with contextlib.ExitStack() as stack:

        def make(*, store_type: type[Store] = Store, port: int | None = None, **changes: Any) -> Place:
            settings = engine.settings(**changes)
            if port is not None:
                url = urlsplit(settings.events_url)
                changed = url._replace(netloc=url.netloc.replace(f":{url.port}", f":{port}")).geturl()
                settings = structs.replace(settings, events_url=changed)
            place = Place(settings, store_type(settings), make_segment)
            stack.callback(place.close)
            return place

        yield make


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    return make_place()


@pytest.fixture
def s3() -> Iterator[S3]:
    server = S3()
    yield server
    server.close()
