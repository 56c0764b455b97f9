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

# How often the state is asked for new erasures, which a node's work on an erasure does not wait for.
_REFRESH_PERIOD_S = 1.0

# Told what a segment has of erased persons, before its file is changed.
Noting = Callable[[CleanedFrames], None]


class Tombstones:
    """The erasures that are in the state, as a filter; `lock` is held while segments are loaded, or cleaned.

    `refresh` reads them again. While the state is away the last ones stay in force; a node that has never read them
    loads nothing, because it might bring somebody back.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._version: tuple[int, int] | None = None
        self._again_from_s = 0.0
        self._filter: LineFilter | None = None
        self.lock = threading.RLock()

    @property
    def are_known(self) -> bool:
        """Whether they could ever be read."""
        return self._version is not None

    @property
    def filter(self) -> LineFilter | None:
        """The filter in force; None when nobody was erased."""
        return self._filter

    def refresh(self, *, at_once: bool = False) -> None:
        """Read the erasures when there are new ones; at most once a second, unless `at_once`.

        Raises StateUnavailable only with `at_once`.
        """
        if not at_once and time.monotonic() < self._again_from_s:
            return
        self._again_from_s = time.monotonic() + _REFRESH_PERIOD_S
        try:
            version = self._state.erasures.version()
            if version != self._version:
                erasures = self._state.erasures.all()
                self._filter = LineFilter(salt_of(self._state), erasures) if erasures else None
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
        """Clean a sealed segment of the journal in its place, and count by erasure what is kept out.

        Raises OSError, and StateUnavailable; then the segment is whole, cleaned or not.
        """
        if self._filter is None:
            return Counter()
        cleaned = clean_segment(segment, self._filter, disk, before=self._raise_cuts)
        if cleaned is None:
            return Counter()
        for erasure, events in cleaned.events.items():
            self._state.erasures.count_kept_out(erasure, events)
        log.info("segment %s had %s of erased persons", segment.name, count_of(cleaned.events.total(), "event"))
        return cleaned.events

    def _raise_cuts(self, cleaned: CleanedFrames) -> None:
        for erasure, latest_ms in cleaned.latest_ms.items():
            self._state.erasures.raise_cut(erasure, latest_ms)


def clean_segment(segment: Path, lines: LineFilter, disk: Disk, before: Noting | None = None) -> CleanedFrames | None:
    """Clean the file of a segment: it is replaced at once by the cleaned one, or removed when nothing is left.

    None, and the file stays as it is, where no line is of anybody. `before` is called before the file changes. Raises
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
