"""The background work of erasures: each node's share, and what one node does for all."""

import contextlib
import logging
from collections.abc import Iterable

from msgspec import UNSET, Struct

from footfall.backup import mark_backups
from footfall.erasure.mentions import name_mentions, redact_mentions
from footfall.erasure.node_files import NodeShare
from footfall.erasure.orders import SILENT_MS
from footfall.erasure.receipt import (
    ALWAYS_OUT_OF_REACH,
    ErasedBackup,
    ErasedReport,
    ErasureReceipt,
    decode_files,
    read_receipt,
    write_receipt,
)
from footfall.erasure.report_work import ReportWork
from footfall.erasure.store_work import StoreWork, count_events, count_quarantined
from footfall.files import Files
from footfall.integrity import Busy, exclusive_access
from footfall.loading import Loader
from footfall.plan import LivePlan
from footfall.reports import Destinations
from footfall.settings import Settings
from footfall.state import COPY_PREFIX, Erasure, ErasureMode, ErasurePhase, State
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable
from footfall.system.clock import Clock
from footfall.tombstones import Tombstones, salt_of
from footfall.wording import count_of

log = logging.getLogger(__name__)


class EraserDependencies(Struct, frozen=True):
    """What a worker erases with; `tombstones` are those of its loader."""

    settings: Settings
    state: State
    store: Store
    plan: LivePlan
    loader: Loader
    tombstones: Tombstones
    clock: Clock
    node: str


class Eraser:
    """Does a node's share of the erasures that were ordered, and on one node the common work. `tick` blocks.

    Every step may be repeated, so that a crash at any moment costs nothing but its repetition.
    """

    def __init__(self, dependencies: EraserDependencies) -> None:
        self._dependencies = dependencies
        one = dependencies
        self._destinations = Destinations(one.settings, Files(one.settings))
        self._is_new = True
        self._share = NodeShare(one.settings, one.state, one.tombstones, one.clock, one.node)

    def tick(self) -> None:
        """Do the next steps of what was ordered; raises OSError, and what the state and the store raise."""
        state = self._dependencies.state
        self._share.work(self._dependencies.loader.loaded_through_ms)
        unfinished = state.erasures.unfinished()
        if not (unfinished or self._is_new) or not self._is_first():
            return
        if self._is_new:
            self._redact_again()
        for erasure in unfinished:
            if erasure.phase is ErasurePhase.FILES and self._have_all_done_theirs(erasure):
                state.erasures.advance(erasure.id, ErasurePhase.STORE, erasure.receipt)
        # As in the files: who is to have a pseudonym, and is to be erased as well, is erased.
        for erasure in sorted(state.erasures.unfinished(), key=lambda one: one.mode is not ErasureMode.ERASE):
            if erasure.phase is ErasurePhase.STORE:
                try:
                    with contextlib.suppress(Busy), exclusive_access(self._dependencies.settings.data):
                        self._work_on(erasure)
                except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
                    log.warning("erasure %s waits for the store: %s", erasure.id, error)
                    return

    def _redact_again(self) -> None:
        """Redact what a restore or an earlier version has left of those who were erased; once, as the worker starts."""
        state = self._dependencies.state
        erasures = [one for one in state.erasures.all() if one.phase is ErasurePhase.DONE]
        redaction = redact_mentions(state, salt_of(state), erasures) if erasures else None
        if redaction is None or not redaction.waiting:
            self._is_new = redaction is not None and bool(redaction.done) and not state.forget_replaced()

    def _is_first(self) -> bool:
        """Whether this node does the common work; two that do it at once only do it twice."""
        now_ms = self._dependencies.clock.now_ms()
        nodes = self._dependencies.state.nodes.all()
        return not any(node.node < self._dependencies.node and node.seen_ms > now_ms - SILENT_MS for node in nodes)

    def _have_all_done_theirs(self, erasure: Erasure) -> bool:
        state = self._dependencies.state
        done = {share.node for share in state.erasures.shares(erasure.id)}
        return {self._dependencies.node, *(node.node for node in state.nodes.all())} <= done

    def _work_on(self, erasure: Erasure) -> None:
        """The common work: each part is written down before the next begins."""
        one = self._dependencies
        salt = salt_of(one.state)
        store = StoreWork(one.store, one.clock, salt, one.settings.late_after_s * 1000)
        reports = ReportWork(one.state, one.store, one.plan.plan, self._destinations, one.clock, salt)
        receipt = read_receipt(erasure)
        if receipt.events is UNSET:
            receipt.events = count_events(one.store, salt, erasure)
            receipt.quarantined = count_quarantined(one.store, salt, erasure)
            self._raise_cut(erasure, receipt)
            receipt.searched = one.clock.now_ms()
            self._note(erasure, receipt)
            erasure = one.state.erasures.get(erasure.id) or erasure
        if not receipt.deleted:
            # What was closed before a crash is marked, and not found again.
            for closed in reports.close_those_with(erasure, receipt.events):
                self._note(erasure, _with_report(receipt, closed))
            store.remove(erasure)
            if store.is_rebuilding() or not store.is_clean(erasure):
                return
            store.finish(erasure, receipt.events)
            receipt.deleted = one.clock.now_ms()
            self._note(erasure, receipt)
        if reports.is_one_at_work(receipt.deleted, receipt.events):
            return
        for closed in reports.close_those_since(receipt.searched, receipt.deleted, receipt.events):
            self._note(erasure, _with_report(receipt, closed))
        redaction = redact_mentions(one.state, salt, [erasure])
        receipt.redacted = tuple(dict.fromkeys((*receipt.redacted, *redaction.done.get(erasure.id, ()))))
        self._note(erasure, receipt)
        if redaction.waiting or not one.state.forget_replaced():
            return
        receipt.backups = tuple(ErasedBackup(place, not why, why) for place, why in mark_backups(one.state))
        receipt.out_of_reach = tuple(self._out_of_reach(erasure, receipt, store.put_aside()))
        one.state.erasures.advance(erasure.id, ErasurePhase.DONE, write_receipt(receipt), one.clock.now_ms())
        log.info("erasure %s is done", erasure.id)

    def _raise_cut(self, erasure: Erasure, receipt: ErasureReceipt) -> None:
        """Have the cut reach to the person's latest event: a client's clock may have been ahead."""
        latest = [one.last for one in (*(receipt.events or ()), *(receipt.quarantined or ()))]
        if latest:
            self._dependencies.state.erasures.raise_cut(erasure.id, max(latest))

    def _note(self, erasure: Erasure, receipt: ErasureReceipt) -> None:
        self._dependencies.state.erasures.advance(erasure.id, ErasurePhase.STORE, write_receipt(receipt))

    def _out_of_reach(
        self, erasure: Erasure, receipt: ErasureReceipt, put_aside: Iterable[tuple[str, int]]
    ) -> list[str]:
        files = [
            f"the file of {one.source}{f' at {one.destination}' if one.destination else ''}"
            for one in receipt.reports
            if one.file == "out of reach"
        ]
        unread = [
            f"damaged bytes of {name} on node {share.node}"
            for share in self._dependencies.state.erasures.shares(erasure.id)
            for name in decode_files(share.result).unread
        ]
        backups = [
            f"the {'' if one.place.startswith(COPY_PREFIX) else 'backup in '}{one.place}: {one.why}"
            for one in receipt.backups
            if not one.tombstone
        ]
        parts = [f"{count_of(count, 'part')} of {table} that the store has put aside" for table, count in put_aside]
        asked = name_mentions(self._dependencies.state, salt_of(self._dependencies.state), erasure)
        return [*files, *unread, *parts, *backups, *asked, *ALWAYS_OUT_OF_REACH]


def _with_report(receipt: ErasureReceipt, closed: ErasedReport) -> ErasureReceipt:
    """The receipt with one report more, which a crash may have had it forget to mark."""
    if all(known.source != closed.source for known in receipt.reports):
        receipt.reports = (*receipt.reports, closed)
    return receipt
