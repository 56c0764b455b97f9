"""A faster count of few events, which may lie in any number of months.

Every statement opens each part of the table that may have the events, and each month has a part at least: 251 parts
take 0.1 to 0.2 s, however few events are in them. So one statement counts few events by their timestamps. Only for
timestamps that several batches share, a second statement counts duplicates, in the parts that have them.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from footfall.store import Store, query
from footfall.usage.duplicates import Limit

# At most so many events are few. Each can be a row of the result, and the engine makes 10,000 rows in 20 ms. Finding
# that there are more takes a hundredth of the count of five million events that follows.
FEW_MAX = 10_000
# Rows in a block: with larger blocks the engine would read ten times FEW_MAX rows before it stops.
_BLOCK_ROWS = 8192


class EventCount(Struct, frozen=True):
    """A number of events, and how many of them are duplicates."""

    events: int
    duplicates: int


def count_few(store: Store, selection: Mapping[str, Any], limit: Limit) -> dict[tuple[int, str], EventCount] | None:
    """The selected events by timestamp in ms and by type; None when there are more than `FEW_MAX`.

    There are never more duplicates than events, even if events arrive between the two statements. Raises what the store
    and `limit` raise.
    """
    # Each group has at least one event: a result that was cut short has more than FEW_MAX.
    stop_early = {"max_rows_to_group_by": FEW_MAX, "group_by_overflow_mode": "break", "max_block_size": _BLOCK_ROWS}
    rows = store.rows(query("usage_few_events"), {**selection, "limit": FEW_MAX + 1}, {**limit(), **stop_early})
    if sum(events for _, _, events, _ in rows) > FEW_MAX:
        return None
    found = {(time_ms, name): EventCount(events, 0) for time_ms, name, events, _ in rows}
    if times := sorted({time_ms for time_ms, _, _, is_shared in rows if is_shared}):
        # Events and duplicates of these timestamps come from one statement, so that they agree.
        shared = store.rows(query("usage_shared_times"), {**selection, "times": times}, limit())
        found |= {(time_ms, name): EventCount(*numbers) for time_ms, name, *numbers in shared}
    return found
