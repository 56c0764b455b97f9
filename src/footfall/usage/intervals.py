"""Intervals of a time zone as the parameters of a statement, and spans of time with their number of events.

The engine has time zones too, of another release than Python's, and begins hours, days and months otherwise where
clocks change by half an hour or at midnight. So statements get the bounds of intervals from `footfall.windows`, as
schedules do.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from footfall import windows
from footfall.windows import DAY_MS

# The start of a piece, its width, and the interval's start in it; see `Intervals`.
_PIECE = "roundDown(timestamp, {starts:Array(Int64)})"
_WIDTH = f"transform({_PIECE}, {{starts:Array(Int64)}}, {{widths:Array(Int64)}}, toInt64(0))"
_OFFSET = f"transform({_PIECE}, {{starts:Array(Int64)}}, {{offsets:Array(Int64)}}, toInt64(0))"
_START = f"""if(
        {_WIDTH} = 0,
        {_PIECE},
        greatest({_PIECE}, timestamp - positiveModulo(timestamp + {_OFFSET}, greatest({_WIDTH}, 1)))
    )"""


class Intervals(Struct, frozen=True):
    """Pieces of time in order, in ms; an event belongs to the last piece that starts at or before it.

    A piece with a width of 0 is one interval. In any other piece, intervals begin at its start and at each multiple of
    the width, by a clock that is ahead of UTC by the offset.
    """

    starts: tuple[int, ...] = (0,)
    widths: tuple[int, ...] = (0,)
    offsets: tuple[int, ...] = (0,)

    def parameters(self) -> dict[str, Any]:
        """The parameters of a statement."""
        return {"starts": list(self.starts), "widths": list(self.widths), "offsets": list(self.offsets)}

    @property
    def expression(self) -> str:
        """The SQL of the start of a timestamp's interval, in ms."""
        return "toInt64(0)" if self == ALL else _START

    @property
    def offset_expression(self) -> str:
        """The SQL of how far the clock is ahead of UTC in the piece of a timestamp, in ms."""
        return _OFFSET

    def start_of(self, time_ms: int) -> int:
        """The start of the interval of a time, in ms, as statements compute it."""
        at = max(bisect_right(self.starts, time_ms) - 1, 0)
        start, width = self.starts[at], self.widths[at]
        return max(start, time_ms - (time_ms + self.offsets[at]) % width) if width else start

    def starts_between(self, first_ms: int, last_ms: int) -> list[int]:
        """The starts of all intervals from that of the first time to that of the last, in ms."""
        found = []
        for at, start in enumerate(self.starts):
            end = self.starts[at + 1] if at + 1 < len(self.starts) else last_ms + 1
            begin = self.start_of(max(start, first_ms))
            if start > last_ms or begin >= end:
                continue
            found.append(begin)
            if width := self.widths[at]:
                # The first interval of a piece may be cut: the others begin at multiples of the width.
                second = begin + width - (begin + self.offsets[at]) % width
                found += range(second, min(end, last_ms + 1), width)
        return found


# One interval, which begins at 0.
ALL = Intervals()


def intervals(interval: str, timezone: ZoneInfo, first_ms: int, last_ms: int) -> Intervals:
    """The minutes, hours, days, weeks or months of the zone from the first to the last time, or all in one.

    Minutes, hours and days need a few pieces a year, weeks and months one each. Times before the year 2 and after 9998,
    for which Python has no dates, belong to the nearest interval.
    """
    if interval == "all":
        return ALL
    first_ms, last_ms = (min(max(time_ms, windows.LEAST_MS), windows.MOST_MS) for time_ms in (first_ms, last_ms))
    match interval:
        case "minute" | "hour":
            pieces = _clock_pieces(timezone, first_ms, last_ms, windows.LENGTHS_MS[interval])
        case "day":
            pieces = _days(timezone, first_ms, last_ms)
        case _:
            pieces = _calendar_pieces(interval, timezone, first_ms, last_ms)
    starts = sorted(pieces)
    widths = tuple(pieces[start] for start in starts)
    return Intervals(tuple(starts), widths, tuple(windows.offset_ms(timezone, start) for start in starts))


def _clock_pieces(timezone: ZoneInfo, first_ms: int, last_ms: int, width_ms: int) -> dict[int, int]:
    """One piece between two changes of the clocks, which cut an hour or a minute."""
    first_ms = windows.window("hour", timezone, first_ms).start_ms
    return dict.fromkeys((first_ms, *windows.changes(timezone, first_ms, last_ms)), width_ms)


def _days(timezone: ZoneInfo, first_ms: int, last_ms: int) -> dict[int, int]:
    """Days before and after a change of the clocks are pieces of their own, because they may begin at any hour."""
    first_ms = windows.window("day", timezone, first_ms).start_ms
    pieces = {first_ms: DAY_MS}
    for change_ms in windows.changes(timezone, first_ms - 1, last_ms):
        before = windows.window("day", timezone, change_ms - 1)
        after = windows.window("day", timezone, change_ms)
        pieces |= {before.start_ms: 0, after.start_ms: 0, after.end_ms: DAY_MS}
    return pieces


def _calendar_pieces(every: str, timezone: ZoneInfo, first_ms: int, last_ms: int) -> dict[int, int]:
    """A piece for each week or month."""
    pieces = {}
    while first_ms <= last_ms:
        found = windows.window(every, timezone, first_ms)
        pieces[found.start_ms] = 0
        first_ms = found.end_ms
    return pieces


class TimeSpan(Struct, frozen=True):
    """A span from the first to the last timestamp in ms, both inclusive, and its number of rows."""

    first_ms: int
    last_ms: int
    rows: int


def join_spans(spans: Iterable[TimeSpan], rows_max: int) -> Iterator[TimeSpan]:
    """The spans in order, neighbours joined while together they have at most `rows_max` rows."""
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
