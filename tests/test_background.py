"""Background work: each task again in its time, and a long one rests in proportion."""

import asyncio
from typing import Any

import pytest

from footfall.system import background
from footfall.system.background import BackgroundTask

pytestmark = pytest.mark.anyio


class Steady:
    """A clock that a test turns."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.mark.parametrize(("took_s", "rest_times", "expected_s"), [(0.1, 20, 60), (10, 20, 200), (10, 0, 60)])
async def test_a_task_that_takes_long_rests_for_so_many_times_as_long(
    took_s: float, rest_times: int, expected_s: float, monkeypatch: Any
) -> None:
    clock, stop = Steady(), asyncio.Event()
    rests = []

    async def work() -> None:
        clock.now_s += took_s
        raise ValueError("a failure is no reason to go on at once")

    async def rest(_: asyncio.Event, seconds: float) -> None:
        rests.append(seconds)
        stop.set()

    monkeypatch.setattr(background, "time", clock)
    monkeypatch.setattr(background, "wait_for_stop", rest)
    await background.repeat(BackgroundTask("work", 60, work, rest_times), stop)
    assert rests == [expected_s]
