"""From a window to the job of its report: its body, the key of its file, and the decision on a correction.

All functions are pure. The body is read by the code of `reports`, as if a user had sent it.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, structs

from footfall import windows
from footfall.plan import Plan
from footfall.reports import SCOPE_KEYS, BodyReader, make_job, read_report_request, visible_request
from footfall.settings import Settings
from footfall.state import Job, Schedule, User
from footfall.windows import DAY_MS, Window
from footfall.wire import ReportFilter

# What the template of a destination's key may hold, so that each window and correction has a key of its own.
PLACEHOLDERS = ("start", "end", "day", "correction", "schedule")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def expand_key(template: str, schedule_id: str, timezone: ZoneInfo, window: Window, correction: int) -> str:
    """The key of a window's report, or of one of its corrections, which count from 1."""
    values = {
        "start": _stamp(window.start_ms),
        "end": _stamp(window.end_ms),
        "day": windows.day(timezone, window.start_ms),
        "correction": str(correction),
        "schedule": schedule_id,
    }
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def key_problems(template: str, every: str, *, corrected: bool) -> Iterator[str]:
    """Why the template cannot be used."""
    used = set(_PLACEHOLDER.findall(template))
    rest = _PLACEHOLDER.sub("", template)
    if (used - set(PLACEHOLDERS)) or "{" in rest or "}" in rest:
        yield f"may have the placeholders {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}, and no other braces"
    if every == "hour" and not used & {"start", "end"}:
        yield "must have {start} or {end}, or the report of one hour would overwrite that of another"
    elif not used & {"start", "end", "day"}:
        yield f"must have {{day}}, {{start}} or {{end}}, or the report of one {every} would overwrite that of another"
    if corrected and "correction" not in used:
        yield "must have {correction}, or a correction would overwrite the report; or set correctionDays to 0"


def _stamp(time_ms: int) -> str:
    """A time in UTC that is fit for file names, such as 20261123T180000Z."""
    return f"{dt.datetime.fromtimestamp(time_ms // 1000, dt.UTC):%Y%m%dT%H%M%SZ}"


def report_body(schedule: Schedule) -> dict[str, Any]:
    """The body that all reports of the schedule share: filter, output and duplicates, as `POST /reports` takes them."""
    found: dict[str, Any] = msgspec.json.decode(schedule.body)
    return found


def with_scope(schedule: Schedule, wanted: ReportFilter) -> str:
    """The body of a schedule with the customers and products of a filter: what a `*` means to a key, and no more."""
    body = report_body(schedule)
    scope = msgspec.to_builtins(wanted)
    body["filter"] = body["filter"] | {key: scope[key] for key in SCOPE_KEYS if key in scope}
    return msgspec.json.encode(body).decode()


def fill_placeholders(found: dict[str, Any], schedule: Schedule, window: Window, correction: int) -> dict[str, Any]:
    """The body for one window: with its first and last millisecond, and the key that its template makes."""
    filled = dict(found)
    if isinstance(wanted := found.get("filter"), dict):
        filled["filter"] = wanted | {"start": window.start_ms, "end": window.end_ms - 1}
    output = found.get("output")
    if isinstance(output, dict) and isinstance(template := output.get("bucketKey"), str):
        key = expand_key(template, schedule.id, ZoneInfo(schedule.timezone), window, correction)
        filled["output"] = output | {"bucketKey": key}
    return filled


def make_scheduled_job(
    schedule: Schedule,
    owner: User,
    window: Window,
    correction: int,
    since_ms: int | None,
    now_ms: int,
    settings: Settings,
    plan: Plan | None = None,
    earlier: ReportFilter | None = None,
) -> Job:
    """The job of a window's report, or of a correction; raises RequestRefused when it cannot be made any more.

    Where the schedule is of all customers that its owner may see, a correction is of those that the `earlier` report of
    the window has.
    """
    reader = BodyReader(settings)
    body = fill_placeholders(report_body(schedule), schedule, window, correction)
    wanted = read_report_request(reader, body, plan)
    reader.refuse()
    wanted = visible_request(owner, wanted, settings, earlier)
    job = make_job(owner, wanted, str(uuid.uuid4()), now_ms, None)
    return structs.replace(job, schedule=schedule.id, since_ms=since_ms)


# A scan waits for this part of the window's age: late events grow rarer with it, and a worker scans many windows.
_AGE_PART = 20
# Late events that never stop coming are corrected this long after the first of them.
SETTLE_MAX_MS = DAY_MS


class LateFindings(Struct, frozen=True):
    """The events that a report lacks: their number, and when the first and the last of them were admitted."""

    events: int
    first_ms: int
    last_ms: int


class Correct(Struct, frozen=True):
    """Decision: correct the report now."""


class LateScan(Struct, frozen=True):
    """Decision: scan for late events again at `at_ms`."""

    at_ms: int


class Done(Struct, frozen=True):
    """Decision: scan no more."""


def next_scan(end_ms: int, now_ms: int, until_ms: int, pause_ms: int) -> int | None:
    """When to scan for late events next, for a window that ended at `end_ms`; None for never."""
    if now_ms >= until_ms:
        return None
    return min(now_ms + max(pause_ms, (now_ms - end_ms) // _AGE_PART), until_ms)


def decide_correction(
    late: LateFindings, end_ms: int, now_ms: int, grace_ms: int, until_ms: int, pause_ms: int
) -> Correct | LateScan | Done:
    """What to do after a scan: correct when no event came for the time of grace, or when `until_ms` is over."""
    if not late.events:
        at_ms = next_scan(end_ms, now_ms, until_ms, pause_ms)
        return Done() if at_ms is None else LateScan(at_ms)
    settled_ms = min(late.last_ms + grace_ms, late.first_ms + max(grace_ms, SETTLE_MAX_MS), until_ms)
    if now_ms >= settled_ms:
        return Correct()
    return LateScan(min(max(now_ms + pause_ms, settled_ms), until_ms))
