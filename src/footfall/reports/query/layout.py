"""The columns of a report's file, and from which place of an event's context each takes its value."""

from codecs import BOM_UTF8

from msgspec import Struct

from footfall.plan import Column, Plan
from footfall.state import Job

# The two columns that every report has, before those of its product.
FIXED = ("timestamp", "type")
# Before them, in a report of several customers or products.
SCOPE = ("customer", "product")
# Context keys of several products together, as many as one may have: each is 50 bytes of the report's statement.
SCOPE_FIELDS_MAX = 1_000


class ContextPlace(Struct, frozen=True):
    """A place in the context, counted from 1, of events of these types; of all types where there are none.

    In a report of several products it is of events of one `product`, or of those that the plan does not know.
    """

    position: int
    types: tuple[str, ...] = ()
    product: str = ""


class Field(Struct, frozen=True):
    """A column after the fixed ones: its name, and where its values come from; with no places it is always empty."""

    name: str
    places: tuple[ContextPlace, ...]


class Layout(Struct, frozen=True):
    """The columns of a report: the fixed ones, with `has_scope` also customer and product, and then the fields."""

    fields: tuple[Field, ...]
    has_scope: bool = False

    @property
    def fixed(self) -> tuple[str, ...]:
        """The names of the columns that do not come from the context."""
        return SCOPE + FIXED if self.has_scope else FIXED

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, as the plan has them."""
        return self.fixed + tuple(field.name for field in self.fields)

    @property
    def csv_names(self) -> tuple[str, ...]:
        """The names of all columns of CSV: those of one product as the plan has them, unique ones of several."""
        return self.unique_names if self.has_scope else self.names

    @property
    def unique_names(self) -> tuple[str, ...]:
        """The names of all columns, made unique: a repeated name gets `context.` in front."""
        found: dict[str, None] = {}
        for name in self.names:
            unique = name
            while unique in found:
                unique = f"context.{unique}"
            found[unique] = None
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


def scope_layout(plan: Plan | None, products: tuple[str, ...], context_length: int) -> Layout:
    """The columns of several products, none of which means all of the plan.

    Keys of one name are one column, in the order of the plan. Products that the plan does not know have a column for
    each value of their longest context.
    """
    places: dict[str, list[ContextPlace]] = {}
    for product in plan.products if plan else ():
        if products and product.name not in products:
            continue
        for column in (plan.columns(product.name) if plan else None) or ():
            found = (ContextPlace(source.position, source.types, product.name) for source in column.sources)
            places.setdefault(column.name, []).extend(found)
    for position in range(1, context_length + 1):
        places.setdefault(f"context{position}", []).append(ContextPlace(position))
    return Layout(tuple(Field(name, tuple(found)) for name, found in places.items()), has_scope=True)


def columns_problem(plan: Plan | None, products: tuple[str, ...], context_length: int = 0) -> str | None:
    """Why a file cannot have the columns of these products; None where it can."""
    scope = (product for product in (plan.products if plan else ()) if not products or product.name in products)
    found = len({name for product in scope for name in product.columns}) + context_length
    if found <= SCOPE_FIELDS_MAX:
        return None
    return f"have {found:,} context keys together, and a file has {SCOPE_FIELDS_MAX:,} at the most: name fewer products"


def csv_start(layout: Layout, job: Job) -> bytes:
    """What a CSV file begins with: the byte order mark by which Excel knows UTF-8, and the names of all columns."""
    mark = BOM_UTF8 if job.times == "excel" else b""
    return mark + (header_row(layout, job.delimiter) if job.header else b"")


def header_row(layout: Layout, delimiter: str) -> bytes:
    return (delimiter.join(_quote_field(name, delimiter) for name in layout.csv_names) + "\n").encode()


def _quote_field(field: str, delimiter: str) -> str:
    """Quote a field as the engine quotes those of the rows."""
    if any(special in field for special in (delimiter, '"', "\r", "\n")):
        return '"' + field.replace('"', '""') + '"'
    return field
