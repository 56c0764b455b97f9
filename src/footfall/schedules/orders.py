"""From a schedule's window to the job of its report: the same body, read by the same code, as if a user had sent it."""

import uuid
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import structs

from footfall.reports import Reading, order, read
from footfall.schedules import keys
from footfall.settings import Settings
from footfall.state import Job, Schedule, User
from footfall.windows import Window


def body(schedule: Schedule) -> dict[str, Any]:
    """What the schedule's reports have in common: filter, output and duplicates, as `POST /reports` takes them."""
    found: dict[str, Any] = msgspec.json.decode(schedule.body)
    return found


def fill(found: dict[str, Any], schedule: Schedule, window: Window, correction: int) -> dict[str, Any]:
    """The body for one window: with its first and last millisecond, and the key that its template makes."""
    filled = dict(found)
    if isinstance(wanted := found.get("filter"), dict):
        filled["filter"] = wanted | {"start": window.start_ms, "end": window.end_ms - 1}
    output = found.get("output")
    if isinstance(output, dict) and isinstance(template := output.get("bucketKey"), str):
        key = keys.expand(template, schedule.id, ZoneInfo(schedule.timezone), window, correction)
        filled["output"] = output | {"bucketKey": key}
    return filled


def make(
    schedule: Schedule,
    owner: User,
    window: Window,
    correction: int,
    since_ms: int | None,
    now_ms: int,
    settings: Settings,
) -> Job:
    """The job of a window's report, or of a correction; raises RequestRefused when it cannot be had any more."""
    reading = Reading(settings)
    wanted = read(reading, fill(body(schedule), schedule, window, correction))
    reading.refuse()
    job = order(owner, wanted, str(uuid.uuid4()), now_ms, None)
    return structs.replace(job, schedule=schedule.id, since_ms=since_ms)
