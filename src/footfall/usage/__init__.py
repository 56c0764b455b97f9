"""Counts of events over time and by type, and which events are duplicates.

A count is exact: it is the number of rows of a report of the same events at the same watermark, with duplicates kept or
dropped. `request` parses the parameters, `Usage` counts, and `compare` finds duplicates, for reports too. `Rollups`
answers from counts of past days, which a `RollupKeeper` makes. The one definition of a duplicate is the docstring of
`duplicates`.
"""

from footfall.usage.duplicates import COMPARED_ROWS_MAX, DuplicateCounts, Limit, compare, cut, is_narrow, time_limit
from footfall.usage.intervals import TimeSpan, join_spans
from footfall.usage.request import CountsRequest, Duplicates, parse_counts_request
from footfall.usage.rollup_keeper import RollupKeeper
from footfall.usage.rollups import GroupCount, GroupKey, Rollups, Scope, ScopeState, TooManyGroups
from footfall.usage.service import Count, Counts, Total, Usage

__all__ = [
    "COMPARED_ROWS_MAX",
    "Count",
    "Counts",
    "CountsRequest",
    "DuplicateCounts",
    "Duplicates",
    "GroupCount",
    "GroupKey",
    "Limit",
    "RollupKeeper",
    "Rollups",
    "Scope",
    "ScopeState",
    "TimeSpan",
    "TooManyGroups",
    "Total",
    "Usage",
    "compare",
    "cut",
    "is_narrow",
    "join_spans",
    "parse_counts_request",
    "time_limit",
]
