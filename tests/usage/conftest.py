"""A place where events are loaded and counted, on a real engine and a real state."""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rolled_up as rolled
from states import state_url

from footfall.errors import RequestRefused
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.state import State, User
from footfall.store import Store
from footfall.usage import Counts, Usage

ADMIN = User(id="root", password_hash="", admin=True, created_ms=0)
NOW_MS = 1_760_000_000_000


class StoppedClock:
    def now_ms(self) -> int:
        return NOW_MS


class Place:
    """`load` puts events into the store, `count` asks the desk."""

    now_ms = NOW_MS

    def __init__(self, settings: Settings, make_segment: Callable[..., Path]) -> None:
        self.settings = settings
        self.store = Store(settings)
        self.state = State(state_url(settings.data))
        self.state.migrate()
        self.plan = LivePlan(Path(settings.plan) if settings.plan else None, settings)
        self.usage = Usage(self.state, self.store, settings, StoppedClock(), self.plan)
        self._make_segment = make_segment

    def load(self, *events: dict[str, Any]) -> None:
        """What the events do not say is filled in."""
        path = self.settings.data / f"{uuid.uuid4().hex}.jsonl.zst"
        self.store.load(self._make_segment(path, [fill(event) for event in events]))

    def empty(self) -> None:
        self.store.write("TRUNCATE TABLE events", {})

    async def ask(self, name: str, user: User = ADMIN, **given: Any) -> Any:
        """The answer of `GET /usage/NAME`."""
        return await self.usage.ask(user, self.usage.parse(name, texts(given)))

    async def count(self, user: User = ADMIN, **given: Any) -> Counts:
        return await self.ask("counts", user, **given)

    async def refused(self, **given: Any) -> RequestRefused:
        with pytest.raises(RequestRefused) as caught:
            await self.count(**given)
        return caught.value

    def close(self) -> None:
        self.usage.close()
        self.state.close()
        self.store.close()


def fill(event: dict[str, Any]) -> dict[str, Any]:
    """An event as the journal writes it."""
    whole = {"customer": "C", "product": "P", "type": "T", "timestamp": NOW_MS, "context": ["a"], "sequence": 1}
    return {**whole, "batch": str(uuid.uuid4()), "received": 1, "admitted": 1, **event}


def texts(given: dict[str, Any]) -> dict[str, list[str]]:
    """Parameters as a URL has them."""
    every = {"customer": "C", "product": "P", **given}
    return {name: list(value) if isinstance(value, list) else [str(value)] for name, value in every.items()}


@pytest.fixture
def make_place(engine: Any, make_segment: Any) -> Iterator[Callable[..., Place]]:
    with contextlib.ExitStack() as stack:

        def make(**changes: Any) -> Place:
            place = Place(engine.settings(**changes), make_segment)
            stack.callback(place.close)
            return place

        yield make


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place()


@pytest.fixture
def as_json() -> Callable[[Counts], Any]:
    import msgspec

    return lambda counts: json.loads(msgspec.json.encode(counts))


@pytest.fixture
def rolled_up(engine: Any, make_segment: Any) -> Iterator[rolled.Place]:
    """A store whose rollups count three rows in a step."""
    found = engine.settings(rollup_step_rows_max=3, rollup_core_percent=100, late_after_s=rolled.LATE_MS // 1000)
    place = rolled.Place(found, make_segment)
    place.store.migrate()
    yield place
    place.store.close()
