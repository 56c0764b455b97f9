"""What the state holds, as frozen structs; times are milliseconds since the Unix epoch."""

from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from footfall.wire import ReportFilter, ReportOutput


class User(Struct, frozen=True, kw_only=True):
    """Someone who may sign in; an admin sees every customer, others see those in `customers`."""

    id: str
    password_hash: str
    context: str = ""
    permissions: str | None = None
    admin: bool = False
    customers: tuple[str, ...] = ()
    created_ms: int

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
    """A report that was asked for.

    The report has the events admitted up to `watermark_ms`, and after `since_ms` where that is set. `basis` says
    whether the filter's times are those of the events or those at which they were received. `output` is what the status
    echoes; `delimiter`, `header`, `format`, `compression`, `times` and `safe` are what the file is made with.
    `duplicates` says whether it keeps or drops them, `duplicates_found` how many there were, whichever. With a
    `destination` the file is written there, at `destination_key`. `schedule` is the id of the schedule that asked.

    `owner` may work on it until `lease_until_ms`; `tries` counts the claims, `stops` those that ended because their
    worker was stopped; `progress` is from 0 to 1. `manifest` is JSON, and there when the report is complete. `expired`
    says that the file is not handed out any more, `removed` that it is gone.
    """

    id: str
    user: str
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
    """The most that a user may have: jobs that run, and complete ones whose file is kept."""

    running: int
    kept: int


class Node(Struct, frozen=True, kw_only=True):
    """A machine that collects: what it admitted up to `loaded_through_ms` is in the events store."""

    node: str
    loaded_through_ms: int
    seen_ms: int
