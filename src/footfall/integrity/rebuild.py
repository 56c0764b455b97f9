"""Rebuild: makes the table of events again from the archive, and swaps it with the present one, while the service runs.

1. Make an empty table, and a view that copies into it every event that is loaded from now on. So the new table lacks
   nothing at the moment of the swap.
2. Load the archive into it, and into a table for the comparison (`ArchiveTable`).
3. Compare the present table with the archive. Carry over the events that the archive does not cover: older events whose
   segments were removed, and those that were loaded while the rebuild began. The caller decides about events that the
   archive should have and lacks.
4. Compare the new table with the archive, and the present table with the new one. If nothing is missing, changed or
   doubled, swap the two in one statement.
5. Remove the old table, or keep it under another name.
6. Load into the quarantine table every archived line that it lacks (`QuarantineCheck`).

Reports as of an earlier time do not change, because `received` and `admitted` are a part of each line. A rebuild that
is interrupted before the swap leaves the present table as it was. The next rebuild cleans up after one that was killed,
or finishes it if it had swapped already.
"""

import contextlib
import time
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct, structs

from footfall.integrity.absence import ErasedPersons
from footfall.integrity.comparison import (
    Comparison,
    ComparisonRange,
    HourCounts,
    QuarantineCheck,
    count_hours,
    split_steps,
    step_bounds,
)
from footfall.integrity.guard import ProgressCallback, check_room, exclusive_access, retry
from footfall.integrity.inspection import ArchiveTable, Inspection, fill_table, total_bytes
from footfall.integrity.segments import SegmentFile, SegmentFolders, SegmentState
from footfall.integrity.verdict import CheckCount, ComparisonResult, DamagedRange
from footfall.integrity.verify import EDGE_MS, EVENTS, SegmentListing, comparable_range, list_segments, tables
from footfall.journal import SegmentKind
from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreUnavailable, query
from footfall.system.clock import Clock
from footfall.system.data_folder import node_name
from footfall.system.waiting import wait_until
from footfall.tombstones import past_condition
from footfall.wording import are, count_of

REBUILT = "events_rebuilt"
_VIEW = "events_rebuilding"
OLD = "events_old"
_POLL_PERIOD_S = 0.2


class CannotRebuild(Exception):
    """The table of events was not changed; the text tells the user why."""


class Unarchived(StrEnum):
    """What to do with events that the archive should have and lacks."""

    REFUSE = "refuse"
    KEEP = "keep"
    DROP = "drop"


class RebuildPlan(Struct, frozen=True, kw_only=True):
    """The options of a rebuild. With `archive_only` it does not read the present table, which may be broken."""

    unarchived: Unarchived = Unarchived.REFUSE
    archive_only: bool = False
    keep_old: bool = False


class Rebuilt(Struct, frozen=True, kw_only=True):
    """The result of a rebuild: `before` compares the old table with the archive, `after` the new one.

    Both are None when no events are archived. `quarantine` compares its table before; None with `archive_only`.
    """

    archive: CheckCount
    harms: tuple[DamagedRange, ...]
    lost: tuple[str, ...]
    before: ComparisonResult | None
    after: ComparisonResult | None
    quarantine: ComparisonResult | None
    kept_old: bool
    seconds: float


class Rebuilding:
    """Rebuilds a store's table of events from one node's archive, and completes its quarantine table."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        progress: ProgressCallback,
        persons: ErasedPersons | None = None,
    ) -> None:
        self._persons = persons
        self._cutoffs = persons.cutoffs if persons is not None else ()
        self._gone = past_condition(self._cutoffs)
        self._settings = settings
        self._store = store
        self._clock = clock
        self._progress = progress
        self._folders = SegmentFolders(settings)
        self._node = node_name(settings)
        self._memory_bytes = settings.engine_memory_bytes_max // 4

    def run(self, plan: RebuildPlan) -> Rebuilt:
        """Rebuild. When this raises, the table of events is as it was, unless it was swapped already.

        The quarantine table, which only gets more lines, comes last. Raises CannotRebuild, Busy, NoRoom, OSError, and
        what the store raises.
        """
        started_s = time.monotonic()
        with exclusive_access(self._folders.data), self._folders.archive.without_removals():
            # The store may be a new and empty one.
            retry(self._store.migrate)
            self._clean_up()
            if OLD in tables(self._store):
                raise CannotRebuild("the table of an earlier rebuild is still kept: footfall rebuild --drop-old first")
            self._require_clean_files()
            listing = list_segments(self._folders, self._clock)
            if not listing.archived:
                raise CannotRebuild("no events are archived, so that there is nothing to rebuild from")
            self._check_room(total_bytes(listing.archived))
            inspection = Inspection(self._folders.data)
            archive, before, after = CheckCount(), None, None
            keep_old = (plan.keep_old or plan.archive_only) and listing.begin_ms is not None
            if listing.begin_ms is not None:
                with self._new_table():
                    archive, before, after = self._build(plan, inspection)
                    self._swap()
                self._finish_swap(keep_old=keep_old)
            lines, quarantine = self._restore_quarantine(plan, inspection)
        return Rebuilt(
            archive=archive + lines,
            harms=tuple(inspection.harms),
            lost=self._folders.names(listing.lost),
            before=before,
            after=after,
            quarantine=quarantine,
            kept_old=keep_old,
            seconds=round(time.monotonic() - started_s, 3),
        )

    def abandon(self) -> None:
        """Clean up after a rebuild that was killed, on this node or on one that does not come back."""
        with exclusive_access(self._folders.data):
            self._clean_up(foreign=True)

    def drop_old(self) -> bool:
        """Remove the table that a rebuild kept; False when there is none."""
        with exclusive_access(self._folders.data):
            exists = OLD in tables(self._store)
            self._store.run_table_script("rebuild_drop_old")
            return exists

    def _clean_up(self, *, foreign: bool = False) -> None:
        """Clean up after a rebuild that was killed, or finish it if it had swapped."""
        there = tables(self._store)
        mark = there.get(EVENTS) or there.get(REBUILT, "")
        if mark and mark != self._mark and not foreign:
            raise CannotRebuild(f"the table is being {mark}; if that is over: footfall rebuild --abandon")
        if there.get(EVENTS):
            self._finish_swap(keep_old=REBUILT in there)
        elif there.get(REBUILT):
            self._drop_new_table()
        elif REBUILT in there:
            raise CannotRebuild(f"there is a table {REBUILT} that no rebuild has made")
        elif _VIEW in there:
            self._store.run_table_script("rebuild_part")

    @property
    def _mark(self) -> str:
        return f"rebuilt by node {self._node}"

    def _require_clean_files(self) -> None:
        if self._persons is not None and (count := len(self._persons.waiting)):
            raise CannotRebuild(
                f"the archive may have {count_of(count, 'person')} who {are(count)} erased: let the service run until "
                "it has cleaned this node's files, which footfall erasures tells"
            )

    def _check_room(self, archived_bytes: int) -> None:
        ((table_bytes,),) = retry(lambda: self._store.rows(query("rebuild_bytes"), {}))
        check_room(self._settings, archived_bytes + max(archived_bytes, int(table_bytes)))

    @contextlib.contextmanager
    def _new_table(self) -> Iterator[None]:
        """Make the new table and the view that fills it. When the block raises before the swap, remove both."""
        try:
            self._store.run_table_script("rebuild_make", mark=self._mark)
            yield
        except BaseException:
            # If the store is unavailable now, the next rebuild cleans up.
            with contextlib.suppress(StoreUnavailable, StoreFailed):
                if not tables(self._store).get(EVENTS):
                    self._drop_new_table()
            raise

    def _build(
        self, plan: RebuildPlan, inspection: Inspection
    ) -> tuple[CheckCount, ComparisonResult | None, ComparisonResult]:
        batch_bytes = self._settings.segment_bytes_max
        with ArchiveTable(self._store, self._node, batch_bytes, also=REBUILT, cutoffs=self._cutoffs) as copy:
            # List the segments after the view was made: the view copies all events that are loaded from now on.
            made_s, listing = time.monotonic(), list_segments(self._folders, self._clock)
            archive = fill_table(copy, listing.of(SegmentKind.EVENTS), inspection, self._progress)
            self._wait_for_earlier_loads(listing, made_s, archive_only=plan.archive_only)
            # Segments that were archived meanwhile. The view has copied most of them; with `archive_only`, this is what
            # loads those that went into the store before there was a view and were archived after the listing.
            fill_table(copy, self._new_since(listing), inspection, self._progress)
            if plan.archive_only:
                span, before = self._full_range(copy, listing), None
            else:
                known = comparable_range(self._store, copy.name, listing, self._gone)
                span = known or self._full_range(copy, listing)
                before = self._compare(span)
                self._require_archived(before, plan)
                self._carry_over(span, plan)
            after = self._compare(structs.replace(span, stored=REBUILT))
            self._confirm(after, plan)
            if before is not None:
                self._confirm_nothing_left(before, plan)
        return archive, before, after

    def _restore_quarantine(
        self, plan: RebuildPlan, inspection: Inspection
    ) -> tuple[CheckCount, ComparisonResult | None]:
        """Load the archived lines that the quarantine table lacks; returns the counts and the comparison before."""
        listing = list_segments(self._folders, self._clock)
        begin_ms = listing.quarantine_begin_ms
        assert begin_ms is not None  # noqa: S101 - checked before, and the archive is locked
        with QuarantineCheck(self._settings, self._store, self._node, self._progress, self._cutoffs) as check:
            lines = check.fill(listing.of(SegmentKind.QUARANTINE), inspection)
            before = None if plan.archive_only else check.compare(begin_ms, listing.through_ms, EDGE_MS)
            if before is None or before.total("missing", "changed"):
                check.load()
                after = check.compare(begin_ms, listing.through_ms, EDGE_MS)
                if bad := after.total("missing", "doubled", "changed"):
                    raise CannotRebuild(
                        f"quarantine differs from the archive in {count_of(bad, 'record')} after all of it was loaded"
                    )
        return lines, before

    def _full_range(self, copy: ArchiveTable, listing: SegmentListing) -> ComparisonRange:
        assert listing.begin_ms is not None  # noqa: S101 - checked before, and the archive is locked
        return ComparisonRange(copy.name, EVENTS, listing.begin_ms, listing.through_ms, self._gone)

    def _wait_for_earlier_loads(self, listing: SegmentListing, made_s: float, *, archive_only: bool) -> None:
        """Wait for loads that began before the view was made, which the view may have missed."""
        left_s = made_s + self._settings.store_load_timeout_s - time.monotonic()
        # The embedded engine runs one write at a time. An external server may still run loads of any node.
        shared = self._settings.events_url != "embedded"
        sealed = [segment.path for segment in listing.waiting if segment.state is SegmentState.SEALED and archive_only]
        wait_until(lambda: not shared and not any(path.exists() for path in sealed), left_s, _POLL_PERIOD_S)

    def _new_since(self, listing: SegmentListing) -> list[SegmentFile]:
        known = {segment.path for segment in listing.archived}
        now = [segment for segment in self._folders.archived() if segment.path not in known]
        return [segment for segment in now if segment.kind is SegmentKind.EVENTS]

    def _compare(self, span: ComparisonRange) -> ComparisonResult:
        return Comparison(self._store, span, self._memory_bytes).run(self._progress)

    def _require_archived(self, before: ComparisonResult, plan: RebuildPlan) -> None:
        count = before.total("unarchived")
        if count and plan.unarchived is Unarchived.REFUSE:
            raise CannotRebuild(
                f"{count_of(count, 'event')} of the table {are(count)} in no archived segment, although the "
                "archive covers their time: say --unarchived keep to carry them over, or --unarchived drop to leave "
                "them out"
            )

    def _carry_over(self, span: ComparisonRange, plan: RebuildPlan) -> None:
        """Copy the events that the archive does not have, in steps, so that loads can run in between."""
        found = count_hours(self._store, span)
        with self._progress("carrying over", sum(hour.stored for hour in found)) as advance:
            for step in split_steps(found):
                wanted = {**span.parameters(), **step_bounds(step)}
                if any(hour.older or hour.newer for hour in step):
                    self._write("rebuild_carry", wanted)
                if plan.unarchived is Unarchived.KEEP and any(map(_may_be_unarchived, step)):
                    self._write("rebuild_keep", wanted)
                advance(sum(hour.stored for hour in step))

    def _write(self, name: str, wanted: dict[str, object]) -> None:
        # Running it twice changes nothing, because equal events count once.
        retry(lambda: self._store.write(query(name), wanted))

    def _confirm(self, after: ComparisonResult, plan: RebuildPlan) -> None:
        bad = after.total("missing", "doubled", "changed")
        if plan.unarchived is not Unarchived.KEEP:
            bad += after.total("unarchived")
        if bad:
            raise CannotRebuild(
                f"the new table differs from the archive in {count_of(bad, 'event')}; the old one stays"
            )

    def _confirm_nothing_left(self, before: ComparisonResult, plan: RebuildPlan) -> None:
        """Compare the old table with the new one: every event that was loaded by now must be in both."""
        settled_ms = list_segments(self._folders, self._clock).through_ms
        span = ComparisonRange(REBUILT, EVENTS, before.begin_ms, before.through_ms, self._gone)
        left, found = 0, count_hours(self._store, span)
        with self._progress("comparing old and new", sum(hour.stored for hour in found)) as advance:
            for step in split_steps(found):
                wanted = {"old": EVENTS, "new": REBUILT, "settled": settled_ms, **step_bounds(step)}
                wanted |= self._gone.parameters
                left += self._count_missing(wanted)
                advance(sum(hour.stored for hour in step))
        if left > (before.total("unarchived") if plan.unarchived is Unarchived.DROP else 0):
            raise CannotRebuild(
                f"the new table lacks {count_of(left, 'event')} that the old one has; the old one stays"
            )

    def _count_missing(self, wanted: dict[str, object]) -> int:
        text = self._gone.fill(query("rebuild_left"))
        ((left,),) = retry(lambda: self._store.rows(text, wanted))
        return int(left)

    def _swap(self) -> None:
        """Swap the tables. When the answer does not arrive, the mark tells whether it was done."""
        while not tables(self._store).get(EVENTS):
            with contextlib.suppress(StoreUnavailable):
                self._store.run_table_script("rebuild_swap")

    def _finish_swap(self, *, keep_old: bool) -> None:
        """After the swap: remove the view, remove or rename the old table, and remove the mark of the new one."""
        retry(lambda: self._store.run_table_script("rebuild_part"))
        if REBUILT in tables(self._store):
            retry(lambda: self._store.run_table_script("rebuild_store_old" if keep_old else "rebuild_drop"))
        retry(lambda: self._store.run_table_script("rebuild_done"))

    def _drop_new_table(self) -> None:
        """Remove the view first, so that no load is copied into a table that does not exist."""
        self._store.run_table_script("rebuild_part")
        self._store.run_table_script("rebuild_drop")


def _may_be_unarchived(hour: HourCounts) -> bool:
    return hour.stored > hour.older + hour.newer
