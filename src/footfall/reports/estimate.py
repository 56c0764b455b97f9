"""The size of a report before it is made, usually within a second: `POST /reports/estimate`.

The key's index tells how many rows the product has in the report's range. Up to a few million are counted exactly, in
0.1 us each. Of more, the rows of the table are counted, in 0.02 us each, and without reading them where neither types
nor times of admission matter. Such a count is not exact: an event that was loaded twice and is not merged yet counts
twice.

The file's bytes are estimated from a sample: the first rows of a few even pieces of the range, read by the report's own
statement and compressed as the report would be. A small report is made whole, without keeping its file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct, structs

from footfall.errors import Code, RequestRefused
from footfall.plan import LivePlan
from footfall.reports.measure import MeasureFile, measure_file, pieces_of
from footfall.reports.query.columnar import ORDINARY_SIZES, GroupSizes
from footfall.reports.query.counts import count_rows
from footfall.reports.query.layout import Layout, csv_start, plan_layout, planless_layout
from footfall.reports.query.scope import PairRows, ReportImpossible, ScopeStatement, Survey, survey_scope
from footfall.reports.query.statement import ReportStatement
from footfall.reports.selection import filter_products, has_scope_columns, job_filter, select_events
from footfall.reports.service import Reports
from footfall.reports.worker.attempt import BLOCK_ROWS, BLOCK_ROWS_FEWER
from footfall.settings import Settings
from footfall.state import Job, State, StateUnavailable, User
from footfall.store import (
    Store,
    StoreFailed,
    StoreMemory,
    StoreRejected,
    StoreTimeout,
    StoreUnavailable,
    query,
    refuse_rejected,
)
from footfall.system.executor import BoundedExecutor
from footfall.usage import EVERY, TIME_MS_MOST, EventFilter, Limit, TimeSpan, compare, time_limit
from footfall.wire import ReportFilter

# Rows that are read for the longest context of a product without a plan.
CONTEXT_ROWS_MAX = 1_000_000
# The Retry-After of an answer without the store, in seconds.
RETRY_AFTER_S = 5


class EstimateBounds(Struct, frozen=True):
    """Bounds on the rows that an estimate reads.

    In a range of `counted_rows_max` each event is counted once, in a third of a second; in one of `compared_rows_max`
    duplicates are counted, which takes as long. A report of `whole_rows_max` rows in a range of `whole_range_max` is
    made whole. Of a larger one, `piece_rows` are sampled of each of `pieces` of the range, for which at most
    `piece_read_max` rows are read: matching rows may be rare. `groups` are the sizes within the report's file.
    """

    counted_rows_max: int = 3_000_000
    compared_rows_max: int = 1_000_000
    whole_range_max: int = 100_000
    whole_rows_max: int = 5_000
    pieces: int = 4
    piece_rows: int = 1_000
    piece_read_max: int = 100_000
    groups: GroupSizes = ORDINARY_SIZES

    @property
    def sample_rows_max(self) -> int:
        """The rows of a sample."""
        return self.pieces * self.piece_rows

    @property
    def piece_settings(self) -> dict[str, int | str]:
        """The engine's settings for a statement that reads a piece."""
        return {"max_rows_to_read": self.piece_read_max, "read_overflow_mode": "break"}


ORDINARY_BOUNDS = EstimateBounds()

# Takes a limit and such a function; returns the bytes of the report's file.
Sample = Callable[[Limit, MeasureFile], int]


class Estimate(Struct, frozen=True):
    """The rows and bytes of a report as of `watermark`; `exact` says that it has so many rows, for ever."""

    rows: int
    bytes: int
    watermark: int
    exact: bool


class Estimates:
    """Estimates reports before anybody starts them; `close` ends its threads."""

    def __init__(
        self,
        reports: Reports,
        state: State,
        store: Store,
        plan: LivePlan,
        settings: Settings,
        bounds: EstimateBounds = ORDINARY_BOUNDS,
    ) -> None:
        self._bounds = bounds
        self._reports = reports
        self._state = state
        self._store = store
        self._plan = plan
        self._settings = settings
        waiting = settings.calls_waiting_max, settings.calls_waiting_each_max
        self._executor = BoundedExecutor("estimate", settings.estimates_at_once_max, *waiting)

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._executor.waiting

    def close(self) -> None:
        """End the threads; what waits is cancelled."""
        self._executor.close()

    async def estimate(self, user: User, body: bytes) -> Estimate:
        """The size of the report that the body of `POST /reports` asks for.

        Raises RequestRefused as that call does, for what it only warns of, and when the store or state does not answer.
        """
        job = await self._reports.draft(user, body, strict=True)
        return await self._executor.run(partial(self._estimate, job), user.account)

    def _estimate(self, job: Job) -> Estimate:
        settings = self._settings
        limit = time_limit(settings.estimate_timeout_s, max_memory_usage=settings.report_memory_bytes_max)
        try:
            job, any_admission, loaded = self._with_watermark(job)
            make = self._estimate_scope if has_scope_columns(job.filter) else self._estimate_one
            rows, exact, size = make(job, limit, any_admission=any_admission)
        except StoreTimeout as error:
            raise _not_now(f"it took longer than {self._settings.estimate_timeout_s} s") from error
        except StoreRejected as error:
            raise refuse_rejected("the report cannot be estimated", error) from error
        except ReportImpossible as error:
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, f"the report cannot be made: {error}") from error
        except (StoreUnavailable, StoreFailed, StateUnavailable) as error:
            raise _not_now("what the events are kept in is away") from error
        return Estimate(rows, size, job.watermark_ms, exact and loaded)

    def _estimate_one(self, job: Job, limit: Limit, *, any_admission: bool) -> tuple[int, bool, int]:
        """Rows, whether that is exact, and bytes of a report of one customer's one product."""
        selected = job_filter(job, self._plan.plan)
        count, first_ms, last_ms = self._store.rows(query("estimate_span"), selected.parameters, limit())[0]
        span = TimeSpan(first_ms, last_ms, count)
        rows, exact = self._count(job, selected, span, limit, any_admission=any_admission)
        layout = self._layout(job, limit)
        return rows, exact, self._file_bytes(job, layout, limit, partial(self._sample, job, layout, span, rows))

    def _estimate_scope(self, job: Job, limit: Limit, *, any_admission: bool) -> tuple[int, bool, int]:
        """The same of a report of several customers or products. Raises ReportImpossible."""
        survey = survey_scope(self._store, job, self._plan.plan, limit)
        span = survey.span
        selected = job_filter(job, self._plan.plan)
        rows, exact = self._count(job, selected, span, limit, any_admission=any_admission)
        return rows, exact, self._file_bytes(job, survey.layout, limit, partial(self._sample_scope, job, survey, rows))

    def _with_watermark(self, job: Job) -> tuple[Job, bool, bool]:
        """The job with the watermark of all loaded events, where its user asked for none.

        Beside it, whether events may have any time of admission, and whether all events up to the watermark are loaded.
        """
        loaded_ms = min((node.loaded_through_ms for node in self._state.nodes.all()), default=0)
        if job.watermark_ms != job.started_ms:
            return job, False, job.watermark_ms <= loaded_ms
        since_ms = job.since_ms or 0
        watermark_ms = max(min(loaded_ms or job.started_ms, job.started_ms), since_ms)
        return structs.replace(job, watermark_ms=watermark_ms), job.since_ms is None, watermark_ms <= loaded_ms

    def _count(
        self, job: Job, selection: EventFilter, span: TimeSpan, limit: Limit, *, any_admission: bool
    ) -> tuple[int, bool]:
        """The number of rows, and whether it is exact."""
        if span.rows > self._bounds.counted_rows_max:
            parameters = {**selection.parameters, "any_admission": any_admission}
            ((rows_max,),) = self._store.rows(selection.fill(query("estimate_rows_max")), parameters, limit())
            return rows_max, False
        ((rows,),) = self._store.rows(selection.fill(query("estimate_rows")), selection.parameters, limit())
        if job.duplicates != "drop" or not rows:
            return rows, True
        if span.rows > self._bounds.compared_rows_max:
            return rows, False
        return rows - sum(part.duplicates for part in compare(self._store, selection, [span], limit)), True

    def _layout(self, job: Job, limit: Limit) -> Layout:
        (product,) = filter_products(job.filter)
        columns = self._plan.plan.columns(product)
        if columns is not None:
            return plan_layout(columns)
        stop_early = {"max_rows_to_read": CONTEXT_ROWS_MAX, "read_overflow_mode": "break"}
        selection = job_filter(job, self._plan.plan)
        text = selection.fill(query("report_months"))
        months = self._store.rows(text, selection.parameters, {**limit(), **stop_early})
        return planless_layout(max((length for *_, length, _ in months), default=0))

    def _file_bytes(self, job: Job, layout: Layout, limit: Limit, sample: Sample, block_rows: int = BLOCK_ROWS) -> int:
        """The bytes of the file; where values are too long, with smaller blocks, as for the report itself."""
        fewer = BLOCK_ROWS_FEWER.get(block_rows)
        measure = partial(measure_file, job, layout.unique_names, self._bounds.groups, any_block=fewer is None)
        try:
            return sample(lambda: {**limit(), "max_block_size": block_rows}, measure)
        except StoreMemory:
            if fewer is None:
                raise
        return self._file_bytes(job, layout, limit, sample, fewer)

    def _sample(self, job: Job, layout: Layout, span: TimeSpan, rows: int, limit: Limit, measure: MeasureFile) -> int:
        header = csv_start(layout, job) if job.format == "csv" else b""
        if not rows or (rows <= self._bounds.whole_rows_max and span.rows <= self._bounds.whole_range_max):
            whole = span if rows else TimeSpan(0, -1, 0)
            statement, drop = self._statement(job, layout), job.duplicates == "drop"
            size, _ = measure(header, [self._stream(statement, whole, limit, drop=drop)])
            return size
        sample = {"limit": self._bounds.piece_rows, **self._bounds.piece_settings}
        # Where no row of the sample matches, other events of the product stand for them.
        for one in (job, _all_events(job)):
            statement = self._statement(one, layout, self._sampled_types(one, layout, span, limit))
            streams = [self._stream(statement, piece, limit, sample) for piece in pieces_of(span, self._bounds.pieces)]
            size, sampled = measure(b"", streams)
            if sampled:
                return len(header) + size * rows // sampled
        return len(header)

    def _sample_scope(self, job: Job, survey: Survey, rows: int, limit: Limit, measure: MeasureFile) -> int:
        layout, plan, span = survey.layout, self._plan.plan, survey.span
        header = csv_start(layout, job) if job.format == "csv" else b""
        if not rows or (rows <= self._bounds.whole_rows_max and span.rows <= self._bounds.whole_range_max):
            selected = job_filter(job, plan)
            kinds = count_rows(self._store, selected, span, 0, limit(), by_kind=True).kinds if rows else ()
            statement = ScopeStatement(job, layout, selected, kinds, survey.planless)
            whole = span if rows else TimeSpan(0, -1, 0)
            return measure(header, [self._stream(statement, whole, limit, drop=job.duplicates == "drop")])[0]
        for one in (job, _all_events(job)):
            streams = [self._stream_pair(one, survey, pair, limit) for pair in survey.spread(self._bounds.pieces)]
            size, sampled = measure(b"", streams)
            if sampled:
                return len(header) + size * rows // sampled
        return len(header)

    def _stream_pair(self, job: Job, survey: Survey, pair: PairRows, limit: Limit) -> Iterator[bytes]:
        """The first rows of a pair; where the plan does not tell the types, and there are none, nothing."""
        selected = job_filter(job, self._plan.plan, pair.narrow(select_events(job)))
        span = TimeSpan(pair.first_ms, pair.last_ms, pair.compared)
        types = self._types(selected, [span], limit)
        kinds = [(pair.product, kind) for kind in types]
        statement = ScopeStatement(job, survey.layout, selected, kinds, survey.planless)
        sample = {"limit": self._bounds.piece_rows, **self._bounds.piece_settings}
        return self._stream(statement, span, limit, sample)

    def _statement(self, job: Job, layout: Layout, types: frozenset[str] | None = None) -> ReportStatement:
        """The statement of a job's rows, made once for all pieces: for the largest plan that takes a second.

        `types` are those of the rows, where they are known; else the filter's are, unless they begin several.
        """
        named = frozenset(job.filter.types or ())
        if types is None and named and not any(name.endswith(EVERY) for name in named):
            types = named
        return ReportStatement(job, layout, types, job_filter(job, self._plan.plan))

    def _sampled_types(self, job: Job, layout: Layout, span: TimeSpan, limit: Limit) -> frozenset[str] | None:
        """The types of the sample, where the plan has more than the sample has rows; else None.

        The parameters of a statement for 10,000 types have 10 MB, and each piece has its own statement.
        """
        if (
            len({name for field in layout.fields for place in field.places for name in place.types})
            <= self._bounds.sample_rows_max
        ):
            return None
        selected = job_filter(job, self._plan.plan)
        return self._types(selected, pieces_of(span, self._bounds.pieces), limit)

    def _types(self, selected: EventFilter, spans: Iterable[TimeSpan], limit: Limit) -> frozenset[str]:
        """The types of the first rows of some spans."""
        parameters = {**selected.parameters, "rows": self._bounds.piece_rows}
        text = selected.fill(query("estimate_types"))
        found = (
            row
            for span in spans
            for row in self._store.rows(
                text,
                parameters | {"start": span.first_ms, "end": span.last_ms},
                {**limit(), **self._bounds.piece_settings},
            )
        )
        return frozenset(name for (name,) in found)

    def _stream(
        self,
        statement: ReportStatement,
        span: TimeSpan,
        limit: Limit,
        settings: Mapping[str, Any] | None = None,
        *,
        drop: bool = False,
    ) -> Iterator[bytes]:
        parameters = statement.parameters(span.first_ms, span.last_ms)
        # The time that is left when this statement begins, not when the first one did: the bound is on all together.
        bounded = {**limit(), **(settings or {})}
        with self._store.stream(statement.text(drop=drop), parameters, bounded) as blocks:
            yield from blocks


def _all_events(job: Job) -> Job:
    """A report of all events of the customers' products."""
    found = job.filter
    wanted = ReportFilter(
        customer=found.customer, customers=found.customers, product=found.product, products=found.products
    )
    return structs.replace(job, filter=wanted, basis="event", since_ms=None, watermark_ms=TIME_MS_MOST)


def _not_now(why: str) -> RequestRefused:
    text = f"the report cannot be estimated now: {why}"
    return RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
