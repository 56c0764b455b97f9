"""Usage in numbers: counts over time and by type, and which events are duplicates.

A count is exact: it is the number of rows of a report of the same events at the same watermark, with duplicates kept or
dropped. `request` reads what is asked for, `Usage` counts, `compare` finds the duplicates, for reports too, which are
made in another process: there is one definition of a duplicate, and it stands in the docstring of `duplicates`.
"""

from footfall.usage.desk import Usage
from footfall.usage.duplicates import COMPARED_ROWS_MAX, Compared, Limit, compare, cut, is_narrow
from footfall.usage.records import Count, Counts, Total
from footfall.usage.request import DUPLICATES, CountsRequest, parse
from footfall.usage.spans import Span, join

__all__ = [
    "COMPARED_ROWS_MAX",
    "DUPLICATES",
    "Compared",
    "Count",
    "Counts",
    "CountsRequest",
    "Limit",
    "Span",
    "Total",
    "Usage",
    "compare",
    "cut",
    "is_narrow",
    "join",
    "parse",
]
