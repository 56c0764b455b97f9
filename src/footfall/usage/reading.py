"""Reading events without FINAL where that changes nothing: of days of which no event stands in the table twice.

FINAL looks for copies of an event, which a repeated load leaves until they are merged. It takes a third of the time of
counting actors. The rollups know which days have none (`Rollups.unmerged_days`): those are read without FINAL, and all
others with it, by one statement.

This cannot give a wrong number:

- The count of a day compares rows with events. Where they were as many, no two of the rows that the day had then are
  equal. (What came between the counting of rows and that of events was loaded after the look L of that count.)
- The days are told by one look at the table, which has been looked through up to T. A row that was loaded up to T was
  there at that time, and is noted. So of a day that is told to have no copies, all rows that were loaded up to T were
  there when it was counted, and of two equal rows one at least was loaded after T.
- The statement checks that, of the very rows that it reads: it fails at a row of such a day that was loaded after T
  (`throwIf`), and then runs again with FINAL. It does not matter when that row came, nor what was merged meanwhile:
  where a merge left the older row, there is one row, and where it left the newer, the statement fails.
- `loaded` rises only within one table. A rebuild makes another, where rows have the time of their admission. The look
  and the statement were of one table when `epoch` is still the same after it, because none comes back.
- On servers with replicas, one may have merged what another has not, whatever was looked at. FINAL is used for all.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from msgspec import Struct

from footfall.store import StoreDiffers, query
from footfall.usage.duplicates import Limit
from footfall.usage.rollups import UNMERGED_DAYS_MAX, Rollups, Scope, UnmergedDays

Result = TypeVar("Result")

# With fewer events, looking for the days takes longer than FINAL does: two statements of some ms.
LARGE_EVENTS_MIN: Final = 100_000
_ALONE: Final = "ReplacingMergeTree"


class EventSource(Struct, frozen=True):
    """What stands for `{{events}}` and `{{condition}}` in `FROM {{events}} WHERE {{condition}}`, and its parameters."""

    events: str
    condition: str
    parameters: Mapping[str, Any] = {}

    def fill(self, text: str) -> str:
        """The statement with this source; the selection is still to be put in."""
        return text.replace("{{events}}", self.events).replace("{{condition}}", self.condition)


WITH_FINAL: Final = EventSource("events FINAL", "{{selection}}")


class EventReader:
    """Reads the events of a scope, of as few days as possible with FINAL. It looks for these days once."""

    def __init__(self, rollups: Rollups, scope: Scope, limit: Limit) -> None:
        self._rollups = rollups
        self._scope = scope
        self._limit = limit
        self._unmerged: UnmergedDays | None = None
        self._all_with_final = False

    def read(self, statement: Callable[[EventSource], Result]) -> Result:
        """The result of a statement on events; it is run again with FINAL where the days have changed meanwhile.

        Raises what the statement and the store raise.
        """
        if not self._all_with_final:
            self._unmerged = self._unmerged or self._rollups.unmerged_days(self._scope, self._limit)
            source = source_of(self._unmerged)
            if source != WITH_FINAL:
                try:
                    found = statement(source)
                    if self._rollups.epoch(self._limit) == self._unmerged.epoch:
                        return found
                except StoreDiffers:
                    pass
            self._all_with_final = True
        return statement(WITH_FINAL)


def source_of(unmerged: UnmergedDays) -> EventSource:
    """How to read events of which these days are to be read with FINAL."""
    is_all = len(unmerged.days) >= min(unmerged.known, UNMERGED_DAYS_MAX + 1)
    if unmerged.engine != _ALONE or is_all:
        return WITH_FINAL
    parameters = {"looked": unmerged.looked_ms, "unmerged_days": list(unmerged.days)}
    return EventSource(f"(\n{query('usage_merged_days')})", "true", parameters)
