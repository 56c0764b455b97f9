"""The chart of an answer, as a Vega-Lite specification: the one that pages, files and notebooks show."""

import re
from typing import Any, Final
from zoneinfo import ZoneInfo

from footfall import windows
from footfall.usage.query import Answer
from footfall.usage.tables import Table

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
WIDTH, HEIGHT = 720, 320
_TITLES: Final = {
    "counts": "Events",
    "uniques": "Distinct actors",
    "retention": "Retention",
    "funnel": "Funnel",
    "paths": "Paths",
    "top": "Top values",
    "compare": "Compared with the period before",
    "summary": "Events",
    "types": "Types",
    "events": "Events",
}
_DIMENSIONS: Final = ("type", "product", "customer", "version")
# What XML, and so a picture, cannot have.
_NOT_DRAWABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def make_chart(name: str, answer: Answer, table: Table, timezone: str) -> dict[str, Any]:
    """The specification, with its data. Times are those of the zone's clock, which the axis shows as they are."""
    zone = windows.zone(timezone) or ZoneInfo("UTC")
    records = [_local(record, zone) for record in table.records()]
    return {
        "$schema": SCHEMA,
        "title": {"text": _TITLES[name], "subtitle": _subtitle(answer, zone), "anchor": "start"},
        "width": WIDTH,
        "height": HEIGHT,
        "background": "white",
        "data": {"values": records},
        **_marks(name, table),
        "config": {"view": {"stroke": None}, "axis": {"grid": True, "gridOpacity": 0.4}},
        "usermeta": {"asOf": answer.asOf, "exact": answer.exact, "link": answer.link},
    }


def _marks(name: str, table: Table) -> dict[str, Any]:
    match name:
        case "retention":
            return _heatmap()
        case "funnel":
            return _bars("step", "actors", table, color="value")
        case "paths":
            return _bars("types", "events", table)
        case "top":
            return _bars("value", "events", table)
        case "compare":
            return _compared(table)
        case "types":
            return _bars("type", "events", table)
        case _:
            return _series("uniques" if name == "uniques" else "events", table)


def _series(number: str, table: Table) -> dict[str, Any]:
    """A line over time, one for each value of the dimensions; without intervals, bars."""
    dimensions = _dimension_columns(table)
    if "start" not in table.columns:
        return _bars(dimensions[0] if dimensions else number, number, table)
    encoding: dict[str, Any] = {
        "x": {"field": "local", "type": "temporal", "scale": {"type": "utc"}, "title": None},
        "y": {"field": number, "type": "quantitative", "title": number, "scale": {"zero": True}},
    }
    if dimensions:
        encoding["color"] = {"field": dimensions[0], "type": "nominal", "title": dimensions[0]}
    if len(dimensions) > 1:
        encoding["strokeDash"] = {"field": dimensions[1], "type": "nominal", "title": dimensions[1]}
    tooltip = [
        {"field": "local", "type": "temporal", "format": "%Y-%m-%d %H:%M", "title": "from"},
        *({"field": each, "type": "nominal"} for each in dimensions),
        {"field": number, "type": "quantitative", "format": ","},
    ]
    return {"mark": {"type": "line", "point": len(table.rows) <= 100}, "encoding": {**encoding, "tooltip": tooltip}}


def _bars(label: str, number: str, table: Table, color: str = "") -> dict[str, Any]:
    encoding: dict[str, Any] = {
        "y": {"field": label, "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 320}},
        "x": {"field": number, "type": "quantitative", "title": number},
        "tooltip": [{"field": label, "type": "nominal"}, {"field": number, "type": "quantitative", "format": ","}],
    }
    if color in table.columns:
        encoding |= {"color": {"field": color, "type": "nominal"}, "yOffset": {"field": color, "type": "nominal"}}
    return {"mark": "bar", "encoding": encoding}


def _compared(table: Table) -> dict[str, Any]:
    dimensions = _dimension_columns(table)
    label = dimensions[0] if dimensions else "events"
    bars = _bars(label, "number", table)
    bars["encoding"] |= {
        "color": {"field": "period", "type": "nominal", "sort": ["events", "before"]},
        "yOffset": {"field": "period", "type": "nominal", "sort": ["events", "before"]},
    }
    return {"transform": [{"fold": ["events", "before"], "as": ["period", "number"]}], **bars}


def _heatmap() -> dict[str, Any]:
    share = {"calculate": "datum.actors ? datum.returned / datum.actors : 0", "as": "share"}
    cohort = {"field": "local", "type": "ordinal", "timeUnit": "utcyearmonthdate", "title": "first seen"}
    return {
        "transform": [share],
        "mark": "rect",
        "encoding": {
            "x": {"field": "period", "type": "ordinal", "title": "intervals later"},
            "y": cohort,
            "color": {"field": "share", "type": "quantitative", "title": "came back", "legend": {"format": ".0%"}},
            "tooltip": [
                cohort,
                {"field": "period", "type": "ordinal"},
                {"field": "returned", "type": "quantitative", "format": ","},
                {"field": "share", "type": "quantitative", "format": ".1%"},
            ],
        },
    }


def _dimension_columns(table: Table) -> list[str]:
    """The columns that are dimensions, as the records of a chart name them."""
    return [
        name.removeprefix("context.") for name in table.columns if name in _DIMENSIONS or name.startswith("context.")
    ]


def _subtitle(answer: Answer, zone: ZoneInfo) -> str:
    moment = windows.local_text(zone, answer.asOf)
    return f"as of {moment} {zone.key}{'' if answer.exact else ', estimated'}"


def _drawable(value: Any) -> Any:
    return _NOT_DRAWABLE.sub("\ufffd", value) if isinstance(value, str) else value


def _local(record: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """The record with the time of the zone's clock, as if it were one of UTC. A point in a name would mean a path."""
    found = {name.removeprefix("context."): _drawable(value) for name, value in record.items()}
    if "start" in found:
        found["local"] = found["start"] + windows.offset_ms(zone, found["start"])
    return found
