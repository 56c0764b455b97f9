"""Answers of links, kept for a while: whoever has a link may open it as often as they like."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from msgspec import Struct

# What each link shows is asked for once at a time, and a longer answer is not kept.
_BYTES_MAX = 1024 * 1024

Key = tuple[object, ...]


class _Kept(Struct, frozen=True):
    """An answer, and until when it is given again, by the monotonic clock in s."""

    until_s: float
    body: bytes


class SharedAnswers:
    """Answers by link and file, made once in `seconds` however many ask; `most` of them are kept.

    An answer that is being made is waited for by all who ask for it.
    """

    def __init__(self, seconds: int, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._made: dict[Key, asyncio.Task[bytes]] = {}

    async def get(self, key: Key, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer under the key; raises what `make` raises."""
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept.until_s:
            return kept.body
        task = self._made.get(key)
        if task is None:
            task = self._made[key] = asyncio.ensure_future(self._make(key, make))
            task.add_done_callback(lambda done: self._end(key, done))
        # Shielded: the first who asked may go, while others wait.
        return await asyncio.shield(task)

    def _end(self, key: Key, task: asyncio.Task[bytes]) -> None:
        """Forget the task. What it raised is told to those who wait; where all have gone, to nobody."""
        self._made.pop(key, None)
        if not task.cancelled():
            task.exception()

    async def _make(self, key: Key, make: Callable[[], Awaitable[bytes]]) -> bytes:
        body = await make()
        if len(body) <= _BYTES_MAX:
            self._kept[key] = _Kept(time.monotonic() + self._seconds, body)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return body
