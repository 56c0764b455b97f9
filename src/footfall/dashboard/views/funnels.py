"""Funnels: how many actors go through steps in order, where they leave, and how long each step takes them."""

from functools import partial
from typing import Any, Final, cast

from msgspec import UNSET, Struct

from footfall.dashboard.address import PageAddress
from footfall.dashboard.explanation import report_text
from footfall.dashboard.period import Period
from footfall.dashboard.questions import largest_types, show_question
from footfall.dashboard.selection import ask, parameters
from footfall.dashboard.visit import Shown, Visit
from footfall.usage import Funnel

WINDOWS: Final = ("1h", "1d", "7d", "30d", "90d")
ORDERS: Final = ("loose", "strict")
# Fewer are no funnel.
STEPS_MIN: Final = 2
_DEFAULT_WINDOW: Final = "7d"


class ChosenStep(Struct, frozen=True):
    """A step of the address, with the addresses without it and with it one place earlier."""

    place: int
    text: str
    without: PageAddress
    earlier: PageAddress | None


async def show(visit: Visit) -> Shown:
    """The funnel of the address's steps; types to begin with, where it has fewer than two."""
    address = visit.address
    by = address.one("by")
    values = {
        "intervals": (),
        "steps": steps_of(address),
        "window": address.one("window", _DEFAULT_WINDOW),
        "windows": WINDOWS,
        "order": address.one("order", ORDERS[0]),
        "orders": ORDERS,
        "by": "" if by == "none" else by,
        "offered": [],
        "command": "",
        "report": "",
    }
    return await show_question(visit, "funnels.html", values, partial(_answer, visit))


async def _answer(visit: Visit, period: Period) -> dict[str, Any]:
    address = visit.address
    given = parameters(address, period)
    if len(address.all("step")) < STEPS_MIN:
        largest = await largest_types(visit, given)
        return {"offered": [(name, events, address.adding("step", name)) for name, events in largest]}
    given |= address.given(("step", "window", "order"))
    if address.one("by") not in ("", "none"):
        given["by"] = [address.one("by")]
    answer = cast("Funnel", await ask(visit, "funnel", given))
    return {
        "answer": answer,
        "groups": [] if answer.groups is UNSET else answer.groups,
        "command": visit.curl(answer.link),
        "report": report_text(answer.report),
    }


def steps_of(address: PageAddress) -> list[ChosenStep]:
    """The steps in order."""
    texts = address.all("step")
    found = []
    for at, step in enumerate(texts):
        swapped = [*texts[: at - 1], step, texts[at - 1], *texts[at + 1 :]] if at else texts
        earlier = address.with_values(step=swapped) if at else None
        found.append(ChosenStep(at + 1, step, address.removing("step", step), earlier))
    return found
