"""Numbers of events by interval and dimensions: what all statistics count with.

The numbers of an answer are sums of the same groups, so that the parts always make up the total. Where few events are
selected, one statement groups them by timestamp and Python does the rest: every statement opens each part of the table
that may have the events, which takes most of the time then.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from footfall import windows
from footfall.errors import RequestRefused
from footfall.usage.duplicates import COMPARED_ROWS_MAX, compare
from footfall.usage.grouping import Dimension, Grouping, group_by, limit_to_top
from footfall.usage.intervals import ALL, Intervals, TimeSpan, intervals, join_spans
from footfall.usage.query import Query
from footfall.usage.rollups import Rollups, Scope, TooManyGroups

# At most so many events are few. Each can be a row of the result, and the engine makes 10,000 rows in 20 ms. Finding
# that there are more takes a hundredth of the count of five million events that follows.
FEW_MAX: Final = 10_000
# Rows in a block: with larger blocks the engine would read ten times FEW_MAX rows before it stops.
_BLOCK_ROWS: Final = 8192
# Columns of a `Number` at the end of a row.
_NUMBERS: Final = 4

# The start of an interval in ms, and the value of each dimension; None stands for all other values.
Key = tuple[Any, ...]


class Number(Struct, frozen=True):
    """Some events, how many of them came late, how many are duplicates, and how many duplicates came late."""

    events: int = 0
    late: int = 0
    duplicates: int = 0
    late_duplicates: int = 0

    def __add__(self, other: "Number") -> "Number":
        return Number(
            self.events + other.events,
            self.late + other.late,
            self.duplicates + other.duplicates,
            self.late_duplicates + other.late_duplicates,
        )

    def shown(self, duplicates: str) -> dict[str, int]:
        """The number as answers have it; with `drop`, duplicates are not among the events."""
        dropped = duplicates == "drop"
        return {
            "events": self.events - self.duplicates * dropped,
            "duplicates": self.duplicates,
            "late": self.late - self.late_duplicates * dropped,
        }


Numbers = dict[Key, Number]
# The values of each dimension that have numbers of their own; all others are counted together.
Tops = tuple[frozenset[str], ...]


def total_of(asked: Query) -> tuple[Number, Query]:
    """The number of all selected events; and how to ask further, which is cheaper where there are no duplicates."""
    numbers, _ = count_groups(asked, "all", ZoneInfo("UTC"), ())
    total = sum(numbers.values(), Number())
    return total, asked.knowing(total.events, total.duplicates)


def count_groups(
    asked: Query,
    interval: str,
    timezone: ZoneInfo,
    by: tuple[Dimension, ...],
    top: int = 0,
    tops: Tops | None = None,
) -> tuple[Numbers, Intervals]:
    """Count by interval and dimensions; with `top`, the values with most events of each dimension, and all others.

    `tops` are such values of another period, so that two periods have numbers of the same values.
    Few events are counted by their timestamps, others from the rollup where it may be used.
    """
    scope = Scope.of(asked.selection)
    if any(dimension.is_key for dimension in by) or scope is None:
        return _count_events(asked, interval, timezone, by, top, tops)
    few = None if asked.is_large else count_few(asked, by)
    if few is None:
        numbers, found = _count_rolled_up(asked, scope, interval, timezone, by)
    else:
        times = [time_ms for time_ms, *_ in few]
        found = intervals(interval, timezone, min(times, default=0), max(times, default=0))
        numbers = add_up(((found.start_of(time_ms), *values), number) for (time_ms, *values), number in few.items())
    asked.check_length(len(numbers))
    return _fold_to(asked, numbers, by, top, tops), found


def _fold_to(asked: Query, numbers: Numbers, by: tuple[Dimension, ...], top: int, tops: Tops | None) -> Numbers:
    if not top:
        return numbers
    return fold(numbers, rank(numbers, len(by), top, asked.selection.duplicates) if tops is None else tops)


def _count_rolled_up(
    asked: Query, scope: Scope, interval: str, timezone: ZoneInfo, by: tuple[Dimension, ...]
) -> tuple[Numbers, Intervals]:
    """Count from the rollup, and from the events of the days for which it may not be used."""
    rollups = Rollups(asked.store, asked.late_ms)
    found = ALL if interval == "all" else intervals(interval, timezone, *_bounds(asked, rollups, scope))
    names = [dimension.name for dimension in by]
    try:
        groups = rollups.count(
            scope,
            asked.as_of,
            asked.limit,
            intervals=found,
            by=names,
            groups_max=asked.settings.usage_rows_max,
        )
    except TooManyGroups:
        raise asked.too_long() from None
    numbers = {
        (key.start_ms, *(getattr(key, name) for name in names)): Number(
            count.events, count.late, count.duplicates, count.late_duplicates
        )
        for key, count in groups.items()
        if count.events
    }
    return numbers, found


def _bounds(asked: Query, rollups: Rollups, scope: Scope) -> tuple[int, int]:
    """Times between which all events of a scope are, in ms."""
    days = asked.days()
    if days is None:
        state = rollups.state(scope, asked.limit)
        days = state.first_day, state.last_day
    first_ms = max(scope.start_ms, (days[0] - 1) * windows.DAY_MS)
    return first_ms, max(first_ms, min(scope.end_ms, (days[1] + 1) * windows.DAY_MS))


def count_few(asked: Query, by: tuple[Dimension, ...]) -> Numbers | None:
    """The selected events by timestamp in ms and by columns; None when there are more than `FEW_MAX`.

    There are never more duplicates than events, even if events arrive between the two statements.
    """
    grouping = group_by(by)
    # Each group has at least one event: a result that was cut short has more than FEW_MAX.
    stop_early = {"max_rows_to_group_by": FEW_MAX, "group_by_overflow_mode": "break", "max_block_size": _BLOCK_ROWS}
    rows = asked.rows("usage_few_events", {"limit": FEW_MAX + 1}, grouping.texts, **stop_early)
    if sum(events for *_, events, _, _ in rows) > FEW_MAX:
        return None
    found = {tuple(key): Number(events, late) for *key, events, late, _ in rows}
    if times := sorted({time_ms for time_ms, *_, is_shared in rows if is_shared}):
        # Events and duplicates of these timestamps come from one statement, so that they agree.
        shared = asked.rows("usage_shared_times", {"times": times}, grouping.texts)
        found |= {tuple(row[:-_NUMBERS]): Number(*row[-_NUMBERS:]) for row in shared if row[-_NUMBERS]}
    return found


def _count_events(
    asked: Query, interval: str, timezone: ZoneInfo, by: tuple[Dimension, ...], top: int, tops: Tops | None
) -> tuple[Numbers, Intervals]:
    """Count any number of events: first find the months that have some, which bound the work."""
    months = asked.rows("report_months", {})
    spans = [TimeSpan(first_ms, last_ms, rows) for first_ms, last_ms, rows, *_ in months]
    if not spans:
        return {}, intervals("all", timezone, 0, 0)
    asked = asked.knowing(sum(span.rows for span in spans))
    # Events that arrive meanwhile outside of these months are not counted, as if they had arrived later.
    within = {"start": spans[0].first_ms, "end": spans[-1].last_ms}
    found = intervals(interval, timezone, spans[0].first_ms, spans[-1].last_ms)
    grouping = group_by(by, found, asked.plan, asked.selection.products)
    if top:
        if tops is None:
            tops = tuple(_top_values(asked, grouping, at, top, within) for at in range(len(by)))
        grouping = limit_to_top(grouping, [sorted(values) for values in tops])
    # Events first, because an answer that is too long is refused; finding duplicates would take ten times as long.
    rows = asked.grouped_rows("usage_counts", grouping, within)
    duplicates = _count_duplicates(asked, spans, grouping)
    numbers = {tuple(key): _number(events, late, *duplicates.get(tuple(key), (0, 0))) for *key, events, late in rows}
    return (_read_others(numbers) if top else numbers), found


def _number(events: int, late: int, duplicates: int, late_duplicates: int) -> Number:
    """The number; where an event arrived between two statements, not more duplicates than events."""
    return Number(events, late, min(duplicates, events), min(late_duplicates, late))


def _count_duplicates(asked: Query, spans: list[TimeSpan], grouping: Grouping) -> dict[Key, tuple[int, int]]:
    numbers: dict[Key, tuple[int, int]] = {}
    joined = join_spans(spans, COMPARED_ROWS_MAX)
    for part in compare(asked.store, asked.filter, joined, asked.limit, grouping, asked.late_ms):
        for key, number in part.counts.items():
            duplicates, late = numbers.get(key, (0, 0))
            numbers[key] = duplicates + number, late + part.late.get(key, 0)
    return numbers


def _top_values(asked: Query, grouping: Grouping, at: int, top: int, within: Mapping[str, Any]) -> frozenset[str]:
    """The values of a dimension with most events that are shown, as `rank` finds them."""
    texts = {"value": grouping.expressions[at]}
    rows = asked.rows("usage_top_values", {**grouping.values, **within, "limit": top}, texts)
    return frozenset(value for value, _ in rows)


def _read_others(numbers: Numbers) -> Numbers:
    """Values that `limit_to_top` marked with `=` as they are, and None for all others."""
    return {
        (start, *(value[1:] if value else None for value in values)): number
        for (start, *values), number in numbers.items()
    }


def count_all_ways(asked: Query, by: tuple[Dimension, ...]) -> Numbers | None:
    """All numbers by several columns at once; None where they would be more than an answer may have."""
    try:
        return count_groups(asked, "all", ZoneInfo("UTC"), by)[0]
    except RequestRefused:
        return None


def rank(numbers: Numbers, dimensions: int, top: int, duplicates: str) -> Tops:
    """The values of each dimension with most events that are shown.

    Of equally many, the first in the order of their bytes.
    """

    def place(item: tuple[Key, Number]) -> tuple[int, bytes]:
        (value,), number = item
        return -number.shown(duplicates)["events"], value.encode()

    sums = (add_up((key[at : at + 1], number) for key, number in numbers.items()) for at in range(1, dimensions + 1))
    return tuple(frozenset(value for (value,), _ in sorted(each.items(), key=place)[:top]) for each in sums)


def own_values(numbers: Numbers, dimensions: int) -> Tops:
    """The values that have numbers of their own."""
    places = range(1, dimensions + 1)
    return tuple(frozenset(key[at] for key in numbers if key[at] is not None) for at in places)


def fold(numbers: Numbers, tops: Tops) -> Numbers:
    """The numbers of the top values of each dimension by themselves; None stands for all other values."""
    return add_up(
        ((start, *(value if value in known else None for value, known in zip(values, tops, strict=True))), number)
        for (start, *values), number in numbers.items()
    )


def add_up(pairs: Iterable[tuple[Key, Number]]) -> Numbers:
    """The sum of the numbers of each key."""
    found: Numbers = {}
    for key, number in pairs:
        found[key] = found[key] + number if key in found else number
    return found
