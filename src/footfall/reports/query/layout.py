"""The columns of a report's file, and from which place of an event's context each takes its value."""

from codecs import BOM_UTF8

from msgspec import Struct

from footfall.plan import Column
from footfall.state import Job

# The two columns that every report has, before those of its product.
FIXED = ("timestamp", "type")


class ContextPlace(Struct, frozen=True):
    """A place in the context, counted from 1, of events of these types; of all types where there are none."""

    position: int
    types: tuple[str, ...] = ()


class Field(Struct, frozen=True):
    """A column after the fixed ones: its name, and where its values come from; with no places it is always empty."""

    name: str
    places: tuple[ContextPlace, ...]


class Layout(Struct, frozen=True):
    """The columns of a report after the fixed ones."""

    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, as the plan has them."""
        return FIXED + tuple(field.name for field in self.fields)

    @property
    def unique_names(self) -> tuple[str, ...]:
        """The names of all columns, made unique: a repeated name gets `context.` in front."""
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
            Field(column.name, tuple(ContextPlace(source.position, source.types) for source in column.sources))
            for column in columns
        )
    )


def planless_layout(context_length: int) -> Layout:
    """The columns of a product that no plan describes: one for each value of its longest context."""
    return Layout(tuple(Field(f"context{at}", (ContextPlace(at),)) for at in range(1, context_length + 1)))


def csv_start(layout: Layout, job: Job) -> bytes:
    """What a CSV file begins with: the byte order mark by which Excel knows UTF-8, and the names of all columns."""
    mark = BOM_UTF8 if job.times == "excel" else b""
    return mark + (header_row(layout, job.delimiter) if job.header else b"")


def header_row(layout: Layout, delimiter: str) -> bytes:
    return (delimiter.join(_quote_field(name, delimiter) for name in layout.names) + "\n").encode()


def _quote_field(field: str, delimiter: str) -> str:
    """Quote a field as the engine quotes those of the rows."""
    if any(special in field for special in (delimiter, '"', "\r", "\n")):
        return '"' + field.replace('"', '""') + '"'
    return field
