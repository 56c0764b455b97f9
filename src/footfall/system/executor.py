"""A lane: a few threads of one process for one kind of work, and before them a bounded queue that is fair by sender.

Senders take turns: behind one who has a hundred requests waiting, another's first waits for one of them at the most.
Where no more may wait, the newest request of the sender with the most makes way for that of a sender with fewer.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from footfall.errors import Code, RequestRefused
from footfall.settings.limits import CALLS_WAITING_MAX

Result = TypeVar("Result")
# Work that waits, and the future of its answer.
_Waiting = tuple[Callable[[], Any], asyncio.Future[Any]]

# Seconds after which there may be room again.
RETRY_AFTER_S = 1


class BoundedExecutor:
    """Does work on at most `at_once_max` threads; their number bounds how much of the machine the work can take.

    At most `waiting_max` requests wait for a thread, and `waiting_each_max` of one sender; None is as many.
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
        # The sender whose turn it is comes first. Nobody has an empty queue.
        self._queues: OrderedDict[str, deque[_Waiting]] = OrderedDict()

    async def run(self, work: Callable[[], Result], sender: str = "") -> Result:
        """Do the work on one of the threads. Raises RequestRefused when too many wait already, here or of the sender.

        Whoever goes away gives up a place in the queue, but a thread only when its work is done.
        """
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        waiting = (work, answer)
        if self._running < self._at_once_max:
            self._begin(waiting)
        else:
            self._enter(sender, waiting)
        try:
            return await answer
        except asyncio.CancelledError:
            self._leave(sender, waiting)
            raise

    def close(self) -> None:
        """What waits is cancelled; what runs comes to its end."""
        queues = list(self._queues.values())
        self._queues.clear()
        self._waiting = 0
        for queue in queues:
            for _, answer in queue:
                answer.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _enter(self, sender: str, waiting: _Waiting) -> None:
        own = len(self._queues.get(sender, ()))
        if own >= self._each_max < self._waiting_max:
            text = f"{own} requests like this of yours wait already, and no more may"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, text, retry_after_s=RETRY_AFTER_S)
        if self._waiting >= self._waiting_max:
            self._make_way(own)
        self._queues.setdefault(sender, deque()).append(waiting)
        self._waiting += 1

    def _make_way(self, own: int) -> None:
        """Refuse the newest request of the sender with the most; who comes, where that is no more than `own` and 1."""
        text = "too many requests like this at once"
        full = RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
        sender = max(self._queues, key=lambda name: len(self._queues[name]), default="")
        queue = self._queues.get(sender, deque())
        if len(queue) <= own + 1:
            raise full
        waiting = queue[-1]
        self._leave(sender, waiting)
        if not waiting[1].done():
            waiting[1].set_exception(full)

    def _leave(self, sender: str, waiting: _Waiting) -> None:
        queue = self._queues.get(sender)
        if queue is not None and waiting in queue:
            queue.remove(waiting)
            self._waiting -= 1
            if not queue:
                del self._queues[sender]

    def _begin(self, waiting: _Waiting) -> None:
        work, answer = waiting
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._running += 1
        running.add_done_callback(partial(self._end, answer))

    def _end(self, answer: asyncio.Future[Any], ran: asyncio.Future[Any]) -> None:
        """Hand on what the work came to, and give its thread to the sender whose turn it is."""
        self._running -= 1
        self._next()
        # Asked for in any case, lest the loop complains of a failure that nobody heard of.
        error = None if ran.cancelled() else ran.exception()
        if answer.done():
            return
        if ran.cancelled():
            answer.cancel()
        elif error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(ran.result())

    def _next(self) -> None:
        if not self._queues:
            return
        sender, queue = next(iter(self._queues.items()))
        waiting = queue.popleft()
        self._waiting -= 1
        if queue:
            self._queues.move_to_end(sender)
        else:
            del self._queues[sender]
        self._begin(waiting)
