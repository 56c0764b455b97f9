"""Looks at what the store holds, each of which serves all questions that were asked before it began.

Whether a kept answer still holds is found by looking, and the look takes longer than the rest of such an answer. The
questions of a page come together, and several people ask at once. A look that began after a question was asked, and
after all events of that question's watermark were loaded, tells it as much as a look of its own.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from footfall.usage.query import Watermark

# About how many different things the last look is remembered; a look has some hundred bytes.
_KEPT_MAX = 256

T = TypeVar("T")


class _Look:
    """The last look at one thing, which one thread at a time takes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begun_s = float("-inf")
        # All events up to this watermark, in ms, were loaded before it began.
        self.through_ms = -1
        self.found: Any = None


class SharedLooks:
    """The last look at each thing; thread-safe."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, _Look] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, about: Hashable, asked_s: float, watermark: Watermark, look: Callable[[], T]) -> T:
        """What `look` finds `about` something, for a question that was asked at `asked_s` of the monotonic clock.

        Who asks the same while another looks waits for that look, whose time is limited.
        """
        last = self._last(about)
        with last.lock:
            is_late = watermark.complete and last.through_ms < watermark.as_of
            if last.begun_s < asked_s or is_late:
                begun_s = time.monotonic()
                last.found = look()
                last.begun_s, last.through_ms = begun_s, watermark.as_of if watermark.complete else -1
            found: T = last.found
            return found

    def _last(self, about: Hashable) -> _Look:
        with self._lock:
            last = self._kept.setdefault(about, _Look())
            self._kept.move_to_end(about)
            if len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)
            return last
