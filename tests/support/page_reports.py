"""Reports that are started from the page's form, and ended as a worker ends them."""

from typing import Any

import msgspec

from footfall.files import Files
from footfall.reports import attempt_path
from footfall.state import JobStatus

CHOSEN = {"customer": "BARCHART", "product": "PORTFOLIO", "chosen": "yes", "timezone": "UTC", "header": "yes"}
MANIFEST = {
    "source": "JOB-x",
    "footfall": "1",
    "filter": {"customer": "BARCHART", "product": "PORTFOLIO"},
    "basis": "event",
    "timezone": "UTC",
    "watermark": 1_700_000_000_000,
    "plan": "abc",
    "columns": [{"name": "timestamp", "meaning": "the time", "type": "integer"}],
    "rows": {"total": 3, "byType": {"PORTFOLIO-ACCESSED": 3}},
    "timestamps": {"first": 1_699_000_000_000, "last": 1_699_900_000_000},
    "duplicates": {"mode": "keep", "found": 1},
    "late": {"afterMs": 86_400_000, "events": 2},
    "file": "f.csv",
    "format": "csv",
    "compression": "none",
    "bytes": 12,
    "sha256": "ab" * 32,
    "warnings": ["unknown type <b>X</b>"],
}


def started(response: Any) -> str:
    """Where a form led that started something."""
    assert response.status_code == 303, response.text
    return response.headers["location"]


def complete(opened: Any, source: str, **changes: Any) -> None:
    """End a report as a worker does."""
    job = opened.state.jobs.claim("worker", 60_000)
    assert source == f"JOB-{job.id}"
    Files(opened.parts.settings).put(attempt_path(job.id, job.tries, job.file), iter([b"1|A|x\n" * 3]))
    manifest = msgspec.json.encode(MANIFEST | changes).decode()
    assert opened.state.jobs.finish(
        job.id, "worker", JobStatus.COMPLETE, opened.clock.ms + 1, 3, 18, "ab" * 32, None, 1, manifest
    )
