"""Spans of time, each with its events, as one statement takes them."""

from collections.abc import Iterable, Iterator

from msgspec import Struct


class Span(Struct, frozen=True):
    """From the first to the last timestamp in ms, both inclusive, there are so many rows."""

    first_ms: int
    last_ms: int
    rows: int


def join(spans: Iterable[Span], rows_max: int) -> Iterator[Span]:
    """Spans in order, neighbours joined while their rows together are at most so many."""
    joined: Span | None = None
    for span in spans:
        if joined is None:
            joined = span
        elif joined.rows + span.rows <= rows_max:
            joined = Span(joined.first_ms, span.last_ms, joined.rows + span.rows)
        else:
            yield joined
            joined = span
    if joined is not None:
        yield joined
