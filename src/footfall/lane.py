"""A lane: a few threads of one process for one kind of work, and a bounded queue before them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from footfall.errors import Code, RequestRefused

# Requests that wait for a thread; more than these would wait for longer than a client does.
WAITING_MAX = 100

Result = TypeVar("Result")


class Lane:
    """Does work on at most `at_once_max` threads; their number bounds how much of the machine the work can take."""

    def __init__(self, name: str, at_once_max: int) -> None:
        self._threads = ThreadPoolExecutor(at_once_max, name)
        self._pending_max = at_once_max + WAITING_MAX
        self._pending = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do the work on one of the threads. Raises RequestRefused when too many wait already."""
        if self._pending >= self._pending_max:
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, "too many requests like this at once", retry_after_s=1)
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1

    def close(self) -> None:
        """What waits is cancelled; what runs comes to its end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
