"""One attempt at a report's file: from the events store through this thread into the place where files are kept."""

import contextlib
import math
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from msgspec import Struct

from footfall.plan import Column
from footfall.reports import encoding, manifest
from footfall.reports.encoding import CsvRowCounter, FileCounter, JsonRowCounter, RowCounter, compress_text
from footfall.reports.files import Destinations
from footfall.reports.query.columnar import Columnar
from footfall.reports.query.counts import (
    DayRange,
    ReportCounts,
    UnmergedCopies,
    count_rows,
    find_copies,
    read_histogram,
)
from footfall.reports.query.statement import (
    Layout,
    ReportStatement,
    filter_parameters,
    header_row,
    plain_layout,
    plan_layout,
)
from footfall.reports.status import Completed
from footfall.settings import limits
from footfall.state import Job
from footfall.store import Store, StoreTimeout
from footfall.usage import TimeSpan, cut, is_narrow

# Rows that one statement orders over several months: each costs some 30 ms whatever it returns, and what it holds
# at once for all months together is less than the rows themselves, some tens of MiB.
SPAN_ROWS_MAX = 50_000
# Rows of a span with duplicates that one statement leaves them out of: it holds them, 80 MB when half of all are some.
DROP_ROWS_MAX = 100_000
# Rows of a block of the engine, of which it holds a few; and then in turn, where those are too large, for their values
# are long. The longest row that there can be has 64 values of 65,536 characters, each of up to 4 bytes: 16 MiB.
BLOCK_ROWS = 16_384
BLOCK_ROWS_FEWER = {BLOCK_ROWS: 128, 128: 2}


class Halted(Exception):
    """The attempt was told to stop: somebody else makes the report now, or the worker stops."""


class RowsMissing(Exception):
    """The engine gave other rows than it had counted; its text is fit for the report's reason."""


class AttemptResult(Struct, frozen=True):
    """What was found in a stretch of the report before its rows are read.

    `parts` are the spans whose rows are read, each with whether duplicates are left out of it; `final` says that equal
    rows are merged on the way. `selected` counts what the report selects, `held` what is in the file.
    """

    parts: tuple[tuple[TimeSpan, bool], ...]
    final: bool
    duplicates: int
    selected: ReportCounts
    held: ReportCounts


class PendingScan(Struct, frozen=True):
    """A stretch of the report, through which a thread of its own looks."""

    stretch: DayRange
    found: Future[AttemptResult]


class Terms(Struct, frozen=True, kw_only=True):
    """What holds for all reports: the plan's fingerprint, when an event is late, what statement and manifest hold."""

    plan: str = ""
    late_ms: int = limits.LATE_AFTER_S * 1000
    memory_bytes_max: int = limits.REPORT_MEMORY_BYTES_MAX
    manifest_types_chars_max: int = limits.MANIFEST_TYPES_CHARS_MAX


class Attempt:
    """One attempt; `make` blocks, everything else may be read or called from other threads meanwhile.

    The rows come stretch by stretch. The store's table is cut by months, and a statement that orders all of them at
    once reads them all at once: its memory would grow with the report's range. A stretch is as many months as have few
    rows together, so that a small report of many years is one statement, and a large one stays within the memory of a
    month.

    First the engine counts what there is: days, rows by type, late events. Ahead of the rows, a thread of its own has
    it look for duplicates, and for events that were loaded twice. Where there are none of the latter, the rows are read
    as they are; where there are some, or with `final`, equal ones are merged on the way, which takes half as long
    again, and they are counted so before. The rows that have passed must be as many as were counted, or the report
    fails. Where duplicates are to be dropped, spans that have some are cut further, because a statement holds what it
    leaves out. The manifest speaks of the rows that are in the file: where the first of equal events may be outside of
    the report, what is left is counted once more.
    """

    def __init__(
        self,
        job: Job,
        columns: tuple[Column, ...] | None,
        store: Store,
        files: Destinations,
        deadline_s: float,
        terms: Terms | None = None,
        block_rows: int = BLOCK_ROWS,
        *,
        final: bool = False,
    ) -> None:
        self._job = job
        self._columns = columns
        self._store = store
        self._files = files
        self._deadline_s = deadline_s
        self._terms = terms or Terms()
        self._block_rows = block_rows
        self._final = final
        self._drops = job.duplicates == "drop"
        self._halt = threading.Event()
        self._tally = FileCounter()
        self._text: RowCounter = JsonRowCounter() if job.format == "jsonl" else CsvRowCounter()
        fewest = block_rows not in BLOCK_ROWS_FEWER
        self._table = None if job.format in encoding.TEXTS else Columnar(job.format, job.compression, any_block=fewest)
        self._held = ReportCounts()
        self._duplicates = 0
        self._done, self._doing = 0, 0  # rows of the stretches that have passed, and of the one that is under way
        self.rows_total = 0

    @property
    def rows(self) -> int:
        """The rows that have passed so far."""
        return (self._table or self._text).rows

    @property
    def size(self) -> int:
        """The bytes of the file so far."""
        return self._tally.bytes

    @property
    def mark(self) -> str:
        """What the statements of this attempt carry in their `log_comment`."""
        return f"report {self._job.id}/{self._job.tries};"

    @property
    def rows_mark(self) -> str:
        """What the statement that gives rows has for its `log_comment`."""
        return f"{self.mark} rows"

    def share(self, read: float) -> float:
        """How much is done, from 0 to 1, when the engine has read this share of the rows that it is at."""
        if not self.rows_total:
            return 0.0
        return min(max(self._done + read * self._doing, self.rows) / self.rows_total, 1.0)

    def halt(self) -> None:
        """Make `make` raise Halted at the next block or statement; it leaves no file then."""
        self._halt.set()

    def make(self) -> Completed:
        """Write the file; it is durable when this returns, and absent when this raises.

        Raises Halted, RowsMissing, what the store raises, and what writing raises.
        """
        held = read_histogram(self._store, self._job, self._terms.late_ms, self._limit(), widths=self._columns is None)
        self.rows_total = held.rows
        layout = plain_layout(held.width) if self._columns is None else plan_layout(self._columns)
        surveyor = ThreadPoolExecutor(1, "survey")
        try:
            looks = [PendingScan(one, surveyor.submit(self._look, one)) for one in held.stretches(SPAN_ROWS_MAX)]
            size = self._write(ReportStatement(self._job, layout, held.types), layout, looks)
        finally:
            surveyor.shutdown(cancel_futures=True)
        assert size == self.size  # noqa: S101 - our own mistake
        terms = self._terms
        counted = manifest.Counted(self._held, self._duplicates, terms.late_ms)
        said = manifest.write_manifest(
            self._job, layout, terms.plan, counted, self._tally, terms.manifest_types_chars_max
        )
        return Completed(self.rows, size, self._tally.sha256, self._duplicates, said)

    def _look(self, stretch: DayRange) -> AttemptResult:
        limit = partial(self._limit, "survey")
        looked = find_copies(self._store, self._job, stretch.days, limit, self._terms.late_ms)
        final = self._final or looked.twins > 0
        selected = self._count(stretch.span, final=True) if final else stretch.survey
        parts, held = tuple(self._parts(stretch, looked)), selected
        if self._drops and looked.found:
            held = self._left(selected, looked, parts, final=final)
        return AttemptResult(parts, final, looked.found, selected, held)

    def _left(
        self, selected: ReportCounts, looked: UnmergedCopies, parts: tuple[tuple[TimeSpan, bool], ...], *, final: bool
    ) -> ReportCounts:
        """What the parts hold without duplicates: counted only where an event outside of the report may be the first.

        For counting takes a third as long as all else together.
        """
        if not is_narrow(filter_parameters(self._job)):
            return looked.leave_out(selected)
        held = ReportCounts()
        for part, drop in parts:
            held = held.join(self._count(part, final=final, drop=drop))
        return held

    def _count(self, span: TimeSpan, *, final: bool, drop: bool = False) -> ReportCounts:
        limit = self._limit("survey")
        return count_rows(self._store, self._job, span, self._terms.late_ms, limit, final=final, drop=drop)

    def _write(self, statement: ReportStatement, layout: Layout, looks: list[PendingScan]) -> int:
        with contextlib.closing(self._content(layout, statement, looks)) as content:
            # Where writing fails, closing is what frees the statement.
            packed = content if self._table else compress_text(content, self._job.compression)
            return self._files.put(self._job, self._tallied(packed))

    def _tallied(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._tally.add(block)
            yield block

    def _content(self, layout: Layout, statement: ReportStatement, looks: list[PendingScan]) -> Generator[bytes]:
        """The file before its compression; every span is held against what was counted of it."""
        if self._job.format == "csv" and self._job.header:
            yield header_row(layout, self._job.delimiter)
        for look in looks:
            before, self._doing = self.rows, look.stretch.survey.rows
            found = look.found.result()
            for part, drop in found.parts:
                yield from self._encoded(statement.text(final=found.final, drop=drop), statement, part)
            self._held, self._duplicates = self._held.join(found.held), self._duplicates + found.duplicates
            expected = found.selected.rows - (found.duplicates if self._drops else 0)
            if self.rows - before != expected:
                raise RowsMissing(f"the engine returned {self.rows - before} of {expected} rows")
            if found.held.rows != expected:
                raise RowsMissing(f"the engine counted {found.held.rows} of {expected} rows without their duplicates")
            self._done, self._doing = self._done + self._doing, 0
        if self._table is not None:
            if not looks:
                # A file without rows has columns all the same.
                yield from self._encoded(statement.text(final=False), statement, TimeSpan(0, -1, 0))
            yield from self._table.end()

    def _parts(self, stretch: DayRange, looked: UnmergedCopies) -> Iterator[tuple[TimeSpan, bool]]:
        """The stretch as it is, or cut where duplicates are to be left out; and whether that is so."""
        if not self._drops:
            yield stretch.span, False
            return
        selection = filter_parameters(self._job)
        for part in looked.parts:
            if not part.duplicates:
                yield part.span, False
                continue
            for piece in cut(self._store, selection, part.span, DROP_ROWS_MAX, self._limit):
                yield piece, True

    def _encoded(self, text: str, statement: ReportStatement, span: TimeSpan) -> Iterator[bytes]:
        wanted = statement.parameters(span.first_ms, span.last_ms)
        with contextlib.closing(self._blocks(text, wanted)) as blocks:
            if self._table is not None:
                yield from self._table.add(blocks)
                return
            for block in blocks:
                self._text.add(block)
                yield block

    def _blocks(self, text: str, wanted: dict[str, Any]) -> Generator[bytes]:
        limit = {**self._limit("rows"), "max_block_size": self._block_rows}
        with self._store.stream(text, wanted, limit) as blocks:
            for block in blocks:
                if self._halt.is_set():
                    raise Halted
                yield block

    def _limit(self, what: str = "") -> dict[str, int | str]:
        """What bounds the next statement; raises Halted, or StoreTimeout when there is no time left."""
        if self._halt.is_set():
            raise Halted
        left_s = math.ceil(self._deadline_s - time.monotonic())
        if left_s <= 0:
            raise StoreTimeout("the report's time was over between two statements")
        return {
            "max_execution_time": left_s,
            "max_memory_usage": self._terms.memory_bytes_max,
            "log_comment": f"{self.mark} {what}",
        }
