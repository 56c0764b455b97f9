"""Structs for the OpenAPI schemas of bodies that no struct decodes.

A report's or schedule's body is read key by key (`footfall.reports`), so that one answer names everything that is wrong
with it. Events are decoded for speed (`footfall.ingest`), into a struct without descriptions and bounds. `tests/web`
compares these schemas with what the calls take. All other schemas come from the structs that decode or encode bodies.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

Milliseconds = Annotated[int, Meta(description="Milliseconds since 1970-01-01T00:00:00Z.")]
Instant = Annotated[
    int | str,
    Meta(
        description="Inclusive: milliseconds since 1970-01-01T00:00:00Z, a date such as 2026-10-01, or a time such as "
        "2026-10-01T08:00 or 2026-10-01T08:00+02:00. A date as the end means its last millisecond."
    ),
]
Customer = Annotated[str, Meta(min_length=1, description="The customer's code.")]
Product = Annotated[str, Meta(min_length=1, description="The product's code.")]
EventType = Annotated[str, Meta(min_length=1, description="The event type's code.")]
EventTypes = Annotated[list[str], Meta(description="Event types; when left out, all of them.")] | UnsetType | None
Destination = Annotated[str, Meta(min_length=1, description="A destination that the operator has named.")]
DestinationKey = Annotated[str, Meta(min_length=1, description="The file's name at that destination.")]
Version = Annotated[str, Meta(description="The version of the software that sent the event.")]


class Event(Struct, kw_only=True):
    """A usage event. Keys that are not named here are ignored."""

    customer: Customer
    product: Product
    type: EventType
    version: Version | UnsetType | None = UNSET
    timestamp: Milliseconds
    context: Annotated[
        list[str | None],
        Meta(description="The values of the type's context, in the tracking plan's order; null only where optional."),
    ]


class EventFull(Struct, kw_only=True):
    """An event as stored."""

    customer: Customer
    product: Product
    type: EventType
    version: Version | UnsetType = UNSET
    timestamp: Milliseconds
    context: Annotated[list[str], Meta(description="The values of the type's context.")]
    sequence: Annotated[int, Meta(ge=1, description="The event's place in its request, from 1.")]
    batch: Annotated[str, Meta(description="A UUID that all events of one request share.")]


class EventsRequest(Struct):
    """Events to accept, all or none."""

    events: Annotated[list[Event], Meta(description="An array of events. A body with other keys must have it.")] = []


class ReportRequestFilter(Struct):
    """What a report selects."""

    customer: Customer
    product: Product
    types: EventTypes = UNSET
    start: Instant | UnsetType | None = UNSET
    end: Instant | UnsetType | None = UNSET
    timezone: Annotated[str, Meta(description="In which dates and times without an offset are meant.")] = "UTC"
    basis: Annotated[
        Literal["event", "received"],
        Meta(description="Whether start and end are about the time of the event, or that of its receipt."),
    ] = "event"


class FileOutput(Struct, rename="camel"):
    """What a report's file looks like, and where it goes."""

    format: Annotated[Literal["csv", "jsonl", "parquet", "arrow", "xlsx"], Meta(description="The file's format.")] = (
        "csv"
    )
    compression: (
        Annotated[
            Literal["none", "gzip", "zstd"],
            Meta(description="Left out: `zstd` in Parquet, `none` otherwise. Arrow takes no `gzip`, xlsx only `none`."),
        ]
        | UnsetType
        | None
    ) = UNSET
    delimiter: Annotated[str, Meta(min_length=1, max_length=1, description="Between the columns of `csv`.")] = "|"
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
            int | str,
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


class ReportRequest(Struct):
    """A report to start."""

    filter: ReportRequestFilter
    duplicates: Annotated[
        Literal["keep", "drop"],
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


class ScheduleFilter(Struct, forbid_unknown_fields=True):
    """What each of a schedule's reports selects; their times are the schedule's."""

    customer: Customer
    product: Product
    types: EventTypes = UNSET


class ScheduleOutput(FileOutput, rename="camel", forbid_unknown_fields=True):
    """What the files of a schedule's reports look like, and where they go."""


class ScheduleRequest(Struct, rename="camel", forbid_unknown_fields=True):
    """A schedule to make. `duplicates` and `output` are those of a report, but for what a schedule sees to itself."""

    every: Annotated[Literal["hour", "day", "week", "month"], Meta(description="How long each window is.")]
    filter: ScheduleFilter
    name: Annotated[str, Meta(min_length=1, description="For people.")] | UnsetType | None = UNSET
    timezone: Annotated[str, Meta(description="Whose hours, days, weeks and months are meant.")] = "UTC"
    from_: Annotated[
        int | str | UnsetType,
        Meta(description="A time in the first window; when left out, the window that is open now is the first."),
    ] = msgspec.field(default=UNSET, name="from")
    grace_seconds: Annotated[int, Meta(ge=0, description="From a window's end to its report.")] = 3600
    correction_days: Annotated[int, Meta(ge=0, description="How long late events are looked for; 0 for never.")] = 7
    correction: Annotated[
        Literal["full", "since"],
        Meta(description="Whether a correction is a whole file, or has only what came since."),
    ] = "full"
    duplicates: Annotated[Literal["keep", "drop"], Meta(description="As for a report.")] = "keep"
    output: ScheduleOutput | UnsetType | None = UNSET


class Health(Struct, frozen=True):
    """The process is alive and can accept events."""

    status: Annotated[Literal["ok"], Meta(description="Always `ok`.")] = "ok"
