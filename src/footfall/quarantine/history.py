"""The stored events of a time, and which of them a changed plan would have refused."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from footfall.plan import Checker
from footfall.quarantine.records import Broken, ProblemCounts, read_records
from footfall.store import Store, query
from footfall.wire import StoredEvent

_event = msgspec.json.Decoder(StoredEvent)


class HistoryRange(Struct, frozen=True, kw_only=True):
    """A range of stored events: `start` and `end` are timestamps in ms, both inclusive.

    No `customers` means all, and no `products` as well.
    """

    start: int
    end: int
    customers: Sequence[str] = ()
    products: Sequence[str] = ()

    def parameters(self) -> dict[str, Any]:
        """The native parameters of the statements on history."""
        return {
            "start": self.start,
            "end": self.end,
            "customers": list(self.customers),
            "products": list(self.products),
        }


class HistoryResult(Struct, frozen=True):
    """How many of the events break the plan, and for which reasons, the most frequent first."""

    events: int
    refused: int
    broken: list[Broken]


def read_history(
    store: Store, history: HistoryRange, show_progress: Callable[[int, int], None]
) -> Generator[list[StoredEvent]]:
    """The events in blocks; `show_progress` is called with the events so far and their total.

    They are read by month, which is the table's partition, and in blocks, so that memory stays bounded here and in the
    store. A null was stored as the empty string. Raises what `Store.rows` and `Store.stream` raise.
    """
    months = store.rows(query("plan_history_months"), history.parameters())
    total = sum(count for _, _, count in months)
    events = 0
    for start, end, _ in months:
        wanted = structs.replace(history, start=start, end=end)
        for block in read_records(store, query("plan_history_events"), wanted.parameters(), _event):
            yield block
            events += len(block)
            show_progress(events, total)


def check_history(
    store: Store, history: HistoryRange, checker: Checker, show_progress: Callable[[int, int], None]
) -> HistoryResult:
    """Check the events with a thorough checker. Progress and errors are those of `read_history`."""
    counts, events = ProblemCounts(), 0
    for block in read_history(store, history, show_progress):
        for refused in checker.check(block):
            counts.add(block[refused.index], refused.problems)
        events += len(block)
    return HistoryResult(events, counts.events, counts.broken())
