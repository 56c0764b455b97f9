"""All numbers of an overview at one watermark, and two periods side by side."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType, structs

from footfall.usage.counts import (
    INTERVALS,
    Count,
    CountsRequest,
    earlier_period,
    key_order,
    read_comparison,
    rows_of,
)
from footfall.usage.grouping import Dimension
from footfall.usage.numbers import Number, add_up, count_all_ways, count_groups, fold, own_values, rank
from footfall.usage.query import Answer, Query
from footfall.usage.request import ParameterReader
from footfall.usage.selection import EventSelection
from footfall.usage.uniques import actor_of

_TOP: Final = 10
_DIMENSIONS: Final = ("type", "product", "customer", "version")


class Overview(Struct, frozen=True, kw_only=True):
    """The numbers of one period; distinct actors are a number of their own, and left out where they are not wanted."""

    events: int
    duplicates: int
    late: int
    actors: int | UnsetType = UNSET


class UsageSummary(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """All numbers of an overview at one watermark. Each list adds up to the total."""

    interval: str
    timezone: str
    total: Overview
    compared: Overview | UnsetType = UNSET
    summary: list[Count]
    types: list[Count]
    products: list[Count]
    customers: list[Count]
    versions: list[Count]


class SummaryRequest(Struct, frozen=True, kw_only=True):
    """What to sum up, by which intervals, what to compare with, and whether actors are counted: they take longest."""

    selection: EventSelection
    interval: str
    timezone: ZoneInfo
    compare: str
    top: int
    actors: bool


def parse_summary(reader: ParameterReader) -> SummaryRequest:
    """Read the parameters of `GET /usage/summary`; problems are collected in the reader."""
    selection = reader.selection()
    compare = read_comparison(reader, selection, "none")
    return SummaryRequest(
        selection=selection,
        interval=reader.choice("interval", INTERVALS, "day"),
        timezone=reader.zone(),
        compare=compare,
        top=reader.number("top", _TOP, 1, 1000),
        actors=reader.choice("actors", ("true", "false"), "true") == "true",
    )


def summarise(asked: Query, wanted: SummaryRequest) -> UsageSummary:
    """Sum up. Raises RequestRefused where the answer would be too long, and what the store raises."""
    series = CountsRequest(selection=asked.selection, interval=wanted.interval, timezone=wanted.timezone, by=())
    numbers, _ = count_groups(asked, wanted.interval, wanted.timezone, ())
    number = sum(numbers.values(), Number())
    lists = _lists(asked.knowing(number.events, number.duplicates), wanted)
    compared: Overview | UnsetType = UNSET
    if wanted.compare != "none":
        earlier = asked.of(earlier_period(asked.selection, wanted.compare, wanted.timezone))
        before, _ = count_groups(earlier, "all", wanted.timezone, ())
        compared = _overview(earlier, sum(before.values(), Number()), wanted)
    return UsageSummary(
        **asked.about(),
        interval=wanted.interval,
        timezone=wanted.timezone.key,
        total=_overview(asked, number, wanted),
        compared=compared,
        summary=rows_of(series, numbers),
        types=lists["type"],
        products=lists["product"],
        customers=lists["customer"],
        versions=lists["version"],
    )


def _lists(asked: Query, wanted: SummaryRequest) -> dict[str, list[Count]]:
    """The list of each dimension, all added up from one count where it is not too long."""
    by = tuple(Dimension(name) for name in _DIMENSIONS)
    together = count_all_ways(asked, by)
    lists = {}
    for at, one in enumerate(by):
        if together is None:
            numbers, _ = count_groups(asked, "all", wanted.timezone, (one,), wanted.top)
        else:
            alone = add_up(((0, key[at + 1]), number) for key, number in together.items())
            numbers = fold(alone, rank(alone, 1, wanted.top, asked.selection.duplicates))
        request = CountsRequest(selection=asked.selection, interval="all", timezone=wanted.timezone, by=(one,))
        rows = rows_of(request, numbers)
        lists[one.name] = sorted(rows, key=lambda row: (row.others is not UNSET, -row.events))
    return lists


def _overview(asked: Query, number: Number, wanted: SummaryRequest) -> Overview:
    further = asked.knowing(number.events, number.duplicates)
    actors = count_actors(further) if wanted.actors else UNSET
    return Overview(**number.shown(asked.selection.duplicates), actors=actors)


def count_actors(asked: Query) -> int:
    """The distinct actors of the selection."""
    parameters: dict[str, Any] = {}
    texts = {"actor": actor_of(asked, None, parameters)}
    ((actors,),) = asked.rows("usage_actors", parameters, texts)
    return int(actors)


class ComparedValue(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The events of one value of each dimension, before and now, and the change as a share of those before."""

    customer: str | UnsetType = UNSET
    product: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    values: dict[str, str] | UnsetType = UNSET
    others: list[str] | UnsetType = UNSET
    events: int
    before: int
    change: float | None


class ComparedTotal(Struct, frozen=True, kw_only=True):
    """The events and actors of both periods."""

    events: int
    before: int
    change: float | None
    actors: int
    actorsBefore: int  # noqa: N815 - the wire's own name
    duplicates: int
    late: int


class PeriodComparison(Answer, frozen=True, kw_only=True):
    """Two periods side by side: the selected one, and that from `before` to its end.

    The values with most events in either come first, those with equally many in the order of their bytes.
    """

    before: tuple[int, int]
    total: ComparedTotal
    compare: list[ComparedValue]


def compare_periods(asked: Query, wanted: CountsRequest) -> PeriodComparison:
    """Compare. Raises RequestRefused where the answer would be too long, and what the store raises."""
    earlier = asked.of(earlier_period(asked.selection, wanted.compare, wanted.timezone))
    now, _ = count_groups(asked, "all", wanted.timezone, wanted.by, wanted.top)
    tops = own_values(now, len(wanted.by))
    then, _ = count_groups(earlier, "all", wanted.timezone, wanted.by, wanted.top, tops)
    now, then = ({key[1:]: number for key, number in each.items()} for each in (now, then))
    duplicates = asked.selection.duplicates
    everything = structs.replace(wanted, interval="all")
    rows = []
    for key in sorted(now.keys() | then.keys(), key=lambda key: key_order((0, *key))):
        shown, before = (each.get(key, Number()).shown(duplicates)["events"] for each in (now, then))
        (row,) = rows_of(everything, {(0, *key): Number(shown)})
        values = {name: getattr(row, name) for name in (*_DIMENSIONS, "values", "others")}
        rows.append(ComparedValue(**values, events=shown, before=before, change=_change(shown, before)))
    of_now, of_then = (sum(each.values(), Number()) for each in (now, then))
    total, past = of_now.shown(duplicates), of_then.shown(duplicates)
    return PeriodComparison(
        **asked.about(),
        before=(earlier.selection.first_ms, earlier.selection.last_ms),
        total=ComparedTotal(
            **total,
            before=past["events"],
            change=_change(total["events"], past["events"]),
            actors=count_actors(asked.knowing(of_now.events, of_now.duplicates)),
            actorsBefore=count_actors(earlier.knowing(of_then.events, of_then.duplicates)),
        ),
        compare=sorted(rows, key=lambda row: -max(row.events, row.before)),
    )


def parse_comparison(reader: ParameterReader) -> CountsRequest:
    """Read the parameters of `GET /usage/compare`; problems are collected in the reader."""
    selection = reader.selection()
    return CountsRequest(
        selection=selection,
        interval="all",
        timezone=reader.zone(),
        by=reader.dimensions("by", selection.products, ("type",)),
        top=reader.number("top", 0, 1, 1000),
        compare=read_comparison(reader, selection, "previous"),
    )


def _change(now: int, before: int) -> float | None:
    return round((now - before) / before, 6) if before else None
