"""The overview asks several questions at once: where one is refused, the page is, and nothing goes on behind it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from footfall.dashboard.views import overview
from footfall.errors import Code, RequestRefused

PERIOD: Any = SimpleNamespace(interval="day", earlier=("1", "2"))


@pytest.mark.parametrize("patience_s", [None, 60])
async def test_where_a_question_is_refused_the_others_are_given_up(
    monkeypatch: pytest.MonkeyPatch, patience_s: float | None
) -> None:
    """Counting actors went on for a minute, and what was asked next found the queue full."""
    began, ended = asyncio.Semaphore(0), []

    async def ask(_visit: Any, name: str, given: dict[str, list[str]]) -> Any:
        if name == "uniques":
            began.release()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(given)
        if given.get("asOf"):
            for _ in range(2):
                await began.acquire()
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, "20 requests like this of yours wait already")
        return SimpleNamespace(asOf=3)

    monkeypatch.setattr(overview, "ask", ask)
    with pytest.raises(RequestRefused):
        await overview._ask(SimpleNamespace(), {}, PERIOD, patience_s)  # type: ignore[arg-type]
    async with asyncio.timeout(60):
        while len(ended) < 2:
            await asyncio.sleep(0.01)


async def test_actors_that_are_not_counted_in_time_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    async def ask(_visit: Any, name: str, given: dict[str, list[str]]) -> Any:
        if name == "uniques":
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(given)
        return SimpleNamespace(asOf=3)

    monkeypatch.setattr(overview, "ask", ask)
    found = await overview._ask(SimpleNamespace(), {}, PERIOD, 0.01)  # type: ignore[arg-type]
    assert (found.actors, found.actors_before, len(ended)) == (None, None, 2)
