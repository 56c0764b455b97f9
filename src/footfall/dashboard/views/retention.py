"""Retention: of the actors who came first in an interval, how many came again in each one after it."""

from functools import partial
from typing import Any, Final, cast

from msgspec import Struct

from footfall.dashboard.explanation import report_text
from footfall.dashboard.period import Period
from footfall.dashboard.questions import show_question
from footfall.dashboard.selection import ask, parameters
from footfall.dashboard.visit import Shown, Visit
from footfall.usage import ActorRetention

INTERVALS: Final = ("day", "week", "month")
PERIODS: Final = ("4", "8", "12", "16")
SHOWN: Final = ("share", "actors")
# Shades of a cell, from none to all.
_SHADES: Final = 10


class Cell(Struct, frozen=True):
    """So many actors of a cohort came back: the share, its shade, and whether the interval is over."""

    actors: int
    of: int
    shade: int
    is_over: bool


class CohortTable(Struct, frozen=True):
    """Cohorts, each with its beginning in ms, its actors and its cells; `together` are the cells of all of them."""

    interval: str
    actors: int
    together: list[Cell]
    cohorts: list[tuple[int, int, list[Cell]]]
    columns: int


async def show(visit: Visit) -> Shown:
    """The cohorts of the address."""
    address = visit.address
    interval = address.one("interval", INTERVALS[1])
    shown = address.one("show", SHOWN[0])
    values = {
        "intervals": INTERVALS,
        "interval": interval if interval in INTERVALS else INTERVALS[1],
        "periods": PERIODS,
        "chosen_periods": address.one("periods", PERIODS[1]),
        "first": address.one("first"),
        "returning": address.one("returning"),
        "shown": shown if shown in SHOWN else SHOWN[0],
        "shown_as": SHOWN,
    }
    return await show_question(visit, "retention.html", values, partial(_answer, visit))


async def _answer(visit: Visit, period: Period) -> dict[str, Any]:
    address = visit.address
    given = parameters(address, period) | address.given(("first", "returning", "periods"))
    if address.one("interval") in INTERVALS:
        given["interval"] = [address.one("interval")]
    answer = cast("ActorRetention", await ask(visit, "retention", given))
    return {
        "answer": answer,
        "table": table_of(answer),
        "command": visit.curl(answer.link),
        "report": report_text(answer.report),
    }


def table_of(answer: ActorRetention) -> CohortTable:
    """The cohorts of an answer as a table."""
    cohorts = [
        (each.start, each.actors, [cell(one.actors, each.actors, is_over=one.complete) for one in each.periods])
        for each in answer.retention
    ]
    return CohortTable(
        interval=answer.interval,
        actors=answer.total.actors,
        together=[cell(each.actors, each.of, is_over=True) for each in answer.total.periods],
        cohorts=cohorts,
        columns=max((len(cells) for _, _, cells in cohorts), default=0),
    )


def cell(actors: int, of: int, *, is_over: bool) -> Cell:
    """A cell of the table."""
    return Cell(actors, of, round(_SHADES * actors / of) if of else 0, is_over)
