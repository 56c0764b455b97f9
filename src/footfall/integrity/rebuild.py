"""The rebuild: the table of events made anew from the archive, and put in the present one's place while all goes on.

1. An empty table is made, and a view that hands it every event that is loaded from now on. So nothing has to be caught
   up with around the swap, when reports already read the new table: it lacks nothing at any moment.
2. The archive is loaded into it, and into the table of a check (`ArchiveTable`).
3. The present table is held against the archive. What the archive does not cover is carried over: older events whose
   segments are gone, and those that were loaded while the rebuild began. Events that it should cover and does not have
   are the caller's to decide about.
4. The new table is held against the archive, and the present one against the new. Only when nothing is missing, changed
   or doubled do the two change places, which is one statement.
5. The old table is removed, or kept under another name.
6. Quarantine's table gets every archived line that it lacks (`QuarantineCheck`).

Reports as of an earlier time stay as they were, because `received` and `admitted` are a part of each line. Until the
swap a rebuild can be broken off at any time, and leaves the present table as it was; a killed one is cleaned up by the
next, or finished where it had swapped already.
"""

import contextlib
import time
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct, structs

from footfall.integrity.comparison import Comparison, ComparisonRange, Hour, QuarantineCheck, bounds, hours, steps
from footfall.integrity.guard import ProgressCallback, check_room, exclusive_access, retry
from footfall.integrity.inspection import ArchiveTable, Inspection, fill_table, size
from footfall.integrity.segments import SegmentFile, SegmentFolders, SegmentState
from footfall.integrity.verdict import CheckCount, ComparisonResult, DamagedRange
from footfall.integrity.verify import EDGE_MS, EVENTS, Listing, comparable_range, list_segments
from footfall.journal import SegmentKind
from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreUnavailable, query
from footfall.system.clock import Clock
from footfall.system.data_folder import node_name
from footfall.system.waiting import wait_until

REBUILT = "events_rebuilt"
_VIEW = "events_rebuilding"
OLD = "events_old"
_POLL_PERIOD_S = 0.2


class CannotRebuild(Exception):
    """Why the table of events is left as it is, in words for whoever asked."""


class Unarchived(StrEnum):
    """What to do with events that the archive should hold and does not."""

    REFUSE = "refuse"
    KEEP = "keep"
    DROP = "drop"


class RebuildPlan(Struct, frozen=True, kw_only=True):
    """What a rebuild takes and leaves. `archive_only` reads nothing of the present table, for one that is broken."""

    unarchived: Unarchived = Unarchived.REFUSE
    archive_only: bool = False
    keep_old: bool = False


class Rebuilt(Struct, frozen=True, kw_only=True):
    """What a rebuild did: `before` is the old table held against the archive, `after` the new one.

    Both are None where no events are archived; `quarantine` is its table before, and None with `archive_only`.
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
    """Rebuilds the table of events of one store from one node's archive, and makes that of quarantine whole."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, progress: ProgressCallback) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._progress = progress
        self._folders = SegmentFolders(settings)
        self._node = node_name(settings)
        self._memory_bytes = settings.engine_memory_bytes_max // 4

    def run(self, plan: RebuildPlan) -> Rebuilt:
        """Rebuild; when this raises, the table of events is as it was, unless it had been swapped already.

        Quarantine's table, to which lines are only added, comes last. Raises CannotRebuild, Busy, NoRoom, OSError, and
        what the store raises.
        """
        started_s = time.monotonic()
        with exclusive_access(self._folders.data), self._folders.archive.without_removals():
            # The store may be a new and empty one.
            retry(self._store.migrate)
            self._clean_up()
            if OLD in self._tables():
                raise CannotRebuild("the table of an earlier rebuild is still kept: footfall rebuild --drop-old first")
            listing = list_segments(self._folders, self._clock)
            if not listing.archived:
                raise CannotRebuild("no events are archived, so that there is nothing to rebuild from")
            self._check_room(size(listing.archived))
            inspection = Inspection(self._folders.data)
            archive, before, after = CheckCount(), None, None
            keep_old = (plan.keep_old or plan.archive_only) and listing.begin_ms is not None
            if listing.begin_ms is not None:
                with self._new_table():
                    archive, before, after = self._build(plan, inspection)
                    self._swap()
                self._finish(keep_old=keep_old)
            lines, quarantine = self._bring_back(plan, inspection)
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
        """Clean up after a rebuild that was killed, on this node or another one that will not come back."""
        with exclusive_access(self._folders.data):
            self._clean_up(foreign=True)

    def drop_old(self) -> bool:
        """Remove the table that a rebuild kept; False when there is none."""
        with exclusive_access(self._folders.data):
            there = OLD in self._tables()
            self._store.run_table_script("rebuild_drop_old")
            return there

    def _tables(self) -> dict[str, str]:
        """The tables of a rebuild that are there, with their marks."""
        return {str(name): str(mark) for name, mark in retry(lambda: self._store.rows(query("rebuild_tables"), {}))}

    def _clean_up(self, *, foreign: bool = False) -> None:
        """Clean up what a rebuild left behind that was killed; finish it where it had swapped."""
        tables = self._tables()
        mark = tables.get(EVENTS) or tables.get(REBUILT, "")
        if mark and mark != self._mark and not foreign:
            raise CannotRebuild(f"the table is being {mark}; if that is over: footfall rebuild --abandon")
        if tables.get(EVENTS):
            self._finish(keep_old=REBUILT in tables)
        elif tables.get(REBUILT):
            self._drop()
        elif REBUILT in tables:
            raise CannotRebuild(f"there is a table {REBUILT} that no rebuild has made")
        elif _VIEW in tables:
            self._store.run_table_script("rebuild_part")

    @property
    def _mark(self) -> str:
        return f"rebuilt by node {self._node}"

    def _check_room(self, archived_bytes: int) -> None:
        ((table_bytes,),) = retry(lambda: self._store.rows(query("rebuild_bytes"), {}))
        check_room(self._settings, archived_bytes + max(archived_bytes, int(table_bytes)))

    @contextlib.contextmanager
    def _new_table(self) -> Iterator[None]:
        """The new table, and the view that fills it; both go when the block raises, unless they have been swapped."""
        try:
            self._store.run_table_script("rebuild_make", mark=self._mark)
            yield
        except BaseException:
            # When the store is away now, the next rebuild cleans up.
            with contextlib.suppress(StoreUnavailable, StoreFailed):
                if not self._tables().get(EVENTS):
                    self._drop()
            raise

    def _build(
        self, plan: RebuildPlan, inspection: Inspection
    ) -> tuple[CheckCount, ComparisonResult | None, ComparisonResult]:
        with ArchiveTable(self._store, self._node, self._settings.segment_bytes_max, also=REBUILT) as copy:
            # Only now that the view is there: what is loaded from here on needs no looking after.
            made_s, listing = time.monotonic(), list_segments(self._folders, self._clock)
            archive = fill_table(copy, listing.of(SegmentKind.EVENTS), inspection, self._progress)
            self._wait(listing, made_s, archive_only=plan.archive_only)
            # What was archived meanwhile is in the new table by the view. Where nothing is carried over, this is also
            # what takes up the segments that were loaded before there was a view, and archived after the listing.
            fill_table(copy, self._new_since(listing), inspection, self._progress)
            if plan.archive_only:
                span, before = self._span(copy, listing), None
            else:
                span = comparable_range(self._store, copy.name, listing) or self._span(copy, listing)
                before = self._compare(span)
                self._require_archived(before, plan)
                self._carry(span, plan)
            after = self._compare(structs.replace(span, stored=REBUILT))
            self._confirm(after, plan)
            if before is not None:
                self._confirm_nothing_left(before, plan)
        return archive, before, after

    def _bring_back(self, plan: RebuildPlan, inspection: Inspection) -> tuple[CheckCount, ComparisonResult | None]:
        """Load what quarantine lacks of its archived lines; gives its table as it was before."""
        listing = list_segments(self._folders, self._clock)
        begin_ms = listing.quarantine_begin_ms
        assert begin_ms is not None  # noqa: S101 - looked at before, and nothing leaves the archive meanwhile
        with QuarantineCheck(self._settings, self._store, self._node, self._progress) as check:
            lines = check.fill(listing.of(SegmentKind.QUARANTINE), inspection)
            before = None if plan.archive_only else check.compare(begin_ms, listing.through_ms, EDGE_MS)
            if before is None or before.total("missing", "changed"):
                check.load()
                after = check.compare(begin_ms, listing.through_ms, EDGE_MS)
                if bad := after.total("missing", "doubled", "changed"):
                    raise CannotRebuild(
                        f"{bad:,} records of quarantine differ from the archive after all of it was loaded"
                    )
        return lines, before

    def _span(self, copy: ArchiveTable, listing: Listing) -> ComparisonRange:
        assert listing.begin_ms is not None  # noqa: S101 - looked at before, and nothing leaves the archive meanwhile
        return ComparisonRange(copy.name, EVENTS, listing.begin_ms, listing.through_ms)

    def _wait(self, listing: Listing, made_s: float, *, archive_only: bool) -> None:
        """Wait for loads that began before the view was there, and so may have gone past it."""
        left_s = made_s + self._settings.store_load_timeout_s - time.monotonic()
        # The embedded engine writes one thing at a time; another server may still be busy with any node's loads.
        shared = self._settings.events_url != "embedded"
        sealed = [segment.path for segment in listing.waiting if segment.state is SegmentState.SEALED and archive_only]
        wait_until(lambda: not shared and not any(path.exists() for path in sealed), left_s, _POLL_PERIOD_S)

    def _new_since(self, listing: Listing) -> list[SegmentFile]:
        known = {segment.path for segment in listing.archived}
        now = [segment for segment in self._folders.archived() if segment.path not in known]
        return [segment for segment in now if segment.kind is SegmentKind.EVENTS]

    def _compare(self, span: ComparisonRange) -> ComparisonResult:
        return Comparison(self._store, span, self._memory_bytes).run(self._progress)

    def _require_archived(self, before: ComparisonResult, plan: RebuildPlan) -> None:
        count = before.total("unarchived")
        if count and plan.unarchived is Unarchived.REFUSE:
            raise CannotRebuild(
                f"{count:,} events of the table are in no archived segment, although the archive covers their time: "
                "say --unarchived keep to carry them over, or --unarchived drop to leave them out"
            )

    def _carry(self, span: ComparisonRange, plan: RebuildPlan) -> None:
        """Carry over what the archive does not have, in steps, so that loading goes on in between."""
        found = hours(self._store, span)
        with self._progress("carrying over", sum(hour.stored for hour in found)) as advance:
            for step in steps(found):
                wanted = {**span.parameters(), **bounds(step)}
                if any(hour.older or hour.newer for hour in step):
                    self._write("rebuild_carry", wanted)
                if plan.unarchived is Unarchived.KEEP and any(map(_may_be_unarchived, step)):
                    self._write("rebuild_keep", wanted)
                advance(sum(hour.stored for hour in step))

    def _write(self, name: str, wanted: dict[str, object]) -> None:
        # Doing it twice does no harm, for equal events count once.
        retry(lambda: self._store.write(query(name), wanted))

    def _confirm(self, after: ComparisonResult, plan: RebuildPlan) -> None:
        bad = after.total("missing", "doubled", "changed")
        if plan.unarchived is not Unarchived.KEEP:
            bad += after.total("unarchived")
        if bad:
            raise CannotRebuild(f"the new table differs from the archive in {bad:,} events; the old one stays")

    def _confirm_nothing_left(self, before: ComparisonResult, plan: RebuildPlan) -> None:
        """Hold the old table against the new: everything that was loaded by now is in both."""
        settled_ms = list_segments(self._folders, self._clock).through_ms
        span = ComparisonRange(REBUILT, EVENTS, before.begin_ms, before.through_ms)
        left, found = 0, hours(self._store, span)
        with self._progress("comparing old and new", sum(hour.stored for hour in found)) as advance:
            for step in steps(found):
                wanted = {"old": EVENTS, "new": REBUILT, "settled": settled_ms, **bounds(step)}
                left += self._left(wanted)
                advance(sum(hour.stored for hour in step))
        if left > (before.total("unarchived") if plan.unarchived is Unarchived.DROP else 0):
            raise CannotRebuild(f"the new table lacks {left:,} events that the old one has; the old one stays")

    def _left(self, wanted: dict[str, object]) -> int:
        ((left,),) = retry(lambda: self._store.rows(query("rebuild_left"), wanted))
        return int(left)

    def _swap(self) -> None:
        """Let the tables change places. The mark tells whether that was done when the answer did not arrive."""
        while not self._tables().get(EVENTS):
            with contextlib.suppress(StoreUnavailable):
                self._store.run_table_script("rebuild_swap")

    def _finish(self, *, keep_old: bool) -> None:
        """After the swap: end the view, put the old table out of the way, and take the mark off the new one."""
        retry(lambda: self._store.run_table_script("rebuild_part"))
        if REBUILT in self._tables():
            retry(lambda: self._store.run_table_script("rebuild_store_old" if keep_old else "rebuild_drop"))
        retry(lambda: self._store.run_table_script("rebuild_done"))

    def _drop(self) -> None:
        """The view goes first, so that no load is handed on to a table that is gone."""
        self._store.run_table_script("rebuild_part")
        self._store.run_table_script("rebuild_drop")


def _may_be_unarchived(hour: Hour) -> bool:
    return hour.stored > hour.older + hour.newer
