"""The filter in force, and how it is applied to the file of a segment."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from footfall.journal import Disk, kind_of
from footfall.state import State, StateUnavailable
from footfall.tombstones.filter import CleanedFrames, LineFilter
from footfall.tombstones.person import salt_of
from footfall.wording import count_of

log = logging.getLogger(__name__)

# How often the state is asked for new erasures and cutoffs, which a node's work on an erasure does not wait for.
_REFRESH_PERIOD_S = 1.0

# Told what a segment has that is gone, before its file is changed.
Noting = Callable[[CleanedFrames], None]


class Tombstones:
    """The erasures and cutoffs of the state as a filter; `lock` is held while segments are loaded, or cleaned.

    `refresh` reads them again. While the state is away the last ones stay in force; a node that has never read them
    loads nothing, because it might bring somebody back. `events_past` counts events that came too late; it may be read
    on any thread.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._version: tuple[int, ...] | None = None
        self._again_from_s = 0.0
        self._filter: LineFilter | None = None
        self.lock = threading.RLock()
        self.events_past = 0

    @property
    def are_known(self) -> bool:
        """Whether they could ever be read."""
        return self._version is not None

    @property
    def filter(self) -> LineFilter | None:
        """The filter in force; None when nobody was erased, and nothing is past."""
        return self._filter

    def refresh(self, *, at_once: bool = False) -> None:
        """Read erasures and cutoffs when there are new ones; at most once a second, unless `at_once`.

        Raises StateUnavailable only with `at_once`.
        """
        if not at_once and time.monotonic() < self._again_from_s:
            return
        self._again_from_s = time.monotonic() + _REFRESH_PERIOD_S
        try:
            version = (*self._state.erasures.version(), *self._state.retention.version())
            if version != self._version:
                erasures, cutoffs = self._state.erasures.all(), self._state.retention.all()
                is_empty = not (erasures or cutoffs)
                self._filter = None if is_empty else LineFilter(salt_of(self._state), erasures, cutoffs)
                self._version = version
        except StateUnavailable as error:
            if at_once:
                raise
            if not self.are_known:
                log.warning("it is not known who was erased, so that nothing is loaded yet: %s", error)

    def clean_all(self, segments: list[Path], disk: Disk, failed: Callable[[Path, OSError], None]) -> list[Path]:
        """Clean sealed segments of the journal; returns those of which something is to be loaded now.

        One that cannot be cleaned waits for the next time; `failed` is told when that is the disk's fault.
        """
        if self._filter is None:
            return segments
        left = []
        for segment in segments:
            try:
                self.clean(segment, disk)
            except StateUnavailable as error:
                log.warning("segment %s waits for the state: %s", segment.name, error)
                continue
            except OSError as error:
                failed(segment, error)
                continue
            if segment.exists():
                left.append(segment)
        return left

    def clean(self, segment: Path, disk: Disk) -> Counter[str]:
        """Clean a sealed segment of the journal in its place, and count what is kept out; gives that of erasures.

        Raises OSError, and StateUnavailable; then the segment is whole, cleaned or not.
        """
        if self._filter is None:
            return Counter()
        cleaned = clean_segment(segment, self._filter, disk, before=self._raise_cuts)
        if cleaned is None:
            return Counter()
        for erasure, events in cleaned.events.items():
            self._state.erasures.count_kept_out(erasure, events)
        for cutoff, events in cleaned.past.items():
            self._state.retention.count_kept_out(cutoff, events)
        self.events_past += cleaned.past.total()
        for count, whose in ((cleaned.events, "of erased persons"), (cleaned.past, "past their time")):
            if count:
                log.info("segment %s had %s %s", segment.name, count_of(count.total(), "event"), whose)
        return cleaned.events

    def _raise_cuts(self, cleaned: CleanedFrames) -> None:
        for erasure, latest_ms in cleaned.latest_ms.items():
            self._state.erasures.raise_cut(erasure, latest_ms)


def clean_segment(segment: Path, lines: LineFilter, disk: Disk, before: Noting | None = None) -> CleanedFrames | None:
    """Clean the file of a segment: it is replaced at once by the cleaned one, or removed when nothing is left.

    None, and the file stays as it is, where all lines stay. `before` is called before the file changes. Raises
    OSError.
    """
    cleaned = lines.clean(kind_of(segment), disk.read(segment))
    if cleaned is None:
        return None
    if before is not None:
        before(cleaned)
    if cleaned.data:
        draft = segment.with_name(f"{segment.name}.draft")
        disk.write_file(draft, [cleaned.data])
        disk.move(draft, segment)
    else:
        disk.remove(segment)
        disk.sync_folder(segment.parent)
    return cleaned
