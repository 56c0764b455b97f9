"""What the state holds, as frozen structs; times are milliseconds since the Unix epoch."""

import uuid
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType, field

from footfall.settings import limits
from footfall.wire import ReportFilter, ReportOutput


def _new_id() -> str:
    return str(uuid.uuid4())


class User(Struct, frozen=True, kw_only=True):
    """Someone who may sign in; an admin sees every customer, others see those in `customers`.

    A `monitor` reads the metrics, which others may not unless they are admins.

    `id` is the name with which they sign in, and may be another's after a removal. `account` is never used again:
    reports and schedules belong to it. `security_stamp` is another one after each change of the password.
    """

    id: str
    password_hash: str
    context: str = ""
    permissions: str | None = None
    admin: bool = False
    monitor: bool = False
    customers: tuple[str, ...] = ()
    created_ms: int
    account: str = field(default_factory=_new_id)
    security_stamp: str = field(default_factory=_new_id)

    def __repr__(self) -> str:
        """The user without the password's hash, because reprs end up in logs."""
        return f"User(id={self.id!r}, admin={self.admin!r}, customers={self.customers!r})"


class JobStatus(StrEnum):
    """The life of a report: RUNNING, then one of the others for ever."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    TIMEOUT = "TIMEOUT"
    FAILED = "FAILED"


class Job(Struct, frozen=True, kw_only=True):
    """A report that was asked for. It belongs to the `account`, whose user was called `user`.

    The report has the events admitted up to `watermark_ms`, and after `since_ms` where that is set. `basis` says
    whether the filter's times are those of the events or those at which they were received. `output` is what the status
    echoes; `delimiter`, `header`, `format`, `compression`, `times` and `safe` are what the file is made with.
    `duplicates` says whether it keeps or drops them, `duplicates_found` how many there were, whichever. With a
    `destination` the file is written there, at `destination_key`. `schedule` is the id of the schedule that asked.

    `owner` may work on it until `lease_until_ms`; `tries` counts the claims, `stops` those that ended because their
    worker was stopped; `progress` is from 0 to 1. `manifest` is JSON: that of the file when the report is complete,
    else what the order has to say in it, if anything. `expired` says that the file is not handed out any more,
    `removed` that it is gone.
    """

    id: str
    user: str
    account: str
    filter: ReportFilter
    delimiter: str = "|"
    header: bool = False
    format: str = "csv"
    compression: str = "none"
    times: str = "ms"
    safe: bool = False
    basis: str = "event"
    duplicates: str = "keep"
    destination: str | None = None
    destination_key: str | None = None
    schedule: str | None = None
    output: ReportOutput | UnsetType = UNSET
    status: JobStatus = JobStatus.RUNNING
    started_ms: int
    watermark_ms: int
    since_ms: int | None = None
    ended_ms: int | None = None
    owner: str | None = None
    lease_until_ms: int | None = None
    tries: int = 0
    stops: int = 0
    rows: int = 0
    bytes: int = 0
    rows_total: int = 0
    progress: float = 0.0
    sha256: str | None = None
    reason: str | None = None
    duplicates_found: int | None = None
    manifest: str | None = None
    file: str = ""
    expired: bool = False
    removed: bool = False


class JobBounds(Struct, frozen=True):
    """The most that a user may have: jobs that run, and complete ones whose file is kept.

    Of ended ones without a file, so many are kept, and so many characters of them; the oldest are forgotten.
    """

    running: int
    kept: int
    ended: int = limits.REPORTS_ENDED_MAX
    ended_chars: int = limits.REPORTS_ENDED_CHARS_MAX


class Node(Struct, frozen=True, kw_only=True):
    """A machine that collects: what it admitted up to `loaded_through_ms` is in the events store."""

    node: str
    loaded_through_ms: int
    seen_ms: int


class Schedule(Struct, frozen=True, kw_only=True):
    """Reports that come by themselves: one for each window of time, `grace_s` after it has closed.

    It belongs to the `account`, whose user was called `user`.

    `body` is JSON: the filter without times, the output and the duplicates, as `POST /reports` takes them. `every` is
    hour, day, week or month of the time zone. Late events are looked for during `correction_days`, and `correction`
    says whether their report is a full one, or has only what came since. `paused` may have a `reason` when nobody asked
    for it. The next report is of the window that begins at `next_start_ms`, and is due at `next_due_ms`.
    """

    id: str
    user: str
    account: str
    name: str
    body: str
    every: str
    timezone: str
    grace_s: int
    correction_days: int
    correction: str
    paused: bool = False
    reason: str | None = None
    created_ms: int
    next_start_ms: int
    next_due_ms: int


class RunStatus(StrEnum):
    """RUNNING while its report runs, then COMPLETE; or WAITING for another try, and FAILED after the last."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    WAITING = "WAITING"
    FAILED = "FAILED"


class ScheduleRun(Struct, frozen=True, kw_only=True):
    """What became of a schedule's window, from `start_ms` up to but without `end_ms`.

    `correction` counts from 0, the window's first report. `job` is the report, `earlier_jobs` are those that failed
    before it; `tries` counts since the last time that somebody stepped in. `watermark_ms` is that of the complete
    report; with `since_ms` it has only what came after that. `late_events` had come when a correction was started;
    they are looked for until `until_ms`. At `look_ms` a worker looks, or tries again; never where it is None.
    """

    schedule: str
    start_ms: int
    end_ms: int
    correction: int = 0
    job: str
    earlier_jobs: tuple[str, ...] = ()
    tries: int = 1
    status: RunStatus = RunStatus.RUNNING
    reason: str | None = None
    since_ms: int | None = None
    watermark_ms: int | None = None
    late_events: int | None = None
    until_ms: int | None = None
    look_ms: int | None = None
