"""A bound on the lines that a process logs: of those that repeat, some a minute are written, and the others counted."""

import logging
import threading
import time
from collections.abc import Callable

from msgspec import Struct

log = logging.getLogger(__name__)

PERIOD_S = 60.0
# Lines that are told apart. Each place in the code makes one, and no stranger can make another.
KINDS_MAX = 1_000

_Kind = tuple[str, int]


class _Count(Struct):
    end_s: float
    written: int = 0
    left_out: int = 0


class LogRateLimit(logging.Filter):
    """Lets `lines_max` warnings and errors of one place in the code through each minute; what is less grave always.

    How many were left out is logged behind the next line of the process after the minute, whatever that is.
    """

    def __init__(self, lines_max: int, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._lines_max = lines_max
        self._now_s = now_s
        self._counts: dict[_Kind, _Count] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written. Tells what was left out before, by lines of this module's own logger."""
        if record.name == __name__:
            return True
        with self._lock:
            over = self._take_over()
            is_written = record.levelno < logging.WARNING or self._count((record.name, record.lineno))
        for (name, line), count in over:
            log.warning("%s, line %d: %d more like the last one in a minute", name, line, count.left_out)
        return is_written

    def _take_over(self) -> list[tuple[_Kind, _Count]]:
        """Forget the counts whose minute is over; gives those that left lines out."""
        now_s = self._now_s()
        over = [(kind, count) for kind, count in self._counts.items() if count.end_s <= now_s]
        for kind, _ in over:
            del self._counts[kind]
        return [(kind, count) for kind, count in over if count.left_out]

    def _count(self, kind: _Kind) -> bool:
        count = self._counts.get(kind)
        if count is None:
            if len(self._counts) >= KINDS_MAX:
                return True
            count = self._counts[kind] = _Count(self._now_s() + PERIOD_S)
        if count.written < self._lines_max:
            count.written += 1
            return True
        count.left_out += 1
        return False
