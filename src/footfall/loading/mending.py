"""What the engine itself has broken is loaded again from the archive, before anybody counts without it.

Measured with chDB 26.9: when the disk is full while it merges parts, it may commit the merged part with an empty file
in it; it may do the same to a part that it inserts. Reading then fails; but after a restart the engine leaves the
broken part out without a word, and the events of all the parts that went into it are missing. Other disks break parts
in other ways. The archive has every event, and loading twice counts once.

A broken part is taken out only when the archive has been loaded: until then its place in the table, or its name among
what was left out, is all that is known of it, and a crash or an outage in between must not make it forgotten.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from footfall.journal import SegmentKind, kind_of
from footfall.loading.archive import Archive
from footfall.store import Store, StoreDamaged, StoreFailed, StoreRefused, StoreTimeout, query

log = logging.getLogger(__name__)


class Mender:
    """Finds broken parts and makes up for them; everything blocks, and raises StoreUnavailable and OSError."""

    def __init__(self, store: Store, archive: Archive) -> None:
        self._store = store
        self._archive = archive
        self._beyond_help: set[tuple[str, str]] = set()
        self._seen: frozenset[tuple[str, str]] = frozenset()

    def mend(self) -> None:
        """Load the archive again if a part is broken, and then forget the part."""
        left_out, recent = self._left_out(), self._recent()
        in_use = [part for part in sorted(recent) if self._is_damaged(*part)]
        self._seen = recent
        broken = [*left_out, *in_use]
        if not broken:
            return
        names = ", ".join(f"{table} {name}" for table, name in broken)
        log.error("the store has broken parts, everything in the archive is loaded again: %s", names)
        loaded = 0
        with self._archive.held():
            for segment in self._segments():
                loaded += self._load(segment)
        for table, name in in_use:
            self._store.write(query("mend_detach"), {"table": table, "part": name})
        if not loaded:
            log.error(
                "there is no archive to load the events of broken parts from; they are left in the store's folder"
            )
            self._beyond_help.update(broken)
            return
        for table, name in broken:
            self._store.write(query("mend_drop"), {"table": table, "part": name})
        log.warning("%d segments were loaded again; events older than the archive could not be", loaded)

    def finds_damage(self) -> bool:
        """Whether a part that is new since the last look is damaged: each is read once."""
        recent = self._recent()
        fresh, self._seen = recent - self._seen, recent
        return any(self._is_damaged(*part) for part in sorted(fresh))

    def _load(self, segment: Path) -> bool:
        """Load one segment again; False when that is itself damaged, which must not keep the others."""
        try:
            self._store.load(segment, "quarantine" if kind_of(segment) is SegmentKind.QUARANTINE else "events")
        except StoreRefused as error:
            log.error("segment %s of the archive cannot be loaded again: %s", segment.name, error)
            return False
        return True

    def _left_out(self) -> list[tuple[str, str]]:
        found = [(str(table), str(name)) for table, name in self._store.rows(query("mend_broken"), {})]
        return [part for part in found if part not in self._beyond_help]

    def _recent(self) -> frozenset[tuple[str, str]]:
        return frozenset((str(table), str(name)) for table, name in self._store.rows(query("mend_recent"), {}))

    def _is_damaged(self, table: str, name: str) -> bool:
        try:
            self._store.rows(query("mend_read"), {"table": table, "part": name})
        except StoreDamaged as error:
            log.warning("part %s of %s cannot be read: %s", name, table, error)
            return True
        except (StoreFailed, StoreTimeout) as error:
            # For want of memory, or of time: no reason to take it out.
            log.info("part %s of %s could not be looked at: %s", name, table, error)
        return False

    def _segments(self) -> Iterator[Path]:
        for day in self._archive.days():
            yield from sorted(path for path in day.iterdir() if path.name.endswith(".jsonl.zst"))
