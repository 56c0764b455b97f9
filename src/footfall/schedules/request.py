"""The body of `POST /schedules`: its shape, and its reading with the code that reads the body of `POST /reports`."""

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from footfall import windows
from footfall.plan import Plan
from footfall.reports import (
    Basis,
    BodyReader,
    BodyTime,
    Conditions,
    Customer,
    Customers,
    EventTypes,
    FileOutput,
    Part,
    Product,
    Products,
    ReportSpec,
    Versions,
    ViewName,
    check_keys,
    read_report_request,
)
from footfall.schedules import jobs
from footfall.settings import Settings
from footfall.state import Schedule, User
from footfall.usage import Duplicates
from footfall.windows import DAY_MS, Every, Window
from footfall.wording import moment

NAME_CHARS_MAX = 200
# A month: nobody waits longer for a report.
GRACE_S_MAX = 31 * 86_400
CORRECTION_DAYS_MAX = 366
# How far ahead a schedule may begin.
AHEAD_MAX_MS = 366 * DAY_MS
# A thousand types of the usual length: the state keeps the body, and a worker reads it whenever it is due.
BODY_BYTES_MAX = 256 * 1024
# The keys of a report's body that a schedule's must not have, and why.
SET_BY_SCHEDULE = {
    "filter.start": "is what the schedule sets, for each window",
    "filter.end": "is what the schedule sets, for each window",
    "filter.timezone": "is that of the schedule: say timezone beside filter",
    "output.asOf": "is what the schedule sets, for each report",
    "output.since": "is what the schedule sets, for each report",
}


class ScheduleFilter(Struct, forbid_unknown_fields=True):
    """What each of a schedule's reports selects; their times are the schedule's."""

    customer: Customer | UnsetType | None = UNSET
    customers: Customers = UNSET
    product: Product | UnsetType | None = UNSET
    products: Products = UNSET
    types: EventTypes = UNSET
    versions: Versions = UNSET
    where: Conditions = UNSET
    basis: Basis = "event"


class ScheduleOutput(FileOutput, rename="camel", forbid_unknown_fields=True):
    """What the files of a schedule's reports look like, and where they go."""


class ScheduleRequest(Struct, rename="camel", forbid_unknown_fields=True):
    """A schedule to make. `duplicates` and `output` are those of a report, but for what a schedule sees to itself."""

    every: Annotated[Every, Meta(description="How long each window is.")]
    filter: ScheduleFilter
    view: ViewName = UNSET
    name: (
        Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX, description="For people.")] | UnsetType | None
    ) = UNSET
    timezone: Annotated[str, Meta(description="Whose hours, days, weeks and months are meant.")] = "UTC"
    from_: Annotated[
        BodyTime | UnsetType,
        Meta(description="A time in the first window; when left out, the window that is open now is the first."),
    ] = msgspec.field(default=UNSET, name="from")
    grace_seconds: Annotated[int, Meta(ge=0, le=GRACE_S_MAX, description="From a window's end to its report.")] = 3600
    correction_days: Annotated[
        int, Meta(ge=0, le=CORRECTION_DAYS_MAX, description="How long late events are looked for; 0 for never.")
    ] = 7
    correction: Annotated[
        Literal["full", "since"],
        Meta(description="Whether a correction is a whole file, or has only what came since."),
    ] = "full"
    duplicates: Annotated[Duplicates, Meta(description="As for a report.")] = "keep"
    output: ScheduleOutput | UnsetType | None = UNSET


def parse_schedule_request(
    body: bytes, user: User, schedule_id: str, now_ms: int, settings: Settings, plan: Plan | None = None
) -> tuple[Schedule, ReportSpec]:
    """The schedule of a body, and the request of its first report. Raises RequestRefused, naming all that is wrong.

    The plan knows the context keys of conditions; without one they are not looked up.
    """
    reader = BodyReader(settings, strict=True, goal="the schedule cannot be made")
    found = reader.decode(body)
    check_keys(reader, found, ScheduleRequest)
    wanted = Part(reader, found, ScheduleRequest)
    every = wanted.choice("every")
    timezone = wanted.timezone("timezone")
    grace_s = wanted.number("graceSeconds", settings.schedule_grace_s)
    first = _first(wanted, every, timezone, now_ms, settings)
    schedule = Schedule(
        id=schedule_id,
        user=user.id,
        account=user.account,
        name=_name(wanted),
        body=_body(reader, found),
        every=every,
        timezone=timezone.key,
        grace_s=grace_s,
        correction_days=wanted.number("correctionDays", settings.schedule_correction_days),
        correction=wanted.choice("correction"),
        created_ms=now_ms,
        next_start_ms=first.start_ms,
        next_due_ms=first.end_ms + grace_s * 1000,
    )
    report = _read_report(reader, found, schedule, first, plan)
    reader.refuse()
    return schedule, report


def _name(wanted: Part) -> str:
    name = wanted.text("name")
    if name is UNSET:
        return ""
    if len(name) > NAME_CHARS_MAX or not name.isprintable():
        wanted.wrong("name", f"must have {NAME_CHARS_MAX} printable characters at the most")
    return name


def _first(wanted: Part, every: str, timezone: ZoneInfo, now_ms: int, settings: Settings) -> Window:
    """The window with which the schedule begins: the one that is open now, unless the body says another."""
    start_ms = wanted.time("from", timezone)
    if start_ms is UNSET:
        start_ms = now_ms
    earliest_ms = max(settings.timestamp_min_ms, now_ms - settings.schedule_backlog_max * windows.LENGTHS_MS[every])
    latest_ms = now_ms + AHEAD_MAX_MS
    if not earliest_ms <= start_ms <= latest_ms:
        wanted.wrong(
            "from", f"must be from {moment(earliest_ms)} to {moment(latest_ms)} ({earliest_ms} to {latest_ms})"
        )
        start_ms = now_ms
    return windows.window(every, timezone, start_ms)


def _body(reader: BodyReader, found: dict[str, Any]) -> str:
    body = {key: found[key] for key in ("filter", "output", "duplicates") if found.get(key) is not None}
    text = msgspec.json.encode(body)
    if len(text) > BODY_BYTES_MAX:
        reader.wrong("filter", f"must with the output have {BODY_BYTES_MAX} bytes at the most")
    return text.decode()


def _read_report(
    reader: BodyReader, found: dict[str, Any], schedule: Schedule, first: Window, plan: Plan | None
) -> ReportSpec:
    """Read the request of the first report, so that its problems refuse the schedule."""
    for path, why in SET_BY_SCHEDULE.items():
        name, _, key = path.partition(".")
        if isinstance(part := found.get(name), dict) and part.get(key) is not None:
            reader.wrong(path, why)
    output = found.get("output")
    template = output.get("bucketKey") if isinstance(output, dict) else None
    if isinstance(template, str):
        for why in jobs.key_problems(template, schedule.every, corrected=schedule.correction_days > 0):
            reader.wrong("output.bucketKey", why)
    return read_report_request(reader, jobs.fill_placeholders(found, schedule, first, 0), plan)
