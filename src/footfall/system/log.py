"""The log of a process: one line a message on standard error, as text for people or as JSON for programs.

A line about a request has its id, wherever in the code it is logged: the id travels with the context of the request.
"""

import logging
import os
import sys
import time
from typing import Final

import msgspec

from footfall.settings import Settings
from footfall.system.log_limit import LogRateLimit
from footfall.system.request_ids import request_id

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
