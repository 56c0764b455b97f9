"""Reports made without a worker: the one attempt itself, on a real store."""

import itertools
from pathlib import Path
from typing import Any

from footfall.files import Files
from footfall.plan import LivePlan
from footfall.reports import Destinations, file_path
from footfall.reports.query.columnar import GroupSizes
from footfall.reports.status import Completed
from footfall.reports.worker.attempt import ORDINARY_OPTIONS, Attempt, AttemptOptions
from footfall.settings import Settings
from footfall.state import Job
from footfall.store import Store
from footfall.wire import ReportFilter

# What a report's file can be: every format, and every compression of one of them that no library inside of it makes.
OUTPUTS = (
    {"format": "csv"},
    {"format": "csv", "compression": "gzip"},
    {"format": "csv", "compression": "zstd"},
    {"format": "jsonl"},
    {"format": "jsonl", "compression": "gzip"},
    {"format": "jsonl", "compression": "zstd"},
    {"format": "parquet", "compression": "zstd"},
    {"format": "parquet", "compression": "gzip"},
    {"format": "parquet", "compression": "none"},
    {"format": "arrow", "compression": "none"},
    {"format": "arrow", "compression": "zstd"},
)

# One of each format, compressed where it can be: where these are the same bytes, what was compressed is the same too.
ONE_OF_EACH = (
    {"format": "csv", "compression": "zstd"},
    {"format": "jsonl", "compression": "gzip"},
    {"format": "parquet", "compression": "zstd"},
    {"format": "arrow", "compression": "zstd"},
)

_numbers = itertools.count(1)


# Files have several groups of rows, spans are several, and cuts fall everywhere, of some thousand events.
SMALL = AttemptOptions(span_rows_max=1_250, drop_rows_max=500, groups=GroupSizes(rows=1_000, step_rows=200))


def make(
    settings: Settings, store: Store, wanted: dict[str, Any], options: AttemptOptions = ORDINARY_OPTIONS, **changes: Any
) -> tuple[Completed, Path]:
    """The report of a filter as of its `watermark`, and its file."""
    asked = ReportFilter(**{name: value for name, value in wanted.items() if name != "watermark"})
    at_ms, number = wanted["watermark"], next(_numbers)
    job = Job(
        **{"id": f"job{number}", "user": "ann", "account": "a", "filter": asked, "tries": 1, "file": f"f{number}"}
        | {"started_ms": at_ms, "watermark_ms": at_ms}
        | changes
    )
    plan = LivePlan(None, settings).plan
    done = Attempt(job, plan, store, Destinations(settings, Files(settings)), deadline_s=2**40, options=options).run()
    return done, settings.data / "files" / file_path(job)


def hashes(
    settings: Settings, store: Store, wanted: dict[str, Any], options: AttemptOptions = ORDINARY_OPTIONS, **changes: Any
) -> list[str]:
    """The SHA-256 of the report in ONE_OF_EACH."""
    found = []
    for output in ONE_OF_EACH:
        done, path = make(settings, store, wanted, options, **output, **changes)
        path.unlink()
        found.append(done.sha256)
    return found
