"""Schedules on a real state of either kind, with a clock that is turned, and a store where late events matter.

PostgreSQL is the server of the state's own tests.
"""

import asyncio
import importlib.util
import json
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from states import state_url

from footfall.files import Files
from footfall.plan import LivePlan
from footfall.reports import Runner
from footfall.schedules import Scheduler, Schedules, ScheduleShown
from footfall.settings import Settings
from footfall.state import Job, JobStatus, ScheduleRun, State, User
from footfall.store import Store


def _state_fixtures() -> Any:
    """The state's own conftest, whose fixtures make the databases."""
    path = Path(__file__).parents[1] / "state" / "conftest.py"
    spec = importlib.util.spec_from_file_location("state_fixtures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_fixtures = _state_fixtures()
url, state = _fixtures.url, _fixtures.state

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 1_760_000_000_000 // HOUR_MS * HOUR_MS + 1_200_000  # twenty minutes past an hour
OWNER = User(id="ann", password_hash="", customers=("C",), created_ms=0)
FILTER = {"customer": "C", "product": "P"}


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


class Place:
    """A desk and a scheduler on a state; `store` is there for late events only."""

    now_ms = NOW_MS

    def __init__(self, state: State, settings: Settings) -> None:
        self.state = state
        self.settings = settings
        self.clock = TurnedClock()
        self.store = Store(settings)
        self.desk = Schedules(state, settings, self.clock)
        if state.users.get(OWNER.id) is None:
            state.users.add(OWNER)

    def scheduler(self, **changes: Any) -> Scheduler:
        return Scheduler(self.state, self.store, changes.get("settings", self.settings), self.clock)

    def tick(self, after_ms: int = 0) -> None:
        """A look of a worker, so much later."""
        self.clock.ms += after_ms
        self.scheduler().tick()

    def add(self, **given: Any) -> ScheduleShown:
        body = {"every": "hour", "filter": FILTER, "graceSeconds": 0} | given
        return self.desk.add(OWNER, json.dumps(body).encode())

    def runs(self, schedule: ScheduleShown) -> list[ScheduleRun]:
        """The oldest first."""
        return self.state.schedules.newest_runs(schedule.id, 1000)[::-1]

    def job(self, run: ScheduleRun) -> Job:
        found = self.state.jobs.get(run.job)
        assert found is not None
        return found

    def end(self, status: JobStatus = JobStatus.COMPLETE, reason: str | None = None) -> int:
        """End all jobs that run, as a worker would; how many there were."""
        count = 0
        while job := self.state.jobs.claim("w", 0):
            assert self.state.jobs.finish(job.id, "w", status, self.clock.ms, 0, 0, None, reason)
            count += 1
        return count

    def close(self) -> None:
        self.store.close()


@pytest.fixture
def make_place(state: State, tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Makes places on one state, each with settings of its own."""
    made: list[Place] = []

    def make(**changes: Any) -> Place:
        made.append(Place(state, Settings(data_dir=str(tmp_path), **changes)))
        return made[-1]

    yield make
    for place in made:
        place.close()


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place()


class Stored(Place):
    """A place with an engine, whose reports are really made."""

    def __init__(self, state: State, settings: Settings, make_segment: Callable[..., Path]) -> None:
        super().__init__(state, settings)
        self.files = Files(settings)
        self.loaded_through_ms = 2**50
        self._make_segment = make_segment

    def runner(self) -> Runner:
        plan = LivePlan(None, self.settings)
        return Runner(self.state, self.store, plan, self, self.settings, self.clock, self.files, "here")

    def load(self, *events: dict[str, Any]) -> None:
        """Put events into the store, admitted now; what they do not say is filled in."""
        path = self.settings.data / f"{uuid.uuid4().hex}.jsonl.zst"
        whole = {"customer": "C", "product": "P", "type": "T", "context": ["a"]}
        now = {"sequence": 1, "received": self.clock.ms, "admitted": self.clock.ms}
        self.store.load(self._make_segment(path, [whole | now | {"batch": str(uuid.uuid4())} | one for one in events]))


@pytest.fixture
def stored(engine: Any, make_segment: Callable[[Path, Iterable[dict[str, Any]]], Path]) -> Iterator[Stored]:
    """A place on the engine, with a SQLite file."""
    settings = engine.settings()
    with closing(State(state_url(settings.data))) as state:
        state.migrate()
        with closing(Stored(state, settings, make_segment)) as place:
            yield place


@pytest.fixture
def make_stored() -> type[Stored]:
    """Makes a place on an engine, for tests with settings of their own."""
    return Stored


@pytest.fixture
def make() -> Callable[[Stored, Callable[[], bool]], None]:
    """Lets a runner make reports, and the scheduler look, until a condition holds."""

    def until(place: Stored, condition: Callable[[], bool]) -> None:
        async def run() -> None:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(place.runner().run(stop))
                try:
                    async with asyncio.timeout(60):
                        while not condition():
                            await asyncio.to_thread(place.scheduler().tick)
                            await asyncio.sleep(0.02)
                finally:
                    stop.set()

        asyncio.run(run())

    return until
