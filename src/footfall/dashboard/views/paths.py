"""Paths: what actors did right after, or right before, an event of a type."""

from functools import partial
from typing import Any, Final, cast

from footfall.dashboard.charts import Branch, draw_branches, grow
from footfall.dashboard.explanation import report_text
from footfall.dashboard.period import Period
from footfall.dashboard.questions import largest_types, show_question
from footfall.dashboard.selection import ask, parameters
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Shown, Visit
from footfall.usage import Paths

DIRECTIONS: Final = ("after", "before")
LEVELS: Final = ("1", "2", "3")
TOPS: Final = ("10", "20", "50")


async def show(visit: Visit) -> Shown:
    """The paths beside the address's type; types to choose from, where it has none."""
    address = visit.address
    direction = address.one("direction", DIRECTIONS[0])
    values = {
        "intervals": (),
        "type": address.one("type"),
        "direction": direction if direction in DIRECTIONS else DIRECTIONS[0],
        "directions": DIRECTIONS,
        "levels": address.one("levels", LEVELS[-1]),
        "all_levels": LEVELS,
        "top": address.one("top", TOPS[1]),
        "tops": TOPS,
        "offered": [],
        "command": "",
        "report": "",
    }
    return await show_question(visit, "paths.html", values, partial(_answer, visit))


async def _answer(visit: Visit, period: Period) -> dict[str, Any]:
    address = visit.address
    given = parameters(address, period)
    if not address.one("type"):
        offered = await largest_types(visit, given)
        return {"offered": [(name, events, address.with_values(type=name)) for name, events in offered]}
    given |= address.given(("type", "direction", "levels", "top"))
    answer = cast("Paths", await ask(visit, "paths", given))
    shown = sum(each.events for each in answer.paths)
    tree = grow([(tuple(each.types), each.events) for each in answer.paths], answer.levels, text("paths.end"))
    return {
        "answer": answer,
        "drawn": draw_branches(Branch(answer.type, shown, tree), answer.levels, answer.direction),
        "shown_events": shown,
        "command": visit.curl(answer.link),
        "report": report_text(answer.report),
    }
