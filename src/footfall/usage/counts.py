"""Counts of events over time and by dimensions, with their duplicates and those that came late."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType, structs

from footfall import windows
from footfall.usage.grouping import Dimension
from footfall.usage.intervals import intervals
from footfall.usage.numbers import Key, Number, Numbers, Tops, count_groups, own_values
from footfall.usage.query import Answer, Query
from footfall.usage.request import ParameterReader
from footfall.usage.selection import EventSelection

INTERVALS: Final = ("minute", "hour", "day", "week", "month", "all")
COMPARISONS: Final = ("none", "previous", "year")


class Total(Struct, frozen=True):
    """So many events, so many duplicates (among them, or left out of them, as was asked for), and so many late ones."""

    events: int
    duplicates: int
    late: int


class Count(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The same for one interval, which begins at `start`, in ms since 1970, and for one value of each dimension.

    Values of context keys stand in `values`. `others` says that it is about all values that are not among the top.
    """

    start: int | UnsetType = UNSET
    customer: str | UnsetType = UNSET
    product: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    values: dict[str, str] | UnsetType = UNSET
    others: list[str] | UnsetType = UNSET
    events: int
    duplicates: int
    late: int


class EarlierCounts(Struct, frozen=True, kw_only=True):
    """The counts of an earlier period, from `start` to `end`, in ms since 1970, both inclusive."""

    start: int
    end: int
    total: Total
    counts: list[Count]


class CountsRequest(Struct, frozen=True, kw_only=True):
    """Which events to count, by what, and what to compare with."""

    selection: EventSelection
    interval: str
    timezone: ZoneInfo
    by: tuple[Dimension, ...]
    top: int = 0
    fill: bool = False
    compare: str = "none"


class Counts(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """The counts of a selection, and those of the period that they are compared with."""

    interval: str
    timezone: str
    total: Total
    counts: list[Count]
    compared: EarlierCounts | UnsetType = UNSET


def parse_counts(reader: ParameterReader) -> CountsRequest:
    """Read the parameters of `GET /usage/counts`; problems are collected in the reader."""
    selection = reader.selection()
    compare = read_comparison(reader, selection, "none")
    return CountsRequest(
        selection=selection,
        interval=reader.choice("interval", INTERVALS, "day"),
        timezone=reader.zone(),
        by=reader.dimensions("by", selection.products, ("type",)),
        top=reader.number("top", 0, 1, 1000),
        fill=reader.flag("fill"),
        compare=compare,
    )


def read_comparison(reader: ParameterReader, selection: EventSelection, default: str) -> str:
    """What to compare with, which takes a period that the calendar has."""
    choices = COMPARISONS if default == "none" else COMPARISONS[1:]
    compare = reader.choice("compare", choices, default)
    if compare == "none":
        return compare
    if selection.start is UNSET or selection.end is UNSET:
        reader.wrong("compare", "needs start and end: the period before is as long")
    elif selection.start < windows.LEAST_MS + 366 * windows.DAY_MS or selection.end > windows.MOST_MS:
        reader.wrong("compare", "needs a start and an end between the years 4 and 9998")
    return compare


def count(asked: Query, wanted: CountsRequest) -> Counts:
    """Count what is wanted. Raises RequestRefused where the answer would be too long, and what the store raises."""
    total, counts, tops = _count(asked, wanted)
    kind: dict[str, Any] = {"interval": wanted.interval, "timezone": wanted.timezone.key}
    if wanted.compare == "none":
        return Counts(**asked.about(), **kind, total=total, counts=counts)
    earlier = earlier_period(wanted.selection, wanted.compare, wanted.timezone)
    before, rows, _ = _count(asked.of(earlier), structs.replace(wanted, selection=earlier), tops)
    compared = EarlierCounts(start=earlier.first_ms, end=earlier.last_ms, total=before, counts=rows)
    return Counts(**asked.about(), **kind, total=total, counts=counts, compared=compared)


def _count(asked: Query, wanted: CountsRequest, tops: Tops | None = None) -> tuple[Total, list[Count], Tops]:
    numbers, _ = count_groups(asked, wanted.interval, wanted.timezone, wanted.by, wanted.top, tops)
    tops = own_values(numbers, len(wanted.by))
    if wanted.fill and wanted.interval != "all":
        numbers = _fill(asked, wanted, numbers)
    total = sum(numbers.values(), Number()).shown(asked.selection.duplicates)
    return Total(**total), rows_of(wanted, numbers), tops


def rows_of(wanted: CountsRequest, numbers: Numbers) -> list[Count]:
    """The numbers as an answer has them, in order."""
    duplicates = wanted.selection.duplicates
    return [_row(wanted, key, numbers[key].shown(duplicates)) for key in sorted(numbers, key=key_order)]


def _fill(asked: Query, wanted: CountsRequest, numbers: Numbers) -> Numbers:
    """The numbers with one of 0 for each interval that has none, from the first to the last."""
    chosen = asked.selection
    starts = [start for start, *_ in numbers]
    first = min(starts, default=0) if chosen.start is UNSET or chosen.basis != "event" else chosen.start
    last = max(starts, default=-1) if chosen.end is UNSET or chosen.basis != "event" else min(chosen.end, asked.as_of)
    values = {tuple(rest) for _, *rest in numbers}
    # Looked at before they are made: a minute for each of the years that a stranger may name.
    asked.check_length((last - first) // windows.LENGTHS_MS[wanted.interval] * max(len(values), 1))
    every = intervals(wanted.interval, wanted.timezone, first, max(first, last)).starts_between(first, last)
    asked.check_length(len(every) * len(values))
    zeros: Numbers = {(start, *rest): Number() for rest in values for start in every}
    return zeros | numbers


def earlier_period(selection: EventSelection, compare: str, timezone: ZoneInfo) -> EventSelection:
    """The selection of the period before, of the same length, or of the same dates a year before."""
    if compare == "year":
        start = windows.year_before(selection.first_ms, timezone)
        end = windows.year_before(selection.last_ms, timezone, is_last=True)
        return structs.replace(selection, start=start, end=end)
    length_ms = selection.last_ms - selection.first_ms + 1
    return structs.replace(selection, start=selection.first_ms - length_ms, end=selection.first_ms - 1)


def key_order(key: Key) -> tuple[Any, ...]:
    """By the interval, then the values in the order of their bytes, then all others."""
    start, *values = key
    return start, *((value is None, (value or "").encode()) for value in values)


def _row(wanted: CountsRequest, key: Key, numbers: dict[str, Any]) -> Count:
    start, *values = key
    named = dict(zip(wanted.by, values, strict=True))
    columns = {each.name: value for each, value in named.items() if not each.is_key and value is not None}
    keys = {each.name: value for each, value in named.items() if each.is_key and value is not None}
    others = [each.name for each, value in named.items() if value is None]
    return Count(
        start=UNSET if wanted.interval == "all" else start,
        values=keys or UNSET,
        others=others or UNSET,
        **columns,
        **numbers,
    )
