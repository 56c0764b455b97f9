"""The loader: the one owner of a node's sealed segments, which it loads into the store and moves to the archive."""

import errno
import logging
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from footfall.journal import SALVAGED, Folder, Recovered, SegmentKind, recover, salvage
from footfall.loading.archive import Archive
from footfall.loading.batches import Backoff, Batch, Damaged, Unreadable, gather, is_whole, single
from footfall.loading.mending import Mender
from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreRefused, StoreRejected, StoreShort, StoreUnavailable
from footfall.system import files
from footfall.system.clock import Clock

log = logging.getLogger(__name__)

# While the store is away it is asked again after this time, doubled with every failure up to the most.
PAUSE_LEAST_S = 0.2
PAUSE_MOST_S = 5.0
# How often what the engine has written since is read, for it may have broken it without a word.
INSPECT_PERIOD_S = 30.0
# What a disk says of one file that it has lost. All else, such as too many open files, is not the segment's fault.
_LOST = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENODATA})
# The archive's name among the segments' that wait for a disk.
_ARCHIVE = "archive"


class Loader:
    """Loads what is sealed, oldest first; a segment that the store cannot take is set aside and never blocks others.

    `tick` blocks and belongs on a thread; it is called by one caller at a time. `loaded_through_ms` may be read from
    anywhere: every event that this node admitted at or before that time is in the store. It is 0 while that is not
    known: the store is away, or has been started anew and may have left out parts that it found broken.
    """

    def __init__(
        self, folder: Folder, store: Store, archive: Archive, aside: Path, settings: Settings, clock: Clock
    ) -> None:
        self._folder = folder
        self._store = store
        self._archive = archive
        self._aside = aside
        self._settings = settings
        self._clock = clock
        self._mender = Mender(store, archive)
        self._start: str | None = None
        self._prepared = False
        self._tries: Counter[str] = Counter()
        self._backoff = Backoff()
        # Loaded since the store was last prepared, and still in the journal because the archive took no file.
        self._unarchived: dict[str, Path] = {}
        self._whole: frozenset[str] = frozenset()
        self._pause_s = 0.0
        self._resume_s = 0.0
        self._last_inspected_s = time.monotonic()
        self._mark_ms = 0
        self._mark: frozenset[str] | None = None
        self.loaded_through_ms = 0
        self.events_loaded = 0
        self.segments_aside = 0

    @property
    def store_away(self) -> bool:
        """Whether the store could not be reached when it was last asked."""
        return self._pause_s > 0

    def tick(self) -> bool:
        """Recover, load and archive what there is; returns whether anything was loaded. Raises OSError.

        A segment or an archive that the disk fails on is tried again later, and keeps no other segment from the store.
        """
        self._recover()
        if time.monotonic() < self._resume_s or not self._prepare():
            return False
        self._set_mark()
        self._archive_loaded(())
        loaded = 0
        for batch in gather(self._due(), self._settings.loader_lines_bytes_max):
            if isinstance(batch, Unreadable):
                self._retry_later(batch.segment, batch.error)
                continue
            if isinstance(batch, Damaged):
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
            self._check_mark()
        return loaded > 0

    def _inspect(self) -> bool:
        """Look now and then at what our own engine has written; what it has broken, the next tick makes up for."""
        if self._start and time.monotonic() - self._last_inspected_s >= INSPECT_PERIOD_S:
            self._last_inspected_s = time.monotonic()
            try:
                if self._mender.finds_damage():
                    self._prepared = False
            except (StoreUnavailable, StoreFailed) as error:
                self._pause(error)
        return self._prepared

    def _prepare(self) -> bool:
        """Bring the store's tables up to date, and make up for what it has broken, after each of its starts.

        False while it is away. Reports wait meanwhile, for the store may lack events that it had before.
        """
        start = self._store.engine_start_id()
        if start != self._start or not self._prepared:
            self._prepared, self._mark, self.loaded_through_ms = False, None, 0
            # The store may have lost what is in no archive yet.
            self._unarchived.clear()
            try:
                self._store.migrate()
                self._mender.mend()
            except (StoreUnavailable, StoreRejected) as error:
                self._pause(error)
                return False
            except StoreFailed as error:
                # A server of somebody else's may not let us look; our own engine has to.
                log.error("cannot look for broken parts of the store: %s", error)
                if start:
                    self._pause(error)
                    return False
            if start != self._start:
                log.info("the store is ready")
            self._start, self._prepared = start, True
        return True

    def _recover(self) -> None:
        for segment in (*self._folder.spares(), *self._folder.open()):
            if self._backoff.waits(segment.name):
                continue
            try:
                outcome = recover(segment, self._aside, self._folder.disk)
            except OSError as error:
                if self._backoff.fail(segment.name) == 1:
                    log.error("segment %s of a writer that is gone waits for the disk: %s", segment.name, error)
                continue
            self._backoff.forget(segment.name)
            if outcome is Recovered.SALVAGED:
                self.segments_aside += 1
                log.error("segment %s: %s", segment.name, outcome.value)
            elif outcome is not Recovered.BUSY:
                log.info("segment %s of a writer that is gone: %s", segment.name, outcome.value)

    def _set_mark(self) -> None:
        """Note the time, then what the journal holds: when all of that is gone, everything up to the time is loaded."""
        if self._mark is None:
            self._mark_ms = self._clock.now_ms()
            self._mark = self._stems()

    def _check_mark(self) -> None:
        if self._mark is not None and not self._mark & self._stems():
            # An event may still be stamped with the very millisecond of the mark, in a segment opened after it.
            self.loaded_through_ms = self._mark_ms - 1
            self._mark = None

    def _stems(self) -> frozenset[str]:
        return frozenset(
            name.split(".", 1)[0].removesuffix(SALVAGED)
            for name in self._folder.names()
            if name not in self._unarchived
        )

    def _due(self) -> list[Path]:
        """The sealed segments that are to be loaded now."""
        sealed = self._folder.sealed()
        return [each for each in sealed if each.name not in self._unarchived and not self._backoff.waits(each.name)]

    def _load(self, batch: Batch) -> bool:
        """Load some segments; False when the store is away and the rest must wait.

        The store verifies all checksums before it stores anything; only when it fails is each segment looked at here.
        """
        try:
            lines = self._store.load_frames(
                batch.frames, "quarantine" if batch.kind is SegmentKind.QUARANTINE else "events"
            )
        except StoreShort as error:
            if len(batch.segments) == 1:
                self._leave_in_journal(batch.segments[0], error)
                return True
            return all(self._load(single(segment)) for segment in batch.segments)
        except StoreUnavailable as error:
            # Damage may be met with a code that nobody foresaw, which would be an outage for ever.
            self._salvage_damaged(batch)
            self._pause(error)
            return False
        except StoreRefused as error:
            left = self._salvage_damaged(batch)
            if batch.segments == left and len(left) == 1:
                self._refuse(left[0], error)
                return True
            return all(self._load(single(segment)) for segment in left)
        for segment in batch.segments:
            self._tries.pop(segment.name, None)
            self._backoff.forget(segment.name)
        self._archive_loaded(batch.segments)
        if batch.kind is SegmentKind.EVENTS:
            self.events_loaded += lines
        return True

    def _archive_loaded(self, segments: Iterable[Path]) -> None:
        """Archive these, and before them what the archive has not taken yet. Its failure is told once, until it ends.

        What waits is not loaded again, and no report waits for it.
        """
        self._unarchived |= {segment.name: segment for segment in segments}
        if self._backoff.waits(_ARCHIVE):
            return
        for name, segment in list(self._unarchived.items()):
            try:
                self._archive.take(segment)
            except OSError as error:
                if not segment.exists():
                    # Somebody else has taken it away.
                    del self._unarchived[name]
                    continue
                if self._backoff.fail(_ARCHIVE) == 1:
                    log.error("the archive takes no segment, loaded ones stay in the journal: %s", error)
                return
            del self._unarchived[name]
            if self._backoff.forget(_ARCHIVE):
                log.info("the archive takes segments again")

    def _retry_later(self, segment: Path, error: OSError) -> None:
        """Try a segment again later; after some tries one that the disk has lost is set aside."""
        tries = self._backoff.fail(segment.name)
        if tries == 1:
            log.warning("segment %s cannot be read, trying again: %s", segment.name, error)
        if tries < self._settings.loader_tries_max or error.errno not in _LOST:
            return
        try:
            files.make_folder(self._aside)
            segment.rename(self._aside / segment.name)
        except OSError:
            return
        self._backoff.forget(segment.name)
        self.segments_aside += 1
        log.error("segment %s cannot be read and is set aside in %s: %s", segment.name, self._aside, error)

    def _salvage_damaged(self, batch: Batch) -> list[Path]:
        """Set aside what is damaged; gives the segments that are whole."""
        left = [segment for segment in batch.segments if segment.name in self._whole or is_whole(segment)]
        for segment in batch.segments:
            if segment not in left:
                self._salvage(segment)
        # Remembered, because an outage asks again and again.
        self._whole = frozenset(segment.name for segment in left)
        return left

    def _end_outage(self) -> None:
        """All that there was is loaded: the next outage begins with short pauses, and a line in the log."""
        if self._pause_s:
            log.info("the store takes events again")
        self._pause_s = 0.0

    def _pause(self, error: StoreUnavailable | StoreFailed) -> None:
        if not self._pause_s:
            level = logging.WARNING if self._start is not None else logging.INFO
            log.log(level, "the store is away, events wait in the journal: %s", error)
        self._prepared, self.loaded_through_ms = False, 0
        self._pause_s = min(PAUSE_MOST_S, self._pause_s * 2 or PAUSE_LEAST_S)
        self._resume_s = time.monotonic() + self._pause_s

    def _salvage(self, segment: Path) -> None:
        """A sealed segment does not change, so damage is the disk's; what is whole is loaded all the same."""
        kept = salvage(segment, self._aside, self._folder.disk)
        self.segments_aside += 1
        what = "no frame of it is whole" if kept is None else f"its whole frames go on as {kept.name}"
        log.error("segment %s is damaged and set aside in %s: %s", segment.name, self._aside, what)

    def _leave_in_journal(self, segment: Path, error: StoreShort) -> None:
        """Leave a segment where it is, of which the store lacks rows without saying why; it is loaded again later."""
        if self._backoff.fail(segment.name) == 1:
            log.error("segment %s stays in the journal, and is loaded again: %s", segment.name, error)

    def _refuse(self, segment: Path, error: StoreRefused) -> None:
        self._tries[segment.name] += 1
        if self._tries[segment.name] < self._settings.loader_tries_max:
            log.warning("the store refuses segment %s, trying again: %s", segment.name, error)
            return
        files.make_folder(self._aside)
        segment.rename(self._aside / segment.name)
        self.segments_aside += 1
        log.error("the store refuses segment %s, which is set aside in %s: %s", segment.name, self._aside, error)
