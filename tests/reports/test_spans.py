"""How a report's days are joined into statements."""

import pytest

from footfall.reports import making
from footfall.reports.making import Day, spans


def months(*rows: int) -> list[Day]:
    """Months of two days."""
    return [
        Day(number, number * 10 + day, number * 10 + 2 + day, half, 1, [])
        for number, count in enumerate(rows)
        for day, half in ((0, count // 2), (3, count - count // 2))
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((), []),
        ((1,), [(0, 5)]),
        ((1, 2, 3), [(0, 25)]),
        ((60, 40, 1), [(0, 15), (20, 25)]),
        ((500, 1, 500, 500), [(0, 5), (10, 15), (20, 25), (30, 35)]),
        ((99, 1, 1, 99), [(0, 15), (20, 35)]),
    ],
)
def test_months_are_joined_while_their_rows_are_few(monkeypatch, rows, expected):
    monkeypatch.setattr(making, "SPAN_ROWS_MAX", 100)
    found = list(spans(months(*rows)))
    assert [(days[0].first_ms, days[-1].last_ms) for days in found] == expected
    assert sum(day.rows for days in found for day in days) == sum(rows)
