"""A node's share of an erasure: the segments of its journal and archive, and those that were set aside."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from footfall.erasure.receipt import NodeFiles
from footfall.integrity import Busy, SegmentFolders, exclusive_access
from footfall.journal import Damage, Disk, Folder, walk
from footfall.settings import Settings
from footfall.state import ErasureShare, State
from footfall.system.clock import Clock
from footfall.tombstones import CleanedFrames, Tombstones, clean_segment

log = logging.getLogger(__name__)

_DRAFTS = "*.draft"


class NodeShare:
    """Cleans a node's files of all persons whose share it has not done. Raises OSError and StateUnavailable."""

    def __init__(self, settings: Settings, state: State, tombstones: Tombstones, clock: Clock, node: str) -> None:
        self._settings = settings
        self._state = state
        self._tombstones = tombstones
        self._clock = clock
        self._node = node
        self._disk = Disk()
        # What was found, and the time after which nothing more of the persons is loaded.
        self._cleaned: dict[str, NodeFiles] = {}
        self._filtered_ms = 0

    def work(self, loaded_through_ms: int) -> None:
        """Do the share of what was ordered; it is done when the node has loaded what it had accepted before.

        Does nothing while a verify, rebuild or repair is at work here.
        """
        waiting = self._state.erasures.without_share(self._node)
        if not waiting:
            return
        if not set(waiting) <= self._cleaned.keys():
            with contextlib.suppress(Busy):
                self._clean(waiting)
        if set(waiting) <= self._cleaned.keys() and loaded_through_ms >= self._filtered_ms:
            now_ms = self._clock.now_ms()
            results = {one: msgspec.json.encode(self._cleaned[one]).decode() for one in waiting}
            self._state.erasures.put_shares(
                [ErasureShare(one, self._node, now_ms, result) for one, result in results.items()]
            )
            self._cleaned.clear()

    def _clean(self, waiting: list[str]) -> None:
        folders = SegmentFolders(self._settings)
        with exclusive_access(folders.data):
            found = {one: NodeFiles() for one in waiting}
            with self._tombstones.lock:
                # From here on nothing of the persons is loaded, or comes into the archive.
                self._tombstones.refresh(at_once=True)
                filtered_ms = self._clock.now_ms()
                self._remove_drafts(folders)
                for segment in Folder(folders.journal).sealed():
                    self._note(found, self._tombstones.clean(segment, self._disk))
            with folders.archive.rewriting():
                for segment in self._kept(folders):
                    self._clean_file(folders, segment, found)
            self._cleaned, self._filtered_ms = found, filtered_ms

    def _kept(self, folders: SegmentFolders) -> Iterator[Path]:
        for day in folders.archive.days():
            yield from sorted(path for path in day.iterdir() if path.is_file())
        for folder in (folders.aside, folders.repaired):
            if folder.is_dir():
                yield from sorted(path for path in folder.iterdir() if path.is_file())

    def _clean_file(self, folders: SegmentFolders, segment: Path, found: dict[str, NodeFiles]) -> None:
        lines = self._tombstones.filter
        if lines is None:
            return

        def unlist(cleaned: CleanedFrames) -> None:
            if not cleaned.data and segment.parent.parent == folders.archive.path:
                folders.archive.inventory.remove(segment.parent.name, [segment.name])

        name = str(segment.relative_to(folders.data)) if segment.is_relative_to(folders.data) else str(segment)
        try:
            if any(isinstance(part, Damage) for part in walk(segment.read_bytes())):
                self._note_unread(found, name)
            cleaned = clean_segment(segment, lines, self._disk, unlist)
        except OSError as error:
            log.error("segment %s cannot be read for an erasure: %s", name, error)
            self._note_unread(found, name)
            return
        if cleaned is not None:
            self._note(found, cleaned.events)

    def _remove_drafts(self, folders: SegmentFolders) -> None:
        """Remove what a crash has left of files that were being written: nobody else writes any now."""
        for folder in (folders.journal, folders.aside, folders.repaired, *folders.archive.days()):
            for draft in folder.glob(_DRAFTS) if folder.is_dir() else ():
                draft.unlink(missing_ok=True)

    def _note(self, found: dict[str, NodeFiles], events: dict[str, int]) -> None:
        for one, count in events.items():
            if one in found:
                found[one].segments += 1
                found[one].events += count

    def _note_unread(self, found: dict[str, NodeFiles], name: str) -> None:
        for each in found.values():
            each.unread = (*each.unread, name)
