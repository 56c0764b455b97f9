"""How a report's months are joined into statements."""

import pytest

from footfall.reports import making
from footfall.reports.making import Month, spans


def months(*rows: int) -> list[Month]:
    return [Month(number * 10, number * 10 + 5, count, 1, []) for number, count in enumerate(rows)]


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
    assert [(span.first_ms, span.last_ms) for span in spans(months(*rows))] == expected
