"""Explore: any selection of events, broken down by one or two keys, as a chart, a table or a number."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final, cast

from msgspec import UNSET, Struct

from footfall import usage
from footfall.dashboard.address import PageAddress
from footfall.dashboard.breakdown import label_of, named_values
from footfall.dashboard.charts import SeriesChart, compared_lines, draw_series, read_bars, read_series
from footfall.dashboard.explanation import report_text
from footfall.dashboard.exploration import (
    COLUMNS,
    OVER_TIME,
    TOPS,
    Exploration,
    charts_of,
    read_exploration,
)
from footfall.dashboard.period import COMPARISONS, INTERVALS, Period, open_from
from footfall.dashboard.questions import show_question
from footfall.dashboard.selection import ask, narrowed
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Shown, Visit
from footfall.usage import Answer, Count, Counts, Uniques

# Rows of a table on the page; the file has all.
ROWS_MAX: Final = 500


class Line(Struct, frozen=True):
    """A row of the table, or an entry of the legend: values with the address that filters by them, and numbers."""

    values: tuple[str, ...]
    link: PageAddress | None
    events: int
    duplicates: int
    late: int


async def show(visit: Visit) -> Shown:
    """The answer to what the address asks."""
    asked = read_exploration(visit.address)
    values = {
        "intervals": INTERVALS if asked.chart in OVER_TIME or asked.call == "uniques" else (),
        "comparisons": COMPARISONS if not asked.by and asked.chart in ("line", "number") else (),
        "asked": asked,
        "tops": TOPS,
        "charts": list(charts_of(asked.call)),
    }
    return await show_question(visit, "explore.html", values, partial(_answer, visit, asked))


async def _answer(visit: Visit, asked: Exploration, period: Period) -> dict[str, Any]:
    given = asked.parameters(visit.address, period)
    answer = cast("Counts | Uniques", await ask(visit, asked.call, given))
    before: Answer | None = None
    if period.before and not asked.by and asked.chart in ("line", "number"):
        times = {"start": [period.before.start], "end": [period.before.end]}
        before = await ask(visit, asked.call, {**given, **times, "asOf": [str(answer.asOf)]})
    lines = list(_lines(visit.address, asked, answer)) if isinstance(answer, Counts) else []
    shown: dict[str, Any] = {
        "answer": answer,
        "before": before,
        "number_shown": _number(answer),
        "command": visit.curl(answer.link),
        "number_before": None if before is None else _number(cast("Counts | Uniques", before)),
        "report": report_text(answer.report),
        "lines": lines[:ROWS_MAX],
        "lines_left": max(0, len(lines) - ROWS_MAX),
        "uniques": answer.uniques if isinstance(answer, Uniques) else [],
        "chart": None,
        "bars": None,
    }
    if asked.chart in OVER_TIME:
        chart = _series(asked, period, answer, before)
        return {**shown, "chart": chart, "drawn": draw_series(chart), "legend": _legend(chart, lines)}
    if asked.chart == "bar" and asked.by:
        specification = _specification(asked, period, answer)
        specification["encoding"] |= _encoded(asked, "y", "color")
        return {**shown, "bars": read_bars(specification)}
    return shown


def _series(asked: Exploration, period: Period, answer: Counts | Uniques, before: Answer | None) -> SeriesChart:
    """The chart over time; without a breakdown, with the period before behind it."""
    opening = open_from(period, answer.asOf)
    if not asked.by:
        label = text(f"explore.call.{asked.call}")
        starts = period.starts(answer.asOf)
        now = _by_start(answer)
        values = [{"local": period.local(start), "number": now.get(start, 0), "period": label} for start in starts]
        if before is not None and period.before is not None:
            earlier = _by_start(cast("Counts | Uniques", before))
            places = zip(period.before.starts(answer.asOf), list(values), strict=False)
            values += [
                {"local": place["local"], "number": earlier.get(start, 0), "period": "before"}
                for start, place in places
            ]
        specification = compared_lines(label, values)
    else:
        specification = _specification(asked, period, answer)
        specification["encoding"] |= _encoded(asked, "color", "strokeDash")
    if asked.chart == "stacked":
        specification["mark"] = "bar"
    return read_series(specification, period.interval, opening)


def _by_start(answer: Counts | Uniques) -> dict[int, int]:
    if isinstance(answer, Uniques):
        return {each.start: each.uniques for each in answer.uniques}
    return {cast("int", each.start): each.events for each in answer.counts}


def _number(answer: Counts | Uniques) -> int:
    return answer.total.uniques if isinstance(answer, Uniques) else answer.total.events


def _specification(asked: Exploration, period: Period, answer: Counts | Uniques) -> dict[str, Any]:
    """The chart of an answer that is broken down."""
    table = usage.make_table(asked.call, answer)
    chart = usage.make_chart(asked.call, answer, table, period.timezone)
    return named_values(chart, [_field(key) for key in asked.by])


def _encoded(asked: Exploration, *channels: str) -> dict[str, Any]:
    """The dimensions in the order in which they were asked for: a chart has them in that of the columns."""
    fields = ({"field": _field(key), "type": "nominal"} for key in asked.by)
    return dict(zip(channels, fields, strict=False))


def _field(key: str) -> str:
    """A key as the records of a chart name it."""
    return key.removeprefix("context.")


def _values(count: Count, by: tuple[str, ...]) -> list[str | None]:
    """The values of a row; None for all others."""
    given = {} if count.values is UNSET else count.values
    found: list[str | None] = []
    for key in by:
        own = getattr(count, key) if key in COLUMNS else given.get(_field(key), UNSET)
        found.append(None if own is UNSET else own)
    return found


def _lines(address: PageAddress, asked: Exploration, answer: Counts) -> Iterator[Line]:
    """The values of the breakdown with their numbers, added up over time, the largest first, all others last."""
    sums: dict[tuple[str | None, ...], list[int]] = {}
    for count in answer.counts:
        numbers = sums.setdefault(tuple(_values(count, asked.by)), [0, 0, 0])
        for at, number in enumerate((count.events, count.duplicates, count.late)):
            numbers[at] += number
    for values, numbers in sorted(sums.items(), key=lambda item: (None in item[0], -item[1][0])):
        link: PageAddress | None = address
        for key, value in zip(asked.by, values, strict=True):
            link = None if link is None or value is None else narrowed(link, key, value)
        link = link if asked.by else None
        events, duplicates, late = numbers
        yield Line(tuple(map(label_of, values)), link, events, duplicates, late)


def _legend(chart: SeriesChart, lines: list[Line]) -> list[tuple[int, Line]]:
    """The lines of a chart with the places of their colours."""
    places = {series.name: place for place, series in enumerate(chart.series) if not series.is_before}
    found = [(places.get(", ".join(line.values)), line) for line in lines if line.values]
    return [(place, line) for place, line in found if place is not None]
