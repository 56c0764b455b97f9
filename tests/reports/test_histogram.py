"""How a report's months are joined into statements."""

import pytest

from footfall.reports.query.counts import DayRange, Histogram, ReportCounts, TypeCounts
from footfall.usage import TimeSpan


def months(*rows: int) -> Histogram:
    """Months of two days, each with two types."""
    ranges = []
    for number, count in enumerate(rows):
        halves = (count // 2, count - count // 2)
        days = tuple(
            TimeSpan(number * 10 + day, number * 10 + 2 + day, half) for day, half in zip((0, 3), halves, strict=True)
        )
        kinds = {
            name: TypeCounts(half, number * 10, number * 10 + 5, 1) for name, half in zip("TU", halves, strict=True)
        }
        ranges.append(DayRange(days, ReportCounts(kinds)))
    return Histogram(tuple(ranges), 0)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((), []),
        ((1,), [(0, 5, 1)]),
        ((1, 2, 3), [(0, 25, 6)]),
        ((60, 40, 1), [(0, 15, 100), (20, 25, 1)]),
        ((500, 1, 500, 500), [(0, 5, 500), (10, 15, 1), (20, 25, 500), (30, 35, 500)]),
        ((99, 1, 1, 99), [(0, 15, 100), (20, 35, 100)]),
    ],
)
def test_months_are_joined_while_their_rows_are_few(rows, expected):
    found = list(months(*rows).ranges(100))
    assert [(one.span.first_ms, one.span.last_ms, one.span.rows) for one in found] == expected
    assert sum(day.rows for one in found for day in one.days) == months(*rows).rows == sum(rows)


def test_the_types_of_joined_months_are_counted_together():
    (found,) = months(3, 5).ranges(100)
    assert found.counts.by_type == {"T": TypeCounts(3, 0, 15, 2), "U": TypeCounts(5, 0, 15, 2)}
