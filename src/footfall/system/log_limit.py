"""A bound on the lines that a process logs: of lines that repeat, some are written each minute, the others counted."""

import logging
import threading
import time
from collections.abc import Callable

from msgspec import Struct

from footfall.wording import count_of

log = logging.getLogger(__name__)

PERIOD_S = 60.0
# Places in the code that are told apart; only the code can add one, never a request.
PLACES_MAX = 1_000

# Characters of the last line that was left out.
LAST_CHARS_MAX = 300
_MORE_ARE_COUNTED = "(more of these are counted for a minute, not written)"

_Place = tuple[str, int]


class _Count(Struct):
    end_s: float
    last: str = ""
    written: int = 0
    left_out: int = 0


class LogRateLimit(logging.Filter):
    """Passes `lines_max` warnings and errors of each place in the code a minute, and all lines of lower levels.

    The last line that passes says so. After the minute, the number of lines that were left out is logged, with the last
    of them, before the next line of the process.
    """

    def __init__(self, lines_max: int, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._lines_max = lines_max
        self._now_s = now_s
        self._counts: dict[_Place, _Count] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written. First logs, by this module's own logger, how many lines were left out before."""
        if record.name == __name__:
            return True
        with self._lock:
            finished = self._pop_finished()
            is_written = record.levelno < logging.WARNING or self._count(record)
        for count in finished:
            log.warning("%s in a minute, the last of them: %s", count_of(count.left_out, "more line"), count.last)
        return is_written

    def _pop_finished(self) -> list[_Count]:
        """Remove the counts whose minute is over; returns those that left lines out."""
        now_s = self._now_s()
        finished = [(place, count) for place, count in self._counts.items() if count.end_s <= now_s]
        for place, _ in finished:
            del self._counts[place]
        return [count for _, count in finished if count.left_out]

    def _count(self, record: logging.LogRecord) -> bool:
        place = (record.name, record.lineno)
        count = self._counts.get(place)
        if count is None:
            if len(self._counts) >= PLACES_MAX:
                return True
            count = self._counts[place] = _Count(self._now_s() + PERIOD_S)
        if count.written < self._lines_max:
            count.written += 1
            if count.written == self._lines_max:
                record.msg = f"{record.msg} {_MORE_ARE_COUNTED}"
            return True
        count.left_out += 1
        count.last = record.getMessage()[:LAST_CHARS_MAX]
        return False
