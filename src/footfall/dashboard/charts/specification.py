"""Reads specifications in Vega-Lite: the marks, encodings and values that charts over time use here."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

# More lines than that nobody can tell apart; the pages ask for fewer.
SERIES_MAX: Final = 12
# Of a series with this value in the field of `strokeDash`, the line is dashed: the period before.
BEFORE: Final = "before"


class Series(Struct, frozen=True):
    """A line: its name, its values by time (None where there is none), and whether it is the period before.

    Whole numbers stay whole when a chart is kept as JSON.
    """

    name: str
    values: tuple[int | float | None, ...]
    is_before: bool = False


class SeriesChart(Struct, frozen=True):
    """A chart over time. `times` are those of the zone's clock, in ms as if of UTC; `mark` is line, area or bar.

    `is_stacked` says that values of one time stand on each other. From `open_from` on, intervals are not over yet.
    """

    title: str
    mark: str
    interval: str
    times: tuple[int, ...]
    series: tuple[Series, ...]
    is_stacked: bool = False
    open_from: int | None = None
    is_whole: bool = True


def read_series(specification: Mapping[str, Any], interval: str, open_from: int | None = None) -> SeriesChart:
    """The chart over time that a specification describes.

    `x` is a temporal field, `y` a quantitative one, `color` names the series; `strokeDash` of the value `before` is the
    period before. `open_from` is a time of `x`.
    """
    mark, encoding = specification["mark"], specification["encoding"]
    kind = mark["type"] if isinstance(mark, Mapping) else mark
    x, y = encoding["x"]["field"], encoding["y"]["field"]
    color = encoding.get("color", {}).get("field")
    dash = encoding.get("strokeDash", {}).get("field")
    values: dict[tuple[str, bool], dict[int, float]] = {}
    for record in specification["data"]["values"]:
        name = str(record.get(color, "")) if color else str(encoding["y"].get("title") or y)
        is_before = bool(dash) and record.get(dash) == BEFORE
        if dash and not is_before and dash != color and record.get(dash):
            name = f"{name}, {record[dash]}"
        values.setdefault((name, is_before), {})[record[x]] = record[y]
    times = tuple(sorted({time for found in values.values() for time in found}))
    series = tuple(
        Series(name, tuple(found.get(time) for time in times), is_before)
        for (name, is_before), found in list(values.items())[:SERIES_MAX]
    )
    title = specification.get("title", "")
    return SeriesChart(
        title=title["text"] if isinstance(title, Mapping) else title,
        mark=kind,
        interval=interval,
        times=times,
        series=series,
        is_stacked=kind in ("bar", "area") and encoding["y"].get("stack", "zero") is not None and len(series) > 1,
        open_from=open_from,
        is_whole=all(value is None or float(value).is_integer() for each in series for value in each.values),
    )


def compared_lines(title: str, values: list[dict[str, Any]]) -> dict[str, Any]:
    """The specification of a line over time beside that of the period before.

    `values` have `local` (ms by the zone's clock, as if of UTC), `number`, and `period`, which is BEFORE or a name.
    """
    return {
        "title": title,
        "mark": "line",
        "encoding": {
            "x": {"field": "local", "type": "temporal", "scale": {"type": "utc"}},
            "y": {"field": "number", "type": "quantitative", "title": title},
            "color": {"field": "period", "type": "nominal"},
            "strokeDash": {"field": "period", "type": "nominal"},
        },
        "data": {"values": values},
    }
