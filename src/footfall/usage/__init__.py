"""Statistics of events: counts, distinct actors, retention, funnels and paths; and which events are duplicates.

Every number is exact unless it says that it is not: a count is the number of rows of a report of the same events at the
same watermark, with duplicates kept or dropped. `selection` says which events are meant, in one way for statistics and
reports; `Usage` answers; `Rollups` answers from counts of past days, which a `RollupKeeper` makes; and `compare` finds
duplicates, for reports too. The one definition of a duplicate is the docstring of `duplicates`.
"""

from footfall.usage.charts import make_chart
from footfall.usage.counts import Count, Counts, Total
from footfall.usage.definitions import DEFINITIONS, Definition
from footfall.usage.drawing import Drawings
from footfall.usage.duplicates import (
    COMPARED_ROWS_MAX,
    DuplicateCounts,
    Limit,
    compare,
    cut,
    time_limit,
    without_duplicates,
)
from footfall.usage.event_list import EventList, TypesSeen
from footfall.usage.funnel import Funnel
from footfall.usage.grouping import Dimension, Grouping, group_by
from footfall.usage.intervals import TimeSpan, join_spans
from footfall.usage.matching import Matcher, compile_matcher, type_test
from footfall.usage.paths import Paths, Top
from footfall.usage.query import Answer, ReportBody, report_body
from footfall.usage.request import ParameterReader
from footfall.usage.retention import ActorRetention
from footfall.usage.rollup_keeper import RollupKeeper
from footfall.usage.rollups import GroupCount, GroupKey, Rollups, Scope, ScopeState, TooManyGroups
from footfall.usage.selection import (
    EVERY,
    TIME_MS_MOST,
    Condition,
    Duplicates,
    EventFilter,
    EventSelection,
    compile_selection,
    parse_condition,
    planless_place,
)
from footfall.usage.service import STATISTICS, Statistics, Usage, visible_selection
from footfall.usage.summary import PeriodComparison, UsageSummary
from footfall.usage.tables import Table, make_table, write_arrow, write_csv
from footfall.usage.uniques import Uniques

__all__ = [
    "COMPARED_ROWS_MAX",
    "DEFINITIONS",
    "EVERY",
    "STATISTICS",
    "TIME_MS_MOST",
    "ActorRetention",
    "Answer",
    "Condition",
    "Count",
    "Counts",
    "Definition",
    "Dimension",
    "Drawings",
    "DuplicateCounts",
    "Duplicates",
    "EventFilter",
    "EventList",
    "EventSelection",
    "Funnel",
    "GroupCount",
    "GroupKey",
    "Grouping",
    "Limit",
    "Matcher",
    "ParameterReader",
    "Paths",
    "PeriodComparison",
    "ReportBody",
    "RollupKeeper",
    "Rollups",
    "Scope",
    "ScopeState",
    "Statistics",
    "Table",
    "TimeSpan",
    "TooManyGroups",
    "Top",
    "Total",
    "TypesSeen",
    "Uniques",
    "Usage",
    "UsageSummary",
    "compare",
    "compile_matcher",
    "compile_selection",
    "cut",
    "group_by",
    "join_spans",
    "make_chart",
    "make_table",
    "parse_condition",
    "planless_place",
    "report_body",
    "time_limit",
    "type_test",
    "visible_selection",
    "without_duplicates",
    "write_arrow",
    "write_csv",
]
