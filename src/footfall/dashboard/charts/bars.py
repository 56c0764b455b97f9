"""Bars that lie beside each other: a number for each value, or for each value of two keys."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

# Bars of one chart: more are a table.
BARS_MAX: Final = 100


class ValueBar(Struct, frozen=True):
    """A value's number, as a part of the largest; `color` is the place of its second value among them."""

    label: str
    second: str
    number: float
    part: float
    color: int


class BarChart(Struct, frozen=True):
    """Bars in the order of the specification, with the names of the second values."""

    bars: tuple[ValueBar, ...]
    seconds: tuple[str, ...] = ()


def read_bars(specification: Mapping[str, Any]) -> BarChart:
    """The bars of a specification: `y` is a nominal field, `x` a quantitative one, `color` a second value."""
    encoding = specification["encoding"]
    y, x = encoding["y"]["field"], encoding["x"]["field"]
    color = encoding.get("color", {}).get("field")
    records = specification["data"]["values"][:BARS_MAX]
    seconds = tuple(dict.fromkeys(str(record.get(color, "")) for record in records)) if color else ()
    most = max((record[x] for record in records), default=0) or 1
    bars = []
    for record in records:
        second = str(record.get(color, "")) if color else ""
        at = seconds.index(second) if color else 0
        bars.append(ValueBar(str(record.get(y, "")), second, record[x], record[x] / most, at))
    return BarChart(tuple(bars), seconds)
