"""How far a report is: its life as pure functions, what is said of it, and the pages of a list."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, Struct

from footfall import validation
from footfall.errors import Code, Problem, RequestRefused
from footfall.reports import encoding
from footfall.state import Job, JobStatus
from footfall.windows import DAY_MS
from footfall.wire import ReportStatus, ReportTiming

# The life of a report, as pure functions: RUNNING, then for ever COMPLETE, TIMEOUT or FAILED; its file expires.


# Nobody gains by asking more often than the first, or has forgotten the report after the second.
RETRY_LEAST_S = 1
RETRY_MOST_S = 30
# How far a report gets that is not COMPLETE; what is nearer to 1 would be written as 1.
PROGRESS_MAX = 0.999


class Completed(Struct, frozen=True):
    """The file holds every event of the report and is on disk; `sha256` is in hex digits.

    `duplicates` were found among the events that the report selects, whether they are in the file or not. `manifest` is
    JSON, and says all that is known of the file.
    """

    rows: int
    bytes: int
    sha256: str
    duplicates: int = 0
    manifest: str = ""


class TimedOut(Struct, frozen=True):
    """What the report waited for, or needed, took too long; `reason` says what can be done about it."""

    reason: str


class Failed(Struct, frozen=True):
    """The report cannot be made; `reason` is short, the log has the rest."""

    reason: str


Outcome = Completed | TimedOut | Failed


def ended(outcome: Outcome) -> JobStatus:
    """The status that an outcome leads to."""
    match outcome:
        case Completed():
            return JobStatus.COMPLETE
        case TimedOut():
            return JobStatus.TIMEOUT
        case Failed():
            return JobStatus.FAILED


def progress_of(job: Job) -> float:
    """How much of the report is done, from 0 to 1, which it is when the report is COMPLETE, and not before."""
    return 1.0 if job.status is JobStatus.COMPLETE else min(job.progress, PROGRESS_MAX)


def retry_after_s(job: Job, now_ms: int) -> int:
    """Seconds until the next poll of a running report makes sense.

    Half of what is left at the pace so far, so that few polls suffice and none is late by much; without a pace, a tenth
    of the time waited.
    """
    waited_s = max(now_ms - job.started_ms, 0) / 1000
    done = progress_of(job)
    advice = waited_s * (1 - done) / done / 2 if done else waited_s / 10
    return round(min(max(advice, RETRY_LEAST_S), RETRY_MOST_S))


def expires_before_ms(now_ms: int, report_days: int) -> int:
    """Reports that ended before this time have been kept for their days."""
    return now_ms - report_days * DAY_MS


# The draft of a manifest: what the order has to say in it, which its job keeps until the file is made.


class ManifestDraft(Struct, frozen=True):
    """`warnings` are what in the order may have been meant otherwise."""

    warnings: tuple[str, ...] = ()


_decode = msgspec.json.Decoder(ManifestDraft).decode


def begin_draft(warnings: Iterable[str]) -> str | None:
    """The draft of an order; None where there is nothing to be said."""
    found = tuple(warnings)
    return msgspec.json.encode(ManifestDraft(found)).decode() if found else None


def warnings(job: Job) -> tuple[str, ...]:
    """The warnings of the job's order, while it runs and however it ended."""
    return () if job.manifest is None else _decode(job.manifest).warnings


# What is said of a report: its status in the wire's shape, and in headers what people want to know beyond that.


SOURCE_PREFIX = "JOB-"
REASON_CHARS_MAX = 300  # Proxies bound the size of headers.


def report_status(job: Job) -> ReportStatus:
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


def status_headers(job: Job, now_ms: int, said: Sequence[str] = ()) -> dict[str, str]:
    """How far the report is, when to ask again, why it ended as it did, and what its order may have meant otherwise.

    `said` are warnings of the present call. Values are plain ASCII.
    """
    found = {
        "Footfall-Progress": f"{progress_of(job):.4g}",
        "Footfall-Rows": str(job.rows),
        "Footfall-Bytes": str(job.bytes),
        **validation.warning_headers([*said, *warnings(job)]),
    }
    if job.status is JobStatus.RUNNING:
        found["Retry-After"] = str(retry_after_s(job, now_ms))
    elif job.status is JobStatus.COMPLETE and job.duplicates_found is not None:
        found["Footfall-Duplicates"] = str(job.duplicates_found)
    elif job.reason:
        found["Footfall-Reason"] = _plain(job.reason)
    return found


def media_type(job: Job) -> str:
    """The media type of the report's file."""
    return encoding.file_media_type(job.format, job.compression)


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


# The pages of a user's list of reports: how many there are on one, and where the next begins.


LIMIT = 50
_CURSOR = re.compile(r"([0-9]{1,16})-([!-~]{1,100})")
_NUMBER = re.compile(r"[0-9]{1,9}")


class PageRequest(Struct, frozen=True):
    """A page of so many reports, of those that come behind `before`: when that one was started, and its id."""

    limit: int
    before: tuple[int, str] | None


def parse_page(given: Mapping[str, Sequence[str]], limit_max: int) -> PageRequest:
    """Read the parameters of the list. Raises RequestRefused, naming everything that is wrong."""
    limit, before = (given.get(name, [""])[-1] for name in ("limit", "before"))
    found = _CURSOR.fullmatch(before)
    wrong: list[Problem] = []
    if limit and not (_NUMBER.fullmatch(limit) and 1 <= int(limit) <= limit_max):
        wrong.append(_problem("limit", f"must be a number from 1 to {limit_max}"))
    if before and found is None:
        wrong.append(_problem("before", "must be that of the `next` link of another page"))
    if wrong:
        count = "one thing is" if len(wrong) == 1 else "2 things are"
        raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, f"the list cannot be made: {count} wrong", tuple(wrong))
    return PageRequest(min(int(limit or LIMIT), limit_max), (int(found[1]), found[2]) if found else None)


def fitting(jobs: Sequence[Job], bytes_left: int) -> tuple[int, int]:
    """How many of the reports' statuses have so many bytes at the most, and what is left; below 0 if not all have."""
    for at, job in enumerate(jobs):
        bytes_left -= len(msgspec.json.encode(report_status(job))) + 1
        if bytes_left < 0:
            return at, bytes_left
    return len(jobs), bytes_left


def page_cursor(job: Job) -> str:
    """Where the next page begins, as `before` takes it: exact also among reports of the same millisecond."""
    return f"{job.started_ms}-{job.id}"


def _problem(where: str, why: str) -> Problem:
    return Problem(Code.REQUEST_PARAMETER_MALFORMED, where, why)
