"""Verify: checks every frame by its checksum, and compares every archived event with the store."""

import contextlib
import time

from msgspec import Struct

from footfall.integrity.absence import ErasedPersons, prove_absence, prove_expiry
from footfall.integrity.comparison import Comparison, ComparisonRange, QuarantineCheck
from footfall.integrity.guard import ProgressCallback, check_room, exclusive_access, retry
from footfall.integrity.inspection import ArchiveTable, Inspection, fill_table, total_bytes
from footfall.integrity.segments import SegmentFile, SegmentFolders
from footfall.integrity.verdict import CheckCount, ComparisonResult, VerificationResult
from footfall.journal import SegmentKind
from footfall.settings import Settings
from footfall.store import Store, query
from footfall.system.clock import Clock
from footfall.system.data_folder import node_name
from footfall.tombstones import NOTHING, RowCondition, past_condition

# The archive removes whole days of segments, and a segment that was opened at the end of a day has events of the next.
# So the first minutes after a removed day are not compared.
EDGE_MS = 600_000
EVENTS = "events"


class SegmentListing(Struct, frozen=True):
    """All segments at one moment. Every line stamped up to `through_ms` is in an archived segment, or one set aside."""

    waiting: list[SegmentFile]
    archived: list[SegmentFile]
    aside: list[SegmentFile]
    # Archived segments whose files are missing.
    lost: list[SegmentFile]
    through_ms: int

    @property
    def begin_ms(self) -> int | None:
        """When the first archived segment of events was opened; None when there is none."""
        lost = (one for one in self.lost if one.kind is SegmentKind.EVENTS)
        return min((one.opened_ms for one in (*self.of(SegmentKind.EVENTS), *lost)), default=None)

    @property
    def quarantine_begin_ms(self) -> int | None:
        """When the first archived segment of any kind was opened: from then on lines of quarantine are archived."""
        return min((one.opened_ms for one in (*self.archived, *self.lost)), default=None)

    def of(self, kind: SegmentKind) -> list[SegmentFile]:
        """The archived segments whose lines are of this kind."""
        return [segment for segment in self.archived if segment.kind is kind]


def list_segments(folders: SegmentFolders, clock: Clock, days: int | None = None) -> SegmentListing:
    """List all segments, the journal's first, so that none is missed on its way to the archive.

    Lines that are in no segment of the journal were archived. No segment has stamps from before its opening, and those
    that are opened later have only stamps after now.
    """
    now_ms = clock.now_ms()
    waiting = folders.waiting()
    through_ms = min([now_ms, *(segment.opened_ms for segment in waiting)]) - 1
    return SegmentListing(
        waiting, list(folders.archived(days)), folders.aside_segments(), folders.lost(days), through_ms
    )


def comparable_range(
    store: Store, copy: str, listing: SegmentListing, gone: RowCondition = NOTHING
) -> ComparisonRange | None:
    """The range in which archive and store can be compared; None when no events are archived."""
    begin_ms = listing.begin_ms
    if begin_ms is None:
        return None
    wanted = {"stored": EVENTS, "begin": begin_ms}
    if retry(lambda: store.rows(query("check_older"), wanted)):
        begin_ms += EDGE_MS
    return ComparisonRange(copy, EVENTS, begin_ms, listing.through_ms, gone)


def tables(store: Store) -> dict[str, str]:
    """The tables of events that there are, the present one and those of a rebuild, with their marks."""
    return {str(name): str(mark) for name, mark in retry(lambda: store.rows(query("rebuild_tables"), {}))}


class Verification:
    """Compares one node's archived events and quarantine with the store; call `run` once."""

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
        self._settings = settings
        self._store = store
        self._clock = clock
        self._progress = progress
        self._folders = SegmentFolders(settings)
        self._node = node_name(settings)
        self._inspection = Inspection(self._folders.data)

    def run(self, days: int | None = None, *, frames_only: bool = False) -> VerificationResult:
        """Check everything, or the last `days` of the archive; with `frames_only` only checksums, without the store.

        With `persons`, these are looked for as well, and what is past its time.
        Events that are loaded meanwhile raise no alarm. Raises Busy, NoRoom, OSError, and what the store raises.
        """
        started_s = time.monotonic()
        with contextlib.ExitStack() as stack:
            stack.enter_context(exclusive_access(self._folders.data))
            stack.enter_context(self._folders.archive.without_removals())
            listing = list_segments(self._folders, self._clock, days)
            journal, aside = self._read("reading the journal", listing.waiting), self._read("", listing.aside)
            archive, compared, quarantine, erased, past = CheckCount(), None, None, None, None
            if frames_only:
                archive = self._read("reading the archive", listing.archived)
            elif listing.archived:
                check_room(self._settings, total_bytes(listing.archived))
                events, compared = self._compare(listing)
                lines, quarantine = self._compare_quarantine(listing)
                archive = events + lines
            if self._persons is not None and not frames_only:
                kept = [*listing.archived, *listing.aside, *self._folders.originals()]
                erased = prove_absence(self._persons, self._folders, kept, self._store, self._progress)
                past = prove_expiry(self._persons, self._folders, kept, self._store, self._progress)
        return VerificationResult(
            archive=archive,
            journal=journal,
            aside=aside,
            harms=tuple(self._inspection.harms),
            lost=self._folders.names(listing.lost),
            compared=compared,
            is_undecided=not frames_only and listing.begin_ms is None and self._has_events_only_in_store(listing),
            quarantine=quarantine,
            shared=self._settings.events_url != "embedded",
            seconds=round(time.monotonic() - started_s, 3),
            erased=erased,
            past=past,
        )

    def _has_events_only_in_store(self, listing: SegmentListing) -> bool:
        """Whether the store has events although no event of any day is archived, as after a restore."""
        if any(one.kind is SegmentKind.EVENTS for one in self._folders.archived(None)):
            return False
        wanted = {"stored": EVENTS, "begin": listing.through_ms}
        return EVENTS in tables(self._store) and bool(retry(lambda: self._store.rows(query("check_older"), wanted)))

    def _read(self, label: str, segments: list[SegmentFile]) -> CheckCount:
        with self._progress(label, total_bytes(segments)) as advance:
            return self._inspection.read(segments, advance)

    def _compare(self, listing: SegmentListing) -> tuple[CheckCount, ComparisonResult | None]:
        if listing.begin_ms is None:
            return CheckCount(), None
        gone = past_condition(self._cutoffs)
        with ArchiveTable(self._store, self._node, self._settings.segment_bytes_max) as copy:
            archive = fill_table(copy, listing.of(SegmentKind.EVENTS), self._inspection, self._progress)
            span = comparable_range(self._store, copy.name, listing, gone)
            if span is None:
                return archive, None
            memory_bytes = self._settings.engine_memory_bytes_max // 4
            return archive, Comparison(self._store, span, memory_bytes).run(self._progress)

    def _compare_quarantine(self, listing: SegmentListing) -> tuple[CheckCount, ComparisonResult | None]:
        begin_ms = listing.quarantine_begin_ms
        if begin_ms is None:
            return CheckCount(), None
        with QuarantineCheck(self._settings, self._store, self._node, self._progress, self._cutoffs) as check:
            lines = check.fill(listing.of(SegmentKind.QUARANTINE), self._inspection)
            return lines, check.compare(begin_ms, listing.through_ms, EDGE_MS)
