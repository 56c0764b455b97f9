"""ActorRetention: of the actors whose first event lies in one interval, how many came back in each interval after it.

The first event is the first one that is selected. An actor came back in an interval in which there is an event that
counts as a return; in the first interval itself, the first event may be that.
"""

from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from footfall.usage.counts import Total
from footfall.usage.grouping import Dimension
from footfall.usage.intervals import intervals
from footfall.usage.numbers import total_of
from footfall.usage.query import Answer, Query, interval_end, likely_span
from footfall.usage.request import ParameterReader
from footfall.usage.selection import EventSelection, type_condition
from footfall.usage.uniques import ALL_MS, actor_of

PERIODS_MAX: Final = 100


class CohortPeriod(Struct, frozen=True):
    """So many actors of a cohort came back in an interval; where it is not over, `complete` is false."""

    start: int
    actors: int
    complete: bool


class Cohort(Struct, frozen=True):
    """The actors whose first event lies in the interval from `start`, and how many came back, from period 0 on."""

    start: int
    actors: int
    periods: list[CohortPeriod]


class PeriodTotal(Struct, frozen=True):
    """How many came back in one period after their first, of the actors of the cohorts that it is over for."""

    period: int
    actors: int
    of: int


class RetentionTotal(Total, frozen=True, kw_only=True):
    """The total of the events and of the actors of all cohorts."""

    actors: int
    periods: list[PeriodTotal]


class ActorRetention(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """The cohorts of a selection. The denominator of each share is the cohort's number of actors."""

    interval: str
    timezone: str
    key: str
    total: RetentionTotal
    retention: list[Cohort]


class RetentionRequest(Struct, frozen=True, kw_only=True):
    """What makes an actor's first event, and what a return; no types mean any event."""

    selection: EventSelection
    interval: str
    timezone: ZoneInfo
    key: Dimension | None
    periods: int
    first: tuple[str, ...]
    returning: tuple[str, ...]


def parse_retention(reader: ParameterReader) -> RetentionRequest:
    """Read the parameters of `GET /usage/retention`; problems are collected in the reader."""
    selection = reader.selection()
    return RetentionRequest(
        selection=selection,
        interval=reader.choice("interval", ("day", "week", "month"), "week"),
        timezone=reader.zone(),
        key=reader.optional_key("key", selection.products),
        periods=reader.number("periods", 8, 1, PERIODS_MAX),
        first=reader.type_names("first"),
        returning=reader.type_names("returning"),
    )


def count_retention(asked: Query, wanted: RetentionRequest) -> ActorRetention:
    """Count cohorts and returns. Raises RequestRefused where there are too many, and what the store raises."""
    total, asked = total_of(asked)
    shown = total.shown(asked.selection.duplicates)
    span = likely_span(asked) if total.events else None
    rows = _rows(asked, wanted, span.first_ms, span.last_ms) if span else []
    sizes = {cohort: actors for cohort, begin, actors in rows if begin == ALL_MS}
    returned = {(cohort, begin): actors for cohort, begin, actors in rows if begin != ALL_MS}
    # The last moment of which all is known.
    known_ms = min(asked.as_of, asked.selection.last_ms) if asked.selection.basis == "event" else asked.as_of
    cohorts = [_cohort(wanted, start, sizes[start], returned, known_ms) for start in sorted(sizes)]
    return ActorRetention(
        **asked.about(),
        interval=wanted.interval,
        timezone=wanted.timezone.key,
        key=wanted.key.name if wanted.key else "actor",
        total=RetentionTotal(**shown, actors=sum(sizes.values()), periods=_totals(cohorts)),
        retention=cohorts,
    )


def _rows(asked: Query, wanted: RetentionRequest, first_ms: int, last_ms: int) -> list[tuple[Any, ...]]:
    found = intervals(wanted.interval, wanted.timezone, first_ms, last_ms)
    parameters: dict[str, Any] = {"all": ALL_MS, **found.parameters()}
    texts = {
        "actor": actor_of(asked, wanted.key, parameters),
        "begin": found.expression,
        "first": type_condition(wanted.first, "first", parameters),
        "returning": type_condition(wanted.returning, "returning", parameters),
    }
    parameters["limit"] = asked.settings.usage_rows_max + 1
    rows = asked.rows("usage_retention", parameters, texts)
    asked.check_length(len(rows))
    return rows


def _cohort(
    wanted: RetentionRequest, start: int, actors: int, returned: dict[tuple[int, int], int], known_ms: int
) -> Cohort:
    periods, begin = [], start
    for _ in range(wanted.periods + 1):
        if begin > known_ms:
            break
        end = interval_end(wanted.interval, wanted.timezone, begin)
        periods.append(CohortPeriod(begin, returned.get((start, begin), 0), end - 1 <= known_ms))
        begin = end
    return Cohort(start, actors, periods)


def _totals(cohorts: list[Cohort]) -> list[PeriodTotal]:
    most = max((len(cohort.periods) for cohort in cohorts), default=0)
    found = []
    for period in range(most):
        over = [cohort for cohort in cohorts if len(cohort.periods) > period and cohort.periods[period].complete]
        if over:
            actors = sum(cohort.periods[period].actors for cohort in over)
            found.append(PeriodTotal(period, actors, sum(cohort.actors for cohort in over)))
    return found
