"""Reports: started, waited for, downloaded, read as tables."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Union
from urllib.parse import quote

from footfall_client import frames
from footfall_client.answers import Answer
from footfall_client.calls import Request, Steps, Work, ask, exchange, no_answer, post
from footfall_client.downloads import OnBytes, save
from footfall_client.errors import ReportFailed

_WAIT_S: Final = 50  # of one call; the service's own bound
Time = Union[int, str, datetime]  # milliseconds, a date such as 2026-11-01, or a datetime with a zone


@dataclass(frozen=True)
class Report:
    """A report's status. `progress` is from 0 to 1; `rows` and `bytes` are those of the file so far."""

    source: str
    status: str
    progress: float
    rows: int
    bytes: int
    reason: str
    warnings: str
    body: Mapping[str, Any]

    @property
    def is_running(self) -> bool:
        return self.status == "RUNNING"


OnReport = Callable[[Report], None]


def start(
    customer: str,
    product: str,
    *,
    types: Sequence[str] | None = None,
    start: Time | None = None,
    end: Time | None = None,
    zone: str | None = None,
    basis: str | None = None,
    duplicates: str | None = None,
    format: str = "csv",  # noqa: A002 - the API's name
    output: Mapping[str, Any] | None = None,
) -> Steps[Report]:
    """Start a report. `start` and `end` are both included; `output` has further keys of the API's `output`."""
    chosen = {
        "customer": customer,
        "product": product,
        "types": list(types) if types is not None else None,
        "start": _time(start),
        "end": _time(end),
        "timezone": zone,
        "basis": basis,
    }
    asked: dict[str, Any] = {
        "filter": {name: value for name, value in chosen.items() if value is not None},
        "output": {"format": format, **({"header": True} if format == "csv" else {}), **(output or {})},
    }
    if duplicates is not None:
        asked["duplicates"] = duplicates
    return (yield from start_as(asked))


def start_as(body: Mapping[str, Any]) -> Steps[Report]:
    """Start the report of a body of `POST /reports`, such as the `report` of a statistic's answer."""
    return _status((yield from post("/reports", body)))


def status(source: str) -> Steps[Report]:
    """How far a report is."""
    return _status((yield from exchange(Request("GET", f"{_path(source)}/availability"))))


def wait(source: str, *, timeout_s: float = 3600.0, on_progress: OnReport | None = None) -> Steps[Report]:
    """Wait until a report is COMPLETE. Raises ReportFailed when it ended otherwise, or not in time.

    With `on_progress`, which gets the status about once a second, calls are shorter.
    """
    end = time.monotonic() + timeout_s
    while True:
        left = end - time.monotonic()
        seconds = max(0, min(int(left), 1 if on_progress is not None else _WAIT_S))
        found = _status((yield from exchange(Request("GET", f"{_path(source)}/availability?wait={seconds}"))))
        if on_progress is not None:
            on_progress(found)
        if found.status == "COMPLETE":
            return found
        if not found.is_running:
            message = f"{source} is {found.status}: {found.reason or 'no reason was given'}"
            raise ReportFailed(message)
        if left <= 0:
            message = f"{source} still runs after {timeout_s} seconds, at {found.progress:.0%}"
            raise ReportFailed(message)


def link(source: str) -> Steps[str]:
    """A link to the file of a COMPLETE report, which works without a user for 15 minutes."""
    answer = yield from exchange(Request("GET", _path(source), headers={"Accept": "application/json"}))
    try:
        return str(json.loads(answer.body)["link"])
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise no_answer(answer) from error


def download(source: str, path: str | os.PathLike[str] = ".", *, on_bytes: OnBytes | None = None) -> Steps[Path]:
    """Save the file of a COMPLETE report at `path`, or under its own name in a folder; gives where it is.

    A download that broke goes on where it stopped, also in a later run. The file is at its place only when its SHA-256
    is the service's; else DownloadDamaged is raised.
    """
    return (yield from save((yield from link(source)), path, on_bytes))


def manifest(source: str) -> Steps[Any]:
    """The description of a COMPLETE report's file."""
    return (yield from ask(f"{_path(source)}/manifest"))


def end(source: str) -> Steps[Report]:
    """Cancel a report that runs, or remove the file of one that has ended."""
    return _status((yield from exchange(Request("DELETE", _path(source)))))


def arrow(customer: str, product: str, *, on_progress: OnReport | None = None, **chosen: Any) -> Steps[Any]:
    """The events of a report as an Arrow table, with the keywords of `start`. Needs pyarrow."""
    return (yield from _read("pyarrow", frames.read_arrow, customer, product, on_progress, chosen))


def pandas_frame(customer: str, product: str, *, on_progress: OnReport | None = None, **chosen: Any) -> Steps[Any]:
    """The events of a report as a pandas frame, with the keywords of `start`. Needs pandas and pyarrow."""
    return (yield from _read("pandas", frames.read_pandas, customer, product, on_progress, chosen))


def polars_frame(customer: str, product: str, *, on_progress: OnReport | None = None, **chosen: Any) -> Steps[Any]:
    """The events of a report as a Polars frame, with the keywords of `start`. Needs polars."""
    return (yield from _read("polars", frames.read_polars, customer, product, on_progress, chosen))


def _read(
    library: str,
    read: Callable[[Path], Any],
    customer: str,
    product: str,
    on_progress: OnReport | None,
    chosen: Mapping[str, Any],
) -> Steps[Any]:
    """Make a report in Arrow's format, and read its file; without the library not even a report is made."""
    frames.module(library)
    made = yield from start(customer, product, **{**chosen, "format": "arrow"})
    yield from wait(made.source, on_progress=on_progress)
    with tempfile.TemporaryDirectory(prefix="footfall-") as folder:
        path = yield from download(made.source, Path(folder) / "report.arrow")
        return (yield Work(lambda: read(path)))


def _path(source: str) -> str:
    return f"/reports/{quote(source, safe='')}"


def _time(value: Time | None) -> int | str | None:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            message = "a time without a zone could be any of 24 hours"
            raise ValueError(message)
        return int(value.timestamp() * 1000)
    return value


def _status(answer: Answer) -> Report:
    headers = answer.headers
    try:
        body = json.loads(answer.body)
        return Report(
            source=str(body["source"]),
            status=str(body["status"]),
            progress=float(headers.get("footfall-progress", 0)),
            rows=int(headers.get("footfall-rows", 0)),
            bytes=int(headers.get("footfall-bytes", 0)),
            reason=headers.get("footfall-reason", ""),
            warnings=headers.get("footfall-warning", ""),
            body=body,
        )
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise no_answer(answer) from error
