"""Intervals of a time zone, and spans of time with their events, as a statement is told them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from footfall import windows
from footfall.windows import DAY_MS, HOUR_MS

# Intervals of a time zone, as a statement finds them: by bounds that it is given, and no rules of its own.
#
# The engine has time zones too, of another release than ours, and begins hours, days and months otherwise where clocks
# change by half an hour or at midnight. So what it is told comes from `footfall.windows`, which schedules go by as
# well.


class Intervals(Struct, frozen=True):
    """Pieces of time in order, each up to the next, in ms: an event belongs to the last that starts before or with it.

    A piece with a width of 0 is one interval. In any other, intervals begin at each multiple of the width, by a clock
    that is ahead of UTC by the offset; and at the start of the piece.
    """

    starts: tuple[int, ...] = (0,)
    widths: tuple[int, ...] = (0,)
    offsets: tuple[int, ...] = (0,)

    def parameters(self) -> dict[str, Any]:
        """What statements take."""
        return {"starts": list(self.starts), "widths": list(self.widths), "offsets": list(self.offsets)}

    def begin(self, time_ms: int) -> int:
        """When the interval of a time begins, in ms, as statements reckon it."""
        at = max(bisect_right(self.starts, time_ms) - 1, 0)
        start, width = self.starts[at], self.widths[at]
        return max(start, time_ms - (time_ms + self.offsets[at]) % width) if width else start


# One interval, which begins at 0.
ALL = Intervals()


def intervals(interval: str, timezone: ZoneInfo, first_ms: int, last_ms: int) -> Intervals:
    """The hours, days or months of the zone from the first to the last time, or all in one.

    There are some pieces a year, and one for each month. Before the year 2 and after 9998 all counts to the interval
    that is nearest, for Python knows no dates there.
    """
    if interval == "all":
        return ALL
    first_ms, last_ms = (min(max(time_ms, windows.LEAST_MS), windows.MOST_MS) for time_ms in (first_ms, last_ms))
    pieces = {"hour": _hours, "day": _days, "month": _months}[interval](timezone, first_ms, last_ms)
    starts = sorted(pieces)
    widths = tuple(pieces[start] for start in starts)
    return Intervals(tuple(starts), widths, tuple(windows.offset_ms(timezone, start) for start in starts))


def _hours(timezone: ZoneInfo, first_ms: int, last_ms: int) -> dict[int, int]:
    """Where the clocks change, an interval is cut."""
    first_ms = windows.window("hour", timezone, first_ms).start_ms
    return dict.fromkeys((first_ms, *windows.changes(timezone, first_ms, last_ms)), HOUR_MS)


def _days(timezone: ZoneInfo, first_ms: int, last_ms: int) -> dict[int, int]:
    """The days before and after a change of the clocks are pieces of their own: they may begin at any hour."""
    first_ms = windows.window("day", timezone, first_ms).start_ms
    pieces = {first_ms: DAY_MS}
    for change_ms in windows.changes(timezone, first_ms - 1, last_ms):
        before = windows.window("day", timezone, change_ms - 1)
        after = windows.window("day", timezone, change_ms)
        pieces |= {before.start_ms: 0, after.start_ms: 0, after.end_ms: DAY_MS}
    return pieces


def _months(timezone: ZoneInfo, first_ms: int, last_ms: int) -> dict[int, int]:
    pieces = {}
    while first_ms <= last_ms:
        month = windows.window("month", timezone, first_ms)
        pieces[month.start_ms] = 0
        first_ms = month.end_ms
    return pieces


# Spans of time, each with its events, as one statement takes them.


class TimeSpan(Struct, frozen=True):
    """From the first to the last timestamp in ms, both inclusive, there are so many rows."""

    first_ms: int
    last_ms: int
    rows: int


def join_spans(spans: Iterable[TimeSpan], rows_max: int) -> Iterator[TimeSpan]:
    """Spans in order, neighbours joined while their rows together are at most so many."""
    joined: TimeSpan | None = None
    for span in spans:
        if joined is None:
            joined = span
        elif joined.rows + span.rows <= rows_max:
            joined = TimeSpan(joined.first_ms, span.last_ms, joined.rows + span.rows)
        else:
            yield joined
            joined = span
    if joined is not None:
        yield joined
