"""Finding duplicates: events that are equal to one which another request had brought before.

Equal are events of the same customer, product, type, version, timestamp and context. Of a group of equal events those
of one batch stay: of the batch that was first, by the time of admission and then by its own order. All others are
duplicates. So what is a duplicate at one watermark is one at every later one, and what is none never becomes one.

Equal events have the same timestamp, so that looking span by span finds all of them. A first statement, which reads no
contexts, sees whether a span can have any; it took 1.1 s of a core for 8 million events, of which it held less than
100 MB. Only where it suspects some, the span is cut into pieces of few events, and those are compared.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from footfall.store import Store, query
from footfall.usage.spans import Span, join

# Events that are compared at once, and whose duplicates one statement of a report leaves out. It held 80 MB when half
# of so many were duplicates.
COMPARED_ROWS_MAX = 100_000
# Pieces into which a span is cut at once; more than are needed, for events do not spread evenly.
_PIECES_LEAST = 16

Limit = Callable[[], dict[str, Any]]


class Intervals(Struct, frozen=True):
    """How duplicates are counted: by hour, day or month of a time zone, or all in one interval that begins at 0."""

    interval: str = "all"
    timezone: str = "UTC"


ALL = Intervals()


class Compared(Struct, frozen=True):
    """A span, and its duplicates by the begin of the interval in ms and by type; there are none with 0."""

    span: Span
    counts: dict[tuple[int, str], int]

    @property
    def duplicates(self) -> int:
        return sum(self.counts.values())


def compare(
    store: Store, selection: Mapping[str, Any], spans: Iterable[Span], limit: Limit, intervals: Intervals = ALL
) -> Iterator[Compared]:
    """The spans in their order, cut where there are duplicates. Raises what the store raises.

    `selection` are the parameters customer, product, types and watermark. `limit` gives the settings of the next
    statement, and may raise to put an end to it.
    """
    for span in spans:
        wanted = {**selection, "start": span.first_ms, "end": span.last_ms}
        ((suspected,),) = store.rows(query("duplicates_suspected"), wanted, limit())
        if not suspected:
            yield Compared(span, {})
            continue
        for piece in _cut(store, wanted, span, limit):
            between = {"start": piece.first_ms, "end": piece.last_ms}
            by = {"interval": intervals.interval, "timezone": intervals.timezone}
            found = store.rows(query("duplicates_counts"), {**wanted, **between, **by}, limit())
            yield Compared(piece, {(begin, kind): number for begin, kind, number in found})


def _cut(store: Store, wanted: Mapping[str, Any], span: Span, limit: Limit) -> Iterator[Span]:
    """The span in pieces of at most COMPARED_ROWS_MAX rows, but never between events of one millisecond."""
    if span.rows <= COMPARED_ROWS_MAX or span.first_ms == span.last_ms:
        yield span
        return
    pieces = _PIECES_LEAST + 2 * span.rows // COMPARED_ROWS_MAX
    between = {"start": span.first_ms, "end": span.last_ms, "width": (span.last_ms - span.first_ms) // pieces + 1}
    found = store.rows(query("duplicates_spans"), {**wanted, **between}, limit())
    for piece in join((Span(*row) for row in found), COMPARED_ROWS_MAX):
        yield from _cut(store, wanted, piece, limit)
