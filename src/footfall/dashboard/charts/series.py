"""Lines, areas and bars over time."""

from collections.abc import Iterator
from typing import Final

from markupsafe import Markup

from footfall.dashboard.charts.scale import name_times, round_steps, time_parts
from footfall.dashboard.charts.specification import Series, SeriesChart
from footfall.dashboard.charts.svg import Value, element, path, percent

# Pixels: the plot, the room above it for half a letter, and that below it for the names of times.
HEIGHT: Final = 240
ABOVE: Final = 12
BELOW: Final = 28
# The width of the stretched coordinate system.
WIDTH: Final = 1000.0
# Points that have a mark each; more would be a thick line.
MARKED_MAX: Final = 16
# The part of an interval that its bar takes.
_BAR: Final = 0.78


def draw_series(chart: SeriesChart) -> Markup:
    """The chart; it is hidden from screen readers, which have its table."""
    plot = _Plot(chart)
    return element(
        "svg",
        element("svg", *plot.grid(), x=0, y=ABOVE, width="100%", height=HEIGHT, overflow="visible"),
        element(
            "svg",
            *plot.marks(),
            x=0,
            y=ABOVE,
            width="100%",
            height=HEIGHT,
            overflow="visible",
            viewBox=f"0 0 {WIDTH:.0f} {HEIGHT}",
            preserveAspectRatio="none",
        ),
        element("svg", *plot.points(), *plot.numbers(), x=0, y=ABOVE, width="100%", height=HEIGHT, overflow="visible"),
        element("svg", *plot.times(), x=0, y=0, width="100%", height=ABOVE + HEIGHT + BELOW, overflow="visible"),
        class_="plot",
        width="100%",
        height=ABOVE + HEIGHT + BELOW,
        aria_hidden="true",
        focusable="false",
    )


class _Plot:
    """Where everything of a chart stands."""

    def __init__(self, chart: SeriesChart) -> None:
        self._chart = chart
        self._count = len(chart.times)
        # Behind the newest, the period before; the first series is on top.
        self._drawn = sorted(enumerate(chart.series), key=lambda each: (not each[1].is_before, -each[0]))
        self._steps = round_steps(self._most(), whole=chart.is_whole)
        self._most_shown = self._steps[-1]

    def _most(self) -> float:
        columns = zip(*(each.values for each in self._chart.series), strict=True)
        if self._chart.is_stacked:
            return max((sum(value or 0 for value in column) for column in columns), default=0)
        return max((value or 0 for column in columns for value in column), default=0)

    def _x(self, place: int) -> float:
        """The part of the width at which the middle of an interval stands."""
        if self._chart.mark == "bar":
            return (place + 0.5) / self._count
        return place / (self._count - 1) if self._count > 1 else 0.5

    def _y(self, value: float) -> float:
        return HEIGHT * (1 - value / self._most_shown)

    def grid(self) -> Iterator[Markup]:
        """Horizontal lines."""
        for step in self._steps:
            y = self._y(step)
            yield element("line", x1=0, x2="100%", y1=y, y2=y, class_="axis" if step == 0 else "grid")

    def numbers(self) -> Iterator[Markup]:
        """The numbers of the lines, left of the plot."""
        for step in self._steps:
            yield element("text", _number(step), x=-8, y=self._y(step) + 4, text_anchor="end", class_="tick quantity")

    def times(self) -> Iterator[Markup]:
        """The names of times below."""
        times, interval = self._chart.times, self._chart.interval
        named = name_times(times, interval)
        parts = time_parts(times, interval) if named else ""
        for order, (place, name) in enumerate(named.items()):
            x = self._x(place)
            anchor = "start" if x < 0.02 else "end" if x > 0.98 else "middle"
            # On a narrow screen every second one is left out, from the end.
            kind = "tick" if (len(named) - order) % 2 else "tick wide"
            at: dict[str, Value] = {"x": percent(x), "y": ABOVE + HEIGHT + 20, "text_anchor": anchor}
            yield element("text", name, **at, class_=kind, data_local=times[place], data_parts=parts)

    def marks(self) -> Iterator[Markup]:
        """Lines, areas or bars."""
        if self._chart.mark == "bar":
            yield from self._bars()
            return
        for place, series in self._drawn:
            color = "before" if series.is_before else f"c{place}"
            for points, is_open in self._runs(series):
                if not series.is_before and len(self._chart.series) - self._before_count() == 1 and len(points) > 1:
                    area = [*points, (points[-1][0], HEIGHT), (points[0][0], HEIGHT)]
                    yield element("path", d=f"{path(area)}Z", class_=f"area {color}")
                if len(points) > 1:
                    kind = f"line {color} open" if is_open else f"line {color}"
                    yield element("path", d=path(points), class_=kind, vector_effect="non-scaling-stroke")

    def _before_count(self) -> int:
        return sum(each.is_before for each in self._chart.series)

    def _runs(self, series: Series) -> Iterator[tuple[list[tuple[float, float]], bool]]:
        """The points of a line where it has values; what leads to intervals that are not over yet is apart."""
        opening = self._chart.open_from
        closed: list[tuple[float, float]] = []
        unclosed: list[tuple[float, float]] = []
        for place, value in enumerate(series.values):
            if value is None:
                continue
            point = (WIDTH * self._x(place), self._y(value))
            is_open = opening is not None and not series.is_before and self._chart.times[place] >= opening
            if is_open and not unclosed and closed:
                unclosed.append(closed[-1])
            (unclosed if is_open else closed).append(point)
        yield closed, False
        if unclosed:
            yield unclosed, True

    def _bars(self) -> Iterator[Markup]:
        step = WIDTH / max(self._count, 1)
        shown = [(place, each) for place, each in enumerate(self._chart.series)]
        for at in range(self._count):
            base = 0.0
            for place, series in shown:
                value = series.values[at] or 0
                if not value:
                    continue
                width = step * _BAR if self._chart.is_stacked else step * _BAR / len(shown)
                left = at * step + (step * (1 - _BAR)) / 2 + (0 if self._chart.is_stacked else place * width)
                top = self._y(base + value)
                color = "before" if series.is_before else f"c{place}"
                height = self._y(base) - top
                yield element("rect", x=left, y=top, width=width, height=height, class_=f"bar {color}")
                base += value if self._chart.is_stacked else 0

    def points(self) -> Iterator[Markup]:
        """A mark for each point where there are few, and for the only one of a line."""
        if self._chart.mark == "bar" or self._count > MARKED_MAX:
            return
        for place, series in self._drawn:
            if series.is_before and self._count > 1:
                continue
            for at, value in enumerate(series.values):
                if value is not None:
                    color = "before" if series.is_before else f"c{place}"
                    yield element("circle", cx=percent(self._x(at)), cy=self._y(value), r=2.5, class_=f"point {color}")


def _number(value: float) -> str:
    """A round number in few characters."""
    for size, sign in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{sign}"
    return f"{value:g}"
