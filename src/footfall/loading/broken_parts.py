"""Finds parts of a table that the engine has broken, and loads their events again from the archive.

When the disk is full, chDB 26.9 may commit a merged or inserted part with an empty file in it. Reading the part fails.
After a restart, the engine leaves the broken part out silently, and the events of all parts that were merged into it
are missing. Other disks break parts in other ways. The archive has every event, and loading twice counts once.

A broken part is dropped only after the archive was loaded. Until then its name is the only trace of the loss, which a
crash or an outage in between must not remove.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from footfall.journal import SEALED, SegmentKind, kind_of
from footfall.loading.archive import Archive
from footfall.store import Store, StoreDamaged, StoreFailed, StoreRefused, StoreTimeout, query
from footfall.tombstones import Tombstones
from footfall.wording import count_of

log = logging.getLogger(__name__)

# What the names of the tables of counts begin with, which can be made again from the events.
_ROLLUPS = "rollup_"


class BrokenParts:
    """Finds broken parts and restores their events; all methods block, and raise StoreUnavailable and OSError."""

    def __init__(self, store: Store, archive: Archive, tombstones: Tombstones | None = None) -> None:
        self._store = store
        self._tombstones = tombstones
        self._archive = archive
        self._not_restorable: set[tuple[str, str]] = set()
        self._seen: frozenset[tuple[str, str]] = frozenset()

    def restore(self) -> None:
        """Load the archive again if a part is broken, and then drop the part."""
        left_out, recent = self._left_out(), self._recent()
        in_use = [part for part in sorted(recent) if self._is_damaged(*part)]
        self._seen = recent
        self._renew_rollups([part for part in (*left_out, *in_use) if part[0].startswith(_ROLLUPS)])
        left_out, in_use = (
            [part for part in parts if not part[0].startswith(_ROLLUPS)] for parts in (left_out, in_use)
        )
        broken = [*left_out, *in_use]
        if not broken:
            return
        names = ", ".join(f"{table} {name}" for table, name in broken)
        log.error("the store has broken parts, everything in the archive is loaded again: %s", names)
        loaded = 0
        with self._archive.without_removals():
            for segment in self._segments():
                loaded += self._load(segment)
        for table, name in in_use:
            self._store.write(query("part_detach"), {"table": table, "part": name})
        if not loaded:
            log.error(
                "there is no archive to load the events of broken parts from; they are left in the store's folder"
            )
            self._not_restorable.update(broken)
            return
        for table, name in broken:
            self._store.write(query("part_drop"), {"table": table, "part": name})
        log.warning("loaded again: %s; events older than the archive could not be", count_of(loaded, "segment"))

    def finds_damage(self) -> bool:
        """Whether a part that is new since the last call is damaged: each part is read once."""
        recent = self._recent()
        fresh, self._seen = recent - self._seen, recent
        return any(self._is_damaged(*part) for part in sorted(fresh))

    def _renew_rollups(self, broken: list[tuple[str, str]]) -> None:
        """Make the tables of the rollups anew when a part of them is broken: all of it can be counted again."""
        if broken:
            log.error("the store has broken parts of the rollups, which are made anew: %s", broken)
            self._store.run_table_script("rollups_renew")

    def _load(self, segment: Path) -> bool:
        """Load one segment again; False when the segment itself is damaged, which must not stop the others."""
        kind, frames = kind_of(segment), segment.read_bytes()
        lines = None if self._tombstones is None else self._tombstones.filter
        # The archive of a node that was away may have persons who were erased meanwhile.
        if lines is not None and (cleaned := lines.clean(kind, frames)):
            frames = cleaned.data
        try:
            self._store.load_frames(frames, "quarantine" if kind is SegmentKind.QUARANTINE else "events")
        except StoreRefused as error:
            log.error("segment %s of the archive cannot be loaded again: %s", segment.name, error)
            return False
        return True

    def _left_out(self) -> list[tuple[str, str]]:
        found = [(str(table), str(name)) for table, name in self._store.rows(query("parts_left_out"), {})]
        return [part for part in found if part not in self._not_restorable]

    def _recent(self) -> frozenset[tuple[str, str]]:
        return frozenset((str(table), str(name)) for table, name in self._store.rows(query("parts_recent"), {}))

    def _is_damaged(self, table: str, name: str) -> bool:
        try:
            self._store.rows(query("part_read"), {"table": table, "part": name})
        except StoreDamaged as error:
            log.warning("part %s of %s cannot be read: %s", name, table, error)
            return True
        except (StoreFailed, StoreTimeout) as error:
            # Out of memory or time: the part may be good.
            log.info("part %s of %s could not be looked at: %s", name, table, error)
        return False

    def _segments(self) -> Iterator[Path]:
        for day in self._archive.days():
            yield from sorted(path for path in day.iterdir() if path.name.endswith(SEALED))
