"""The loader: the one owner of a node's sealed segments, which it loads into the store and moves to the archive."""

import errno
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from footfall.journal import SALVAGED, Folder, Recovered, SegmentKind, recover, salvage
from footfall.loading.archive import Archive
from footfall.loading.batches import (
    Batch,
    DamagedSegment,
    UnreadableSegment,
    batch_of,
    gather_batches,
    is_undamaged,
)
from footfall.loading.broken_parts import BrokenParts
from footfall.metrics import BUCKETS_S, BucketCounts
from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreRefused, StoreRejected, StoreShort, StoreUnavailable, Table
from footfall.system import files
from footfall.system.clock import Clock
from footfall.system.waiting import Backoff
from footfall.tombstones import Tombstones

log = logging.getLogger(__name__)

# The pause before the store is asked again, doubled with each failure up to the most.
STORE_PAUSE_LEAST_S = 0.2
STORE_PAUSE_MOST_S = 5.0
# Seconds that a store may take to start together with the worker; past them it is away, and the log warns.
STORE_START_S = 60.0
# The same for a segment or the archive that the disk fails on. A disk that fails for a moment is tried again within a
# second; one that stays broken or full costs one read in five seconds.
DISK_PAUSE_LEAST_S = 0.5
DISK_PAUSE_MOST_S = 5.0
# How often new parts of the engine are read, because it may have broken them silently.
INSPECT_PERIOD_S = 30.0
# Errors of the disk about one file that it has lost. Others, such as too many open files, are not the segment's fault.
_LOST = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENODATA})
# Names in the backoffs; that of the disk has the names of segments too.
_ARCHIVE = "archive"
_STORE = "store"


class Loader:
    """Loads sealed segments, oldest first. A segment that the store cannot take is set aside and never blocks others.

    `tick` blocks; call it on one thread at a time. `loaded_through_ms` may be read on any thread: every event that this
    node admitted at or before that time is in the store. It is 0 while that is unknown: the store is unavailable, or
    has been restarted and may have left out broken parts.
    """

    def __init__(
        self,
        folder: Folder,
        store: Store,
        archive: Archive,
        aside: Path,
        settings: Settings,
        clock: Clock,
        tombstones: Tombstones | None = None,
    ) -> None:
        self._folder = folder
        self._store = store
        self._archive = archive
        self._aside = aside
        self._settings = settings
        self._clock = clock
        self._tombstones = tombstones
        self._broken_parts = BrokenParts(store, archive, tombstones)
        self._engine_start_id: str | None = None
        self._starts_until_s = time.monotonic() + STORE_START_S
        self._is_outage_told = False
        self._prepared = False
        self._tries: Counter[str] = Counter()
        self._disk_backoff = Backoff(DISK_PAUSE_LEAST_S, DISK_PAUSE_MOST_S)
        self._store_backoff = Backoff(STORE_PAUSE_LEAST_S, STORE_PAUSE_MOST_S)
        # Segments that were loaded since the store's last start, and are in the journal because archiving them failed.
        self._unarchived: dict[str, Path] = {}
        self._undamaged: frozenset[str] = frozenset()
        self._last_inspected_s = time.monotonic()
        # A time, and the segments that were in the journal then: when all of them are loaded, everything up to it is.
        self._checkpoint_ms = 0
        self._checkpoint: frozenset[str] | None = None
        self.loaded_through_ms = 0
        self.events_loaded = self.quarantine_loads = 0
        self.segments_aside = 0
        # Gets the segments of a load that has ended, its lines, and when it began, in monotonic seconds.
        self.observe: Callable[[Sequence[Path], int, float], object] = lambda _segments, _lines, _began_s: None
        self.loads = BucketCounts(("footfall_load_duration_seconds",), BUCKETS_S)

    @property
    def store_away(self) -> bool:
        """Whether the store could not be reached when it was last asked."""
        return self._store_backoff.has_failed(_STORE)

    def tick(self) -> bool:
        """Recover, load and archive the segments of the journal; returns whether any was loaded. Raises OSError.

        A segment or an archive that the disk fails on is tried again later, and stops no other segment.
        """
        if self._tombstones is None:
            return self._tick()
        self._tombstones.refresh()
        with self._tombstones.lock:
            return self._tombstones.are_known and self._tick()

    def _tick(self) -> bool:
        self._recover()
        if self._store_backoff.is_waiting(_STORE) or not self._prepare():
            return False
        self._set_checkpoint()
        self._archive_loaded(())
        loaded = 0
        for batch in gather_batches(self._due(), self._settings.loader_lines_bytes_max):
            if isinstance(batch, UnreadableSegment):
                self._retry_later(batch.segment, batch.error)
                continue
            if isinstance(batch, DamagedSegment):
                try:
                    self._salvage(batch.segment)
                except OSError as error:
                    self._retry_later(batch.segment, error)
                    continue
            elif not self._load(batch):
                break
            loaded += 1
        else:
            self._end_outage()
        if self._prepared and self._inspect():
            self._advance_loaded_through()
        return loaded > 0

    def _inspect(self) -> bool:
        """Read the embedded engine's new parts, every INSPECT_PERIOD_S; the next tick restores broken ones."""
        if self._engine_start_id and time.monotonic() - self._last_inspected_s >= INSPECT_PERIOD_S:
            self._last_inspected_s = time.monotonic()
            try:
                if self._broken_parts.finds_damage():
                    self._prepared = False
            except (StoreUnavailable, StoreFailed) as error:
                self._pause(error)
        return self._prepared

    def _prepare(self) -> bool:
        """After each start of the store, migrate its tables and restore broken parts; False while it is unavailable.

        Reports wait meanwhile, because the store may lack events that it had before.
        """
        start = self._store.engine_start_id()
        if start != self._engine_start_id or not self._prepared:
            self._prepared, self._checkpoint, self.loaded_through_ms = False, None, 0
            # The store may have lost segments that are not archived yet: load them again.
            self._unarchived.clear()
            try:
                self._store.migrate()
                self._broken_parts.restore()
            except (StoreUnavailable, StoreRejected) as error:
                self._pause(error)
                return False
            except StoreFailed as error:
                # An external server may not allow these statements. The embedded engine must run them.
                log.error("cannot look for broken parts of the store: %s", error)
                if start:
                    self._pause(error)
                    return False
            if start != self._engine_start_id:
                log.info("the store is ready")
            self._engine_start_id, self._prepared = start, True
        return True

    def _recover(self) -> None:
        for segment in (*self._folder.spares(), *self._folder.open()):
            if self._disk_backoff.is_waiting(segment.name):
                continue
            try:
                outcome = recover(segment, self._aside, self._folder.disk)
            except OSError as error:
                if self._disk_backoff.fail(segment.name) == 1:
                    log.error("segment %s of a writer that is gone waits for the disk: %s", segment.name, error)
                continue
            self._disk_backoff.clear(segment.name)
            if outcome is Recovered.SALVAGED:
                self.segments_aside += 1
                log.error("segment %s: %s", segment.name, outcome.value)
            elif outcome is not Recovered.BUSY:
                log.info("segment %s of a writer that is gone: %s", segment.name, outcome.value)

    def _set_checkpoint(self) -> None:
        """Note the time, then the segments of the journal."""
        if self._checkpoint is None:
            self._checkpoint_ms = self._clock.now_ms()
            self._checkpoint = self._stems()

    def _advance_loaded_through(self) -> None:
        if self._checkpoint is not None and not self._checkpoint & self._stems():
            # A segment that was opened after the checkpoint may have events stamped in the same millisecond.
            self.loaded_through_ms = self._checkpoint_ms - 1
            self._checkpoint = None

    def _stems(self) -> frozenset[str]:
        return frozenset(
            name.split(".", 1)[0].removesuffix(SALVAGED)
            for name in self._folder.names()
            if name not in self._unarchived
        )

    def _due(self) -> list[Path]:
        """The sealed segments that are to be loaded now, without the events of erased persons."""
        sealed = self._folder.sealed()
        due = [
            each
            for each in sealed
            if each.name not in self._unarchived and not self._disk_backoff.is_waiting(each.name)
        ]
        if self._tombstones is None:
            return due
        return self._tombstones.clean_all(due, self._folder.disk, self._retry_later)

    def _load(self, batch: Batch) -> bool:
        """Load a batch; False when the store is unavailable and the rest must wait.

        The store verifies all checksums before it stores anything. Segments are checked here only after it has failed.
        """
        began_s = time.monotonic()
        try:
            table: Table = "quarantine" if batch.kind is SegmentKind.QUARANTINE else "events"
            lines = self._store.load_frames(batch.frames, table, self._clock.now_ms())
        except StoreShort as error:
            if len(batch.segments) == 1:
                self._leave_in_journal(batch.segments[0], error)
                return True
            return all(self._load(batch_of(segment)) for segment in batch.segments)
        except StoreUnavailable as error:
            # The store may report damage with an unknown error code, which would count as an outage for ever.
            self._salvage_damaged(batch)
            self._pause(error)
            return False
        except StoreRefused as error:
            left = self._salvage_damaged(batch)
            if batch.segments == left and len(left) == 1:
                self._count_refusal(left[0], error)
                return True
            return all(self._load(batch_of(segment)) for segment in left)
        for segment in batch.segments:
            self._tries.pop(segment.name, None)
            self._disk_backoff.clear(segment.name)
        self._archive_loaded(batch.segments)
        self.loads.add(time.monotonic() - began_s)
        self.observe(batch.segments, lines, began_s)
        if batch.kind is SegmentKind.EVENTS:
            self.events_loaded += lines
        else:
            self.quarantine_loads += 1
        return True

    def _archive_loaded(self, segments: Iterable[Path]) -> None:
        """Archive the segments, after those that could not be archived yet. A failure is logged once, until it ends.

        Segments that wait for the archive are not loaded again, and no report waits for them.
        """
        self._unarchived |= {segment.name: segment for segment in segments}
        if self._disk_backoff.is_waiting(_ARCHIVE):
            return
        for name, segment in list(self._unarchived.items()):
            try:
                self._archive.add(segment)
            except OSError as error:
                if not segment.exists():
                    # The operator has removed it.
                    del self._unarchived[name]
                    continue
                if self._disk_backoff.fail(_ARCHIVE) == 1:
                    log.error("the archive takes no segment, loaded ones stay in the journal: %s", error)
                return
            del self._unarchived[name]
            if self._disk_backoff.clear(_ARCHIVE):
                log.info("the archive takes segments again")

    def _retry_later(self, segment: Path, error: OSError) -> None:
        """Try a segment again later; after some tries, set one aside that the disk has lost."""
        tries = self._disk_backoff.fail(segment.name)
        if tries == 1:
            log.warning("segment %s cannot be read, trying again: %s", segment.name, error)
        if tries < self._settings.loader_tries_max or error.errno not in _LOST:
            return
        try:
            files.make_folder(self._aside)
            segment.rename(self._aside / segment.name)
        except OSError:
            return
        self._disk_backoff.clear(segment.name)
        self.segments_aside += 1
        log.error("segment %s cannot be read and is set aside in %s: %s", segment.name, self._aside, error)

    def _salvage_damaged(self, batch: Batch) -> list[Path]:
        """Salvage the damaged segments of a batch; returns the others."""
        left = [segment for segment in batch.segments if segment.name in self._undamaged or is_undamaged(segment)]
        for segment in batch.segments:
            if segment not in left:
                self._salvage(segment)
        # Kept, because during an outage this is asked again and again.
        self._undamaged = frozenset(segment.name for segment in left)
        return left

    def _end_outage(self) -> None:
        """Everything is loaded: the next outage begins with short pauses and a line in the log."""
        self._store_backoff.clear(_STORE)
        if self._is_outage_told:
            log.info("the store takes events again")
            self._is_outage_told = False

    def _pause(self, error: StoreUnavailable | StoreFailed) -> None:
        tries = self._store_backoff.fail(_STORE)
        is_starting = self._engine_start_id is None and time.monotonic() < self._starts_until_s
        if is_starting and tries == 1:
            log.info("the store does not answer yet, events wait in the journal")
        elif not is_starting and not self._is_outage_told:
            log.warning("the store is away, events wait in the journal: %s", error)
            self._is_outage_told = True
        self._prepared, self.loaded_through_ms = False, 0

    def _salvage(self, segment: Path) -> None:
        """Set a segment aside that the disk has damaged, and load its whole frames."""
        kept = salvage(segment, self._aside, self._folder.disk)
        self.segments_aside += 1
        what = "no frame of it is whole" if kept is None else f"its whole frames go on as {kept.name}"
        log.error("segment %s is damaged and set aside in %s: %s", segment.name, self._aside, what)

    def _leave_in_journal(self, segment: Path, error: StoreShort) -> None:
        """Leave a segment in the journal, to load it again later: the store lacks rows of it and reported no error."""
        if self._disk_backoff.fail(segment.name) == 1:
            log.error("segment %s stays in the journal, and is loaded again: %s", segment.name, error)

    def _count_refusal(self, segment: Path, error: StoreRefused) -> None:
        self._tries[segment.name] += 1
        if self._tries[segment.name] < self._settings.loader_tries_max:
            log.warning("the store refuses segment %s, trying again: %s", segment.name, error)
            return
        files.make_folder(self._aside)
        segment.rename(self._aside / segment.name)
        self.segments_aside += 1
        log.error("the store refuses segment %s, which is set aside in %s: %s", segment.name, self._aside, error)
