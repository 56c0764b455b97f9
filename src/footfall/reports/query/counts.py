"""What a report holds, counted by the engine apart from its rows: by day and type beforehand.

And again beside them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from msgspec import Struct

from footfall.reports.query import statement
from footfall.reports.query.statement import select_rows
from footfall.state import Job
from footfall.store import Store, query
from footfall.usage import COMPARED_ROWS_MAX, DuplicateCounts, Limit, TimeSpan, compare, join_spans

# What a report holds, counted by the engine apart from its rows, so that the two can be held against each other.


class CountKind(Struct, frozen=True):
    """The events of one type: rows, the first and last timestamp in ms, and how many of them came late."""

    rows: int
    first_ms: int
    last_ms: int
    late: int

    def join(self, other: "CountKind") -> "CountKind":
        first_ms, last_ms = min(self.first_ms, other.first_ms), max(self.last_ms, other.last_ms)
        return CountKind(self.rows + other.rows, first_ms, last_ms, self.late + other.late)


class ReportCounts(Struct, frozen=True):
    """The events of some spans by type; there are no types without events."""

    kinds: dict[str, CountKind] = {}

    @property
    def rows(self) -> int:
        """All events."""
        return sum(kind.rows for kind in self.kinds.values())

    def join(self, other: "ReportCounts") -> "ReportCounts":
        """Both together."""
        kinds = dict(self.kinds)
        for name, kind in other.kinds.items():
            kinds[name] = kinds[name].join(kind) if name in kinds else kind
        return ReportCounts(kinds)


class UnmergedCopies(Struct, frozen=True):
    """Some days, cut as duplicates were looked for."""

    parts: tuple[DuplicateCounts, ...]

    @property
    def found(self) -> int:
        """All duplicates."""
        return sum(part.duplicates for part in self.parts)

    @property
    def twins(self) -> int:
        """How many events are in the table once more than they should."""
        return sum(part.twins for part in self.parts)

    def leave_out(self, survey: ReportCounts) -> ReportCounts:
        """What is left of these days' events without their duplicates, where the first of equal ones is always left.

        Equal events are of one type and one time, so that no first or last timestamp goes with them.
        """
        fewer: Counter[str] = Counter()
        tardy: Counter[str] = Counter()
        for part in self.parts:
            for counts, sums in ((part.counts, fewer), (part.late, tardy)):
                for (_, name), number in counts.items():
                    sums[name] += number
        return ReportCounts(
            {
                name: CountKind(kind.rows - fewer[name], kind.first_ms, kind.last_ms, kind.late - tardy[name])
                for name, kind in survey.kinds.items()
            }
        )


def count_rows(
    store: Store,
    job: Job,
    span: TimeSpan,
    late_ms: int,
    limit: dict[str, Any],
    *,
    final: bool = True,
    drop: bool = False,
) -> ReportCounts:
    """Count the report's events of one span by type. Raises what the store raises.

    Each counts once, or without `final` as often as it is in the table; `drop` leaves duplicates out. Merging on the
    way, it takes 0.14 us of a core for an event.
    """
    between = {"start": span.first_ms, "end": span.last_ms, "late": late_ms}
    text = select_rows(query("report_survey"), final=final, drop=drop)
    found = store.rows(text, {**statement.filter_parameters(job), **between}, limit)
    return ReportCounts({name: CountKind(*numbers) for name, *numbers in found})


def find_copies(store: Store, job: Job, days: Iterable[TimeSpan], limit: Limit, late_ms: int = 0) -> UnmergedCopies:
    """Look for duplicates and twins among the report's events of some days, given as they may be joined.

    Raises what the store and `limit` raise.
    """
    selection, spans = statement.filter_parameters(job), join_spans(days, COMPARED_ROWS_MAX)
    return UnmergedCopies(tuple(compare(store, selection, spans, limit, late_ms=late_ms)))


# What a report may hold, by months: the days with their rows, and the types with theirs.


class DayRange(Struct, frozen=True):
    """A month or several: their days, and their events by type, both with those twice that were loaded twice."""

    days: tuple[TimeSpan, ...]
    survey: ReportCounts

    @property
    def span(self) -> TimeSpan:
        """All of it."""
        return TimeSpan(self.days[0].first_ms, self.days[-1].last_ms, self.survey.rows)

    def join(self, other: "DayRange") -> "DayRange":
        """Both together, of which the other one is later."""
        return DayRange(self.days + other.days, self.survey.join(other.survey))


class Histogram(Struct, frozen=True):
    """The months of a report that have events, in order, and how many values the longest context has, if asked for."""

    months: tuple[DayRange, ...]
    width: int

    @property
    def rows(self) -> int:
        """The most rows that the report can have."""
        return sum(month.survey.rows for month in self.months)

    @property
    def types(self) -> frozenset[str]:
        """The types of the report's events."""
        return frozenset(chain.from_iterable(month.survey.kinds for month in self.months))

    def stretches(self, rows_max: int) -> Iterator[DayRange]:
        """The months, of which several in order are one while their rows together are at most so many."""
        held: DayRange | None = None
        for month in self.months:
            if held is None:
                held = month
            elif held.survey.rows + month.survey.rows <= rows_max:
                held = held.join(month)
            else:
                yield held
                held = month
        if held is not None:
            yield held


def read_histogram(store: Store, job: Job, late_ms: int, limit: dict[str, Any], *, widths: bool) -> Histogram:
    """Ask for it in one statement, which reads each event once: 0.08 us of a core. Raises what the store raises."""
    wanted = {**statement.filter_parameters(job), "late": late_ms, "widths": int(widths)}
    days: dict[int, list[TimeSpan]] = {}
    kinds: dict[int, dict[str, CountKind]] = {}
    longest = 0
    for is_day, month, name, first_ms, last_ms, rows, width, late in store.rows(query("report_outline"), wanted, limit):
        longest = max(longest, width)
        if is_day:
            days.setdefault(month, []).append(TimeSpan(first_ms, last_ms, rows))
        else:
            kinds.setdefault(month, {})[name] = CountKind(rows, first_ms, last_ms, late)
    months = (DayRange(tuple(spans), ReportCounts(kinds[month])) for month, spans in sorted(days.items()))
    return Histogram(tuple(months), longest)
