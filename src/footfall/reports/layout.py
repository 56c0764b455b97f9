"""Which column of a report holds which place of an event's context, and how fields become lines."""

from msgspec import Struct

from footfall.plan import Column

# The two columns that every report has, before those of its product.
FIXED = ("timestamp", "type")


class Layout(Struct, frozen=True):
    """`names` are the columns after the fixed ones. `places` holds, for each of `types`, where in the context each of
    the columns stands, counted from 1, or 0 where the type has no such key; `others` is the same for all other types.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]
    others: tuple[int, ...]


def plan_layout(columns: tuple[Column, ...]) -> Layout:
    """The columns that the plan gives a product."""
    positions = {
        (kind, index): source.position
        for index, column in enumerate(columns)
        for source in column.sources
        for kind in source.types
    }
    types = tuple(sorted({kind for kind, _ in positions}))
    return Layout(
        names=tuple(column.name for column in columns),
        types=types,
        places=tuple(tuple(positions.get((kind, index), 0) for index in range(len(columns))) for kind in types),
        others=(0,) * len(columns),
    )


def plain_layout(width: int) -> Layout:
    """The columns of a product that the plan does not know: the context as it is, up to the longest one's length."""
    positions = tuple(range(1, width + 1))
    return Layout(tuple(f"context{position}" for position in positions), (), (), positions)


def header_row(layout: Layout, delimiter: str) -> bytes:
    """The names of all columns as the first line of a file."""
    return (delimiter.join(_quote(name, delimiter) for name in FIXED + layout.names) + "\n").encode()


def _quote(field: str, delimiter: str) -> str:
    """The same quoting as in report_rows.sql."""
    if any(special in field for special in (delimiter, '"', "\r", "\n")):
        return '"' + field.replace('"', '""') + '"'
    return field
