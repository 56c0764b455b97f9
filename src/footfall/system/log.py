"""The log of a process: one line a message on standard error, as text for people or as JSON for programs.

A line about a request has its id, wherever in the code it is logged: the id travels with the context of the request.
Of warnings and errors that repeat, some lines are written each minute, and the others counted.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from footfall.settings import Settings
from footfall.system.request_ids import request_id
from footfall.wording import count_of

log = logging.getLogger(__name__)

# Libraries that log the ordinary, and the level from which their lines are of use.
_QUIET: Final = {
    "uvicorn.error": logging.WARNING,
    "alembic": logging.WARNING,
    "httpx": logging.WARNING,
    # It logs each try that failed, with a traceback; its caller logs the failure in one line.
    "clickhouse_connect": logging.ERROR,
    "urllib3": logging.ERROR,
}


def start_log(settings: Settings, process: str) -> None:
    """Log to standard error: one line a message, with the time in UTC and the process."""
    formatter: logging.Formatter = JsonFormatter(process) if settings.log_format == "json" else TextFormatter(process)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(LogRateLimit(settings.log_repeats_max))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)


class TextFormatter(logging.Formatter):
    """`TIME LEVEL PROCESS[PID] MODULE: MESSAGE`, and `request ID: ` before the message of one; tracebacks follow."""

    def __init__(self, process: str) -> None:
        form = f"%(asctime)s.%(msecs)03dZ %(levelname)s {process}[{os.getpid()}] %(name)s: %(message)s"
        super().__init__(form, "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's own
        if id := request_id.get():  # noqa: A001 - what it is
            record.message = f"request {id}: {record.message}"
        return super().formatMessage(record)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, process, pid, module, message; request and traceback where there is one.

    A line that a module logs with `extra={"fields": {...}}` has these too, each under its own name.
    """

    def __init__(self, process: str) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._process = process
        self._pid = os.getpid()

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "process": self._process,
            "pid": self._pid,
            "module": record.name,
            "message": record.getMessage(),
        }
        if id := request_id.get():  # noqa: A001 - what it is
            line["request"] = id
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


LIMIT_PERIOD_S = 60.0
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
            count = self._counts[place] = _Count(self._now_s() + LIMIT_PERIOD_S)
        if count.written < self._lines_max:
            count.written += 1
            if count.written == self._lines_max:
                record.msg = f"{record.msg} {_MORE_ARE_COUNTED}"
            return True
        count.left_out += 1
        count.last = record.getMessage()[:LAST_CHARS_MAX]
        return False
