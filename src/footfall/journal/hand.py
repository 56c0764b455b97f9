"""The hand that writes: one thread for the disk's work, and the way back to the event loop."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], None]


class Hand:
    """Does one piece of work after the other on a thread of its own.

    A thread pool does the same at three times the cost, which counts when each piece is a tenth of a millisecond.
    """

    def __init__(self, name: str) -> None:
        self._waiting: SimpleQueue[tuple[Work, asyncio.Future[None]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    async def do(self, work: Work) -> None:
        """Do the work; raises what it raises. Cancelling does not stop it."""
        if not self._thread.is_alive():
            self._thread.start()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put((work, done))
        await done

    def close(self) -> None:
        """End the thread when all work is done."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while item := self._waiting.get():
            work, done = item
            error: BaseException | None = None
            try:
                work()
            except BaseException as failure:  # noqa: BLE001 - whoever waits must hear of any
                error = failure
            done.get_loop().call_soon_threadsafe(settle, done, error)


def settle(done: asyncio.Future[None], error: BaseException | None) -> None:
    """Give a future its outcome, unless whoever waited for it is gone."""
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
