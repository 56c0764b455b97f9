"""When intervals begin, found by looking at clocks: what `footfall.usage` is held against."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
_EPOCH = date(1970, 1, 1)


def starts(zone: str, interval: str, days: Iterable[int]) -> list[int]:
    """All instants at which an interval begins: dates, weeks and months up to half a year after the last day.

    Minutes and hours begin near each of the days alone, of which there would be too many.
    """
    if interval in ("minute", "hour"):
        return _near(zone, interval, tuple(sorted({day // DAY_MS for day in days})))
    return _dates(zone, interval, min(days) // DAY_MS, max(days) // DAY_MS)


@cache
def _near(zone: str, interval: str, days: tuple[int, ...]) -> list[int]:
    """By looking at the clock each minute, or each quarter of an hour."""
    timezone, found, before = ZoneInfo(zone), [], None
    step = MINUTE_MS if interval == "minute" else 15 * MINUTE_MS
    for day in sorted({day + by for day in days for by in range(-2, 7)}):
        for time_ms in range(day * DAY_MS, (day + 1) * DAY_MS, step):
            name = name_of(local(timezone, time_ms), interval)
            if name != before:
                found.append(time_ms)
            before = name
    return found


@cache
def _dates(zone: str, interval: str, first: int, last: int) -> list[int]:
    """The first instant at which the clock shows each Monday, first of a month or date, or a later date."""
    pieces = offsets(zone, (first - 40) * DAY_MS, (last + 190) * DAY_MS)
    ends = [start for start, _ in pieces[1:]] + [(last + 190) * DAY_MS]
    found: set[int] = set()
    for number in range(first - 38, last + 188):
        if not begins(_EPOCH + timedelta(days=number), interval):
            continue
        for (start, offset), end in zip(pieces, ends, strict=True):
            if end + offset > number * DAY_MS:
                found.add(max(start, number * DAY_MS - offset))
                break
    return sorted(found)


@cache
def offsets(zone: str, first_ms: int, last_ms: int) -> list[tuple[int, int]]:
    """From when on the clock is how far ahead of UTC, in ms: by looking each hour, and each minute at a change."""
    timezone = ZoneInfo(zone)
    found = [(first_ms, offset(timezone, first_ms))]
    for time_ms in range(first_ms, last_ms, HOUR_MS):
        if offset(timezone, time_ms + HOUR_MS) != found[-1][1]:
            at = next(
                at for at in range(time_ms, time_ms + 2 * HOUR_MS, MINUTE_MS) if offset(timezone, at) != found[-1][1]
            )
            found.append((at, offset(timezone, at)))
    return found


def local(timezone: ZoneInfo, time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms // 1000, UTC).astimezone(timezone)


def offset(timezone: ZoneInfo, time_ms: int) -> int:
    return round((local(timezone, time_ms).utcoffset() or timedelta()).total_seconds()) * 1000


def name_of(shown: datetime, interval: str) -> Any:
    """What tells an interval from the one before it, where the clock shows this."""
    match interval:
        case "minute":
            return shown.replace(second=0, microsecond=0, tzinfo=None), shown.utcoffset()
        case "hour":
            return shown.replace(minute=0, second=0, microsecond=0, tzinfo=None), shown.utcoffset()
        case "day":
            return shown.date()
        case "week":
            return shown.date().isocalendar()[:2]
        case _:
            return shown.year, shown.month


def begins(day: date, interval: str) -> bool:
    """Whether an interval begins with a date."""
    match interval:
        case "week":
            return day.isocalendar().weekday == 1
        case "month":
            return day.day == 1
        case _:
            return True
