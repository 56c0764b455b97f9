"""The manifest of a report: what a reader needs to check the file, or to make it again."""

from importlib.metadata import version

import msgspec
from msgspec import UNSET, Struct, UnsetType

from footfall.reports.encoding import FileCounter
from footfall.reports.query.counts import ReportCounts
from footfall.reports.query.layout import Field, Layout
from footfall.reports.query.statement import FORMULA_MARK, FORMULA_START
from footfall.reports.status import report_source, report_warnings
from footfall.state import Job
from footfall.wire import ReportFilter

_MEANINGS = {
    "customer": "the customer of the event",
    "product": "the product of the event",
    "timestamp": "the time of the event, as the client sent it",
    "type": "the type of the event",
}
_TIME_TYPES = {
    "ms": "integer, milliseconds since 1970-01-01T00:00:00Z",
    "rfc3339": "text, RFC 3339 with milliseconds",
    "excel": "text, such as 2019-10-14 05:00:01.500, UTC",
    "typed": "timestamp with milliseconds, UTC",
    "xlsx": "date and time with milliseconds, UTC",
}
# Formats in which times have a type.
_TYPED = {"parquet": "typed", "arrow": "typed", "xlsx": "xlsx"}


class Place(Struct, frozen=True, omit_defaults=True):
    """Where a column's values stand in the context, counted from 1, of events of these types; of all without types.

    In a file of several products, of events of this product; of those that the plan does not know without a product.
    """

    position: int
    product: str | UnsetType = UNSET
    types: tuple[str, ...] | UnsetType = UNSET


class Described(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A column of the file; `placesOmitted` is the number of its places where the list would be too long."""

    name: str
    meaning: str
    type: str
    places: tuple[Place, ...] | UnsetType = UNSET
    places_omitted: int | UnsetType = UNSET


class RowCounts(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Rows in all and by type, of several customers or products also by these.

    `by_customer_omitted` is the number of customers where the list would be too long.
    """

    total: int
    by_type: dict[str, int]
    by_customer: dict[str, dict[str, int]] | UnsetType = UNSET
    by_customer_omitted: int | UnsetType = UNSET


class Times(Struct, frozen=True, omit_defaults=True):
    """The first and the last timestamp in ms; neither in a report without events."""

    first: int | UnsetType = UNSET
    last: int | UnsetType = UNSET


class Duplicates(Struct, frozen=True):
    """`found` were among the events that the report selects; with the mode drop, none of them is in the file."""

    mode: str
    found: int


class Late(Struct, frozen=True, rename="camel"):
    """Events of the file that were received more than `after_ms` after their own time."""

    after_ms: int
    events: int


class SpreadsheetSafe(Struct, frozen=True):
    """Each value that matches has the mark in front; taking one off every cell that begins with it gives the value."""

    mark: str
    pattern: str


class Manifest(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Times are in ms since the epoch. `since` is there in a report of what came since another.

    `warnings` are those of its order: what in it may have been meant otherwise. Since `erased`, where it is there, the
    store lacks events of the file, those of erased persons.
    """

    source: str
    footfall: str
    filter: ReportFilter
    basis: str
    timezone: str
    watermark: int
    since: int | UnsetType = UNSET
    plan: str
    columns: tuple[Described, ...]
    rows: RowCounts
    timestamps: Times
    duplicates: Duplicates
    late: Late
    file: str
    format: str
    compression: str
    delimiter: str | UnsetType = UNSET
    header: bool | UnsetType = UNSET
    spreadsheet_safe: SpreadsheetSafe | UnsetType = UNSET
    cut_cells: int | UnsetType = UNSET
    bytes: int
    sha256: str
    warnings: tuple[str, ...] | UnsetType = UNSET
    erased: int | UnsetType = UNSET


class ManifestCounts(Struct, frozen=True):
    """The events in the file, the duplicates among those selected, and the time in ms after which an event is late.

    `cut_cells` counts the texts that are not whole, because a cell of a spreadsheet holds no more. `rows_of` has the
    rows by customer and product, where the file tells them.
    """

    in_file: ReportCounts
    duplicates: int
    late_ms: int
    cut_cells: int = 0
    rows_of: dict[str, dict[str, int]] | None = None


def write_manifest(
    job: Job,
    layout: Layout,
    plan_fingerprint: str,
    counts: ManifestCounts,
    file: FileCounter,
    types_chars_max: int,
) -> str:
    """The manifest of a finished file as JSON.

    Where all columns' types exceed `types_chars_max`, none are listed; the same holds for customers and their products.
    """
    found = {str(name): one for name, one in counts.in_file.by_type.items()}
    by_type = {name: found[name].rows for name in sorted(found)}
    first_ms = min((one.first_ms for one in found.values()), default=UNSET)
    last_ms = max((one.last_ms for one in found.values()), default=UNSET)
    is_csv = job.format == "csv"
    made = Manifest(
        source=report_source(job),
        footfall=version("footfall"),
        filter=job.filter,
        basis=job.basis,
        timezone="UTC",
        watermark=job.watermark_ms,
        since=UNSET if job.since_ms is None else job.since_ms,
        plan=plan_fingerprint,
        columns=_columns(job, layout, types_chars_max),
        rows=_rows(by_type, counts.rows_of, types_chars_max),
        timestamps=Times(first_ms, last_ms),
        duplicates=Duplicates(job.duplicates, counts.duplicates),
        late=Late(counts.late_ms, sum(one.late for one in found.values())),
        file=job.file,
        format=job.format,
        compression=job.compression,
        delimiter=job.delimiter if is_csv else UNSET,
        header=job.header if is_csv else UNSET,
        spreadsheet_safe=SpreadsheetSafe(FORMULA_MARK, FORMULA_START) if job.safe else UNSET,
        cut_cells=counts.cut_cells if job.format == "xlsx" else UNSET,
        bytes=file.bytes,
        sha256=file.sha256,
        warnings=report_warnings(job) or UNSET,
    )
    return msgspec.json.encode(made).decode()


def _rows(by_type: dict[str, int], rows_of: dict[str, dict[str, int]] | None, chars_max: int) -> RowCounts:
    total = sum(by_type.values())
    if rows_of is None:
        return RowCounts(total, by_type)
    chars = sum(len(name) + 3 for customer, products in rows_of.items() for name in (customer, *products))
    if chars > chars_max:
        return RowCounts(total, by_type, by_customer_omitted=len(rows_of))
    return RowCounts(total, by_type, by_customer=rows_of)


def _columns(job: Job, layout: Layout, types_chars_max: int) -> tuple[Described, ...]:
    are_listed = _types_chars(layout) <= types_chars_max
    names = layout.csv_names if job.format == "csv" else layout.unique_names
    fixed = len(layout.fixed)
    time_type = _TIME_TYPES[_TYPED.get(job.format, job.times)]
    return (
        *(
            Described(name, _MEANINGS[column], time_type if column == "timestamp" else "text")
            for name, column in zip(names[:fixed], layout.fixed, strict=True)
        ),
        *(
            Described(
                name,
                _meaning(field),
                "text",
                _places(field) if are_listed else UNSET,
                UNSET if are_listed else len(field.places) or UNSET,
            )
            for name, field in zip(names[fixed:], layout.fields, strict=True)
        ),
    )


def _places(field: Field) -> tuple[Place, ...] | UnsetType:
    found = (Place(place.position, place.product or UNSET, place.types or UNSET) for place in field.places)
    return tuple(found) or UNSET


def _types_chars(layout: Layout) -> int:
    """The characters of all columns' types, each with its quotes and a comma."""
    return sum(len(name) + 3 for field in layout.fields for place in field.places for name in place.types)


def _meaning(field: Field) -> str:
    if field.places and all(not place.types for place in field.places):
        return f"value {field.places[0].position} of the context; nothing where that is shorter"
    return f"the context's value of the key {field.name}; nothing where the event's type has no such key"
