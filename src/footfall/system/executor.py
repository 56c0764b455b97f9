"""A bounded executor: a few threads for one kind of work, and before them a bounded queue that is fair to senders.

Senders take turns: the first request of one sender waits for at most one request of another, however many that one
has. When the queue is full, a sender with few requests takes the place of the newest request of the sender with most.
"""

import asyncio
import contextvars
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from footfall.errors import Code, RequestRefused
from footfall.settings.limits import CALLS_WAITING_MAX

Result = TypeVar("Result")
# A piece of work in the queue, and the future of its result.
_Queued = tuple[Callable[[], Any], asyncio.Future[Any]]

# Seconds after which there may be room again.
RETRY_AFTER_S = 1


class BoundedExecutor:
    """Runs work on at most `at_once_max` threads, which bounds the cores that this kind of work can take.

    At most `waiting_max` requests wait for a thread, and at most `waiting_each_max` of one sender (None: no bound of
    its own).
    """

    def __init__(
        self,
        name: str,
        at_once_max: int,
        waiting_max: int = CALLS_WAITING_MAX,
        waiting_each_max: int | None = None,
    ) -> None:
        self._threads = ThreadPoolExecutor(at_once_max, name)
        self._at_once_max = at_once_max
        self._waiting_max = waiting_max
        self._each_max = waiting_max if waiting_each_max is None else waiting_each_max
        self._running = 0
        self._waiting = 0
        # The sender whose turn it is comes first. No sender has an empty queue.
        self._queues: OrderedDict[str, deque[_Queued]] = OrderedDict()

    async def run(self, work: Callable[[], Result], sender: str = "") -> Result:
        """Run the work on one of the threads. Raises RequestRefused when the queue or the sender's part of it is full.

        A caller that is cancelled gives up its place in the queue; work that has begun keeps its thread to its end.
        """
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        # The thread logs under the id of the request that it works for.
        queued = (partial(contextvars.copy_context().run, work), result)
        if self._running < self._at_once_max:
            self._start(queued)
        else:
            self._enqueue(sender, queued)
        try:
            return await result
        except asyncio.CancelledError:
            self._dequeue(sender, queued)
            raise

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._waiting

    def close(self) -> None:
        """Cancel the work that waits; let the work that runs come to its end."""
        queues = list(self._queues.values())
        self._queues.clear()
        self._waiting = 0
        for queue in queues:
            for _, result in queue:
                result.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _enqueue(self, sender: str, queued: _Queued) -> None:
        own = len(self._queues.get(sender, ()))
        if own >= self._each_max < self._waiting_max:
            text = f"{own} requests like this of yours wait already, and no more may"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, text, retry_after_s=RETRY_AFTER_S)
        if self._waiting >= self._waiting_max:
            self._make_room(own)
        self._queues.setdefault(sender, deque()).append(queued)
        self._waiting += 1

    def _make_room(self, own: int) -> None:
        """Refuse the newest request of the sender with most; raise where that sender has no more than `own` + 1."""
        text = "too many requests like this at once"
        full = RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
        sender = max(self._queues, key=lambda name: len(self._queues[name]), default="")
        queue = self._queues.get(sender, deque())
        if len(queue) <= own + 1:
            raise full
        newest = queue[-1]
        self._dequeue(sender, newest)
        if not newest[1].done():
            newest[1].set_exception(full)

    def _dequeue(self, sender: str, queued: _Queued) -> None:
        queue = self._queues.get(sender)
        if queue is not None and queued in queue:
            queue.remove(queued)
            self._waiting -= 1
            if not queue:
                del self._queues[sender]

    def _start(self, queued: _Queued) -> None:
        work, result = queued
        running = asyncio.get_running_loop().run_in_executor(self._threads, _run, work)
        self._running += 1
        running.add_done_callback(partial(self._end, result))

    def _end(self, result: asyncio.Future[Any], ran: asyncio.Future[Any]) -> None:
        """Pass the result on, and give the thread to the sender whose turn it is."""
        self._running -= 1
        self._start_next()
        # Read in any case: otherwise the event loop logs a failure for which nobody waits any more.
        error = None if ran.cancelled() else ran.exception()
        if result.done():
            return
        if ran.cancelled():
            result.cancel()
        elif error is not None:
            result.set_exception(error)
        else:
            result.set_result(ran.result())

    def _start_next(self) -> None:
        while self._queues:
            sender, queue = next(iter(self._queues.items()))
            queued = queue.popleft()
            self._waiting -= 1
            if queue:
                self._queues.move_to_end(sender)
            else:
                del self._queues[sender]
            # A caller that was cancelled in this turn of the event loop is still in the queue: it leaves in the next.
            if not queued[1].done():
                self._start(queued)
                return


def _run(work: Callable[[], Result]) -> Result:
    """Run the work; a StopIteration, which no future takes, becomes a RuntimeError: without it `_end` never ran."""
    try:
        return work()
    except StopIteration as error:
        raise RuntimeError("the work of a thread raised StopIteration") from error
