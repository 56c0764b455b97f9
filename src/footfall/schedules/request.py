"""Reads the body of `POST /schedules`, with the code that reads the body of `POST /reports`."""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from footfall import windows
from footfall.reports import BodyReader, check_keys, read_report_request
from footfall.schedules import jobs
from footfall.settings import Settings
from footfall.state import Schedule, User
from footfall.windows import DAY_MS, Window
from footfall.wording import moment

# The keys of a body.
KEYS = (
    *("name", "every", "timezone", "graceSeconds", "correctionDays", "correction", "from"),
    *("filter", "duplicates", "output"),
)
CORRECTIONS = ("full", "since")
NAME_CHARS_MAX = 200
# A month: nobody waits longer for a report.
GRACE_S_MAX = 31 * 86_400
CORRECTION_DAYS_MAX = 366
# How far ahead a schedule may begin.
AHEAD_MAX_MS = 366 * DAY_MS
# A thousand types of the usual length: the state keeps the body, and a worker reads it whenever it is due.
BODY_BYTES_MAX = 256 * 1024


def parse_schedule_request(body: bytes, user: User, schedule_id: str, now_ms: int, settings: Settings) -> Schedule:
    """The schedule of a body. Raises RequestRefused, naming everything that is wrong."""
    reader = BodyReader(settings, strict=True)
    found = reader.body(body)
    check_keys(reader, found, KEYS)
    every = _every(reader, found)
    timezone = reader.timezone(found, "timezone")
    grace_s = _number(reader, found, "graceSeconds", settings.schedule_grace_s, GRACE_S_MAX)
    first = _first(reader, found, every, timezone, now_ms, settings)
    schedule = Schedule(
        id=schedule_id,
        user=user.id,
        account=user.account,
        name=_name(reader, found),
        body=_body(reader, found),
        every=every,
        timezone=timezone.key,
        grace_s=grace_s,
        correction_days=_number(
            reader, found, "correctionDays", settings.schedule_correction_days, CORRECTION_DAYS_MAX
        ),
        correction=reader.choice(found, "correction", CORRECTIONS),
        created_ms=now_ms,
        next_start_ms=first.start_ms,
        next_due_ms=first.end_ms + grace_s * 1000,
    )
    _check_report(reader, found, schedule, first)
    reader.refuse("the schedule cannot be made")
    return schedule


def _every(reader: BodyReader, found: dict[str, Any]) -> str:
    if found.get("every") is None:
        reader.wrong("every", f"is missing; it must be one of: {', '.join(windows.EVERY)}")
    return reader.choice(found, "every", windows.EVERY)


def _name(reader: BodyReader, found: dict[str, Any]) -> str:
    name = reader.text(found, "name")
    if name is UNSET:
        return ""
    if len(name) > NAME_CHARS_MAX or not name.isprintable():
        reader.wrong("name", f"must have {NAME_CHARS_MAX} printable characters at the most")
    return name


def _number(reader: BodyReader, found: dict[str, Any], where: str, default: int, most: int) -> int:
    number = found.get(where)
    if number is None:
        return default
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= most:
        return number
    reader.wrong(where, f"must be an integer from 0 to {most}")
    return default


def _first(
    reader: BodyReader, found: dict[str, Any], every: str, timezone: ZoneInfo, now_ms: int, settings: Settings
) -> Window:
    """The window with which the schedule begins: the one that is open now, unless the body says another."""
    start_ms = reader.time(found, "from", timezone)
    if start_ms is UNSET:
        start_ms = now_ms
    earliest_ms = max(settings.timestamp_min_ms, now_ms - settings.schedule_backlog_max * windows.LENGTHS_MS[every])
    latest_ms = now_ms + AHEAD_MAX_MS
    if not earliest_ms <= start_ms <= latest_ms:
        reader.wrong(
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


def _check_report(reader: BodyReader, found: dict[str, Any], schedule: Schedule, first: Window) -> None:
    """Read the request of the first report, so that its problems refuse the schedule."""
    wanted, output = found.get("filter"), found.get("output")
    for key in ("start", "end"):
        if isinstance(wanted, dict) and wanted.get(key) is not None:
            reader.wrong(f"filter.{key}", "is what the schedule sets, for each window")
    if isinstance(wanted, dict) and wanted.get("timezone") is not None:
        reader.wrong("filter.timezone", "is that of the schedule: say timezone beside filter")
    for key in ("asOf", "since"):
        if isinstance(output, dict) and output.get(key) is not None:
            reader.wrong(f"output.{key}", "is what the schedule sets, for each report")
    template = output.get("bucketKey") if isinstance(output, dict) else None
    if isinstance(template, str):
        for why in jobs.key_problems(template, schedule.every, corrected=schedule.correction_days > 0):
            reader.wrong("output.bucketKey", why)
    read_report_request(reader, jobs.fill_placeholders(found, schedule, first, 0))
