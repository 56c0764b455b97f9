"""Questions that nobody waits for any more: what they leave behind."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


async def test_a_question_that_is_given_up_ends_in_the_engine(place: Any, monkeypatch: Any) -> None:
    place.load({})
    run, began, ended = place.store.rows, threading.Event(), threading.Event()
    endless = "SELECT sleepEachRow(1) FROM numbers(60) SETTINGS max_block_size = 1"

    def slow(text: str, parameters: Any, settings: Any = None) -> Any:
        if "What there is" in text:
            return run(text, parameters, settings)
        began.set()
        try:
            return run(endless, {}, settings)
        finally:
            ended.set()

    monkeypatch.setattr(place.store, "rows", slow)
    asking = asyncio.create_task(place.count())
    assert await asyncio.to_thread(began.wait, 30)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    # The statement would take a minute by itself.
    assert await asyncio.to_thread(ended.wait, 30)


async def test_questions_that_are_given_up_in_the_queue_take_no_thread_of_others(
    make_place: Any, monkeypatch: Any
) -> None:
    """Each took one of the event loop's few threads for `usage_timeout_s`: nobody could sign in meanwhile."""
    place = make_place(usage_at_once_max=1)
    place.load({})
    run, began, goes_on = place.store.rows, threading.Event(), threading.Event()

    def slow(text: str, parameters: Any, settings: Any = None) -> Any:
        began.set()
        assert goes_on.wait(60)
        return run(text, parameters, settings)

    monkeypatch.setattr(place.store, "rows", slow)
    first = asyncio.create_task(place.count())
    assert await asyncio.to_thread(began.wait, 30)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    queued = [asyncio.create_task(place.count()) for _ in range(5)]
    async with asyncio.timeout(60):
        while place.usage.waiting < 5:
            await asyncio.sleep(0.001)
    for each in queued:
        each.cancel()
    await asyncio.wait(queued)
    try:
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(lambda: "a thread") == "a thread"
    finally:
        goes_on.set()
    assert (await first).total.events == 1
