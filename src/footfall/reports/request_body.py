"""The bodies of `POST /reports` and `POST /reports/estimate`: keys, kinds, choices, bounds, and what each means.

These structs are the one description of the bodies. `body_reader` reads bodies by them, key by key, so that one answer
names everything that is wrong; the API's document shows their schemas. A schedule's body shares their parts. What they
cannot say, such as that a time zone exists or that two keys contradict each other, is checked in `request`.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from footfall import windows
from footfall.reports.encoding import Compression, FileFormat
from footfall.usage import Duplicates

BodyTime = Annotated[int, Meta(ge=-windows.TIME_MS_MAX, le=windows.TIME_MS_MAX)] | str
Instant = Annotated[
    BodyTime,
    Meta(
        description="Inclusive: milliseconds since 1970-01-01T00:00:00Z, a date such as 2026-10-01, or a time such as "
        "2026-10-01T08:00 or 2026-10-01T08:00+02:00. A date as the end means its last millisecond."
    ),
]
Customer = Annotated[str, Meta(min_length=1, description="The customer's code.")]
Product = Annotated[str, Meta(min_length=1, description="The product's code.")]
Customers = (
    Annotated[
        list[str],
        Meta(min_length=1, description="Codes of customers, in the place of `customer`; `*` for all that you may see."),
    ]
    | UnsetType
    | None
)
Products = (
    Annotated[list[str], Meta(min_length=1, description="Codes of products, in the place of `product`; `*` for all.")]
    | UnsetType
    | None
)
EventTypes = (
    Annotated[
        list[str],
        Meta(description="Event types, and beginnings of some with a `*` behind; when left out, all types."),
    ]
    | UnsetType
    | None
)
Versions = (
    Annotated[
        list[str],
        Meta(description="Versions of the software that sent the events, empty for none; when left out, all."),
    ]
    | UnsetType
    | None
)
Conditions = (
    Annotated[
        list[str],
        Meta(
            description="Conditions on context keys, all of which must hold: `KEY:is:VALUE`, or `is not`, `one of` "
            "(with `|` between values), `contains`, `empty` or `not empty` in the place of `is`."
        ),
    ]
    | UnsetType
    | None
)
Basis = Annotated[
    Literal["event", "received"],
    Meta(description="Whether start and end are about the time of the event, or that of its receipt."),
]
Destination = Annotated[str, Meta(min_length=1, description="A destination that the operator has named.")]
DestinationKey = Annotated[str, Meta(min_length=1, description="The file's name at that destination.")]


class ReportRequestFilter(Struct):
    """What a report selects. It has either `customer` or `customers`, and either `product` or `products`."""

    customer: Customer | UnsetType | None = UNSET
    customers: Customers = UNSET
    product: Product | UnsetType | None = UNSET
    products: Products = UNSET
    types: EventTypes = UNSET
    versions: Versions = UNSET
    where: Conditions = UNSET
    start: Instant | UnsetType | None = UNSET
    end: Instant | UnsetType | None = UNSET
    timezone: Annotated[str, Meta(description="In which dates and times without an offset are meant.")] = "UTC"
    basis: Basis = "event"


class FileOutput(Struct, rename="camel"):
    """What a report's file looks like, and where it goes."""

    format: Annotated[FileFormat, Meta(description="The file's format.")] = "csv"
    compression: (
        Annotated[
            Compression,
            Meta(description="Left out: `zstd` in Parquet, `none` otherwise. Arrow takes no `gzip`, xlsx only `none`."),
        ]
        | UnsetType
        | None
    ) = UNSET
    delimiter: Annotated[
        str,
        # Not a quote, the ends of a row, and the end of a string in C.
        Meta(min_length=1, max_length=1, pattern='^[^"\\r\\n\\0]$', description="Between the columns of `csv`."),
    ] = "|"
    header: Annotated[bool, Meta(description="Whether the first row of `csv` names the columns.")] = False
    times: Annotated[
        Literal["ms", "rfc3339", "excel"],
        Meta(
            description="Times in texts: milliseconds since 1970, text such as 2025-10-09T08:53:20.000Z, or, in `csv`, "
            "text such as 2025-10-09 08:53:20.000 behind a byte order mark, as Excel needs it."
        ),
    ] = "ms"
    spreadsheet_safe: Annotated[
        bool, Meta(description="Whether values of `csv` that would be formulas get an apostrophe in front.")
    ] = False
    bucket_name: Destination | UnsetType | None = UNSET
    bucket_key: DestinationKey | UnsetType | None = UNSET


class ReportRequestOutput(FileOutput, rename="camel"):
    """What a report's file looks like, where it goes, and as of when it is."""

    as_of: (
        Annotated[
            BodyTime,
            Meta(description="A watermark, in milliseconds or as a date: nothing that came later is in the report."),
        ]
        | UnsetType
        | None
    ) = UNSET
    since: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description="The source of an earlier report: only what came after its watermark is in this one.",
            ),
        ]
        | UnsetType
        | None
    ) = UNSET


ViewName = (
    Annotated[
        str,
        Meta(description="A saved view, by its name or id: what `filter` does not say itself is taken from there."),
    ]
    | UnsetType
    | None
)


class ReportRequest(Struct):
    """A report to start."""

    filter: ReportRequestFilter
    view: ViewName = UNSET
    duplicates: Annotated[
        Duplicates,
        Meta(description="Whether events that are equal to one of an earlier request are in the file."),
    ] = "keep"
    output: ReportRequestOutput | UnsetType | None = UNSET


class EstimateFilter(ReportRequestFilter, forbid_unknown_fields=True):
    """What the report would select."""


class EstimateOutput(ReportRequestOutput, rename="camel", forbid_unknown_fields=True):
    """What its file would look like."""


class EstimateRequest(ReportRequest, forbid_unknown_fields=True):
    """A report to estimate: the body of one to start, without a key that it does not have."""

    filter: EstimateFilter
    output: EstimateOutput | UnsetType | None = UNSET
