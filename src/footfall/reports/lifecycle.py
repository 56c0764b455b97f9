"""The life of a report, as pure functions: RUNNING, then for ever COMPLETE, TIMEOUT or FAILED; its file expires."""

from msgspec import Struct

from footfall.state import Job, JobStatus

DAY_MS = 86_400_000

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


def progress(job: Job) -> float:
    """How much of the report is done, from 0 to 1, which it is when the report is COMPLETE, and not before."""
    return 1.0 if job.status is JobStatus.COMPLETE else min(job.progress, PROGRESS_MAX)


def retry_after_s(job: Job, now_ms: int) -> int:
    """Seconds until the next poll of a running report makes sense.

    Half of what is left at the pace so far, so that few polls suffice and none is late by much; without a pace, a tenth
    of the time waited.
    """
    waited_s = max(now_ms - job.started_ms, 0) / 1000
    done = progress(job)
    advice = waited_s * (1 - done) / done / 2 if done else waited_s / 10
    return round(min(max(advice, RETRY_LEAST_S), RETRY_MOST_S))


def expires_before_ms(now_ms: int, report_days: int) -> int:
    """Reports that ended before this time have been kept for their days."""
    return now_ms - report_days * DAY_MS
