"""The curves of growth.py as pictures: one for each thing that grows, its measures side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt

IMAGES = Path(__file__).parent.parent / "docs" / "images"
WIDTH, HEIGHT = 270, 210
COLOURS = ("#1f6f8b", "#d1603d", "#6a994e")
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Panel:
    """One picture of a row: the measures that share its axis, by what they are called there."""

    title: str
    lines: Mapping[str, str]
    is_log: bool = False
    # Only the rows with this number of events a request, where there are several.
    size: int | None = None


@dataclass(frozen=True)
class Picture:
    """What grows, and what is seen of it."""

    key: str
    axis: str
    panels: tuple[Panel, ...]
    is_log: bool = True


MILLISECONDS = {"p50": "half", "p99": "99 %"}
PICTURES = {
    "connections": Picture(
        "connections",
        "connections",
        (
            Panel("requests a second", {"rate": "requests"}),
            Panel("milliseconds to the answer", MILLISECONDS, is_log=True),
            Panel("MiB of the web process", {"web_mib": "resident"}),
        ),
    ),
    "batch": Picture(
        "size",
        "events a request",
        (
            Panel("events a second", {"events": "events"}),
            Panel("milliseconds to the answer", MILLISECONDS, is_log=True),
            Panel("bytes an event in the archive", {"archive_bytes": "archive"}),
            Panel("MiB of the web process", {"web_mib": "resident"}),
        ),
    ),
    "processes": Picture(
        "processes",
        "web processes",
        (
            Panel("requests a second, 1 event each", {"rate": "requests"}, size=1),
            Panel("events a second, 100 a request", {"events": "events"}, size=100),
            Panel("milliseconds to the answer, 1 event each", MILLISECONDS, size=1),
        ),
        is_log=False,
    ),
    "types": Picture(
        "types",
        "types in the plan",
        (
            Panel("requests a second, 1 event each", {"rate": "requests"}, size=1),
            Panel("events a second, 100 a request", {"events": "events"}, size=100),
            Panel("MiB of the web process", {"web_mib": "resident"}, size=1),
        ),
    ),
    "stored": Picture(
        "stored",
        "events in the store",
        (
            Panel("seconds", {"report_s": "report of 2 in 5", "count_s": "counts by day"}, is_log=True),
            Panel("milliseconds to the answer to an event", MILLISECONDS),
            Panel("MB of the engine's folder", {"disk_mb": "store"}, is_log=True),
            Panel("MiB of the engine", {"engine_mib": "resident"}),
        ),
    ),
    "parts": Picture(
        "parts",
        "parts of a month",
        (
            Panel("seconds, 1 million events", {"report_s": "report", "count_s": "counts by day"}),
            Panel("MiB of the engine", {"engine_mib": "at the most"}),
            Panel("MB of the engine's folder", {"disk_mb": "store"}),
        ),
    ),
}


def draw(kept: Mapping[str, Any]) -> None:
    """A PNG for each curve that was measured."""
    IMAGES.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        if name in kept:
            path = IMAGES / f"growth-{name}.png"
            chart(picture, kept[name]["rows"]).save(path, ppi=108)
            print(f"drawn: {path}")


def chart(picture: Picture, rows: Rows) -> alt.ConcatChart:
    """The panels side by side."""
    panels = [_panel(picture, panel, rows) for panel in picture.panels]
    together = alt.concat(*panels, columns=3 if len(panels) == 3 else 2, spacing=28).resolve_scale(color="independent")
    return together.configure(background="white", font="sans-serif", padding=14).configure_view(stroke=None)


def _panel(picture: Picture, panel: Panel, rows: Rows) -> alt.LayerChart:
    wanted = [row for row in rows if panel.size is None or row["size"] == panel.size]
    seen = [
        {"x": row[picture.key], "y": row[key], "what": words} for row in wanted for key, words in panel.lines.items()
    ]
    names = list(panel.lines.values())
    values = sorted({one["x"] for one in seen})
    across = alt.Scale(type="log") if picture.is_log else alt.Scale(zero=False, nice=False, padding=12)
    upward = alt.Scale(type="log") if panel.is_log else alt.Scale(zero=True)
    steps = {"values": [10.0**power for power in range(-3, 7)]} if panel.is_log else {"tickCount": 6}
    legend = (
        alt.Legend(title=None, orient="top-left", symbolType="stroke", fillColor="white") if len(names) > 1 else None
    )
    base = alt.Chart(alt.Data(values=seen)).encode(
        x=alt.X(
            "x:Q",
            scale=across,
            axis=alt.Axis(title=picture.axis, values=_ticks(values), labelExpr=_ACROSS, labelFlush=False, **_AXIS),
        ),
        y=alt.Y("y:Q", scale=upward, axis=alt.Axis(title=None, labelExpr=_LABEL, **steps, **_AXIS)),
        color=alt.Color("what:N", sort=names, scale=alt.Scale(domain=names, range=COLOURS), legend=legend),
    )
    drawn = base.mark_line(strokeWidth=2) + base.mark_point(filled=True, size=42, opacity=1)
    return drawn.properties(
        width=WIDTH, height=HEIGHT, title=alt.Title(panel.title, anchor="start", frame="group", fontSize=13)
    )


# 20k for thousands, but 0.1 as it is.
_LABEL = "datum.value < 1 ? format(datum.value, '~g') : format(datum.value, '~s')"
_ACROSS = "datum.value < 1e6 ? format(datum.value, ',') : format(datum.value, '~s')"
_AXIS: dict[str, Any] = {"gridColor": "#e4e4e4", "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal"}


def _ticks(values: Sequence[float]) -> list[float]:
    """The values themselves where they are few, else the powers of ten among them."""
    if len(values) <= 5:
        return list(values)
    return [10**power for power in range(12) if values[0] <= 10**power <= values[-1] * 1.001]
