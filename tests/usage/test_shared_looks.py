"""A look at the store serves all questions that were asked before it began, and no other."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from footfall.state import User
from footfall.store import StoreTimeout
from footfall.usage.looks import SharedLooks
from footfall.usage.query import Watermark

ADMIN = User(id="root", password_hash="", admin=True, created_ms=0)
DONE = Watermark(10, complete=True)


async def ask(place: Any, asked_s: float, name: str, **given: str) -> Any:
    """What a page that was asked for at `asked_s` is told."""
    given = {"customer": "C", "product": "P", **given}
    question = place.usage.parse(name, {key: [value] for key, value in given.items()})
    return await place.usage.ask(ADMIN, question, asked_s=asked_s)


async def test_the_questions_of_a_page_look_once(place: Any, monkeypatch: Any) -> None:
    place.load({"admitted": 5}, {"admitted": 6, "type": "U"})
    place.state.nodes.put("here", 10, 0)
    names = ("summary", "counts", "types")
    kept = [await place.ask(name, asOf=10) for name in names]
    run, ran = place.store.rows, []
    monkeypatch.setattr(place.store, "rows", lambda text, *rest: ran.append(text) or run(text, *rest))
    asked_s = time.monotonic()
    again = await asyncio.gather(*(ask(place, asked_s, name, asOf="10") for name in names))
    assert again == kept
    assert len(ran) == 1


async def test_a_question_of_a_page_with_a_later_watermark_looks_itself(place: Any) -> None:
    place.load({"admitted": 5})
    place.state.nodes.put("here", 10, 0)
    asked_s = time.monotonic()
    assert (await ask(place, asked_s, "counts")).total.events == 1
    assert (await ask(place, asked_s, "counts")).total.events == 1
    place.load({"admitted": 15})
    place.state.nodes.put("here", 20, 0)
    assert (await ask(place, asked_s, "counts")).total.events == 2
    assert (await ask(place, asked_s, "counts", asOf="10")).total.events == 1


def test_a_look_serves_who_asked_before_it_began() -> None:
    looks, begun = SharedLooks(), iter(range(9))
    before_s = time.monotonic()
    assert looks.find("it", time.monotonic(), DONE, lambda: next(begun)) == 0
    assert looks.find("it", before_s, DONE, lambda: next(begun)) == 0
    assert looks.find("it", time.monotonic(), DONE, lambda: next(begun)) == 1
    assert looks.find("it", before_s, Watermark(9, complete=True), lambda: next(begun)) == 1
    assert looks.find("it", before_s, Watermark(11, complete=True), lambda: next(begun)) == 2
    assert looks.find("other", before_s, DONE, lambda: next(begun)) == 3
    # Not all events of this watermark were loaded: the next one's may be.
    assert looks.find("it", time.monotonic(), Watermark(99, complete=False), lambda: next(begun)) == 4
    assert looks.find("it", before_s, DONE, lambda: next(begun)) == 5


def test_who_asks_while_another_looks_waits_for_a_look_of_its_own_which_others_share() -> None:
    looks, is_looking, go_on = SharedLooks(), threading.Event(), threading.Event()
    later: list[str] = []

    def slow() -> str:
        is_looking.set()
        assert go_on.wait(60)
        return "first"

    def look(asked_s: float) -> str:
        return looks.find("it", asked_s, DONE, lambda: later.append("") or f"later {len(later)}")

    with ThreadPoolExecutor() as threads:
        first = threads.submit(looks.find, "it", time.monotonic(), DONE, slow)
        assert is_looking.wait(60)
        asked_s = time.monotonic()
        waiting = [threads.submit(look, asked_s) for _ in range(3)]
        go_on.set()
        assert first.result(60) == "first"
        assert [each.result(60) for each in waiting] == ["later 1"] * 3


def test_a_look_that_failed_serves_nobody() -> None:
    looks, asked_s = SharedLooks(), time.monotonic()

    def fail() -> str:
        raise StoreTimeout("it took too long")

    with pytest.raises(StoreTimeout):
        looks.find("it", asked_s, DONE, fail)
    assert looks.find("it", asked_s, DONE, lambda: "whole") == "whole"


def test_looks_at_many_things_do_not_grow() -> None:
    looks = SharedLooks()
    for about in range(1000):
        looks.find(about, time.monotonic(), DONE, str)
    assert len(looks._kept) == 256
