"""A store whose rollups are made step by step, and events for it."""

import time
import uuid
from typing import Any

from footfall.settings import Settings
from footfall.state import Node
from footfall.store import Store
from footfall.system.clock import SystemClock
from footfall.usage import RollupKeeper, Rollups, Scope

LATE_MS = 3_600_000
# Quarters of an hour and halves; the ends of days; 1970.
TIMES = (1_711_846_800_000, 1_711_846_800_000 + 45 * 60_000, 1_711_843_199_999, 1_711_843_200_000, 5_000)
EVERYTHING = Scope()


class Nodes:
    """The nodes of a state."""

    def __init__(self) -> None:
        self.nodes = self
        self.found: list[Node] = []

    def all(self) -> list[Node]:
        return self.found


class Place:
    """A store and its rollups; `events` are all that was loaded."""

    def __init__(self, settings: Settings, make_segment: Any) -> None:
        self.settings = settings
        self.store = Store(settings)
        self.rollups = Rollups(self.store, LATE_MS)
        self.nodes = Nodes()
        self.keeper = self.new_keeper(settings)
        self._make_segment = make_segment
        self.events: list[dict[str, Any]] = []

    def new_keeper(self, settings: Settings) -> RollupKeeper:
        return RollupKeeper(self.nodes, self.store, settings, SystemClock(), "node")  # type: ignore[arg-type]

    def load(self, *events: dict[str, Any]) -> None:
        path = self.settings.data / f"{uuid.uuid4().hex}.jsonl.zst"
        lines = [
            {name: value for name, value in one.items() if name != "delay"}
            | {"received": max(one["timestamp"] + one.get("delay", 0), 1)}
            for one in events
        ]
        if lines:
            self.store.load(self._make_segment(path, lines))
        self.events += [line | {"delay": one.get("delay", 0)} for line, one in zip(lines, events, strict=True)]

    def look(self) -> Any:
        return look(self.keeper)

    def count_days(self) -> None:
        count_days(self.keeper)

    def rolled_up(self, scope: Scope, **changes: Any) -> tuple[Any, Any]:
        return self.rollups.rolled_up(scope, 2**62, dict, **changes)

    def empty(self) -> None:
        self.store.write("TRUNCATE TABLE events", {})
        self.store.run_table_script("rollups_renew")
        self.events = []


def look(keeper: RollupKeeper) -> Any:
    """Look through all that was loaded: loads of this very ms are left to the next look."""
    time.sleep(0.002)
    return keeper.look(int(time.time() * 1000) - 1)


def count_days(keeper: RollupKeeper, steps_max: int = 50) -> None:
    """Have the rollups answer for all days."""
    found = look(keeper)
    steps = 0
    while found is not None and keeper.count_some(found, 2**62, 2**40) is not None:
        steps += 1
        assert steps <= steps_max, "the same days are counted again and again"
    assert keeper.days_failed == 0


def event(**changes: Any) -> dict[str, Any]:
    found = {"customer": "C", "product": "P", "type": "T", "version": "", "timestamp": TIMES[0], "context": ["a"]}
    return found | {"batch": str(uuid.uuid4()), "sequence": 1, "admitted": 3} | changes
