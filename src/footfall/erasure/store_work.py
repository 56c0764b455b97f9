"""An erasure in the store: what is there of a person, its removal, and the parts of the tables that had it."""

import logging
from collections.abc import Iterator

from footfall.erasure.receipt import ErasedEvents
from footfall.state import Erasure, ErasureMode
from footfall.store import Store, query
from footfall.system.clock import Clock
from footfall.tombstones import RowCondition, event_condition, quarantine_condition
from footfall.usage import Rollups

log = logging.getLogger(__name__)

EVENTS, OLD, REBUILT, QUARANTINE = "events", "events_old", "events_rebuilt", "quarantine"
_UNLIMITED = {"max_execution_time": 0}


def count_events(store: Store, salt: str, erasure: Erasure, limit_s: int = 0) -> tuple[ErasedEvents, ...]:
    """The person's events, each once; 0 seconds are no limit. Raises what the store raises."""
    return _count(store, EVENTS, event_condition(salt, erasure.rule, [erasure]), limit_s)


def count_quarantined(store: Store, salt: str, erasure: Erasure, limit_s: int = 0) -> tuple[ErasedEvents, ...]:
    """The same for quarantine."""
    return _count(store, QUARANTINE, quarantine_condition(salt, erasure.rule, [erasure]), limit_s)


def _count(store: Store, table: str, person: RowCondition, limit_s: int) -> tuple[ErasedEvents, ...]:
    text = person.fill(query("erase_counts"))
    rows = store.rows(text, {**person.parameters, "table": table}, {"max_execution_time": limit_s})
    return tuple(ErasedEvents(*row) for row in rows)


class StoreWork:
    """Removes a person from the store, or renames them, in steps that may be repeated; each raises what the store does.

    In quarantine the person's events are always removed: their reasons may tell the value.
    """

    def __init__(self, store: Store, clock: Clock, salt: str, late_ms: int) -> None:
        self._store = store
        self._clock = clock
        self._salt = salt
        self._late_ms = late_ms

    def is_rebuilding(self) -> bool:
        """Whether a table of events is being made, which gets the rows of the present one."""
        return REBUILT in self._tables()

    def is_clean(self, erasure: Erasure) -> bool:
        """Whether no table has a row of the person, nor a part that may have had one."""
        return all(self._left(erasure, table) == (0, 0) for table in self._all_tables())

    def remove(self, erasure: Erasure) -> None:
        """Have the store remove what it has of the person, unless it is at it; it goes on by itself."""
        for table in self._all_tables():
            rows, old_parts = self._left(erasure, table)
            if not rows and not old_parts:
                continue
            self._store.write(query("erase_parts_at_once"), {}, alters=table)
            waiting, why = self._waiting(table)
            if why:
                log.error("the store cannot remove an erased person's rows from %s yet: %s", table, why)
            if rows and not waiting:
                self._change(erasure, table)
            # The engine's own rounds may be minutes apart.
            self._store.write(query("erase_drop_parts"), {}, alters=table)

    def put_aside(self) -> list[tuple[str, int]]:
        """The tables that have parts which the server took out of them, damaged ones mostly; and how many."""
        return [(str(table), int(count)) for table, count in self._store.rows(query("erase_detached"), {})]

    def finish(self, erasure: Erasure, touched: tuple[ErasedEvents, ...]) -> None:
        """Have the touched days counted anew, and let the store keep replaced parts again."""
        rollups = Rollups(self._store, self._late_ms)
        if touched:
            rollups.forget([(one.customer, one.product) for one in touched], self._clock.now_ms())
        for table in self._all_tables():
            self._store.write(query("erase_parts_later"), {}, alters=table)
        log.info("erasure %s: the store has nothing of the person any more", erasure.id)

    def _change(self, erasure: Erasure, table: str) -> None:
        person = self._condition(erasure, table)
        if erasure.mode is ErasureMode.PSEUDONYMISE and table != QUARANTINE:
            given = {**person.parameters, "pseudonym": erasure.pseudonym}
            self._store.write(person.fill(query("erase_rename")), given, alters=table)
        else:
            self._store.write(person.fill(query("erase_delete")), person.parameters, alters=table)

    def _left(self, erasure: Erasure, table: str) -> tuple[int, int]:
        """The person's rows, and the table's parts that were replaced and are still on the disk."""
        person = self._condition(erasure, table)
        text = person.fill(query("erase_rows"))
        ((rows, parts),) = self._store.rows(text, {**person.parameters, "table": table, "name": table}, _UNLIMITED)
        return int(rows), int(parts)

    def _condition(self, erasure: Erasure, table: str) -> RowCondition:
        make = quarantine_condition if table == QUARANTINE else event_condition
        return make(self._salt, erasure.rule, [erasure])

    def _waiting(self, table: str) -> tuple[int, str]:
        ((count, why),) = self._store.rows(query("erase_waiting"), {"name": table})
        return int(count), str(why)

    def _tables(self) -> set[str]:
        return {str(name) for name, _ in self._store.rows(query("rebuild_tables"), {})}

    def _all_tables(self) -> Iterator[str]:
        yield EVENTS
        if OLD in self._tables():
            yield OLD
        yield QUARANTINE
