"""A node's share of retention: what is past goes from its journal, its archive, and what was set aside."""

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from footfall.integrity import SegmentFolders
from footfall.journal import Disk, Folder, Frame, walk
from footfall.settings import Settings
from footfall.state import RetentionCutoff, State
from footfall.tombstones import CleanedFrames, CutoffTest, LineFilter, Tombstones, clean_segment
from footfall.wording import count_of

log = logging.getLogger(__name__)

# What a crash may have left of a file that was being written: the next try writes it anew.
_DRAFT = ".draft"
# Seconds of one slice; the background task rests for longer between two.
_SLICE_S = 0.25


class _Line(Struct):
    product: str = ""
    type: str = ""
    timestamp: int = 0
    received: int = 0
    held_since: int = 0


_decoder = msgspec.json.Decoder(_Line)


class _Seen(Struct, frozen=True):
    """What a segment has, as long as its file does not change: the earliest time of an event, by cutoff."""

    size: int
    changed_ns: int
    earliest: dict[str, int]


class NodeExpiry:
    """Cleans a node's files of what is past, in slices. Raises OSError and StateUnavailable.

    A segment is read when it is new, or has something that is past; what it has is remembered until the process ends.
    """

    def __init__(self, settings: Settings, state: State, tombstones: Tombstones, node: str) -> None:
        self._settings = settings
        self._state = state
        self._tombstones = tombstones
        self._node = node
        self._disk = Disk()
        self._goal: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._known: frozenset[str] = frozenset()
        self._seen: dict[Path, _Seen] = {}
        self._waiting: deque[Path] = deque()
        self._test = CutoffTest(())
        self._removed = 0

    def has_filtered(self, due: Iterable[RetentionCutoff]) -> bool:
        """Whether this node has loaded nothing of these since its filter had them."""
        return all(self._goal.get(one.id, one.until_ms - 1) >= one.until_ms for one in due)

    def work(self, cutoffs: list[RetentionCutoff]) -> None:
        """Do a slice of what is to be done, nothing while others read the archive."""
        goal = {one.id: one.until_ms for one in cutoffs}
        if not (self._settings.data / "journal").is_dir():
            # The first start has not got so far.
            return
        if self._goal != goal:
            self._begin(goal, cutoffs)
        if self._done == goal:
            return
        with SegmentFolders(self._settings).archive.rewriting(within_s=0) as is_ours:
            if is_ours:
                self._work_until(time.monotonic() + _SLICE_S)
        if not self._waiting:
            self._state.retention.put_share(self._node, goal)
            self._done = goal
            if self._removed:
                log.info("segments had %s past their time", count_of(self._removed, "event"))

    def _begin(self, goal: dict[str, int], cutoffs: list[RetentionCutoff]) -> None:
        folders = SegmentFolders(self._settings)
        with self._tombstones.lock:
            # From here on nothing that is past is loaded, or comes into the archive.
            self._tombstones.refresh(at_once=True)
            for segment in Folder(folders.journal).sealed():
                self._tombstones.clean(segment, self._disk)
        self._goal, self._removed, self._test = goal, 0, CutoffTest(cutoffs)
        known = frozenset(f"{one.id} {one.is_in_force}" for one in cutoffs)
        if known != self._known:
            self._known, self._seen = known, {}
        share = self._state.retention.share(self._node)
        self._done = goal if share.items() >= goal.items() else {}
        self._waiting = deque(_kept(folders) if not self._done else ())
        if self._waiting:
            there = set(self._waiting)
            self._seen = {path: seen for path, seen in self._seen.items() if path in there}

    def _work_until(self, deadline_s: float) -> None:
        while self._waiting and time.monotonic() < deadline_s:
            segment = self._waiting[0]
            try:
                if self._has_past(segment):
                    self._clean(segment)
            except FileNotFoundError:
                # It was packed with others meanwhile, whose pack is looked at tomorrow, or its day is over.
                self._look_for_packs(segment.parent)
            except OSError as error:
                log.error("segment %s cannot be read for what is past: %s", segment.name, error)
            self._waiting.popleft()

    def _has_past(self, segment: Path) -> bool:
        status = segment.stat()
        seen = self._seen.get(segment)
        if seen is None or (seen.size, seen.changed_ns) != (status.st_size, status.st_mtime_ns):
            seen = _Seen(status.st_size, status.st_mtime_ns, self._find_earliest(segment))
            self._seen[segment] = seen
        return any(earliest <= self._goal[cutoff] for cutoff, earliest in seen.earliest.items())

    def _find_earliest(self, segment: Path) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in walk(segment.read_bytes()):
            for text in part.lines.splitlines() if isinstance(part, Frame) else ():
                try:
                    line = _decoder.decode(text)
                except msgspec.MsgspecError:
                    continue
                received_ms = line.held_since or line.received
                for one in self._test.of(line.product, line.type):
                    if one.is_in_force or received_ms <= one.received_ms:
                        found[one.id] = min(found.get(one.id, line.timestamp), line.timestamp)
        return found

    def _clean(self, segment: Path) -> None:
        folders = SegmentFolders(self._settings)

        def unlist(cleaned: CleanedFrames) -> None:
            if not cleaned.data and segment.parent.parent == folders.archive.path:
                folders.archive.inventory.remove(segment.parent.name, [segment.name])

        cleaned = clean_segment(segment, LineFilter("", (), self._test.cutoffs), self._disk, unlist)
        if cleaned is not None:
            self._removed += cleaned.removed
            self._seen.pop(segment, None)

    def _look_for_packs(self, day: Path) -> None:
        """Look at segments of a day that have come since the list was made."""
        if day.is_dir():
            known = {*self._waiting, *self._seen}
            self._waiting.extend(path for path in sorted(day.iterdir()) if path.is_file() and path not in known)


def _kept(folders: SegmentFolders) -> Iterator[Path]:
    """Every file that may have events that were loaded, or that may be loaded again."""
    for folder in (*folders.archive.days(), folders.aside, folders.repaired):
        if folder.is_dir():
            yield from sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != _DRAFT)
