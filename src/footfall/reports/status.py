"""The states of a report as pure functions; its status for clients; and pages of a user's reports.

A report is RUNNING, then for ever COMPLETE, TIMEOUT or FAILED, until its files expire.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from footfall import validation, windows
from footfall.errors import Code, Problem, RequestRefused
from footfall.reports import encoding
from footfall.state import Job, JobStatus
from footfall.wire import ReportStatus, ReportTiming

# The bounds of the advice when to poll a running report again.
RETRY_MIN_S = 1
RETRY_MAX_S = 30
# The most progress of a report that is not COMPLETE: with 4 digits, more would be written as 1.
PROGRESS_MAX = 0.999
# A page of the list without a limit.
PAGE_REPORTS = 50
_CURSOR = re.compile(r"([0-9]{1,16})-([!-~]{1,100})")
_NUMBER = re.compile(r"[0-9]{1,9}")


class ListedReport(ReportStatus, frozen=True):
    """A report in the list: its status, `reason` why it is no COMPLETE one, the `schedule` that started it.

    `file` is there when the file is not there any more. Since `erased` (ms) the store lacks events of erased persons
    that the report has, or may have: it cannot be made again byte for byte.
    """

    schedule: str | UnsetType = UNSET
    file: Literal["removed"] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    erased: int | UnsetType = UNSET


class Completed(Struct, frozen=True):
    """The file has every event of the report and is durable; `sha256` is in hex digits, `manifest` is JSON.

    `duplicates` counts those among the selected events, whether they are in the file or not.
    """

    rows: int
    bytes: int
    sha256: str
    duplicates: int = 0
    manifest: str = ""


class TimedOut(Struct, frozen=True):
    """A wait at the barrier, or the work, took too long; `reason` says what the user can do about it."""

    reason: str


class Failed(Struct, frozen=True):
    """The report cannot be made; `reason` is short, the log has the details."""

    reason: str


Outcome = Completed | TimedOut | Failed


def final_status(outcome: Outcome) -> JobStatus:
    """The status of a report that ended with this outcome."""
    match outcome:
        case Completed():
            return JobStatus.COMPLETE
        case TimedOut():
            return JobStatus.TIMEOUT
        case Failed():
            return JobStatus.FAILED


def progress_of(job: Job) -> float:
    """The share of the report that is done, from 0 to 1; it is 1 only when the report is COMPLETE."""
    return 1.0 if job.status is JobStatus.COMPLETE else min(job.progress, PROGRESS_MAX)


def retry_after_s(job: Job, now_ms: int) -> int:
    """Seconds until the next poll of a running report makes sense.

    Half of the time that is left at the pace so far, so that few polls suffice and none is much too late; before there
    is a pace, a tenth of the time waited.
    """
    waited_s = max(now_ms - job.started_ms, 0) / 1000
    done = progress_of(job)
    advice = waited_s * (1 - done) / done / 2 if done else waited_s / 10
    return round(min(max(advice, RETRY_MIN_S), RETRY_MAX_S))


def expires_before_ms(now_ms: int, report_days: int) -> int:
    """The time before which a report must have ended for its files to be expired."""
    return now_ms - report_days * windows.DAY_MS


class ManifestDraft(Struct, frozen=True):
    """What a job keeps for its manifest until the file is made: the warnings of its request."""

    warnings: tuple[str, ...] = ()


_decode = msgspec.json.Decoder(ManifestDraft).decode


def draft_manifest(warnings: Iterable[str]) -> str | None:
    """The draft of a manifest as JSON; None without warnings."""
    found = tuple(warnings)
    return msgspec.json.encode(ManifestDraft(found)).decode() if found else None


def report_warnings(job: Job) -> tuple[str, ...]:
    """The warnings of the job's request, from its draft or its manifest."""
    return () if job.manifest is None else _decode(job.manifest).warnings


# What is said of a report: its status in the wire's shape, and in headers what people want to know beyond that.


SOURCE_PREFIX = "JOB-"
REASON_CHARS_MAX = 300  # Proxies bound the size of headers.


def report_status(job: Job) -> ReportStatus:
    """The job as every report call answers it."""
    end = UNSET if job.ended_ms is None else job.ended_ms
    return ReportStatus(
        job=job.id,
        source=report_source(job),
        status=job.status.value,
        filter=job.filter,
        timing=ReportTiming(utc_day(job.started_ms), job.started_ms, end),
        output=job.output,
    )


def listed_report(job: Job) -> ListedReport:
    """The job as the list shows it."""
    return ListedReport(
        **structs.asdict(report_status(job)),
        schedule=UNSET if job.schedule is None else job.schedule,
        file="removed" if _is_file_gone(job) else UNSET,
        reason=job.reason or UNSET,
        erased=UNSET if job.erased_ms is None else job.erased_ms,
    )


def _is_file_gone(job: Job) -> bool:
    return job.status is JobStatus.COMPLETE and (job.expired or job.removed)


def status_headers(job: Job, now_ms: int, call_warnings: Sequence[str] = ()) -> dict[str, str]:
    """The headers of a status: progress, when to poll again, how it ended, whose schedule it is of, and warnings.

    `call_warnings` are those of the present call, beside those of the report's request. Values are plain ASCII.
    """
    headers = {
        "Footfall-Progress": f"{progress_of(job):.4g}",
        "Footfall-Rows": str(job.rows),
        "Footfall-Bytes": str(job.bytes),
        **validation.warning_headers([*call_warnings, *report_warnings(job)]),
    }
    if job.status is JobStatus.RUNNING:
        headers["Retry-After"] = str(retry_after_s(job, now_ms))
    elif job.status is JobStatus.COMPLETE and job.duplicates_found is not None:
        headers["Footfall-Duplicates"] = str(job.duplicates_found)
    elif job.reason:
        headers["Footfall-Reason"] = _printable_ascii(job.reason)
    if job.schedule is not None:
        headers["Footfall-Schedule"] = job.schedule
    if _is_file_gone(job):
        headers["Footfall-File"] = "removed"
    return headers


def media_type(job: Job) -> str:
    """The media type of the report's file."""
    return encoding.file_media_type(job.format, job.compression)


def report_source(job: Job) -> str:
    """The public id of a report."""
    return SOURCE_PREFIX + job.id


def job_id_of(source: str) -> str | None:
    """The job's id in a public id of a report; None when it is none."""
    return source.removeprefix(SOURCE_PREFIX) if source.startswith(SOURCE_PREFIX) else None


def utc_day(time_ms: int) -> str:
    """The UTC day of a time, `YYYY-MM-DD`."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d")


def _printable_ascii(text: str) -> str:
    plain = "".join(char if " " <= char <= "~" else "?" for char in " ".join(text.split()))
    return plain[:REASON_CHARS_MAX]


class PageRequest(Struct, frozen=True):
    """A page of at most `limit` reports after the report `before`: its start in ms, and its id."""

    limit: int
    before: tuple[int, str] | None


def parse_page(given: Mapping[str, Sequence[str]], limit_max: int) -> PageRequest:
    """Parse the parameters of the list. Raises RequestRefused, naming everything that is wrong."""
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
    return PageRequest(min(int(limit or PAGE_REPORTS), limit_max), (int(found[1]), found[2]) if found else None)


def count_fitting(jobs: Sequence[Job], bytes_left: int) -> tuple[int, int]:
    """How many of the reports' statuses fit into `bytes_left`, and the bytes left then; below 0 when not all fit."""
    for at, job in enumerate(jobs):
        bytes_left -= len(msgspec.json.encode(listed_report(job))) + 1
        if bytes_left < 0:
            return at, bytes_left
    return len(jobs), bytes_left


def page_cursor(job: Job) -> str:
    """The `before` of the page after this report; exact among reports of one millisecond too."""
    return f"{job.started_ms}-{job.id}"


def _problem(where: str, why: str) -> Problem:
    return Problem(Code.REQUEST_PARAMETER_MALFORMED, where, why)
