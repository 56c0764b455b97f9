"""Restores a backup on an empty machine. A restore that was interrupted can be repeated."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Literal

from msgspec import Struct

from footfall.backup.data_folder import (
    claim_folder,
    end_restoring,
    mark_restoring,
    require_empty,
    scratch_file,
    write_segment,
)
from footfall.backup.dependencies import UNLIMITED, BackupDependencies, BackupProgress, retry
from footfall.backup.errors import BackupDamaged, BackupRefused
from footfall.backup.location import BackupLocation, part_name
from footfall.backup.manifest import BackupManifest, BackupPart, PartKind, check_backup, installation_id
from footfall.backup.saving import applied_schema, count_days, day_name, decompress_lines
from footfall.backup.tombstones import RestoreFilter, read_tombstones
from footfall.settings import Settings
from footfall.state import StateNotEmpty, StateTooNew
from footfall.store import query
from footfall.system.clock import NodeClock
from footfall.system.files import make_folder
from footfall.wording import count_of

_FOLDERS = {PartKind.JOURNAL: "journal", PartKind.ASIDE: "aside"}
# The days that a message names.
_DAYS_NAMED_MAX = 5
_READ_BYTES = 1 << 20


class ClaimedFolder(Struct, frozen=True):
    """A whole backup, and a data folder that is marked for it; `again` when an earlier restore is continued."""

    manifest: BackupManifest
    again: bool


@contextlib.contextmanager
def prepare_restore(location: BackupLocation, settings: Settings, progress: BackupProgress) -> Iterator[ClaimedFolder]:
    """Check that the data folder is empty and the backup is whole, then mark the folder for the block's `restore`.

    If `restore` finds the state or the store in use, nothing is changed. Raises BackupRefused, BackupDamaged,
    LocationFailed.
    """
    require_empty(settings)
    manifest = check_backup(location, progress)
    with claim_folder(settings, manifest) as again:
        yield ClaimedFolder(manifest, again)


def restore(location: BackupLocation, claimed: ClaimedFolder, dependencies: BackupDependencies) -> None:
    """Restore everything, and compare the store with the backup's counts. Then the data folder may be used.

    Raises BackupRefused, LocationFailed, and what the state and the store raise. Then the data folder stays marked, and
    the restore can be repeated.
    """
    restoring = RestoreRun(location, claimed, dependencies)
    restoring.require_empty_stores()
    mark_restoring(dependencies.settings)
    restoring.restore_state()
    restoring.apply_tombstones()
    restoring.restore_files()
    restoring.restore_segments()
    restoring.restore_events()
    restoring.verify()
    # The commands require a journal's folder, which only the first start would make.
    make_folder(dependencies.settings.data / "journal")
    _set_clock(dependencies.settings, claimed.manifest.ended_ms)
    end_restoring(dependencies.settings)


class RestoreRun:
    """One run of a restore; each step can be repeated."""

    def __init__(self, location: BackupLocation, claimed: ClaimedFolder, dependencies: BackupDependencies) -> None:
        self._location = location
        self._manifest = claimed.manifest
        self._again = claimed.again
        self._dependencies = dependencies
        self._filter: RestoreFilter | None = None

    def require_empty_stores(self) -> None:
        """Raise BackupRefused when the state or the store has rows, or the backup's tables are of a later version."""
        state, store, manifest = self._dependencies.state, self._dependencies.store, self._manifest
        if not self._again and not (state.is_empty() and state.revision() in ("", manifest.state_revision)):
            raise BackupRefused("the state database is in use: name an empty one in state_url")
        store.migrate()
        if unknown := manifest.store_schema.keys() - applied_schema(self._dependencies).keys():
            raise self._too_new(f"schema file {', '.join(sorted(unknown))} of the store")
        if not self._again and (count_days(self._dependencies) or self._count_quarantine()):
            raise BackupRefused("the events store is in use: name an empty database in events_url")

    def restore_state(self) -> None:
        """Restore the state's tables, all or none."""
        state, manifest = self._dependencies.state, self._manifest
        try:
            state.fill(manifest.state_revision, self._rows())
        except StateTooNew as error:
            raise self._too_new(f"step {manifest.state_revision} of the state database") from error
        except StateNotEmpty as error:
            if not (self._again and installation_id(state) == manifest.installation):
                raise BackupRefused(str(error)) from error

    def apply_tombstones(self) -> None:
        """Take over the erasures that were made since the backup: what they say is left out from here on."""
        found = read_tombstones(self._location, self._manifest.installation)
        self._filter = RestoreFilter(found, self._dependencies.state, self._manifest.ended_ms)

    def restore_files(self) -> None:
        """Restore the reports' files at their paths, but not of reports that have an erased person."""
        closed = self._filter.reports if self._filter else frozenset()
        files = [part for part in self._manifest.of(PartKind.FILE) if part.name.partition("/")[0] not in closed]
        self._dependencies.progress.begin("report files", len(files))
        for part in files:
            self._fetch(part)
            with scratch_file(self._dependencies.settings).open("rb") as file:
                self._dependencies.files.put(part.name, iter(partial(file.read, _READ_BYTES), b""))
            self._dependencies.progress.step(1)

    def restore_segments(self) -> None:
        """Restore the journal's segments, which the next start loads, and those that were set aside."""
        for part in self._manifest.of(*_FOLDERS):
            if content := self._cleaned(part):
                write_segment(self._dependencies.settings.data / _FOLDERS[part.kind] / part.name, content)

    def restore_events(self) -> None:
        """Load the parts with the store's rows."""
        parts = self._manifest.of(PartKind.QUARANTINE, PartKind.EVENTS)
        self._dependencies.progress.begin("events", sum(part.rows for part in parts))
        file = scratch_file(self._dependencies.settings)
        for part in parts:
            table: Literal["events", "quarantine"] = "events" if part.kind is PartKind.EVENTS else "quarantine"
            file.write_bytes(self._cleaned(part))
            retry(partial(self._dependencies.store.load, file, table))
            self._dependencies.progress.step(part.rows)

    def verify(self) -> None:
        """Raise BackupRefused unless the store has as many events of each day as the backup."""
        found = {day_name(day): count for day, count in retry(partial(count_days, self._dependencies)).items()}
        left_out = self._filter.left_out if self._filter else Counter()
        counts = {day: count - left_out[day] for day, count in self._manifest.days.items()}
        wanted = {day: count for day, count in counts.items() if count}
        wrong = sorted(day for day in found.keys() | wanted.keys() if found.get(day) != wanted.get(day))
        if wrong:
            named = [f"{day}: {found.get(day, 0)} of {wanted.get(day, 0)}" for day in wrong[:_DAYS_NAMED_MAX]]
            raise BackupRefused(
                f"the store has other events than the backup on {count_of(len(wrong), 'day')} ({', '.join(named)})"
            )
        quarantined = self._manifest.quarantined - left_out["quarantine"]
        if (held := self._count_quarantine()) != quarantined:
            raise BackupRefused(f"the store has {held:,} of {count_of(quarantined, 'quarantined row')}")

    def _rows(self) -> Iterator[tuple[str, bytes]]:
        for part in self._manifest.of(PartKind.STATE):
            for line in decompress_lines(self._content(part)):
                yield part.name, line

    def _cleaned(self, part: BackupPart) -> bytes:
        """The content of a part with lines, without erased persons."""
        content = self._content(part)
        return content if self._filter is None else self._filter.clean(part.kind, part.name, content)

    def _content(self, part: BackupPart) -> bytes:
        data = self._location.read(part_name(part.sha256))
        if data is None or hashlib.sha256(data).hexdigest() != part.sha256:
            raise _damaged(part)
        return data

    def _fetch(self, part: BackupPart) -> None:
        """Write a part of any size to the scratch file."""
        digest = hashlib.sha256()
        with scratch_file(self._dependencies.settings).open("wb") as file:
            for block in self._location.blocks(part_name(part.sha256)):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != part.sha256:
            raise _damaged(part)

    def _count_quarantine(self) -> int:
        ((rows,),) = self._dependencies.store.rows(query("backup_quarantine_count"), {}, UNLIMITED)
        return int(rows)

    def _too_new(self, what: str) -> BackupRefused:
        made_by = self._manifest.footfall
        return BackupRefused(f"the backup was made by footfall {made_by}, and this version does not know {what}")


def _damaged(part: BackupPart) -> BackupDamaged:
    return BackupDamaged((f"{part_name(part.sha256)} has changed since it was checked ({part.kind} {part.name})",))


def _set_clock(settings: Settings, floor_ms: int) -> None:
    """Set the node's clock past the backup, so that no new event has the stamp of a restored one."""
    clock = NodeClock(settings.data / "clock", _FixedClock(floor_ms))
    clock.now_ms()
    clock.close()


class _FixedClock:
    """A clock that always has the same time."""

    def __init__(self, ms: int) -> None:
        self._ms = ms

    def now_ms(self) -> int:
        return self._ms
