"""Keeps the rollups: notes what was loaded, and counts days anew that have changed and have been quiet for a while.

It runs in the worker of one node, in steps of bounded work with a rest after each, so that it takes a small share of a
core whatever there is to do: after an upgrade or a rebuild it goes through all days. Nothing waits for it, and nothing
is wrong while it is behind or does not run: more days are counted from their events.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from footfall.settings import Settings
from footfall.state import State, StateUnavailable
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query
from footfall.system.clock import Clock
from footfall.usage.duplicates import COMPARED_ROWS_MAX
from footfall.usage.intervals import Intervals
from footfall.usage.rollup_days import Day, counts_statement, day_parameters, gather_days, rows_statement
from footfall.usage.rollups import DIMENSIONS, QUARTER_MS, GroupCount, GroupKey, Rollups, Scope
from footfall.windows import DAY_MS, HOUR_MS

log = logging.getLogger(__name__)

# How far the clocks of nodes and servers may be apart.
CLOCKS_APART_MS: Final = 60_000
# A node that was not heard of for so long leaves the rollups to the next one.
NODE_SILENT_MS: Final = 60_000
# Days that one search for changed days brings: a step takes the first of them.
_FOUND_MAX: Final = 5_000
# Later than any event is admitted.
_EVER_MS: Final = 2**62
# How often a rest looks whether it is to end.
_STOP_PERIOD_S: Final = 0.1
# By quarters of an hour in UTC.
_QUARTERS: Final = Intervals(widths=(QUARTER_MS,))
# One thread at the lowest rank; what it writes must be one part.
_GENTLY: Final = {
    "max_threads": 1,
    "priority": 1,
    "max_insert_threads": 1,
    "max_bytes_before_external_group_by": 2**28,
    "do_not_merge_across_partitions_select_final": 1,
}
_ONE_PART: Final = {"min_insert_block_size_rows": 2**40, "min_insert_block_size_bytes": 0}


class Look(Struct, frozen=True):
    """Up to which load the table of events has been looked through, in ms; `epoch` is the identity of the table."""

    epoch: str
    looked_ms: int
    now_ms: int


class RollupKeeper:
    """Keeps the rollups of a store. `step` blocks; call it on one thread at a time.

    `days_waiting` and `age_s` may be read on any thread: how many closed days have changed since they were counted, and
    how long ago the last look was; None while another node keeps the rollups.
    """

    def __init__(self, state: State, store: Store, settings: Settings, clock: Clock, node: str) -> None:
        self._state = state
        self._store = store
        self._settings = settings
        self._clock = clock
        self._node = node
        self._late_ms = settings.late_after_s * 1000
        self._failed: set[tuple[str, str, int]] = set()
        self._settled: tuple[str, int, int] | None = None
        self.days_waiting: int | None = None
        self.age_s: float | None = None

    @property
    def days_failed(self) -> int:
        """Days that the store could not count since the start."""
        return len(self._failed)

    def step(self, stopped: Callable[[], bool] = lambda: False) -> float | None:
        """Do one step; gives how many seconds to rest after it, or None when nothing is left to do.

        While the store or the state is away, nothing is done. `stopped` ends a long step early.
        """
        try:
            if self.is_mine():
                return self._step(stopped)
        except (StoreUnavailable, StoreFailed, StoreTimeout, StateUnavailable) as error:
            log.debug("the rollups wait for the store: %s", error)
        else:
            self.days_waiting = self.age_s = None
        return None

    def look(self, through_ms: int | None = None) -> Look | None:
        """Note what was loaded up to a time, by default the latest up to which no load can be under way.

        None when the tables are not there yet.
        """
        ((epoch, looked_ms, store_ms),) = self._store.rows(query("rollup_state"), {})
        if through_ms is None:
            loads_ms = self._settings.store_load_timeout_s * 1000 + CLOCKS_APART_MS
            through_ms = min(store_ms, self._clock.now_ms()) - loads_ms
        now_ms = max(store_ms, self._clock.now_ms())
        self.age_s = (now_ms - through_ms) / 1000
        if through_ms <= looked_ms or (looked_ms and not self._has_loads(looked_ms, through_ms)):
            return Look(epoch, looked_ms, now_ms) if looked_ms else None
        # Rows that were loaded before there was this table are noted by the first look.
        wanted = {"epoch": epoch, "after": looked_ms or -1, "through": through_ms}
        self._store.write(query("rollup_look"), wanted, _GENTLY | _ONE_PART)
        return Look(epoch, through_ms, now_ms)

    def _step(self, stopped: Callable[[], bool]) -> float | None:
        look = self.look()
        if look is None:
            return None
        quiet_since_ms = look.now_ms - self._settings.rollup_quiet_s * 1000
        state = look.epoch, look.looked_ms, look.now_ms // DAY_MS - 1
        if state == self._settled:
            return None
        rest_s = self.count_some(look, quiet_since_ms, state[2], stopped)
        if rest_s is None and look.looked_ms <= quiet_since_ms:
            # A store that rests is asked for nothing more until something is loaded, or the day is over.
            self._settled = state
        return rest_s

    def is_mine(self) -> bool:
        """Whether this node keeps the rollups: the first by name of those that were heard of lately.

        Blocks; raises StateUnavailable.
        """
        now_ms = self._clock.now_ms()
        nodes = [each.node for each in self._state.nodes.all() if now_ms - each.seen_ms < NODE_SILENT_MS]
        return min([*nodes, self._node]) == self._node

    def _has_loads(self, after_ms: int, through_ms: int) -> bool:
        return bool(self._store.rows(query("rollup_loads"), {"after": after_ms, "through": through_ms}))

    def count_some(
        self, look: Look, quiet_since_ms: int, last_day: int, stopped: Callable[[], bool] = lambda: False
    ) -> float | None:
        """Count some of the days up to `last_day` that have changed, but not after `quiet_since_ms`.

        Gives how many seconds to rest after it, or None when there were none.
        """
        days = self._changed(look, quiet_since_ms, last_day)
        self.days_waiting = len(days)
        if not days:
            return None
        started_s = time.monotonic()
        together = next(gather_days(days, self._settings.rollup_step_rows_max))
        try:
            if together[0].rows > COMPARED_ROWS_MAX:
                self._count_large(look, together[0], stopped)
            else:
                text = query("rollup_compute").replace("{{counts}}", counts_statement(_QUARTERS, together))
                self._store.write(
                    text.replace("{{selected}}", rows_statement(together)),
                    self._parameters(look, together),
                    self._bounds,
                )
        except (StoreFailed, StoreTimeout) as error:
            # They are counted from their events until the worker starts again.
            self._failed.update(day[:3] for day in together)
            log.warning(
                "%d days cannot be counted for the rollups, among them %s: %s", len(together), together[0], error
            )
        return self._rest_s(time.monotonic() - started_s)

    @property
    def _bounds(self) -> dict[str, int]:
        return {**_GENTLY, "max_memory_usage": self._settings.report_memory_bytes_max}

    def _rest_s(self, worked_s: float) -> float:
        return worked_s * (100 / self._settings.rollup_core_percent - 1)

    def _changed(self, look: Look, quiet_since_ms: int, last_day: int) -> list[Day]:
        # What no look has seen yet would change the day again.
        quiet_since_ms = min(quiet_since_ms, look.looked_ms)
        wanted = {"epoch": look.epoch, "quiet_since": quiet_since_ms, "last_day": last_day, "late": self._late_ms}
        rows = self._store.rows(query("rollup_due"), {**wanted, "limit": _FOUND_MAX + len(self._failed)})
        return [day for day in (Day(*row) for row in rows) if day[:3] not in self._failed]

    def _parameters(self, look: Look, days: list[Day]) -> dict[str, Any]:
        """All events of some days, of any type and whenever they were admitted."""
        first, last = min(one.day for one in days), max(one.day for one in days)
        span = {"start": first * DAY_MS, "end": (last + 1) * DAY_MS - 1, "watermark": _EVER_MS}
        every = {**Scope().parameters(), **day_parameters(days), **_QUARTERS.parameters(), **span}
        limits = {"late": self._late_ms, "groups": self._settings.rollup_groups_max}
        return {**every, **limits, "epoch": look.epoch, "loaded": look.looked_ms}

    def _count_large(self, look: Look, day: Day, stopped: Callable[[], bool]) -> None:
        """Count a day that one statement cannot hold, piece by piece, with a rest after each."""
        first_ms, last_ms = day.day * DAY_MS, (day.day + 1) * DAY_MS - 1
        scope = Scope(start_ms=first_ms, end_ms=last_ms)
        bounds = {"customer": day.customer, "product": day.product, "start": first_ms, "end": last_ms}
        ((rows, admitted_ms),) = self._store.rows(query("rollup_day"), bounds, self._bounds)
        quarters: dict[GroupKey, GroupCount] = {}
        hours: dict[GroupKey, GroupCount] = {}
        started_s = time.monotonic()

        def limit() -> dict[str, int]:
            nonlocal started_s
            _wait(self._rest_s(time.monotonic() - started_s), stopped)
            started_s = time.monotonic()
            return self._bounds

        counting = Rollups(self._store, self._late_ms)
        for key, count in counting.count_days([day], scope, _EVER_MS, limit, intervals=_QUARTERS, by=DIMENSIONS):
            hour = key._replace(start_ms=key.start_ms - key.start_ms % HOUR_MS)
            quarters[key] = quarters.get(key, GroupCount()).join(count)
            hours[hour] = hours.get(hour, GroupCount()).join(count)
        if stopped():
            return
        is_whole = len(quarters) <= self._settings.rollup_groups_max
        events = sum(count.events for count in quarters.values())
        wanted = {
            "customer": day.customer,
            "product": day.product,
            "day": day.day,
            "epoch": look.epoch,
            "loaded": look.looked_ms,
            "late": self._late_ms,
            "admitted": admitted_ms,
            "copies": max(rows - events, 0),
            "is_whole": is_whole,
            **_arrays("hours", HOUR_MS, hours if is_whole else {}),
            **_arrays("quarters", QUARTER_MS, quarters if is_whole else {}),
        }
        self._store.write(query("rollup_put"), wanted, _GENTLY)


def _arrays(name: str, unit_ms: int, groups: dict[GroupKey, GroupCount]) -> dict[str, list[Any]]:
    """The parameters of a day's counts, each an array with one value for each group."""
    rows = [
        (key.start_ms % DAY_MS // unit_ms, key.type, key.version, *count)
        for key, count in sorted(groups.items(), key=lambda group: (group[0].type, group[0].version, group[0].start_ms))
    ]
    columns = ("unit", "type", "version", *GroupCount._fields)
    return {f"{name}_{column}": [row[at] for row in rows] for at, column in enumerate(columns)}


def _wait(seconds: float, stopped: Callable[[], bool]) -> None:
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0 and not stopped():
        time.sleep(min(left_s, _STOP_PERIOD_S))
