"""How large a report would be, said within a second: `POST /reports/estimate`.

A look at the key's index says how many events the product has in the report's range. A few million are counted exactly,
each event once, in 0.1 us each. Of more, what is counted is the rows of the table, in 0.02 us each, and in next to no
time where neither types nor times of admission matter: an event that was loaded twice, and is not merged yet, is two.

The file's bytes come from a sample: the first rows of a few even pieces of the range, made with the report's own
statement, and packed as the report would pack them. A small report is made whole, and nothing of it is kept.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from msgspec import UNSET, Struct, structs

from footfall.errors import Code, RequestRefused
from footfall.plan import LivePlan
from footfall.reports import encoding
from footfall.reports.encoding import CsvRowCounter, JsonRowCounter, compress_text
from footfall.reports.query.columnar import Columnar
from footfall.reports.query.statement import (
    TIME_MS_MOST,
    Layout,
    ReportStatement,
    filter_parameters,
    header_row,
    plain_layout,
    plan_layout,
)
from footfall.reports.service import Reports
from footfall.reports.worker.attempt import BLOCK_ROWS, BLOCK_ROWS_FEWER
from footfall.settings import Settings
from footfall.state import Job, State, StateUnavailable, User
from footfall.store import Store, StoreFailed, StoreMemory, StoreRejected, StoreTimeout, StoreUnavailable, query
from footfall.system.executor import BoundedExecutor
from footfall.usage import Limit, TimeSpan, compare
from footfall.wire import ReportFilter

# Events in the range of a report up to which each is counted once, in a third of a second.
COUNTED_ROWS_MAX = 3_000_000
# ... up to which duplicates are looked for, which takes as long.
COMPARED_ROWS_MAX = 1_000_000
# ... up to which a report is made whole, and the rows that it may then have.
WHOLE_RANGE_MAX = 100_000
WHOLE_ROWS_MAX = 5_000
# Pieces of the range, the rows taken of each, and those read for them, for what is wanted may be rare.
PIECES = 4
PIECE_ROWS = 1_000
PIECE_READ_MAX = 100_000
# Rows that are looked at for the longest context of a product without a plan.
WIDTH_ROWS_MAX = 1_000_000
# Seconds after which a store that is away may be back.
RETRY_AFTER_S = 5

_log = logging.getLogger(__name__)

# Gives the bytes of a file that begins with these and has the rows of these streams, and how many those are.
Packed = Callable[[bytes, list[Iterator[bytes]]], tuple[int, int]]


class Estimate(Struct, frozen=True):
    """The rows and bytes of a report as of `watermark`; `exact` says that it has so many rows, for ever."""

    rows: int
    bytes: int
    watermark: int
    exact: bool


class Estimates:
    """Estimates reports before anybody starts them; `close` ends its threads."""

    def __init__(self, reports: Reports, state: State, store: Store, plan: LivePlan, settings: Settings) -> None:
        self._reports = reports
        self._state = state
        self._store = store
        self._plan = plan
        self._settings = settings
        waiting = settings.calls_waiting_max, settings.calls_waiting_each_max
        self._executor = BoundedExecutor("estimate", settings.estimates_at_once_max, *waiting)

    def close(self) -> None:
        self._executor.close()

    async def estimate(self, user: User, body: bytes) -> Estimate:
        """The size of the report that the body of `POST /reports` asks for.

        Raises RequestRefused as that call does, for what that call only warns of, and when the size cannot be told now.
        """
        job = await self._reports.draft(user, body, strict=True)
        return await self._executor.run(partial(self._estimate, job), user.account)

    def _estimate(self, job: Job) -> Estimate:
        limit = _limit(self._settings)
        try:
            job, any_time, loaded = self._pinned(job)
            selection = filter_parameters(job)
            count, first_ms, last_ms = self._store.rows(query("estimate_reach"), selection, limit())[0]
            reach = TimeSpan(first_ms, last_ms, count)
            rows, exact = self._rows(job, reach, limit, any_time=any_time)
            layout = self._layout(job, limit)
            size = self._bytes(job, layout, reach, rows, limit)
        except StoreTimeout as error:
            raise _not_now(f"it took longer than {self._settings.estimate_timeout_s} s") from error
        except StoreRejected as error:
            _log.exception("a report cannot be estimated")
            text = "the report cannot be estimated: the events store refused the request for it, as it would again"
            raise RequestRefused(Code.REQUEST_GENERAL_FAILURE, text) from error
        except (StoreUnavailable, StoreFailed, StateUnavailable) as error:
            raise _not_now("what the events are kept in is away") from error
        return Estimate(rows, size, job.watermark_ms, exact and loaded)

    def _pinned(self, job: Job) -> tuple[Job, bool, bool]:
        """The job as of what is loaded, where no other time was asked for.

        Beside it, whether the time of admission may be any, and whether all events up to the watermark are loaded.
        """
        loaded_ms = min((node.loaded_through_ms for node in self._state.nodes.all()), default=0)
        if job.watermark_ms != job.started_ms:
            return job, False, job.watermark_ms <= loaded_ms
        since_ms = job.since_ms or 0
        watermark_ms = max(min(loaded_ms or job.started_ms, job.started_ms), since_ms)
        pinned = structs.replace(job, watermark_ms=watermark_ms)
        return pinned, job.since_ms is None, watermark_ms <= loaded_ms

    def _rows(self, job: Job, reach: TimeSpan, limit: Limit, *, any_time: bool) -> tuple[int, bool]:
        """The rows, and whether they are exact."""
        selection = filter_parameters(job)
        if reach.rows > COUNTED_ROWS_MAX:
            ((most,),) = self._store.rows(query("estimate_most"), {**selection, "whenever": any_time}, limit())
            return most, False
        ((rows,),) = self._store.rows(query("estimate_rows"), selection, limit())
        if job.duplicates != "drop" or not rows:
            return rows, True
        if reach.rows > COMPARED_ROWS_MAX:
            return rows, False
        return rows - sum(part.duplicates for part in compare(self._store, selection, [reach], limit)), True

    def _layout(self, job: Job, limit: Limit) -> Layout:
        columns = self._plan.plan.columns(job.filter.product)
        if columns is not None:
            return plan_layout(columns)
        few = {"max_rows_to_read": WIDTH_ROWS_MAX, "read_overflow_mode": "break"}
        months = self._store.rows(query("report_months"), filter_parameters(job), {**limit(), **few})
        return plain_layout(max((width for *_, width, _ in months), default=0))

    def _bytes(
        self, job: Job, layout: Layout, reach: TimeSpan, rows: int, limit: Limit, block_rows: int = BLOCK_ROWS
    ) -> int:
        """The bytes of the file; as for the report itself, in smaller blocks where values are too long for others."""
        fewer = BLOCK_ROWS_FEWER.get(block_rows)
        packed = partial(_packed, job, any_block=fewer is None)
        try:
            return self._sampled(job, layout, reach, rows, lambda: {**limit(), "max_block_size": block_rows}, packed)
        except StoreMemory:
            if fewer is None:
                raise
        return self._bytes(job, layout, reach, rows, limit, fewer)

    def _sampled(self, job: Job, layout: Layout, reach: TimeSpan, rows: int, limit: Limit, packed: Packed) -> int:
        header = header_row(layout, job.delimiter) if job.format == "csv" and job.header else b""
        if not rows or (rows <= WHOLE_ROWS_MAX and reach.rows <= WHOLE_RANGE_MAX):
            whole = reach if rows else TimeSpan(0, -1, 0)
            statement, drop = _statement(job, layout), job.duplicates == "drop"
            size, _ = packed(header, [self._streamed(statement, whole, limit(), drop=drop)])
            return size
        few = {"limit": PIECE_ROWS, "max_rows_to_read": PIECE_READ_MAX, "read_overflow_mode": "break"}
        # Where what is wanted is too rare for the sample, other events of the product stand for it.
        for one in (job, _any(job)):
            statement = _statement(one, layout)
            streams = [self._streamed(statement, piece, {**limit(), **few}) for piece in _pieces(reach)]
            size, sampled = packed(b"", streams)
            if sampled:
                return len(header) + size * rows // sampled
        return len(header)

    def _streamed(
        self, statement: ReportStatement, span: TimeSpan, limit: dict[str, Any], *, drop: bool = False
    ) -> Iterator[bytes]:
        wanted = statement.parameters(span.first_ms, span.last_ms)
        with self._store.stream(statement.text(drop=drop), wanted, limit) as blocks:
            yield from blocks


def _statement(job: Job, layout: Layout) -> ReportStatement:
    """The statement of a job's rows, made once for all pieces: of a large plan it takes a second."""
    types = job.filter.types
    return ReportStatement(job, layout, None if types is UNSET or not types else frozenset(types))


def _packed(job: Job, header: bytes, streams: list[Iterator[bytes]], *, any_block: bool) -> tuple[int, int]:
    """The bytes of a file of these rows, and how many rows they are."""
    if job.format not in encoding.TEXTS:
        table = Columnar(job.format, job.compression, any_block=any_block)
        size = sum(len(block) for stream in streams for block in table.add(stream))
        return size + sum(len(block) for block in table.end()), table.rows
    lines = JsonRowCounter() if job.format == "jsonl" else CsvRowCounter()

    def content() -> Iterator[bytes]:
        yield header
        for block in chain.from_iterable(streams):
            lines.add(block)
            yield block

    return sum(len(block) for block in compress_text(content(), job.compression)), lines.rows


def _pieces(reach: TimeSpan) -> Iterator[TimeSpan]:
    width = (reach.last_ms - reach.first_ms) // PIECES + 1
    for first_ms in range(reach.first_ms, reach.last_ms + 1, width):
        yield TimeSpan(first_ms, min(first_ms + width - 1, reach.last_ms), 0)


def _any(job: Job) -> Job:
    """A report of all that there is of the product."""
    wanted = ReportFilter(job.filter.customer, job.filter.product, UNSET, UNSET, UNSET)
    return structs.replace(job, filter=wanted, basis="event", since_ms=None, watermark_ms=TIME_MS_MOST)


def _limit(settings: Settings) -> Limit:
    """What bounds one statement after the other; raises StoreTimeout when the time is over."""
    end_s = time.monotonic() + settings.estimate_timeout_s

    def left() -> dict[str, Any]:
        left_s = math.ceil(end_s - time.monotonic())
        if left_s <= 0:
            raise StoreTimeout("the time was over between two statements")
        return {"max_execution_time": left_s, "max_memory_usage": settings.report_memory_bytes_max}

    return left


def _not_now(why: str) -> RequestRefused:
    text = f"the report cannot be estimated now: {why}"
    return RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
