"""Counts of a report's events that the engine makes apart from its rows, to check the rows against."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from footfall.reports.query.statement import filter_parameters, select_rows
from footfall.state import Job
from footfall.store import Store, query
from footfall.usage import COMPARED_ROWS_MAX, DuplicateCounts, Limit, TimeSpan, compare, join_spans


class TypeCounts(Struct, frozen=True):
    """The events of one type: rows, the first and last timestamp in ms, and how many of them came late."""

    rows: int
    first_ms: int
    last_ms: int
    late: int

    def join(self, other: "TypeCounts") -> "TypeCounts":
        """The counts of both."""
        first_ms, last_ms = min(self.first_ms, other.first_ms), max(self.last_ms, other.last_ms)
        return TypeCounts(self.rows + other.rows, first_ms, last_ms, self.late + other.late)


class ReportCounts(Struct, frozen=True):
    """Counts by type; types without events are left out."""

    by_type: dict[str, TypeCounts] = {}

    @property
    def rows(self) -> int:
        """The events of all types."""
        return sum(counts.rows for counts in self.by_type.values())

    def join(self, other: "ReportCounts") -> "ReportCounts":
        """The counts of both."""
        by_type = dict(self.by_type)
        for name, counts in other.by_type.items():
            by_type[name] = by_type[name].join(counts) if name in by_type else counts
        return ReportCounts(by_type)


class DuplicateScan(Struct, frozen=True):
    """The duplicates among the events of some days, part by part."""

    parts: tuple[DuplicateCounts, ...]

    @property
    def duplicates(self) -> int:
        """The duplicates of all parts."""
        return sum(part.duplicates for part in self.parts)

    @property
    def unmerged_copies(self) -> int:
        """How many more rows than events the table holds, because a load was repeated and is not merged yet."""
        return sum(part.unmerged_copies for part in self.parts)

    def subtract_from(self, counts: ReportCounts) -> ReportCounts:
        """The counts of these days without their duplicates, where the first of equal events is always counted.

        Equal events have one type and one timestamp, so that the first and last timestamps stay as they are.
        """
        rows: Counter[str] = Counter()
        late: Counter[str] = Counter()
        for part in self.parts:
            for by_interval, sums in ((part.counts, rows), (part.late, late)):
                for (_, name), number in by_interval.items():
                    sums[name] += number
        return ReportCounts(
            {
                name: TypeCounts(found.rows - rows[name], found.first_ms, found.last_ms, found.late - late[name])
                for name, found in counts.by_type.items()
            }
        )


def count_rows(
    store: Store,
    job: Job,
    span: TimeSpan,
    late_ms: int,
    settings: dict[str, Any],
    *,
    final: bool = True,
    drop: bool = False,
) -> ReportCounts:
    """Count the report's events of one span by type. Raises what the store raises.

    With `final` an event that was loaded twice counts once, at 0.14 us of a core an event; `drop` leaves out
    duplicates.
    """
    between = {"start": span.first_ms, "end": span.last_ms, "late": late_ms}
    text = select_rows(query("report_counts"), final=final, drop=drop)
    found = store.rows(text, {**filter_parameters(job), **between}, settings)
    return ReportCounts({name: TypeCounts(*numbers) for name, *numbers in found})


def find_duplicates(store: Store, job: Job, days: Iterable[TimeSpan], limit: Limit, late_ms: int = 0) -> DuplicateScan:
    """Find duplicates and unmerged copies among the report's events of some days, which may be joined.

    Raises what the store and `limit` raise.
    """
    selection, spans = filter_parameters(job), join_spans(days, COMPARED_ROWS_MAX)
    return DuplicateScan(tuple(compare(store, selection, spans, limit, late_ms=late_ms)))
