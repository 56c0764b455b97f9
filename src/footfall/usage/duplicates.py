"""Duplicates: events that are equal to one that an earlier request had brought.

Equal events have the same customer, product, type, version, timestamp and context. Of a group of equal events, those of
the first batch stay: first by the time of admission, then by batch. All others are duplicates. So a duplicate at one
watermark is one at every later watermark, and an original stays one. Which events are selected does not matter: an
event that was received at another time, or that an earlier report has, is the first one all the same.

Equal events have the same timestamp, so a search span by span finds all of them. The statement finds timestamps with
several events, then those among them with several batches, and reads only the contexts of these. It takes 0.16 us of a
core an event, where a window over the merged table takes 0.47. Its memory grows with the span, which is therefore cut
into pieces.

An event that was loaded twice is no duplicate of itself. The statement counts such unmerged copies, so that a reader of
the table knows whether it has to merge them.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from footfall.store import Store, query, statement_time_s
from footfall.usage.grouping import BY_TYPE, Grouping, fill
from footfall.usage.intervals import TimeSpan, join_spans
from footfall.usage.selection import EventFilter

# Events that one statement compares: it holds some 30 bytes for each, and more for duplicates. With half as many it
# takes 0.25 us an event, because every statement takes some 10 ms whatever it reads.
COMPARED_ROWS_MAX = 2_000_000
# Pieces into which a span is cut at first; more than needed, because events do not spread evenly.
_PIECES_MIN = 16

# Returns the engine's settings for the next statement; raises when there must be none.
Limit = Callable[[], dict[str, Any]]


def without_duplicates(*, drop: bool) -> str:
    """The condition that leaves duplicates out, behind others of a statement on events; nothing without `drop`."""
    return f"AND (timestamp, batch, sequence) GLOBAL NOT IN ({query('duplicates_found')})" if drop else ""


def time_limit(timeout_s: int, **settings: Any) -> Limit:
    """A limit that gives each statement the time that is left; it raises StoreTimeout when none is."""
    end_s = time.monotonic() + timeout_s

    def statement_settings() -> dict[str, Any]:
        return {"max_execution_time": statement_time_s(end_s), **settings}

    return statement_settings


class DuplicateCounts(Struct, frozen=True):
    """The duplicates of a span, by the start of their interval in ms and by dimensions, without counts of 0.

    `late` counts those of the duplicates that came late. `unmerged_copies` is how many more rows than events the table
    holds, because a load was repeated and is not merged yet.
    """

    span: TimeSpan
    counts: dict[tuple[Any, ...], int]
    unmerged_copies: int = 0
    late: dict[tuple[Any, ...], int] = {}

    @property
    def duplicates(self) -> int:
        """All duplicates of the span."""
        return sum(self.counts.values())


def compare(
    store: Store,
    selection: EventFilter,
    spans: Iterable[TimeSpan],
    limit: Limit,
    grouping: Grouping = BY_TYPE,
    late_ms: int = 0,
) -> Iterator[DuplicateCounts]:
    """Count the duplicates of each span, in order; large spans are cut. Raises what the store and `limit` raise.

    Duplicates admitted up to the filter's `since` do not count. `limit` gives the engine's settings for the next
    statement, and may raise. An event is late that was received more than `late_ms` after its timestamp.
    """
    text = fill(selection.fill(query("duplicates_counts")), grouping.texts)
    by = {**grouping.parameters, "late": late_ms}
    for span in spans:
        whole = _recount(store, selection, span, limit) if selection.is_narrow else span
        for piece in cut(store, selection, whole, COMPARED_ROWS_MAX, limit):
            between = {"start": piece.first_ms, "end": piece.last_ms}
            found = store.rows(text, {**selection.parameters, **between, **by}, limit())
            counts = {tuple(key): number for *key, number, _, _ in found if number}
            late = {tuple(key): number for *key, _, _, number in found if number}
            yield DuplicateCounts(piece, counts, sum(copies for *_, copies, _ in found), late)


def _recount(store: Store, selection: EventFilter, span: TimeSpan, limit: Limit) -> TimeSpan:
    """The span with the number of all rows that its events are compared with: a statement holds all of them."""
    between = {"start": span.first_ms, "end": span.last_ms, "width": span.last_ms - span.first_ms + 1}
    found = store.rows(selection.fill(query("duplicates_spans")), {**selection.parameters, **between}, limit())
    return TimeSpan(span.first_ms, span.last_ms, sum(rows for *_, rows in found))


def cut(store: Store, selection: EventFilter, span: TimeSpan, rows_max: int, limit: Limit) -> Iterator[TimeSpan]:
    """The span in pieces of at most `rows_max` rows; events of one millisecond stay together."""
    if span.rows <= rows_max or span.first_ms == span.last_ms:
        yield span
        return
    pieces = _PIECES_MIN + 2 * span.rows // rows_max
    width = (span.last_ms - span.first_ms) // pieces + 1
    between = {"start": span.first_ms, "end": span.last_ms, "width": width}
    found = store.rows(selection.fill(query("duplicates_spans")), {**selection.parameters, **between}, limit())
    for piece in join_spans((TimeSpan(*row) for row in found), rows_max):
        yield from cut(store, selection, piece, rows_max, limit)
