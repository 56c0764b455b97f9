"""Distinct actors, or distinct values of a context key, by interval, in all, and over the last days of each day.

Distinct values are never added up: the total is a number of its own. Events without a value count for none of them.
"""

from itertools import accumulate
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType, structs

from footfall import windows
from footfall.store import StoreMemory
from footfall.usage.counts import INTERVALS, Total
from footfall.usage.grouping import Dimension
from footfall.usage.intervals import Intervals, intervals
from footfall.usage.numbers import total_of
from footfall.usage.query import Answer, Query, event_span, likely_span
from footfall.usage.request import ParameterReader
from footfall.usage.selection import EventSelection

# Stands for the total among the starts of intervals.
ALL_MS: Final = -(2**63)
ROLLING_DAYS_MAX: Final = 366
# The standard error of an estimate with 2^17 registers is 1.04 / sqrt(2^17), of HyperLogLog.
ESTIMATE_ERROR: Final = 0.003


class UniquesTotal(Total, frozen=True, kw_only=True):
    """The total of the events, the distinct actors of all of them, and the events that have none."""

    uniques: int
    without: int


class Unique(Struct, frozen=True):
    """So many distinct actors in one interval, which begins at `start`, in ms since 1970."""

    start: int
    uniques: int


class Rolling(Struct, frozen=True):
    """So many distinct actors in the `days` days up to the end of each day, which begins at `start`."""

    days: int
    uniques: list[Unique]


class Uniques(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """Distinct actors. Where `exact` is false, `error` is the standard error of each number, as a share of it."""

    interval: str
    timezone: str
    key: str
    total: UniquesTotal
    uniques: list[Unique]
    rolling: list[Rolling] | UnsetType = UNSET
    error: float | UnsetType = UNSET


class UniquesRequest(Struct, frozen=True, kw_only=True):
    """Of which events, of which key (none: actors), and whether an estimate is enough."""

    selection: EventSelection
    interval: str
    timezone: ZoneInfo
    key: Dimension | None
    rolling: tuple[int, ...]
    approximate: bool


def parse_uniques(reader: ParameterReader) -> UniquesRequest:
    """Read the parameters of `GET /usage/uniques`; problems are collected in the reader."""
    selection = reader.selection()
    days = reader.texts("rolling")
    rolling = [int(each) for each in days if each.isascii() and each.isdigit() and 0 < len(each) < 4]
    if len(rolling) < len(days) or any(not 1 <= each <= ROLLING_DAYS_MAX for each in rolling) or len(days) > 3:
        reader.wrong("rolling", f"must be days from 1 to {ROLLING_DAYS_MAX}, given three times at the most")
    return UniquesRequest(
        selection=selection,
        interval=reader.choice("interval", INTERVALS, "day"),
        timezone=reader.zone(),
        key=reader.optional_key("key", selection.products),
        rolling=tuple(dict.fromkeys(rolling)),
        approximate=reader.flag("approximate"),
    )


def count_uniques(asked: Query, wanted: UniquesRequest) -> Uniques:
    """Count distinct actors; where all of them take too much memory, estimate. Raises what the store raises."""
    total, asked = total_of(asked)
    span = likely_span(asked)
    found = intervals(wanted.interval, wanted.timezone, *((span.first_ms, span.last_ms) if span else (0, 0)))
    exact = not wanted.approximate
    try:
        rows = _rows(asked, wanted, found, "usage_uniques" if exact else "usage_uniques_estimate")
    except StoreMemory:
        exact = False
        rows = _rows(asked, wanted, found, "usage_uniques_estimate")
    numbers = {start: (uniques, without) for start, uniques, without in rows}
    in_all, without = numbers.pop(ALL_MS, (0, 0))
    return Uniques(
        **asked.about(exact=exact),
        interval=wanted.interval,
        timezone=wanted.timezone.key,
        key=wanted.key.name if wanted.key else "actor",
        total=UniquesTotal(**total.shown(asked.selection.duplicates), uniques=in_all, without=without),
        uniques=[Unique(start, uniques) for start, (uniques, _) in sorted(numbers.items())],
        rolling=[Rolling(days, _roll(asked, wanted, days)) for days in wanted.rolling] or UNSET,
        error=UNSET if exact else ESTIMATE_ERROR,
    )


def actor_of(asked: Query, key: Dimension | None, parameters: dict[str, Any]) -> str:
    """The expression of the actor, or of the key that is counted instead."""
    return asked.value(key.name, "actor", parameters) if key else asked.actor("actor", parameters)


def _rows(asked: Query, wanted: UniquesRequest, found: Intervals, name: str) -> list[tuple[Any, ...]]:
    parameters: dict[str, Any] = {"all": ALL_MS, **found.parameters()}
    texts = {"actor": actor_of(asked, wanted.key, parameters), "begin": found.expression}
    parameters["limit"] = asked.settings.usage_rows_max + 2
    rows = asked.rows(name, parameters, texts)
    asked.check_length(len(rows) - 1)
    return rows


def _roll(asked: Query, wanted: UniquesRequest, days: int) -> list[Unique]:
    """The distinct actors of the last days, for each day of the selection that has begun."""
    chosen = asked.selection
    wide = asked.of(rolling_selection(chosen, days))
    span = event_span(wide)
    if span is None:
        return []
    found = intervals("day", wanted.timezone, span.first_ms, span.last_ms)
    parameters: dict[str, Any] = {**found.parameters(), "days": days}
    texts = {
        "actor": actor_of(wide, wanted.key, parameters),
        "begin": found.expression,
        "offset": found.offset_expression,
    }
    changes = wide.rows("usage_rolling", parameters, texts)
    levels = dict(zip((day for day, _ in changes), accumulate(change for _, change in changes), strict=True))
    # By receipt, start and end bound no days: the first is that of the first event, the last that of the last.
    start, end = (chosen.start, chosen.end) if chosen.basis == "event" else (UNSET, UNSET)
    first = span.first_ms if start is UNSET else max(start, span.first_ms)
    last = min(asked.as_of, span.last_ms if end is UNSET else end)
    # Looked at before they are made: a stranger's event may be of any year.
    asked.check_length((last - first) // windows.DAY_MS)
    return _days(levels, wanted.timezone, first, last)


def rolling_selection(selection: EventSelection, days: int) -> EventSelection:
    """The selection with the days before its first that count for it too; `days` from 1 to ROLLING_DAYS_MAX.

    There are none where `start` is a time of receipt.
    """
    if selection.start is UNSET or selection.basis != "event":
        return selection
    return structs.replace(selection, start=selection.start - (days + 1) * windows.DAY_MS)


def _days(levels: dict[int, int], timezone: ZoneInfo, first_ms: int, last_ms: int) -> list[Unique]:
    """The level of each day of the zone, from one time to another."""
    found, at_ms = [], windows.window("day", timezone, first_ms).start_ms
    known = sorted(levels)
    level, at = 0, 0
    while at_ms <= last_ms:
        number = windows.day_number(timezone, at_ms)
        while at < len(known) and known[at] <= number:
            level, at = levels[known[at]], at + 1
        found.append(Unique(at_ms, level))
        at_ms = windows.window("day", timezone, at_ms).end_ms
    return found
