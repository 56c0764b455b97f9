"""One attempt at a report's file: from the events store through this thread to where files are kept."""

import contextlib
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from footfall.plan import Plan
from footfall.reports import manifest
from footfall.reports.encoding import CsvRowCounter, FileCounter, JsonRowCounter, RowCounter, compress_text
from footfall.reports.files import Destinations
from footfall.reports.query.counts import FileCounts
from footfall.reports.query.layout import Layout, csv_start
from footfall.reports.query.statement import ReportStatement
from footfall.reports.query.xlsx import open_writer
from footfall.reports.status import Completed
from footfall.reports.worker.scans import ORDINARY_OPTIONS, AttemptOptions, PendingScan, Scanner
from footfall.state import Job
from footfall.store import Store, statement_time_s
from footfall.usage import TimeSpan

# Rows in a block of the engine, which holds a few blocks. Where the values are too long for that, the next smaller
# number is tried. The longest row has 64 values of 65,536 characters of 4 bytes: 16 MiB. A part that is not merged into
# a large one yet is read by whole granules (10 MiB and at least a row), and takes twice that whatever the block.
BLOCK_ROWS = 16_384
BLOCK_ROWS_FEWER = {BLOCK_ROWS: 128, 128: 2}


class WorkStopped(Exception):
    """The work on the report was told to stop: another worker has it now, it was cancelled, or this worker stops."""


class RowsMissing(Exception):
    """The engine returned other rows than it had counted; the text is fit for the report's reason."""


class Attempt:
    """One attempt; `run` blocks, everything else may be called from other threads meanwhile.

    The rows are read range by range. The store's table has a partition a month, and a statement that orders rows of all
    months reads all of them at once: its memory would grow with the report. A range is as many months as have few rows
    together. So a small report of many years is one statement, and a large one needs the memory of one month.

    Before a range's rows are read, a thread scans it for duplicates and for unmerged copies. Without such copies rows
    are read as they are; with some, or with `final`, the statement merges copies of one event, which takes half as long
    again, and the range is counted anew. The rows that were read must be as many as were counted, or the attempt fails.
    Where duplicates are dropped, spans with duplicates are cut, because a statement holds the rows that it leaves out.
    The manifest counts the rows in the file. Where the first of equal events may be outside of the report, those are
    counted once more.

    A report of several customers or products is read part by part, see `query.scope`.
    """

    def __init__(
        self,
        job: Job,
        plan: Plan | None,
        store: Store,
        files: Destinations,
        deadline_s: float,
        options: AttemptOptions = ORDINARY_OPTIONS,
        block_rows: int = BLOCK_ROWS,
        *,
        final: bool = False,
    ) -> None:
        self._job = job
        self._store = store
        self._files = files
        self._deadline_s = deadline_s
        self._options = options
        self._block_rows = block_rows
        self._scanner = Scanner(job, plan, store, options, self._statement_settings, final=final)
        self._drops = job.duplicates == "drop"
        self._stopped = threading.Event()
        self._file_counter = FileCounter()
        self._row_counter: RowCounter = JsonRowCounter() if job.format == "jsonl" else CsvRowCounter()
        any_block = block_rows not in BLOCK_ROWS_FEWER
        self._writer = open_writer(job, self._options.groups, any_block=any_block)
        self._in_file = FileCounts()
        self._duplicates = 0
        # Rows of the ranges that are done, and of the range that is being read.
        self._rows_done, self._rows_current = 0, 0
        # Rows that had passed before that range.
        self._rows_before = 0
        self.rows_total = 0

    @property
    def rows(self) -> int:
        """The rows that were read so far."""
        return (self._writer or self._row_counter).rows

    @property
    def size(self) -> int:
        """The bytes of the file so far."""
        return self._file_counter.bytes

    @property
    def mark(self) -> str:
        """The beginning of the `log_comment` of all statements of this attempt."""
        return f"report {self._job.id}/{self._job.tries};"

    @property
    def rows_mark(self) -> str:
        """The `log_comment` of the statement that reads rows."""
        return f"{self.mark} rows"

    def progress(self, statement_progress: float) -> float:
        """The share that is done, from 0 to 1, when the current statement has read this share of its rows.

        A statement may have read all rows before it gives the first: reading counts half, and passing the other half.
        """
        if not self.rows_total:
            return 0.0
        passed = min(self.rows - self._rows_before, self._rows_current)
        done = self._rows_done + (statement_progress * self._rows_current + passed) / 2
        return min(max(done, self.rows) / self.rows_total, 1.0)

    def stop(self) -> None:
        """Make `run` raise WorkStopped at the next block or statement; it leaves no file then."""
        self._stopped.set()

    def run(self) -> Completed:
        """Write the file; it is durable when this returns, and absent when this raises.

        Raises WorkStopped, RowsMissing, what the store raises, and what writing raises.
        """
        layout, parts = self._scanner.survey()
        self.rows_total = self._scanner.rows_total
        if self._writer is not None:
            self._writer.begin(layout.unique_names)
        thread = ThreadPoolExecutor(1, "scan")
        try:
            size = self._write(layout, self._scanner.scans(parts, thread))
        finally:
            thread.shutdown(cancel_futures=True)
        assert size == self.size  # noqa: S101 - our own mistake
        cut_cells = self._writer.cut_cells if self._writer else 0
        rows_of = self._in_file.rows_of if layout.has_scope else None
        options = self._options
        text = manifest.write_manifest(
            self._job,
            layout,
            options.plan_fingerprint,
            manifest.ManifestCounts(self._in_file.by_type, self._duplicates, options.late_ms, cut_cells, rows_of),
            self._file_counter,
            options.manifest_types_chars_max,
        )
        return Completed(self.rows, size, self._file_counter.sha256, self._duplicates, text)

    def _write(self, layout: Layout, scans: Iterator[PendingScan]) -> int:
        with contextlib.closing(self._content(layout, scans)) as content:
            # Where writing fails, closing ends the statement.
            compressed = content if self._writer else compress_text(content, self._job.compression)
            return self._files.put(self._job, self._counted(compressed))

    def _counted(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._file_counter.add(block)
            yield block

    def _content(self, layout: Layout, scans: Iterator[PendingScan]) -> Generator[bytes]:
        """The file before its compression. Raises RowsMissing where a range has other rows than were counted."""
        if self._job.format == "csv" and (start := csv_start(layout, self._job)):
            yield start
        for scan in scans:
            self._rows_before, self._rows_current = self.rows, scan.range.counts.rows
            found, part = scan.result.result(), scan.part
            for span, drop in found.parts:
                yield from self._encoded(scan.statement.text(final=found.final, drop=drop), scan.statement, span)
            self._in_file.add(found.in_file, part.customer, part.product)
            self._duplicates += found.duplicates
            expected = found.selected.rows - (found.duplicates if self._drops else 0)
            returned = self.rows - self._rows_before
            if returned != expected:
                raise RowsMissing(f"the engine returned {returned} of {expected} rows")
            if found.in_file.rows != expected:
                raise RowsMissing(
                    f"the engine counted {found.in_file.rows} of {expected} rows without their duplicates"
                )
            self._rows_done, self._rows_current = self._rows_done + self._rows_current, 0
        if self._writer is not None:
            if not self.rows:
                # A file without rows has columns all the same.
                statement = self._scanner.statement_of_nothing(layout)
                yield from self._encoded(statement.text(final=False), statement, TimeSpan(0, -1, 0))
            yield from self._writer.end()

    def _encoded(self, text: str, statement: ReportStatement, span: TimeSpan) -> Iterator[bytes]:
        parameters = statement.parameters(span.first_ms, span.last_ms)
        with contextlib.closing(self._blocks(text, parameters)) as blocks:
            if self._writer is not None:
                yield from self._writer.add(blocks)
                return
            for block in blocks:
                self._row_counter.add(block)
                yield block

    def _blocks(self, text: str, parameters: dict[str, Any]) -> Generator[bytes]:
        settings = {**self._statement_settings("rows"), "max_block_size": self._block_rows}
        with self._store.stream(text, parameters, settings) as blocks:
            for block in blocks:
                if self._stopped.is_set():
                    raise WorkStopped
                yield block

    def _statement_settings(self, purpose: str = "") -> dict[str, int | str]:
        """The engine's settings for the next statement; raises WorkStopped, or StoreTimeout when no time is left."""
        if self._stopped.is_set():
            raise WorkStopped
        return {
            "max_execution_time": statement_time_s(self._deadline_s),
            "max_memory_usage": self._options.memory_bytes_max,
            "log_comment": f"{self.mark} {purpose}",
        }
