"""Charts: round steps, named times, and marks where the values are."""

import re
import xml.etree.ElementTree as ET

import pytest

from footfall.dashboard.charts import draw_series, read_series
from footfall.dashboard.charts.scale import name_times, round_steps, time_parts
from footfall.dashboard.charts.series import HEIGHT

DAY_MS = 86_400_000


def specification(values, mark="line", **encoding):
    return {
        "title": "T",
        "mark": mark,
        "encoding": {"x": {"field": "t"}, "y": {"field": "n"}, **encoding},
        "data": {"values": values},
    }


def elements(markup, name):
    root = ET.fromstring(str(markup))  # noqa: S314 - our own markup
    return [each for each in root.iter() if each.tag == name]


@pytest.mark.parametrize(
    ("most", "whole", "steps"),
    [
        (0, True, [0, 1]),
        (1, True, [0, 1]),
        (3, True, [0, 1, 2, 3]),
        (10, True, [0, 3, 6, 9, 12]),
        (100, True, [0, 25, 50, 75, 100]),
        (1234, True, [0, 500, 1000, 1500]),
        (0.4, False, [0, 0.1, 0.2, 0.30000000000000004, 0.4]),
        (float("nan"), True, [0, 1]),
    ],
)
def test_steps_are_round_and_reach_the_largest(most, whole, steps):
    assert round_steps(most, whole=whole) == steps


def test_times_are_named_from_the_newest_back():
    times = [at * DAY_MS for at in range(14)]
    assert name_times(times, "day") == {1: "2 Jan", 4: "5 Jan", 7: "8 Jan", 10: "11 Jan", 13: "14 Jan"}
    assert name_times([0, 3_600_000], "hour") == {0: "00:00", 1: "01:00"}
    assert name_times([0, 400 * DAY_MS], "month") == {0: "Jan 1970", 1: "Feb 1971"}
    assert name_times([], "day") == {}
    # What a script needs to name them in the browser's language.
    assert [time_parts([0, DAY_MS], each) for each in ("hour", "week", "month")] == [
        *("day month clock", "day month", "month")
    ]
    assert [time_parts([0, 400 * DAY_MS], "month"), time_parts([0, 60_000], "minute")] == ["month year", "clock"]


def test_a_line_goes_through_its_values_and_stops_before_what_is_not_over():
    values = [{"t": at * DAY_MS, "n": number} for at, number in enumerate((0, 4, 2))]
    chart = read_series(specification(values), "day", open_from=2 * DAY_MS)
    lines = [each for each in elements(draw_series(chart), "path") if "line" in each.get("class")]
    assert [(each.get("class"), each.get("d")) for each in lines] == [
        ("line c0", f"M0 {HEIGHT}L500 0"),
        ("line c0 open", f"M500 0L1000 {HEIGHT // 2}"),
    ]


def test_the_period_before_is_behind_and_has_no_points():
    values = [{"t": at, "n": 1, "who": who} for at in (0, DAY_MS) for who in ("now", "before")]
    dash = {"color": {"field": "who"}, "strokeDash": {"field": "who"}}
    drawn = draw_series(read_series(specification(values, **dash), "day"))
    classes = [each.get("class") for each in elements(drawn, "path")]
    assert classes == ["line before", "area c0", "line c0"]
    assert len(elements(drawn, "circle")) == 2


def test_bars_stand_on_each_other():
    values = [{"t": 0, "n": 3, "who": "a"}, {"t": 0, "n": 1, "who": "b"}, {"t": DAY_MS, "n": 2, "who": "b"}]
    chart = read_series(specification(values, "bar", color={"field": "who"}), "day")
    assert chart.is_stacked
    bars = elements(draw_series(chart), "rect")
    assert [(each.get("class"), each.get("y"), each.get("height")) for each in bars] == [
        ("bar c0", "60", "180"),
        ("bar c1", "0", "60"),
        ("bar c1", "120", "120"),
    ]


def test_names_cannot_be_markup_and_nothing_breaks_without_values():
    values = [{"t": 0, "n": 1, "who": '<b>"&'}]
    drawn = str(draw_series(read_series(specification(values, color={"field": "who"}), "day")))
    assert "<b>" not in drawn
    assert elements(draw_series(read_series(specification([]), "day")), "svg")
    assert not re.search(r'style=|="[^"]*nan', drawn)
