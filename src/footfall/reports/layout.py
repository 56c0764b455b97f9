"""Which column of a report holds which place of an event's context, and how fields become a header row."""

from msgspec import Struct

from footfall.plan import Column

# The two columns that every report has, before those of its product.
FIXED = ("timestamp", "type")


class Place(Struct, frozen=True):
    """A place in the context, counted from 1, of events of these types; of all types where there are none."""

    position: int
    types: tuple[str, ...] = ()


class Field(Struct, frozen=True):
    """A column after the fixed ones: its name, and where its values come from; with no places it is always empty."""

    name: str
    places: tuple[Place, ...]


class Layout(Struct, frozen=True):
    """The columns of a report after the fixed ones."""

    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, as the plan has them."""
        return FIXED + tuple(field.name for field in self.fields)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of all columns, each another: a key called like a column before it has `context.` in front."""
        found: list[str] = []
        for name in self.names:
            unique = name
            while unique in found:
                unique = f"context.{unique}"
            found.append(unique)
        return tuple(found)


def plan_layout(columns: tuple[Column, ...]) -> Layout:
    """The columns that the plan gives a product."""
    return Layout(
        tuple(
            Field(column.name, tuple(Place(source.position, source.types) for source in column.sources))
            for column in columns
        )
    )


def plain_layout(width: int) -> Layout:
    """The columns of a product that the plan does not know: the context as it is, up to the longest one's length."""
    return Layout(tuple(Field(f"context{position}", (Place(position),)) for position in range(1, width + 1)))


def header_row(layout: Layout, delimiter: str) -> bytes:
    """The names of all columns as the first line of a file."""
    return (delimiter.join(_quote(name, delimiter) for name in layout.names) + "\n").encode()


def _quote(field: str, delimiter: str) -> str:
    """The same quoting as that of the rows."""
    if any(special in field for special in (delimiter, '"', "\r", "\n")):
        return '"' + field.replace('"', '""') + '"'
    return field
