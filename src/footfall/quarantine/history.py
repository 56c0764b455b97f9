"""What a changed plan would have refused of the events that are stored."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from footfall.plan import Checker
from footfall.quarantine.journal_lines import ProblemCounts
from footfall.quarantine.records import Broken, read_records
from footfall.store import Store, query
from footfall.wire import StoredEvent

_event = msgspec.json.Decoder(StoredEvent)


class History(Struct, frozen=True, kw_only=True):
    """The stored events of a time: `start` and `end` are timestamps in ms, both inclusive; no `customers` means all."""

    start: int
    end: int
    customers: Sequence[str] = ()

    def parameters(self) -> dict[str, Any]:
        """The native parameters of the statements on history."""
        return {"start": self.start, "end": self.end, "customers": list(self.customers)}


class HistoryResult(Struct, frozen=True):
    """Of so many events, so many break the plan, for these reasons, the most frequent first."""

    events: int
    refused: int
    broken: list[Broken]


def check_history(store: Store, history: History, checker: Checker, seen: Callable[[int, int], None]) -> HistoryResult:
    """Hold the events against a checker, which must be a thorough one; `seen` is told how many, and of how many.

    The events come month by month, as the table is cut, and in blocks, so that memory grows with them neither here nor
    in the store. A null that was stored is the empty string by now, and is taken for that.
    """
    months = store.rows(query("plan_history_months"), history.parameters())
    total = sum(count for _, _, count in months)
    tally, events = ProblemCounts(), 0
    for start, end, _ in months:
        wanted = structs.replace(history, start=start, end=end)
        for block in read_records(store, query("plan_history_events"), wanted.parameters(), _event):
            for refused in checker.check(block):
                tally.add(block[refused.index], refused.problems)
            events += len(block)
            seen(events, total)
    return HistoryResult(events, tally.events, tally.broken())
