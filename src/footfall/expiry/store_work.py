"""What is past in the store: which events these are, their removal, and the days that are counted anew."""

import logging
from collections.abc import Iterator

import msgspec
from msgspec import Struct, structs

from footfall.integrity import Busy, exclusive_access
from footfall.settings import Settings
from footfall.state import RetentionCutoff, RetentionRun
from footfall.store import Store, query
from footfall.system.clock import Clock
from footfall.tombstones import RowCondition, past_condition
from footfall.usage import Rollups
from footfall.windows import DAY_MS

log = logging.getLogger(__name__)

_EVENTS, _OLD, _REBUILT, _QUARANTINE = "events", "events_old", "events_rebuilt", "quarantine"
_UNLIMITED = {"max_execution_time": 0}


class TouchedEvents(Struct, frozen=True):
    """Events of a customer's product that are past by a cutoff, and the times of the first and the last in ms."""

    cutoff: str
    customer: str
    product: str
    events: int
    first: int
    last: int


_decode_touched = msgspec.json.Decoder(list[TouchedEvents]).decode


class StoreExpiry:
    """Removes what is past from the store, in steps that may be repeated; each raises what the store raises."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._data = settings.data
        self._rollups = Rollups(store, settings.late_after_s * 1000)
        # The run whose days are counted from their events, and not from older counts, while they go.
        self._forgotten_ms: int | None = None

    def prepare(self) -> None:
        """Bring the tables to this version."""
        self._store.migrate()

    def plan_run(self, due: list[RetentionCutoff], now_ms: int) -> RetentionRun:
        """What is to be removed by these cutoffs."""
        touched = [found for one in due for found in self._find(one)]
        return RetentionRun(
            started_ms=now_ms,
            goal={one.id: one.until_ms for one in due},
            touched=msgspec.json.encode(touched).decode(),
            events=sum(one.events for one in touched),
        )

    def remove(self, run: RetentionRun, cutoffs: list[RetentionCutoff]) -> bool:
        """Do the next steps of a run; gives whether all is done. The server goes on with a removal by itself."""
        due = [structs.replace(one, until_ms=run.goal[one.id]) for one in cutoffs if one.id in run.goal]
        if self._forgotten_ms != run.started_ms:
            self._forget(run)
            self._forgotten_ms = run.started_ms
        is_done = True
        for table in self._tables():
            condition = past_condition(due, quarantined=table == _QUARANTINE)
            waiting, why = self._waiting(table)
            if why:
                log.error("the store cannot remove what is past its time from %s yet: %s", table, why)
            if waiting:
                is_done = False
            elif self._has_rows(condition, table):
                is_done = False
                self._delete(condition, table)
        if is_done:
            # A count may have begun before the events were gone.
            self._forget(run)
        return is_done

    def removed_of(self, run: RetentionRun) -> dict[str, int]:
        """The events of a run, by cutoff."""
        found: dict[str, int] = {}
        for one in _decode_touched(run.touched):
            found[one.cutoff] = found.get(one.cutoff, 0) + one.events
        return found

    def _find(self, cutoff: RetentionCutoff) -> Iterator[TouchedEvents]:
        condition = past_condition([cutoff])
        given = {**condition.parameters, "table": _EVENTS}
        for row in self._store.rows(condition.fill(query("erase_counts")), given, _UNLIMITED):
            yield TouchedEvents(cutoff.id, *row)

    def _forget(self, run: RetentionRun) -> None:
        by_days: dict[tuple[int, int], set[tuple[str, str]]] = {}
        for one in _decode_touched(run.touched):
            days = one.first // DAY_MS - 1, one.last // DAY_MS
            by_days.setdefault(days, set()).add((one.customer, one.product))
        for days, touched in by_days.items():
            self._rollups.forget(sorted(touched), self._clock.now_ms(), days)

    def _delete(self, condition: RowCondition, table: str) -> None:
        # Not while a verify compares, or a rebuild makes the table anew.
        try:
            with exclusive_access(self._data):
                if _REBUILT not in self._present():
                    self._store.write(condition.fill(query("erase_delete")), condition.parameters, alters=table)
        except Busy:
            log.debug("what is past its time waits for a verify or a rebuild")

    def _has_rows(self, condition: RowCondition, table: str) -> bool:
        given = {**condition.parameters, "table": table}
        ((count,),) = self._store.rows(condition.fill(query("erase_left")), given, _UNLIMITED)
        return bool(count)

    def _waiting(self, table: str) -> tuple[int, str]:
        ((count, why),) = self._store.rows(query("erase_waiting"), {"name": table})
        return int(count), str(why)

    def _present(self) -> set[str]:
        return {str(name) for name, _ in self._store.rows(query("rebuild_tables"), {})}

    def _tables(self) -> Iterator[str]:
        yield _EVENTS
        if _OLD in self._present():
            yield _OLD
        yield _QUARANTINE
