"""What is said of a report: its status in the wire's shape, and in headers what people want to know beyond that."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import UNSET

from footfall import slips
from footfall.reports import formats, lifecycle
from footfall.reports.draft import warnings
from footfall.state import Job, JobStatus
from footfall.wire import ReportStatus, ReportTiming

SOURCE_PREFIX = "JOB-"
REASON_CHARS_MAX = 300  # Proxies bound the size of headers.


def status(job: Job) -> ReportStatus:
    """The job as every report call answers it."""
    end = UNSET if job.ended_ms is None else job.ended_ms
    return ReportStatus(
        job=job.id,
        source=source(job),
        status=job.status.value,
        filter=job.filter,
        timing=ReportTiming(day(job.started_ms), job.started_ms, end),
        output=job.output,
    )


def headers(job: Job, now_ms: int, said: Sequence[str] = ()) -> dict[str, str]:
    """How far the report is, when to ask again, why it ended as it did, and what its order may have meant otherwise.

    `said` are warnings of the present call. Values are plain ASCII.
    """
    found = {
        "Footfall-Progress": f"{lifecycle.progress(job):.4g}",
        "Footfall-Rows": str(job.rows),
        "Footfall-Bytes": str(job.bytes),
        **slips.headers([*said, *warnings(job)]),
    }
    if job.status is JobStatus.RUNNING:
        found["Retry-After"] = str(lifecycle.retry_after_s(job, now_ms))
    elif job.status is JobStatus.COMPLETE and job.duplicates_found is not None:
        found["Footfall-Duplicates"] = str(job.duplicates_found)
    elif job.reason:
        found["Footfall-Reason"] = _plain(job.reason)
    return found


def media_type(job: Job) -> str:
    """The media type of the report's file."""
    return formats.media_type(job.format, job.compression)


def source(job: Job) -> str:
    return SOURCE_PREFIX + job.id


def job_id(source: str) -> str | None:
    """The id in a source; None when it is no source."""
    return source.removeprefix(SOURCE_PREFIX) if source.startswith(SOURCE_PREFIX) else None


def day(time_ms: int) -> str:
    """The UTC day of a time, `YYYY-MM-DD`."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d")


def _plain(text: str) -> str:
    plain = "".join(char if " " <= char <= "~" else "?" for char in " ".join(text.split()))
    return plain[:REASON_CHARS_MAX]
