"""Answers that were given, in bounded memory, for as long as nothing of what they are about has changed.

An answer is kept with what the store had of its customers and products then (`ScopeState`). When the store still has
the same, and the watermark is not before the latest admission, the answer is the same at any watermark. What the whole
store held (`Rollups.contents`) is kept beside: as long as that is equal, so is the state, which takes longer to find.
"""

import threading
from collections import OrderedDict
from typing import Any

import msgspec
from msgspec import Struct

from footfall.usage.query import Answer
from footfall.usage.rollups import ScopeState

# What a kept answer takes for each byte of its JSON text: 2.7 MB for 10,000 counts of 0.78 MB.
_OBJECTS_PER_BYTE = 4


class KeptAnswer(Struct, frozen=True):
    """An answer, and what the store had of its events, and in all, when it was made; empty where that was not known."""

    answer: Answer
    state: ScopeState
    contents: str = ""


class AnswerCache:
    """The answers used last, of `bytes_max` bytes together; thread-safe."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[Any, tuple[KeptAnswer, int]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: Any) -> KeptAnswer | None:
        """What was kept of the same question, whatever the store has now."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def keep(self, key: Any, answer: KeptAnswer) -> None:
        """Keep an answer; the ones that were used longest ago make room."""
        size = len(msgspec.json.encode(answer.answer)) * _OBJECTS_PER_BYTE
        with self._lock:
            self._drop(key)
            if size > self._bytes_max:
                return
            self._kept[key] = answer, size
            self._bytes += size
            while self._bytes > self._bytes_max:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Any) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept[1]
