"""The time that a page is about: a range by name or by its ends, the period before, and the intervals of its charts.

A range by name is one of whole days of the zone, of which the last is today. It is compared with the days before up
to the same time of day, so that half a day is not compared with a whole one.
"""

import calendar
import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from footfall import windows
from footfall.dashboard.address import PageAddress

RANGES: Final = (*windows.RANGES, "custom")
DEFAULT_RANGE: Final = "30d"
COMPARISONS: Final = ("previous", "year", "none")
INTERVALS: Final = ("minute", "hour", "day", "week", "month")
# Intervals of one chart: more than a screen has pixels.
STARTS_MAX: Final = 10_000
# Of each interval, the longest time that it is chosen for by itself, in days.
_CHOSEN: Final = (("hour", 3), ("day", 120), ("week", 800))


class Period(Struct, frozen=True):
    """What is asked for: `start` and `end` as parameters of the statistics, and the same of the period before.

    `earlier` is None where nothing is compared. `problem` names a date that cannot be read.
    """

    range: str
    timezone: str
    start: str
    end: str
    interval: str
    compare: str
    earlier: tuple[str, str] | None
    days: int

    def parameters(self) -> dict[str, list[str]]:
        """The parameters of a statistic of this period."""
        return {"start": [self.start], "end": [self.end], "timezone": [self.timezone]}

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the days; UTC for a name that is none."""
        return windows.zone(self.timezone) or ZoneInfo("UTC")

    @property
    def before(self) -> "Period | None":
        """The period before as one of its own."""
        if self.earlier is None:
            return None
        return structs.replace(self, start=self.earlier[0], end=self.earlier[1], earlier=None)

    def starts(self, as_of: int) -> list[int]:
        """The beginnings of its intervals up to a time, in ms; none of a period that cannot be read."""
        first = windows.parse_instant(self.start, self.zone)
        last = windows.parse_instant(self.end, self.zone, is_last=True)
        if first is None or last is None:
            return []
        is_minute = self.interval == "minute"
        at = first - first % windows.MINUTE_MS if is_minute else self._window(first).start_ms
        found: list[int] = []
        while at <= min(last, as_of) and len(found) < STARTS_MAX:
            found.append(at)
            at = self.end_of(at)
        return found

    def end_of(self, start_ms: int) -> int:
        """The end of the interval that begins at a time, in ms."""
        return start_ms + windows.MINUTE_MS if self.interval == "minute" else self._window(start_ms).end_ms

    def local(self, time_ms: int) -> int:
        """A time by the zone's clock, in ms as if of UTC: what charts show."""
        return time_ms + windows.offset_ms(self.zone, time_ms)

    def _window(self, time_ms: int) -> windows.Window:
        return windows.window(self.interval, self.zone, time_ms)


def read_period(address: PageAddress, timezone: str, now_ms: int) -> Period:
    """The period of an address. Ends that cannot be read are left as they are: the statistics say what is wrong."""
    zone = windows.zone(timezone) or ZoneInfo("UTC")
    now = dt.datetime.fromtimestamp(now_ms / 1000, zone)
    compare = address.one("compare", COMPARISONS[0])
    start, end = address.one("start"), address.one("end")
    named = address.one("range", "custom" if start or end else DEFAULT_RANGE)
    if named == "custom" or named not in RANGES:
        found = _custom(start, end, now, zone, compare)
    else:
        found = _named(named, now, compare)
    interval = address.one("interval")
    if interval not in INTERVALS:
        interval = _interval(found.days)
    return Period(
        named if named in RANGES else "custom",
        *(timezone, found.start, found.end, interval, compare, found.earlier, found.days),
    )


def open_from(period: Period, as_of: int) -> int | None:
    """From when intervals were not over at a watermark, by the zone's clock; None where all were."""
    starts = period.starts(as_of)
    return period.local(starts[-1]) if starts and period.end_of(starts[-1]) > as_of else None


class _Found(Struct, frozen=True):
    start: str
    end: str
    earlier: tuple[str, str] | None
    days: int


def _named(name: str, now: dt.datetime, compare: str) -> _Found:
    today = now.date()
    first = windows.first_day_of_range(name, today)
    match name:
        case "month":
            before, last_before = _months_before(first, 1), _months_before(today, 1)
        case "year":
            before, last_before = _months_before(first, 12), _months_before(today, 12)
        case _:
            length = dt.timedelta(days=windows.RANGE_DAYS[name])
            before, last_before = first - length, today - length
    if compare == "year":
        before, last_before = _months_before(first, 12), _months_before(today, 12)
    clock = now.strftime("%H:%M:%S")
    earlier = None if compare == "none" else (before.isoformat(), f"{last_before.isoformat()}T{clock}")
    return _Found(first.isoformat(), today.isoformat(), earlier, (today - first).days + 1)


def _custom(start: str, end: str, now: dt.datetime, zone: ZoneInfo, compare: str) -> _Found:
    """The ends as they were given; the period before has the same length, and is as far away as the calendar allows."""
    end = end or now.date().isoformat()
    start = start or (now.date() - dt.timedelta(days=29)).isoformat()
    first_ms, last_ms = windows.parse_instant(start, zone), windows.parse_instant(end, zone, is_last=True)
    if first_ms is None or last_ms is None or not windows.LEAST_MS < first_ms <= last_ms < windows.MOST_MS:
        return _Found(start, end, None, 1)
    days = max(1, round((last_ms - first_ms) / windows.DAY_MS))
    length_ms = last_ms - first_ms + 1
    before = (first_ms - length_ms, first_ms - 1)
    if compare == "year":
        least_ms = windows.LEAST_MS + 366 * windows.DAY_MS
        before = (
            (0, -1)
            if first_ms < least_ms
            else (windows.year_before(first_ms, zone), windows.year_before(last_ms, zone))
        )
    is_possible = compare != "none" and windows.LEAST_MS < before[0] <= before[1]
    return _Found(start, end, (str(before[0]), str(before[1])) if is_possible else None, days)


def _interval(days: int) -> str:
    return next((name for name, most in _CHOSEN if days <= most), "month")


def _months_before(date: dt.date, months: int) -> dt.date:
    """The same day so many months before, or the last one of its month."""
    year, month = divmod(date.year * 12 + date.month - 1 - months, 12)
    last = calendar.monthrange(max(year, 1), month + 1)[1]
    return dt.date(max(year, 1), month + 1, min(date.day, last))
