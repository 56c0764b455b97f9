"""The records of the state as frozen structs; times are in ms since the Unix epoch."""

import uuid
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType, field

from footfall.settings import limits
from footfall.wire import ReportFilter, ReportOutput


def _new_id() -> str:
    return str(uuid.uuid4())


class User(Struct, frozen=True, kw_only=True):
    """A user who may sign in; an admin sees every customer, others see those in `customers`.

    A `monitor` may read the metrics, which only admins may otherwise. `products` restrict what is seen of the
    customers; empty, all products are. An admin has none.

    `id` is the name with which they sign in; after a removal, another user may get it. `account` is unique for ever;
    reports and schedules belong to it. `security_stamp` changes with the password. With a `second_factor` the password
    needs a code beside it.
    """

    id: str
    password_hash: str
    context: str = ""
    permissions: str | None = None
    admin: bool = False
    monitor: bool = False
    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    created_ms: int
    account: str = field(default_factory=_new_id)
    security_stamp: str = field(default_factory=_new_id)
    second_factor: bool = False

    def __repr__(self) -> str:
        """The user without the password's hash, because reprs end up in logs."""
        return f"User(id={self.id!r}, admin={self.admin!r}, customers={self.customers!r})"


class UserRights(Struct, frozen=True, kw_only=True):
    """The rights of a user whom an identity provider vouches for."""

    admin: bool = False
    monitor: bool = False
    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key with which programs sign in as the user of `account`, with at most the rights named here.

    `digest` is the SHA-256 of the key's text in hex; the text itself is not kept. `scopes` say which calls it may make.
    Without `customers` it sees those of its user, without `products` all. `used_ms` is exact to a minute. `replaces` is
    the key that it was made for by a rotation.
    """

    id: str
    account: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    created_ms: int
    expires_ms: int | None = None
    used_ms: int | None = None
    replaces: str | None = None

    def __repr__(self) -> str:
        """The key without its digest, because reprs end up in logs."""
        return f"ApiKey(id={self.id!r}, scopes={self.scopes!r})"


class Session(Struct, frozen=True, kw_only=True):
    """A browser in which a user is signed in, known by the hash of the token that it holds.

    It counts while the user of its `account` has the `security_stamp` with which it began. `agent` is what the browser
    calls itself, `timezone` the one that it is in, as far as it said. `seen_ms` is about its last use.
    """

    token_hash: str
    account: str
    security_stamp: str
    created_ms: int
    seen_ms: int
    agent: str = ""
    timezone: str = ""

    def __repr__(self) -> str:
        """The session without the hash and the stamp, because reprs end up in logs."""
        return f"Session(account={self.account!r}, created_ms={self.created_ms!r})"


class SecondFactor(Struct, frozen=True, kw_only=True):
    """What a user's password needs beside it: codes from `secret`, in base32, once the factor is `confirmed`.

    `last_step` is that of the last code which was used. `recovery` are the digests of codes that count once each.
    """

    account: str
    secret: str
    confirmed: bool = False
    last_step: int = 0
    recovery: tuple[str, ...] = ()
    created_ms: int

    def __repr__(self) -> str:
        """The factor without its secret, because reprs end up in logs."""
        return f"SecondFactor(account={self.account!r}, confirmed={self.confirmed!r})"


class AuditEntry(Struct, frozen=True, kw_only=True):
    """Who did what, when, from where, and with which key; `hash` is over all else, `previous` that of the entry before.

    `who` is the name of a user, `cli:NAME` for a user of the machine, or empty where nobody signed in. `outcome` is
    `ok`, `denied` or `failed`. `details` is a JSON object as text.
    """

    number: int = 0
    at_ms: int
    node: str = ""
    who: str = ""
    account: str = ""
    key: str = ""
    address: str = ""
    action: str
    target: str = ""
    outcome: str = "ok"
    details: str = "{}"
    previous: str = ""
    hash: str = ""


class JobStatus(StrEnum):
    """The status of a report: RUNNING, then one of the others for ever."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    TIMEOUT = "TIMEOUT"
    FAILED = "FAILED"


class Job(Struct, frozen=True, kw_only=True):
    """A report. It belongs to the `account`, whose user had the name `user` when the report was started.

    The report has the events admitted up to `watermark_ms`, and after `since_ms` if that is set. `basis` says whether
    the filter's times are those of the events or of their receipt. The status echoes `output`; the file is made with
    `delimiter`, `header`, `format`, `compression`, `times` and `safe`. `duplicates` says whether the report keeps or
    drops duplicates, `duplicates_found` how many there were in either case. With a `destination` the file is written
    there, at `destination_key`. `schedule` is the id of the schedule that started the report.

    The worker `owner` may work on it until `lease_until_ms`. `tries` counts the claims, `stops` those that ended
    because their worker was stopped. `progress` is from 0 to 1. `manifest` is JSON: the file's manifest when the report
    is complete, else what the request contributes to it. `expired` says that the file cannot be downloaded any more,
    `removed` that it was removed. Since `erased_ms` the store lacks events that the report has, or may have.
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
    erased_ms: int | None = None


class JobBounds(Struct, frozen=True):
    """The most jobs of a user: `running` ones, and `kept` ones, which are complete and have a file.

    Of ended jobs without a file, `ended` are kept, of `ended_chars` characters in all; the oldest are removed.
    """

    running: int
    kept: int
    ended: int = limits.REPORTS_ENDED_MAX
    ended_chars: int = limits.REPORTS_ENDED_CHARS_MAX


class Node(Struct, frozen=True, kw_only=True):
    """A node: every event that it admitted up to `loaded_through_ms` is in the events store."""

    node: str
    loaded_through_ms: int
    seen_ms: int


class Schedule(Struct, frozen=True, kw_only=True):
    """A schedule starts a report for each window of time, `grace_s` seconds after the window's end.

    It belongs to the `account`, whose user had the name `user` when the schedule was made.

    `body` is JSON: the filter without times, the output and the duplicates, as in `POST /reports`. `every` is hour,
    day, week or month of the time zone. For `correction_days` after a report, late events are counted; `correction`
    says whether a report that corrects it is full, or has only the late events. A schedule that paused itself has a
    `reason`. The next report is of the window that begins at `next_start_ms`, and is due at `next_due_ms`.
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
    """RUNNING while the report runs, then COMPLETE; WAITING before another try, FAILED after the last one."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    WAITING = "WAITING"
    FAILED = "FAILED"


class ScheduleRun(Struct, frozen=True, kw_only=True):
    """A report of a schedule's window, from `start_ms` up to but without `end_ms`.

    `correction` is 0 for the window's first report, and counts its corrections. `job` is the report, `earlier_jobs` are
    those that failed before it; `tries` counts since a user last started it again. `watermark_ms` is that of the
    complete report; with `since_ms` it has only events admitted after that. `late_events` is their number when a
    correction was started; they are counted until `until_ms`. At `look_ms` a worker counts or tries again; None: never.
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


class SavedView(Struct, frozen=True, kw_only=True):
    """A statistic with its parameters under a name, which `account` saved, whose user had the name `user` then.

    With a `customer` all who may see that customer see the view; without one, its owner alone. `parameters` are those
    of `GET /usage/CALL`, by name; `chart` is how a page shows the numbers.
    """

    id: str = field(default_factory=_new_id)
    account: str
    user: str
    customer: str = ""
    name: str
    call: str
    parameters: dict[str, list[str]]
    chart: str = ""
    created_ms: int
    changed_ms: int


class Share(Struct, frozen=True, kw_only=True):
    """A link that shows one statistic without a sign-in, with the rights that its `account` has, until `expires_ms`.

    `token_hash` is the SHA-256 of the token in the link, in hexadecimal. Pages of the `origins` may embed it.
    """

    id: str = field(default_factory=_new_id)
    token_hash: str
    account: str
    user: str
    title: str
    call: str
    parameters: dict[str, list[str]]
    chart: str = ""
    origins: tuple[str, ...] = ()
    created_ms: int
    expires_ms: int


class RefusedKind(Struct, frozen=True, kw_only=True):
    """So many events, or requests that cannot be read, that were refused for the same reason; times of receipt in ms.

    `place` is where it stands in the event, and `code` that of the answer. A request that cannot be read, which counts
    as one, has neither customer, product nor type. No value of a context is in it.
    """

    customer: str
    product: str
    type: str
    code: str
    place: str
    reason: str
    events: int
    first_ms: int
    last_ms: int
