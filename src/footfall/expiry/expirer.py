"""The background work of retention by product and type: each node's share, and what one node does for all."""

import logging
from collections.abc import Iterable

from msgspec import Struct

from footfall.backup import mark_backups
from footfall.expiry.node_files import NodeExpiry
from footfall.expiry.rules import cutoffs_of, until_of
from footfall.expiry.store_work import StoreExpiry
from footfall.settings import Settings
from footfall.state import RetentionCutoff, RetentionRun, State
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable
from footfall.system.clock import Clock
from footfall.tombstones import Tombstones
from footfall.wording import count_of

log = logging.getLogger(__name__)

# A node that has said nothing for so long is away: it reads the cutoffs before it loads anything again.
_SILENT_MS = 60_000
# How far the clocks of nodes may be apart.
_CLOCKS_APART_MS = 60_000


class ExpirerDependencies(Struct, frozen=True):
    """What a worker removes events with; `tombstones` are those of its loader."""

    settings: Settings
    state: State
    store: Store
    tombstones: Tombstones
    clock: Clock
    node: str


class Expirer:
    """Removes what is past by the rules of the settings. `tick` blocks; call it on one thread at a time.

    Every step may be repeated, so that a crash at any moment costs nothing but its repetition. `events_removed` counts
    those that this process has removed from the store; it may be read on any thread.
    """

    def __init__(self, dependencies: ExpirerDependencies) -> None:
        self._dependencies = one = dependencies
        self._has_applied = False
        self._files = NodeExpiry(one.settings, one.state, one.tombstones, one.node)
        self._store = StoreExpiry(one.store, one.clock, one.settings)
        self.events_removed = 0

    @property
    def events_kept_out(self) -> int:
        """Events that this process has left out because they came too late; may be read on any thread."""
        return self._dependencies.tombstones.events_past

    def tick(self) -> None:
        """Do the next steps; raises OSError, and StateUnavailable."""
        state, clock = self._dependencies.state, self._dependencies.clock
        if not self._has_applied:
            now_ms = clock.now_ms()
            state.retention.put_in_force(cutoffs_of(self._dependencies.settings.retention_rules, now_ms), now_ms)
            self._has_applied = True
        cutoffs = self._raise(state.retention.all())
        if not cutoffs:
            return
        self._files.work(cutoffs)
        try:
            self._clean_store(cutoffs)
        except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
            log.warning("what is past its time stays in the store, until it answers: %s", error)

    def _raise(self, cutoffs: list[RetentionCutoff]) -> list[RetentionCutoff]:
        """The cutoffs as of today."""
        state, now_ms = self._dependencies.state, self._dependencies.clock.now_ms()
        late = [one for one in cutoffs if one.is_in_force and one.until_ms < until_of(one.scope.days, now_ms)]
        for one in late:
            state.retention.raise_until(one.id, until_of(one.scope.days, now_ms), now_ms)
        return state.retention.all() if late else cutoffs

    def _clean_store(self, cutoffs: list[RetentionCutoff]) -> None:
        state, clock = self._dependencies.state, self._dependencies.clock
        due = [one for one in cutoffs if one.stored_ms < one.until_ms]
        if not due or not self._is_first():
            return
        run = state.retention.open_run()
        if run is None:
            if not self._do_all_filter(due):
                return
            self._store.prepare()
            state.retention.begin_run(self._store.plan_run(due, clock.now_ms()))
            run = state.retention.open_run()
        if run is None or not self._store.remove(run, cutoffs):
            return
        for place, why in mark_backups(state):
            if why:
                log.debug("the backup in %s does not know what is past: %s", place, why)
        self._end(run, due)

    def _end(self, run: RetentionRun, due: Iterable[RetentionCutoff]) -> None:
        removed = self._store.removed_of(run)
        self._dependencies.state.retention.end_run(run, removed, self._dependencies.clock.now_ms())
        self.events_removed += run.events
        for one in due:
            if count := removed.get(one.id):
                pattern = one.scope.pattern
                which = f"product {pattern.product}, type {pattern.type}, {count_of(one.scope.days, 'day')}"
                log.info("removed %s past their time: %s", count_of(count, "event"), which)

    def _is_first(self) -> bool:
        """Whether this node does the common work; two that do it at once only do it twice."""
        now_ms = self._dependencies.clock.now_ms()
        nodes = self._dependencies.state.nodes.all()
        return not any(node.node < self._dependencies.node and node.seen_ms > now_ms - _SILENT_MS for node in nodes)

    def _do_all_filter(self, due: Iterable[RetentionCutoff]) -> bool:
        """Whether no node that is there can load anything more that is past."""
        changed_ms = max(one.changed_ms for one in due)
        now_ms = self._dependencies.clock.now_ms()
        others = [node for node in self._dependencies.state.nodes.all() if node.node != self._dependencies.node]
        return self._files.has_filtered(due) and all(
            node.seen_ms <= now_ms - _SILENT_MS or node.loaded_through_ms > changed_ms + _CLOCKS_APART_MS
            for node in others
        )
