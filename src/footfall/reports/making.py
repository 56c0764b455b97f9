"""One attempt at a report's file: from the events store through this thread into the place where files are kept."""

import math
import threading
import time
from collections.abc import Generator, Iterator

from msgspec import Struct

from footfall.plan import Column
from footfall.reports import parameters
from footfall.reports.destinations import Destinations
from footfall.reports.layout import Layout, header_row, plain_layout, plan_layout
from footfall.reports.lifecycle import Completed
from footfall.reports.tally import Tally
from footfall.state import Job
from footfall.store import Store, StoreTimeout, query
from footfall.usage import Compared, Span, compare, join

# Rows that one statement orders over several months: each costs some 30 ms whatever it returns, and what it holds
# at once for all months together is less than the rows themselves, some tens of MiB.
SPAN_ROWS_MAX = 50_000
# The part of the time that goes by before the first row: it is read what there is, but no contexts.
SURVEY_SHARE = 0.1


class Halted(Exception):
    """The attempt was told to stop: somebody else makes the report now, or the worker stops."""


class RowsMissing(Exception):
    """The engine gave other rows than it had counted; its text is fit for the report's reason."""


class Month(Struct, frozen=True):
    """What a report has of one month: the first and last timestamp in ms, the rows, and the longest context."""

    first_ms: int
    last_ms: int
    rows: int
    width: int


def spans(months: list[Month]) -> Iterator[Span]:
    """Months in order, joined while their rows together are at most SPAN_ROWS_MAX."""
    return join((Span(month.first_ms, month.last_ms, month.rows) for month in months), SPAN_ROWS_MAX)


class Making:
    """One attempt; `make` blocks, everything else may be read or called from other threads meanwhile.

    The rows come span by span. The store's table is cut by months, and a statement that orders all of them at once
    reads them all at once: its memory would grow with the report's range. A span is as many months as have few rows
    together, so that a small report of many years is one statement, and a large one stays within the memory of a month.

    Duplicates are counted before, in any case. Where they are to be dropped, the spans that have some are cut further,
    because a statement holds what it leaves out.
    """

    def __init__(
        self, job: Job, columns: tuple[Column, ...] | None, store: Store, files: Destinations, deadline_s: float
    ) -> None:
        self._job = job
        self._columns = columns
        self._store = store
        self._files = files
        self._deadline_s = deadline_s
        self._drops = job.duplicates == "drop"
        self._halt = threading.Event()
        self._tally = Tally()
        self._done, self._doing = 0, 0  # rows of the spans that have passed, and of the one that is under way
        self.rows_total = 0

    @property
    def rows(self) -> int:
        """The rows that have passed so far."""
        return self._tally.rows

    @property
    def size(self) -> int:
        """The bytes that have passed so far."""
        return self._tally.bytes

    @property
    def mark(self) -> str:
        """What the statements of this attempt carry as their `log_comment`."""
        return f"report {self._job.id} {self._job.tries}"

    def share(self, read: float) -> float:
        """How much is done, from 0 to 1, when the engine has read this share of its current statement."""
        if not self.rows_total:
            return SURVEY_SHARE * read
        passed = max(self._done + read * self._doing, self.rows) / self.rows_total
        return SURVEY_SHARE + (1 - SURVEY_SHARE) * min(passed, 1)

    def halt(self) -> None:
        """Make `make` raise Halted at the next block or statement; it leaves no file then."""
        self._halt.set()

    def make(self) -> Completed:
        """Write the file; it is durable when this returns, and absent when this raises.

        Raises Halted, RowsMissing, what the store raises, and what writing raises.
        """
        found = self._store.rows(query("report_months"), parameters.selection(self._job), self._limit())
        months = [Month(*row) for row in found]
        parts = list(compare(self._store, parameters.selection(self._job), spans(months), self._limit))
        duplicates = sum(part.duplicates for part in parts)
        if not self._drops:
            parts = [Compared(span, {}) for span in spans(months)]
        self.rows_total = sum(month.rows for month in months) - (duplicates if self._drops else 0)
        content = self._content(self._layout(months), parts)
        try:
            size = self._files.put(self._job, content)
        finally:
            content.close()  # Where writing failed, this is what frees the statement.
        assert size == self.size  # noqa: S101 - our own mistake
        return Completed(self.rows, size, self._tally.sha256, duplicates)

    def _layout(self, months: list[Month]) -> Layout:
        if self._columns is not None:
            return plan_layout(self._columns)
        return plain_layout(max((month.width for month in months), default=0))

    def _content(self, layout: Layout, parts: list[Compared]) -> Generator[bytes]:
        if self._job.header:
            head = header_row(layout, self._job.delimiter)
            self._tally.add_head(head)
            yield head
        for part in parts:
            self._doing = part.span.rows
            yield from self._part(layout, part)
            self._done, self._doing = self._done + self._doing, 0
        if self.rows != self.rows_total:
            raise RowsMissing(f"the engine returned {self.rows} of {self.rows_total} rows")

    def _part(self, layout: Layout, part: Compared) -> Iterator[bytes]:
        wanted = parameters.rows(self._job, layout, part.span.first_ms, part.span.last_ms, drop=part.duplicates > 0)
        with self._store.stream(query("report_rows"), wanted, self._limit()) as blocks:
            for block in blocks:
                if self._halt.is_set():
                    raise Halted
                self._tally.add(block)
                yield block

    def _limit(self) -> dict[str, int | str]:
        """The time that is left to a statement; raises Halted, or StoreTimeout when there is none."""
        if self._halt.is_set():
            raise Halted
        left_s = math.ceil(self._deadline_s - time.monotonic())
        if left_s <= 0:
            raise StoreTimeout("the report's time was over between two statements")
        return {"max_execution_time": left_s, "log_comment": self.mark}
