"""What came in lately, and what is usual at this time of the day: counted events, and the counts of past days.

A window is the last hour up to what every node has loaded, so that a store that is behind looks like no silence. What
is usual comes from the rollups of seven days: days that are not counted yet are missing there, and tell nothing.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from footfall.store import Store, query
from footfall.windows import DAY_MS, HOUR_MS

WINDOW_MS: Final = HOUR_MS
USUAL_DAYS: Final = 7
# Groups that one look compares, those with the most events: a plan's types of a few thousand customers' products.
GROUPS_MAX: Final = 20_000
# One thread at the lowest rank: nobody waits for it.
_GENTLY: Final = {"max_threads": 1, "priority": 1, "do_not_merge_across_partitions_select_final": 1}


class Activity(Struct, frozen=True):
    """Events of the last hour, and of each past day that had any: the least in the same hours, the most in any hour.

    `type` is empty for all types together, `product` too for all of a customer.
    """

    customer: str
    product: str
    type: str
    recent: int
    lowest: dict[int, int]
    highest: dict[int, int]


def read_activity(store: Store, end_ms: int) -> list[Activity]:
    """The activity of each type in the hour before `end_ms`. Blocks; raises what `Store.rows` raises."""
    start_ms = end_ms - WINDOW_MS
    today = start_ms // DAY_MS
    hours = sorted({start_ms // HOUR_MS % 24, (end_ms - 1) // HOUR_MS % 24})
    wanted = {
        "start": start_ms,
        "end": end_ms,
        "hours": hours,
        "units": len(hours),
        "first_day": today - USUAL_DAYS,
        "last_day": today - 1,
        "limit": GROUPS_MAX,
    }
    return [
        Activity(customer, product, kind, recent, dict(zip(days, low, strict=True)), dict(zip(days, high, strict=True)))
        for customer, product, kind, recent, days, low, high in store.rows(query("alert_activity"), wanted, _GENTLY)
    ]


def of_customers(activities: Iterable[Activity]) -> dict[str, Activity]:
    """The activity of each customer as a whole. Its highest hour is at the most what it says: types peak apart."""
    found: dict[str, Activity] = {}
    for one in activities:
        known = found.get(one.customer) or Activity(one.customer, "", "", 0, {}, {})
        found[one.customer] = Activity(
            one.customer,
            "",
            "",
            known.recent + one.recent,
            _sums(known.lowest, one.lowest),
            _sums(known.highest, one.highest),
        )
    return found


def _sums(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    return {day: one.get(day, 0) + other.get(day, 0) for day in one.keys() | other.keys()}
