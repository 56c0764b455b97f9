"""The template of a destination's key: a name for each window and correction, none of which is used twice."""

import datetime as dt
import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from footfall import windows
from footfall.windows import Window

PLACEHOLDERS = ("start", "end", "day", "correction", "schedule")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def expand(template: str, schedule_id: str, timezone: ZoneInfo, window: Window, correction: int) -> str:
    """The key of a window's report, or of one of its corrections, which count from 1."""
    values = {
        "start": _stamp(window.start_ms),
        "end": _stamp(window.end_ms),
        "day": windows.day(timezone, window.start_ms),
        "correction": str(correction),
        "schedule": schedule_id,
    }
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def problems(template: str, every: str, *, corrected: bool) -> Iterator[str]:
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
