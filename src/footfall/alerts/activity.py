"""What came in lately, and what is usual at this time of the day: counted events, and the counts of past days.

A window is the last hour up to what every node has loaded, so that a store that is behind looks like no silence. What
is usual comes from the rollups of seven days: days that are not counted yet are missing there, and tell nothing.

The store has tens of thousands of series, each a customer's type. One statement finds the few that may be silent or
busier than ever, and reads the hours of the window alone; a second one reads all hours, for the busy among these.
"""

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from footfall.settings import Settings
from footfall.store import Store, query
from footfall.windows import DAY_MS, HOUR_MS

WINDOW_MS: Final = HOUR_MS
USUAL_DAYS: Final = 7
# What is there on so many of the seven days is usual.
SILENCE_DAYS: Final = 5
# Series that one look compares, those with the most events: people hear of the first 200 alerts.
SERIES_MAX: Final = 20_000
# One thread at the lowest rank: nobody waits for it. 80,000 series with events in every hour take 1.4 s and 350 MiB; a
# statement that takes more than this is given up, and nothing is told of silences and spikes.
_GENTLY: Final = {
    "max_threads": 1,
    "priority": 1,
    "do_not_merge_across_partitions_select_final": 1,
    "max_bytes_before_external_group_by": 2**29,
    "max_memory_usage": 2**30,
    "max_execution_time": 60,
}
# Hours are counted one customer's day after the other, and not those of all days at once.
_IN_ORDER: Final = {**_GENTLY, "optimize_aggregation_in_order": 1}


class Activity(Struct, frozen=True):
    """Events of the last hour, and of past days: the least in the same hours, and the most in any hour.

    `type` is empty for all of a customer; its least and most are the sums over its types. A day without an event in
    these hours is not in `lowest`. `highest` is there for what may be a spike only.
    """

    customer: str
    product: str
    type: str
    recent: int
    lowest: dict[int, int]
    highest: dict[int, int] = {}


def read_activity(store: Store, end_ms: int, settings: Settings) -> list[Activity]:
    """What may be silent or a spike in the hour before `end_ms`. Blocks; raises what `Store.rows` raises."""
    start_ms = end_ms - WINDOW_MS
    today = start_ms // DAY_MS
    days = {"first_day": today - USUAL_DAYS, "last_day": today - 1}
    wanted = {
        **days,
        "start": start_ms,
        "end": end_ms,
        "first_hour": start_ms // HOUR_MS % 24,
        "last_hour": (end_ms - 1) // HOUR_MS % 24,
        "silence_days": SILENCE_DAYS,
        "silence_events": settings.alert_silence_events,
        "spike_factor": settings.alert_spike_factor,
        "spike_events": settings.alert_spike_events,
        "limit": SERIES_MAX,
    }
    found = [
        Activity(customer, product, kind, recent, dict(zip(past, lowest, strict=True)))
        for customer, product, kind, recent, past, lowest in store.rows(query("alert_activity"), wanted, _GENTLY)
    ]
    peaks = _read_peaks(store, [one for one in found if one.recent], days)
    return [replace(one, highest=peaks.get(_key(one), {})) for one in found]


def _read_peaks(store: Store, busy: list[Activity], days: dict[str, Any]) -> dict[tuple[str, str, str], dict[int, int]]:
    if not busy:
        return {}
    customers, products, types = (list(column) for column in zip(*map(_key, busy), strict=True))
    wanted = {**days, "customers": customers, "products": products, "types": types}
    return {
        (customer, product, kind): dict(zip(past, highest, strict=True))
        for customer, product, kind, past, highest in store.rows(query("alert_peaks"), wanted, _IN_ORDER)
    }


def _key(one: Activity) -> tuple[str, str, str]:
    return one.customer, one.product, one.type
