"""The plan as a dictionary: every type with its keys, how often and when it was seen, and what the plan refused."""

import asyncio
from typing import Any, Final, cast

from msgspec import Struct

from footfall.dashboard.address import PageAddress
from footfall.dashboard.period import RANGES, read_period
from footfall.dashboard.refusals import fault_of
from footfall.dashboard.selection import ALL, ask
from footfall.dashboard.visit import Rendered, Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.plan import Plan, Product
from footfall.quarantine import HeldGroup, Selection
from footfall.state import RefusedKind, StateUnavailable
from footfall.store import StoreFailed, StoreTimeout, StoreUnavailable
from footfall.usage import TypesSeen

# A type that is rare is seen in a quarter of a year, if at all.
_RANGE: Final = "90d"
# Kinds of refused events that are listed.
_UNKNOWN: Final = 50


class Entry(Struct, frozen=True):
    """A product of the dictionary: as the plan has it, if it does, and its types as they were seen.

    `events` and `never`, the number of types without events, are None where nothing was counted.
    """

    name: str
    product: Product | None
    types: list[Any]
    events: int | None
    never: int | None


class Unseen(Struct, frozen=True):
    """A type of the plan of which nothing is known: the names of `GET /usage/types`."""

    type: str
    description: str
    deprecated: bool
    keys: list[str]
    inPlan: bool = True  # noqa: N815 - the wire's own name
    events: None = None


async def show(visit: Visit) -> Shown:
    """The dictionary, for the customers of the user."""
    address = visit.address
    chosen = address if address.one("range") or address.one("start") else address.with_values(range=_RANGE)
    period = read_period(chosen, visit.zone, visit.services.clock.now_ms())
    plan = visit.services.plan.plan
    values: dict[str, Any] = {
        "period": period,
        "times": _times(address, period.range),
        "ranges": RANGES,
        "plan": plan,
        "mode": visit.services.settings.plan_mode,
        "customers": [code for code in plan.customers if visit.user.admin or code in visit.user.customers],
        "entries": [],
        "answer": None,
        "fault": None,
        "refused": await _refused_requests(visit) if visit.user.admin else None,
        "refused_kinds": await _refused_kinds(visit) if visit.user.admin else [],
        "held": await _held(visit) if visit.user.admin else [],
    }
    try:
        asked = {"customer": [ALL], "product": [ALL], **address.given(("asOf",)), **period.parameters()}
        seen = cast("TypesSeen", await ask(visit, "types", asked))
    except RequestRefused as error:
        fault = fault_of(error, visit)
        return Rendered("plan.html", {**values, "entries": _unseen(plan), "fault": fault}, fault.status)
    return Rendered("plan.html", {**values, "entries": _entries(visit, seen), "answer": seen})


def _times(address: PageAddress, name: str) -> dict[str, str]:
    """The time as the overview's address has it, so that a number leads to the same."""
    return {"range": name, **{key: address.one(key) for key in ("start", "end", "timezone") if address.one(key)}}


def _entries(visit: Visit, seen: TypesSeen) -> list[Entry]:
    """The products, those of the plan first, as it orders them."""
    known = {product.name: product for product in visit.services.plan.plan.products}
    names = [*known, *sorted({each.product for each in seen.types} - known.keys())]
    found = []
    for name in names:
        types = [each for each in seen.types if each.product == name]
        events, never = sum(each.events for each in types), sum(not each.events for each in types)
        found.append(Entry(name, known.get(name), types, events, never))
    return found


def _unseen(plan: Plan) -> list[Entry]:
    """The products as the plan has them, without numbers."""
    return [
        Entry(
            product.name,
            product,
            [Unseen(kind.name, kind.description, kind.deprecated, [*map(str, kind.keys)]) for kind in product.types],
            None,
            None,
        )
        for product in plan.products
    ]


async def _held(visit: Visit) -> list[HeldGroup]:
    """What quarantine has ever held, by type and reason; nothing while the store is away."""
    try:
        return await visit.services.quarantine.summary(Selection(), _UNKNOWN)
    except (StoreUnavailable, StoreTimeout, StoreFailed):
        return []


async def _refused_kinds(visit: Visit) -> list[RefusedKind]:
    """What broke the plan and was refused, those with most events first; nothing while the state is away."""
    try:
        return await asyncio.to_thread(visit.services.refusals.all, _UNKNOWN, Code.EVENT_NOT_IN_PLAN.value)
    except StateUnavailable:
        return []


async def _refused_requests(visit: Visit) -> int:
    """Requests that this node refused because an event broke the plan, as far back as its counts go."""
    try:
        values = await asyncio.to_thread(visit.services.node_metrics.read)
    except OSError:
        return 0
    return int(values.get(("footfall_requests_refused_total", Code.EVENT_NOT_IN_PLAN.value), 0))
