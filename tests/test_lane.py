"""A lane's threads and its queue are bounded."""

import asyncio
import threading

import pytest

from footfall.errors import Code, RequestRefused
from footfall.lane import Lane


def test_so_many_run_at_once_and_so_many_wait(monkeypatch) -> None:
    monkeypatch.setattr("footfall.lane.WAITING_MAX", 1)

    async def run() -> None:
        lane, go, running = Lane("test", 2), threading.Event(), threading.Semaphore(0)

        def work() -> str:
            running.release()
            assert go.wait(30)
            return threading.current_thread().name

        tasks = [asyncio.create_task(lane.run(work)) for _ in range(5)]
        for _ in range(2):
            await asyncio.to_thread(running.acquire)
        assert not running.acquire(timeout=0.05)
        go.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, RequestRefused)]
        assert [(error.code, error.retry_after_s) for error in refused] == [(Code.SERVICE_UNAVAILABLE, 1)] * 2
        assert {answer for answer in answers if isinstance(answer, str)} == {"test_0", "test_1"}
        assert await lane.run(lambda: 1) == 1
        lane.close()

    asyncio.run(run())


def test_a_failure_comes_through_and_frees_its_place(monkeypatch) -> None:
    monkeypatch.setattr("footfall.lane.WAITING_MAX", 0)

    async def run() -> None:
        lane = Lane("test", 1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await lane.run(lambda: 1 // 0)
        lane.close()

    asyncio.run(run())
