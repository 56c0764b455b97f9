"""Charts as SVG, drawn from specifications in Vega-Lite, in the part of it that `footfall.usage` and the pages use.

A chart has the width of its place, whatever that is: what has to do with the width is in percent or in a coordinate
system of its own that is stretched, and text is never stretched. Colours are classes, so that they follow the page's;
no style stands in the markup. Beside each chart is a table of the same values, from which a script also reads the
tips.

`specification` reads the part of Vega-Lite, `scale` has the steps of axes, `series` draws lines and areas over time,
`bars` bars, and `svg` writes elements.
"""

from footfall.dashboard.charts.bars import BarChart, ValueBar, read_bars
from footfall.dashboard.charts.branches import Branch, draw_branches, grow
from footfall.dashboard.charts.scale import name_time
from footfall.dashboard.charts.series import draw_series
from footfall.dashboard.charts.specification import BEFORE, Series, SeriesChart, compared_lines, read_series

__all__ = [
    "BEFORE",
    "BarChart",
    "Branch",
    "Series",
    "SeriesChart",
    "ValueBar",
    "compared_lines",
    "draw_branches",
    "draw_series",
    "grow",
    "name_time",
    "read_bars",
    "read_series",
]
