"""Counting a few events, which may lie in any number of months.

Every statement looks into each part of the table where events may be, and there is one a month at least: 251 of them
cost 0.1 to 0.2 s each time, however few events are in them. So few events are counted by their very times, in one
statement, and only times that several batches share are looked at again, for duplicates, in the parts where they are.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from footfall.store import Store, query
from footfall.usage.duplicates import Limit

# Events that are few: each can be a row of the result, of which the engine makes 10,000 in 20 ms. That there are more
# is known after as many, and is a hundredth of what counting five million takes then.
FEW_MAX = 10_000
# Events that are read at once, or there would be ten times too many before anybody looks.
_BLOCK_ROWS = 8192


class EventCount(Struct, frozen=True):
    """So many events, and how many of them are duplicates."""

    events: int
    duplicates: int


def count_few(store: Store, selection: Mapping[str, Any], limit: Limit) -> dict[tuple[int, str], EventCount] | None:
    """The selected events by timestamp in ms and by type; None when there are more than `FEW_MAX`.

    There are never more duplicates than events, whatever comes in between. Raises what the store and `limit` raise.
    """
    # All that is grouped counts at least once in the result: one that was cut short has too many.
    enough = {"max_rows_to_group_by": FEW_MAX, "group_by_overflow_mode": "break", "max_block_size": _BLOCK_ROWS}
    rows = store.rows(query("usage_few"), {**selection, "limit": FEW_MAX + 1}, {**limit(), **enough})
    if sum(events for _, _, events, _ in rows) > FEW_MAX:
        return None
    found = {(time_ms, kind): EventCount(events, 0) for time_ms, kind, events, _ in rows}
    if times := sorted({time_ms for time_ms, _, _, is_shared in rows if is_shared}):
        # The events of these times anew, as one statement has them together with their duplicates.
        shared = store.rows(query("usage_shared"), {**selection, "times": times}, limit())
        found |= {(time_ms, kind): EventCount(*numbers) for time_ms, kind, *numbers in shared}
    return found
