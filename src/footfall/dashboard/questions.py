"""What pages that ask a statistic have in common: the choices of their forms, and what is told of a refusal."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from footfall.dashboard.exploration import COLUMNS, OPERATIONS, choices_of, composed
from footfall.dashboard.period import INTERVALS, RANGES, Period, read_period
from footfall.dashboard.refusals import fault_of
from footfall.dashboard.selection import Parameters, ask, filters
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import RequestRefused
from footfall.usage import Counts

Answering = Callable[[Period], Awaitable[dict[str, Any]]]
# Types that are offered where one is to be chosen.
_OFFERED: Final = 12


async def show_question(visit: Visit, template: str, values: dict[str, Any], answering: Answering) -> Shown:
    """The page of a question: `answering` gives further values; what it refuses is told beside the form."""
    if (found := composed(visit.address)) is not None:
        return Redirect(str(found).removeprefix(visit.root))
    address = visit.address
    period = read_period(address, visit.zone, visit.services.clock.now_ms())
    shown: dict[str, Any] = {
        "period": period,
        "ranges": RANGES,
        "intervals": INTERVALS,
        "comparisons": (),
        "filters": list(filters(address)),
        "choices": choices_of(visit.services.plan.plan, visit.user, address),
        "columns": COLUMNS,
        "operations": OPERATIONS,
        "answer": None,
        "fault": None,
        **values,
    }
    try:
        return Rendered(template, {**shown, **await answering(period)})
    except RequestRefused as error:
        fault = fault_of(error, visit)
        return Rendered(template, {**shown, "fault": fault}, fault.status)


async def largest_types(visit: Visit, given: Parameters) -> list[tuple[str, int]]:
    """The types with most events, with their numbers: something to begin with."""
    given = {**given, "interval": ["all"], "by": ["type"], "top": [str(_OFFERED)]}
    answer = cast("Counts", await ask(visit, "counts", given))
    found = [(str(each.type), each.events) for each in answer.counts if isinstance(each.type, str)]
    return sorted(found, key=lambda each: -each[1])
