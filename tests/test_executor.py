"""The threads and the queue of a BoundedExecutor are bounded, and senders take turns."""

import asyncio
import threading
import time
from contextlib import asynccontextmanager
from functools import partial

import pytest

from footfall.errors import Code, RequestRefused
from footfall.system.executor import BoundedExecutor


async def test_so_many_run_at_once_and_so_many_wait() -> None:
    async def run() -> None:
        executor, go, running = BoundedExecutor("test", 2, 1), threading.Event(), threading.Semaphore(0)

        def work() -> str:
            running.release()
            assert go.wait(30)
            return threading.current_thread().name

        tasks = [asyncio.create_task(executor.run(work)) for _ in range(5)]
        for _ in range(2):
            await asyncio.to_thread(running.acquire)
        assert not running.acquire(timeout=0.05)
        go.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, RequestRefused)]
        assert [(error.code, error.retry_after_s) for error in refused] == [(Code.SERVICE_UNAVAILABLE, 1)] * 2
        assert {answer for answer in answers if isinstance(answer, str)} == {"test_0", "test_1"}
        assert await executor.run(lambda: 1) == 1
        executor.close()

    await run()


async def test_a_failure_comes_through_and_frees_its_place() -> None:
    executor = BoundedExecutor("test", 1, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await executor.run(lambda: 1 // 0)
    executor.close()


class Busy:
    """An executor whose one thread is held until `go` is set; `begun` are the requests in the order of their turns."""

    def __init__(self, waiting_max: int, each_max: int | None = None) -> None:
        self.executor = BoundedExecutor("test", 1, waiting_max, each_max)
        self.go = threading.Event()
        self.begun: list[str] = []
        self._holding = asyncio.create_task(self.executor.run(lambda: self.go.wait(30), "holder"))

    async def ask(self, sender: str, times: int = 1) -> list[asyncio.Task[None]]:
        tasks = [
            asyncio.create_task(self.executor.run(lambda number=number: self.begun.append(f"{sender}{number}"), sender))
            for number in range(times)
        ]
        await asyncio.sleep(0)  # Each takes its place, or is refused.
        return tasks


@asynccontextmanager
async def busy(waiting_max: int, each_max: int | None = None):
    opened = Busy(waiting_max, each_max)
    await asyncio.sleep(0)
    try:
        yield opened
    finally:
        opened.go.set()
        opened.executor.close()


def refusals(answers: list[object]) -> list[Code]:
    return [answer.code for answer in answers if isinstance(answer, RequestRefused)]


async def test_senders_take_turns_however_many_requests_one_has() -> None:
    async with busy(100) as opened:
        tasks = [*await opened.ask("a", 50), *await opened.ask("b"), *await opened.ask("c", 2)]
        opened.go.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
    assert opened.begun[:6] == ["a0", "b0", "c0", "a1", "c1", "a2"]
    assert opened.begun[6:] == [f"a{number}" for number in range(3, 50)]


async def test_one_sender_may_have_so_many_that_wait() -> None:
    async with busy(100, each_max=3) as opened:
        crowd, other = await opened.ask("a", 10), await opened.ask("b", 3)
        opened.go.set()
        answers = await asyncio.wait_for(asyncio.gather(*crowd, *other, return_exceptions=True), 30)
    assert refusals(answers[:10]) == [Code.REQUEST_RATE_LIMITED] * 7
    assert refusals(answers[10:]) == []


async def test_a_full_queue_makes_way_for_a_sender_with_fewer() -> None:
    async with busy(4) as opened:
        crowd = await opened.ask("a", 4)
        others = [*await opened.ask("b"), *await opened.ask("c"), *await opened.ask("b"), *await opened.ask("d")]
        opened.go.set()
        answers = await asyncio.wait_for(asyncio.gather(*crowd, *others, return_exceptions=True), 30)
    # The newest of `a` went for the first of each; the second of `b` would have left `a` with fewer than `b` has.
    assert [isinstance(answer, RequestRefused) for answer in answers[:4]] == [False, True, True, True]
    assert [isinstance(answer, RequestRefused) for answer in answers[4:]] == [False, False, True, False]
    assert set(refusals(answers)) == {Code.SERVICE_UNAVAILABLE}


async def test_who_goes_away_leaves_the_queue_and_no_trace() -> None:
    async with busy(2) as opened:
        for _ in range(5):
            leaving = await opened.ask("a", 2)
            for task in leaving:
                task.cancel()
            await asyncio.wait(leaving)
        staying = await opened.ask("b", 2)
        opened.go.set()
        await asyncio.wait_for(asyncio.gather(*staying), 30)
    assert opened.begun == ["b0", "b1"]
    assert not opened.executor._queues


async def test_who_goes_away_in_the_turn_in_which_a_thread_comes_free_is_not_served() -> None:
    async with busy(2) as opened:
        leaving, staying = *await opened.ask("a"), *await opened.ask("b")
        loop = asyncio.get_running_loop()

        def leave_as_the_thread_comes_free() -> None:
            opened.go.set()
            # Meanwhile the thread tells the loop that it is free; the loop hears of it right before it cancels.
            time.sleep(0.2)
            loop.call_soon(leaving.cancel)

        loop.call_soon(leave_as_the_thread_comes_free)
        await asyncio.wait_for(asyncio.wait([leaving, staying]), 30)
        assert leaving.cancelled()
    assert opened.begun == ["b0"]
    assert not opened.executor._queues


async def test_work_that_raises_stop_iteration_fails_and_frees_its_place() -> None:
    executor = BoundedExecutor("test", 1, 1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(executor.run(partial(next, iter(()))), 30)
    assert await asyncio.wait_for(executor.run(lambda: 1), 30) == 1
    executor.close()


async def test_closing_cancels_what_waits() -> None:
    async with busy(2) as opened:
        waiting = await opened.ask("a", 2)
        opened.executor.close()
        await asyncio.wait(waiting, timeout=30)
        assert all(task.cancelled() for task in waiting)
    assert opened.begun == []
