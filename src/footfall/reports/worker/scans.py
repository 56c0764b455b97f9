"""What is known of a report before its rows are read: its columns, its parts, and a scan of each range of a part."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from msgspec import Struct

from footfall.plan import Plan
from footfall.reports.query.columnar import ORDINARY_SIZES, GroupSizes
from footfall.reports.query.counts import (
    DayRange,
    DuplicateScan,
    Histogram,
    ReportCounts,
    count_rows,
    find_duplicates,
    read_histogram,
)
from footfall.reports.query.layout import Layout, plan_layout, planless_layout
from footfall.reports.query.scope import PairGroup, ReportImpossible, ScopeStatement, Survey, join_pairs, survey_scope
from footfall.reports.query.statement import ReportStatement
from footfall.reports.selection import filter_products, has_scope_columns, job_filter, missing_key, select_events
from footfall.settings import limits
from footfall.state import Job
from footfall.store import Store
from footfall.usage import EventFilter, TimeSpan, cut

# Returns the engine's settings for the next statement of a purpose; raises when there must be none.
StatementSettings = Callable[[str], dict[str, Any]]


class ScanResult(Struct, frozen=True):
    """What is known of a range of the report before its rows are read.

    `parts` are the spans to read, each with whether its duplicates are left out; with `final` the statement merges
    copies of one event. `selected` counts the events that the report selects, `in_file` those that go into the file.
    """

    parts: tuple[tuple[TimeSpan, bool], ...]
    final: bool
    duplicates: int
    selected: ReportCounts
    in_file: ReportCounts


class ReportPart(Struct, frozen=True):
    """Events that one histogram describes, in a report of one customer's product all of them.

    `selected` selects them. The statement reads their rows; it is made once, which for the largest plan takes a second.
    Those of several pairs of customer and product are `mixed`, and read at once. Others are of this pair.
    """

    selected: EventFilter
    histogram: Histogram
    make_statement: Callable[[], ReportStatement]
    mixed: bool = False
    customer: str = ""
    product: str = ""


class PendingScan(Struct, frozen=True):
    """A range of a part, its statement, and its scan, which runs on a thread of its own."""

    part: ReportPart
    statement: ReportStatement
    range: DayRange
    result: Future[ScanResult]


class AttemptOptions(Struct, frozen=True, kw_only=True):
    """Options that all reports share: of the manifest, of late events, and of the memory of statements and files.

    Of several months one statement puts `span_rows_max` rows in order: it takes some 30 ms whatever it returns, and so
    many rows take some tens of MiB. Of a span of `drop_rows_max` rows one statement leaves out the duplicates: it holds
    them, 80 MB where half of the rows are some.
    """

    plan_fingerprint: str = ""
    late_ms: int = limits.LATE_AFTER_S * 1000
    memory_bytes_max: int = limits.REPORT_MEMORY_BYTES_MAX
    manifest_types_chars_max: int = limits.MANIFEST_TYPES_CHARS_MAX
    span_rows_max: int = 50_000
    drop_rows_max: int = 100_000
    groups: GroupSizes = ORDINARY_SIZES


ORDINARY_OPTIONS = AttemptOptions()


class Scanner:
    """Surveys a report, and scans its ranges. All methods block, and raise what the store and `settings` raise."""

    def __init__(
        self,
        job: Job,
        plan: Plan | None,
        store: Store,
        options: AttemptOptions,
        settings: StatementSettings,
        *,
        final: bool = False,
    ) -> None:
        self._job = job
        self._plan = plan
        self._store = store
        self._options = options
        self._settings = settings
        self._final = final
        self._drops = job.duplicates == "drop"
        self.rows_total = 0

    def survey(self) -> tuple[Layout, Iterable[ReportPart]]:
        """The columns of the report, and its parts, which are made one by one. Raises ReportImpossible."""
        if key := missing_key(select_events(self._job), self._plan):
            # The plan has changed since the report was ordered; without the key, the file would be another.
            raise ReportImpossible(f"no product of the report has the context key {key[:100]} in the tracking plan")
        return self._survey_scope() if has_scope_columns(self._job.filter) else self._survey_one()

    def _survey_one(self) -> tuple[Layout, Iterable[ReportPart]]:
        """The columns of a report of one customer's product, and its one part."""
        (product,) = filter_products(self._job.filter)
        columns = self._plan.columns(product) if self._plan else None
        selected = job_filter(self._job, self._plan)
        histogram = self._read_histogram(selected, context_length=columns is None)
        self.rows_total = histogram.rows
        layout = planless_layout(histogram.context_length) if columns is None else plan_layout(columns)
        make_statement = partial(ReportStatement, self._job, layout, histogram.types, selected)
        return layout, [ReportPart(selected, histogram, make_statement)]

    def _survey_scope(self) -> tuple[Layout, Iterable[ReportPart]]:
        """The columns of a report of several, and its parts. Raises ReportImpossible."""
        survey = survey_scope(self._store, self._job, self._plan, partial(self._settings, ""))
        self.rows_total = survey.rows
        parts = join_pairs(survey.pairs, self._options.span_rows_max)
        return survey.layout, (self._read_part(survey, part) for part in parts if part.rows)

    def _read_part(self, survey: Survey, part: PairGroup) -> ReportPart:
        selected = job_filter(self._job, self._plan, part.narrow(select_events(self._job)))
        make = partial(ScopeStatement, self._job, survey.layout, selected, planless=survey.planless)
        if not part.is_single:
            counts = self._count(selected, part.span, final=False, by_kind=True)
            histogram = Histogram((DayRange((part.span,), counts),), 0)
            return ReportPart(selected, histogram, partial(make, kinds=counts.kinds), mixed=True)
        (pair,) = part.pairs
        histogram = self._read_histogram(selected)
        kinds = frozenset((pair.product, name) for name in histogram.types)
        made = partial(make, kinds=kinds)
        return ReportPart(selected, histogram, made, customer=pair.customer, product=pair.product)

    def _read_histogram(self, selected: EventFilter, *, context_length: bool = False) -> Histogram:
        settings = self._settings("")
        return read_histogram(self._store, selected, self._options.late_ms, settings, context_length=context_length)

    def scans(self, parts: Iterable[ReportPart], thread: ThreadPoolExecutor) -> Iterator[PendingScan]:
        """The ranges of all parts in order; those of a part are scanned while their rows are read."""
        for part in parts:
            pending = [
                (each, thread.submit(self._scan, part, each))
                for each in part.histogram.ranges(self._options.span_rows_max)
            ]
            statement = part.make_statement()
            for each, result in pending:
                yield PendingScan(part, statement, each, result)

    def _scan(self, part: ReportPart, days: DayRange) -> ScanResult:
        limit = partial(self._settings, "scan")
        late_ms = self._options.late_ms
        scan = find_duplicates(self._store, part.selected, days.days, limit, late_ms, by_kind=part.mixed)
        final = self._final or scan.unmerged_copies > 0
        selected = self._count(part.selected, days.span, final=True, by_kind=part.mixed) if final else days.counts
        spans, in_file = tuple(self._spans(part, days, scan)), selected
        if self._drops and scan.duplicates:
            in_file = self._without_duplicates(part, selected, scan, spans, final=final)
        return ScanResult(spans, final, scan.duplicates, selected, in_file)

    def _without_duplicates(
        self,
        part: ReportPart,
        selected: ReportCounts,
        scan: DuplicateScan,
        spans: tuple[tuple[TimeSpan, bool], ...],
        *,
        final: bool,
    ) -> ReportCounts:
        """Count the spans without duplicates: by the store only where an event outside of the report may be the first.

        Such a count takes a third as long as all else together.
        """
        if not part.selected.is_narrow:
            return scan.subtract_from(selected)
        in_file = ReportCounts()
        for span, drop in spans:
            in_file = in_file.join(self._count(part.selected, span, final=final, drop=drop, by_kind=part.mixed))
        return in_file

    def _count(
        self, selected: EventFilter, span: TimeSpan, *, final: bool, drop: bool = False, by_kind: bool = False
    ) -> ReportCounts:
        settings = self._settings("scan")
        late_ms = self._options.late_ms
        return count_rows(self._store, selected, span, late_ms, settings, final=final, drop=drop, by_kind=by_kind)

    def statement_of_nothing(self, layout: Layout) -> ReportStatement:
        """The statement of a report without rows."""
        selected = job_filter(self._job, self._plan)
        if layout.has_scope:
            return ScopeStatement(self._job, layout, selected, (), ())
        return ReportStatement(self._job, layout, frozenset(), selected)

    def _spans(self, part: ReportPart, days: DayRange, scan: DuplicateScan) -> Iterator[tuple[TimeSpan, bool]]:
        """The spans to read, each with whether duplicates are left out of it; such spans are cut.

        Rows of several pairs are not in the order of time, and stay one span.
        """
        if not self._drops or part.mixed:
            yield days.span, self._drops and scan.duplicates > 0
            return
        for found in scan.parts:
            if not found.duplicates:
                yield found.span, False
                continue
            rows_max = self._options.drop_rows_max
            for piece in cut(self._store, part.selected, found.span, rows_max, partial(self._settings, "")):
                yield piece, True
