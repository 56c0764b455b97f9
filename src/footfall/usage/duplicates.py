"""Finding duplicates: events that are equal to one which another request had brought before.

Equal are events of the same customer, product, type, version, timestamp and context. Of a group of equal events those
of one batch stay: of the batch that was first, by the time of admission and then by its own order. All others are
duplicates. So what is a duplicate at one watermark is one at every later one, and what is none never becomes one. Nor
does it depend on what else is selected: an event received at another time, or in an earlier report, is first all the
same.

Equal events have the same timestamp, so that looking span by span finds all of them. The statement first looks for
times with several events, then for those among them with several batches, and reads the contexts of these alone: 0.16
us of a core an event. The first look is 0.06 us of that, and took 0.09 by grouping by the time; with a window over the
merged table it all was 0.47 us. What it holds grows with the span, which is therefore cut into pieces.

An event that was loaded twice is none of its own duplicates. The statement sees it all the same, and says how many more
of them are in the table than there are, so that who reads the table knows whether it has to merge.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from footfall.store import Store, query
from footfall.usage.intervals import ALL, Intervals, TimeSpan, join_spans

# Events that are compared at once: a statement holds some 30 bytes for each, and more for the duplicates among them.
# With half as many it takes 0.25 us an event, because every statement costs some 10 ms whatever it reads.
COMPARED_ROWS_MAX = 2_000_000
# Pieces into which a span is cut at once; more than are needed, for events do not spread evenly.
_PIECES_LEAST = 16

Limit = Callable[[], dict[str, Any]]


class DuplicateCounts(Struct, frozen=True):
    """A span, its duplicates by the begin of the interval in ms and by type, and its events that are not merged yet.

    There are no counts of 0. `late` are those of the duplicates that came late, by the same.
    """

    span: TimeSpan
    counts: dict[tuple[int, str], int]
    twins: int = 0
    late: dict[tuple[int, str], int] = {}

    @property
    def duplicates(self) -> int:
        return sum(self.counts.values())


def compare(
    store: Store,
    selection: Mapping[str, Any],
    spans: Iterable[TimeSpan],
    limit: Limit,
    intervals: Intervals = ALL,
    late_ms: int = 0,
) -> Iterator[DuplicateCounts]:
    """The spans in their order, cut where they are large. Raises what the store raises.

    `selection` are the parameters that say which events; duplicates admitted up to `since` do not count. `limit`
    gives the settings of the next statement, and may raise to put an end to it. Late is what was received more than
    `late_ms` after it happened.
    """
    by = {**intervals.parameters(), "late": late_ms}
    for span in spans:
        whole = _recount(store, selection, span, limit) if is_narrow(selection) else span
        for piece in cut(store, selection, whole, COMPARED_ROWS_MAX, limit):
            between = {"start": piece.first_ms, "end": piece.last_ms}
            found = store.rows(query("duplicates_counts"), {**selection, **between, **by}, limit())
            counts = {(begin, kind): number for begin, kind, number, *_ in found if number}
            late = {(begin, kind): tardy for begin, kind, *_, tardy in found if tardy}
            yield DuplicateCounts(piece, counts, sum(twins for *_, twins, _ in found), late)


def is_narrow(selection: Mapping[str, Any]) -> bool:
    """Whether events are compared with more than the selected ones, so that the first of equal ones may be none."""
    return bool(selection["basis"] != "event" or selection["since"] >= 0)


def _recount(store: Store, selection: Mapping[str, Any], span: TimeSpan, limit: Limit) -> TimeSpan:
    """The span with all rows that its events are compared with, for these are what a statement holds."""
    between = {"start": span.first_ms, "end": span.last_ms, "width": span.last_ms - span.first_ms + 1}
    found = store.rows(query("duplicates_spans"), {**selection, **between}, limit())
    return TimeSpan(span.first_ms, span.last_ms, sum(rows for *_, rows in found))


def cut(store: Store, selection: Mapping[str, Any], span: TimeSpan, rows_max: int, limit: Limit) -> Iterator[TimeSpan]:
    """The span in pieces of at most so many rows, but never between events of one millisecond."""
    if span.rows <= rows_max or span.first_ms == span.last_ms:
        yield span
        return
    pieces = _PIECES_LEAST + 2 * span.rows // rows_max
    width = (span.last_ms - span.first_ms) // pieces + 1
    between = {"start": span.first_ms, "end": span.last_ms, "width": width}
    found = store.rows(query("duplicates_spans"), {**selection, **between}, limit())
    for piece in join_spans((TimeSpan(*row) for row in found), rows_max):
        yield from cut(store, selection, piece, rows_max, limit)
