"""Minutes, hours, days, weeks and months of a time zone as windows without gaps, for schedules and for counts.

A window is [start, end) in ms since the epoch, and begins where the one before ended. A day in which the clock changes
has 23 or 25 hours. An hour that the clock shows twice is two windows, and one that it skips is none.

Every process takes the rules of time zones from the package `tzdata`, never from the machine, so that counts, schedules
and all nodes agree on what a day is. All code that needs time zones takes them from here.
"""

import datetime as dt
import re
import zoneinfo
from bisect import bisect_right
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
Every = Literal["hour", "day", "week", "month"]
EVERY: tuple[Every, ...] = get_args(Every)
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# The largest integer that JavaScript represents exactly: no time of a request is further from 1970.
TIME_MS_MAX = 2**53 - 1
# The years 2 to 9998: Python's calendar has one year more on either side, which calculations may reach.
LEAST_MS = (dt.datetime(2, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MILLISECOND
MOST_MS = (dt.datetime(9998, 12, 1, tzinfo=dt.UTC) - _EPOCH) // _MILLISECOND
# The usual minimum of a window's length, which bounds how many windows a time can have.
LENGTHS_MS = {"minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS, "week": 7 * DAY_MS, "month": 28 * DAY_MS}

# In all known rules, two changes of one clock are at least 601,200 s apart, nearly a week.
_STRIDE_MS = 6 * DAY_MS
# Changes are searched and cached in blocks of this length; a search takes some 0.15 ms.
_BLOCK_MS = 64 * _STRIDE_MS

# Ignore the machine's own zones, which may be of another release of the rules.
zoneinfo.reset_tzpath(())
ZoneInfo.clear_cache()

# What a text of an instant looks like. A date has no other time than the whole day.
_NUMBER = re.compile(r"-?[0-9]{1,16}")
_DATE_AND_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_DATE_CHARS = len("2026-10-01")
# What a message says of a text that is none.
INSTANTS = (
    "must be milliseconds since 1970-01-01T00:00:00Z, a date such as 2026-10-01, or a time such as 2026-10-01T08:00 or "
    "2026-10-01T08:00+02:00"
)

# Names that are different zones on different machines, or no zone.
_UNFIXED = ("localtime", "posixrules", "Factory")


class Window(Struct, frozen=True):
    """From `start_ms` up to but without `end_ms`."""

    start_ms: int
    end_ms: int


def zone(name: str) -> ZoneInfo | None:
    """The time zone of an IANA name; None when there is none."""
    if name in _UNFIXED:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def window(every: str, timezone: ZoneInfo, at_ms: int) -> Window:
    """The window of an instant in ms."""
    return _hour(timezone, at_ms) if every == "hour" else _days(every, timezone, at_ms)


def day(timezone: ZoneInfo, at_ms: int) -> str:
    """The local date of an instant, `YYYY-MM-DD`."""
    return _local(timezone, at_ms).date().isoformat()


def is_in_calendar(at_ms: int) -> bool:
    """Whether every zone's clock has a date for an instant; times of requests may be further from 1970."""
    return LEAST_MS <= at_ms <= MOST_MS


def local_text(timezone: ZoneInfo, at_ms: int) -> str:
    """What the zone's clock shows at an instant, such as `2026-10-01 08:00:07`; outside of the calendar, the ms."""
    if not is_in_calendar(at_ms):
        return f"{at_ms} ms"
    return _local(timezone, at_ms).strftime("%Y-%m-%d %H:%M:%S")


def day_number(timezone: ZoneInfo, at_ms: int) -> int:
    """The local date of an instant, in days since 1970-01-01."""
    return (_local(timezone, at_ms).date() - _EPOCH.date()).days


def instant(local: dt.datetime, timezone: dt.tzinfo, *, is_last: bool = False) -> int:
    """The instant in ms at which the zone's clock shows a time; a time with an offset does not need the zone.

    For a time that the clock shows twice, the first instant; for one that it skips, the instant of the change. Where a
    skipped time is the last of a range, one ms before that. Raises OverflowError at the ends of the calendar.
    """
    if local.tzinfo is not None:
        return _instant(local)
    here = local.replace(tzinfo=timezone, fold=0)
    found_ms, other_ms = _instant(here), _instant(here.replace(fold=1))
    # In a gap, the offset before it leads past the change, and the one after it leads before.
    return found_ms if found_ms <= other_ms else _change(timezone, other_ms, found_ms) - is_last


def parse_instant(text: str, timezone: dt.tzinfo, *, is_last: bool = False) -> int | None:
    """The instant that a text names: milliseconds, `2026-10-01`, or `2026-10-01T08:00` with or without an offset.

    Without an offset it is a time of the zone's clock, as `instant` reads it. A date is its first millisecond, and its
    last one where the text is the last of a range. None for any other text, and for a date that there is not.
    """
    if _NUMBER.fullmatch(text):
        return int(text)
    if not _DATE_AND_TIME.fullmatch(text):
        return None
    try:
        local = dt.datetime.fromisoformat(text)
        if is_last and len(text) == _DATE_CHARS:
            return _midnight(timezone, local.date() + dt.timedelta(days=1)) - 1
        return instant(local, timezone)
    except (ValueError, OverflowError):
        return None


def year_before(time_ms: int, timezone: dt.tzinfo, *, is_last: bool = False) -> int:
    """The instant of the same time by the zone's clock a year before; of 29 February, that of 28 February.

    A time that the clock skipped then is what `instant` makes of it.
    """
    local = _local(timezone, time_ms)
    day_before = local.replace(day=28) if (local.month, local.day) == (2, 29) else local
    return instant(day_before.replace(year=local.year - 1, tzinfo=None), timezone, is_last=is_last)


def offset_ms(timezone: dt.tzinfo, at_ms: int) -> int:
    """How far the zone's clock is ahead of UTC at an instant, in ms."""
    return (_local(timezone, at_ms).utcoffset() or dt.timedelta()) // _MILLISECOND


def changes(timezone: ZoneInfo, after_ms: int, last_ms: int) -> list[int]:
    """The instants at which the zone's clock changes, after `after_ms` and up to `last_ms`, in order."""
    found: list[int] = []
    for block in range(after_ms // _BLOCK_MS, last_ms // _BLOCK_MS + 1):
        found += _changes(timezone, block)
    return found[bisect_right(found, after_ms) : bisect_right(found, last_ms)]


@lru_cache(maxsize=4096)
def _changes(timezone: ZoneInfo, block: int) -> tuple[int, ...]:
    """The changes in a block, from its first instant to its last one."""
    steps = range(block * _BLOCK_MS - 1, (block + 1) * _BLOCK_MS, _STRIDE_MS)
    offsets = [offset_ms(timezone, min(max(step, LEAST_MS), MOST_MS)) for step in steps]
    pairs = zip(steps, steps[1:], offsets, offsets[1:], strict=False)
    return tuple(_change(timezone, start, end) for start, end, before, after in pairs if before != after)


def _hour(timezone: ZoneInfo, at_ms: int) -> Window:
    """The hour of the local clock, cut at a change of the clock within it."""
    offset = offset_ms(timezone, at_ms)
    start_ms = at_ms - (at_ms + offset) % HOUR_MS
    end_ms = start_ms + HOUR_MS
    if offset_ms(timezone, start_ms) != offset:
        start_ms = _change(timezone, start_ms, at_ms)
    if offset_ms(timezone, end_ms - 1) != offset:
        end_ms = _change(timezone, at_ms, end_ms - 1)
    return Window(start_ms, end_ms)


def _days(every: str, timezone: ZoneInfo, at_ms: int) -> Window:
    """The days from one boundary to the next. Where the clock goes back over midnight, the first midnight counts."""
    first, step = _BOUNDARIES[every]
    begin = first(_local(timezone, at_ms).date())
    while at_ms < _midnight(timezone, begin):
        begin = first(begin - dt.timedelta(days=1))
    while at_ms >= _midnight(timezone, step(begin)):
        begin = step(begin)
    return Window(_midnight(timezone, begin), _midnight(timezone, step(begin)))


def _monday(date: dt.date) -> dt.date:
    return date - dt.timedelta(days=date.weekday())


def _next_month(date: dt.date) -> dt.date:
    return (date.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


# By the kind of window: the boundary at or before a date, and the one after a boundary.
_BOUNDARIES: dict[str, tuple[Callable[[dt.date], dt.date], Callable[[dt.date], dt.date]]] = {
    "day": (lambda date: date, lambda date: date + dt.timedelta(days=1)),
    "week": (_monday, lambda date: date + dt.timedelta(days=7)),
    "month": (lambda date: date.replace(day=1), _next_month),
}


# One boundary of a window is one of the next window, and a page asks for those of its days again and again.
@lru_cache(4096)
def _midnight(timezone: dt.tzinfo, date: dt.date) -> int:
    """The instant at which a date begins; if the clock skips midnight, the instant of the change."""
    return instant(dt.datetime(date.year, date.month, date.day), timezone)  # noqa: DTZ001 - the zone's own clock


def _change(timezone: dt.tzinfo, before_ms: int, after_ms: int) -> int:
    """The first instant after `before_ms` with the offset of `after_ms`, between which the offset changes once."""
    offset = offset_ms(timezone, after_ms)
    while after_ms - before_ms > 1:
        middle_ms = (before_ms + after_ms) // 2
        if offset_ms(timezone, middle_ms) == offset:
            after_ms = middle_ms
        else:
            before_ms = middle_ms
    return after_ms


def _local(timezone: dt.tzinfo, at_ms: int) -> dt.datetime:
    return (_EPOCH + dt.timedelta(milliseconds=at_ms)).astimezone(timezone)


def _instant(local: dt.datetime) -> int:
    return (local - _EPOCH) // _MILLISECOND


# Ranges of whole days up to today, by name.
RANGE_DAYS: Final[Mapping[str, int]] = {"today": 1, "7d": 7, "30d": 30, "90d": 90}
RANGES: Final = (*RANGE_DAYS, "month", "year")


def first_day_of_range(name: str, today: dt.date) -> dt.date:
    """The first day of a range of days that ends today: so many of them, or this month's, or this year's."""
    if name == "month":
        return today.replace(day=1)
    if name == "year":
        return today.replace(month=1, day=1)
    return today - dt.timedelta(days=RANGE_DAYS[name] - 1)


def range_times(name: str, timezone: dt.tzinfo, now_ms: int) -> tuple[int, int]:
    """The first and the last millisecond of such a range, by the days of a zone."""
    today = _local(timezone, now_ms).date()
    return _midnight(timezone, first_day_of_range(name, today)), _midnight(timezone, today + dt.timedelta(days=1)) - 1
