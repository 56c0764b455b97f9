"""Bringing a backup back on an empty machine; given again after it broke off, it goes on."""

import contextlib
import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Literal

from msgspec import Struct

from footfall.backup.data_folder import (
    claim_folder,
    end_restoring,
    mark_restoring,
    require_empty,
    scratch,
    write_segment,
)
from footfall.backup.dependencies import UNLIMITED, BackupDependencies, BackupProgress, retry
from footfall.backup.errors import BackupDamaged, BackupRefused
from footfall.backup.location import BackupLocation, part_name
from footfall.backup.manifest import BackupManifest, BackupPart, PartKind, check_backup, installation
from footfall.backup.saving import applied_schema, count_days, day_name, decompress_lines
from footfall.settings import Settings
from footfall.state import StateNotEmpty, StateTooNew
from footfall.store import query
from footfall.system.clock import NodeClock
from footfall.system.files import make_folder

_FOLDERS = {PartKind.JOURNAL: "journal", PartKind.ASIDE: "aside"}
# The days that a message names.
_DAYS_NAMED_MAX = 5
_READ_BYTES = 1 << 20


class Claimed(Struct, frozen=True):
    """A backup that was found whole, and a data folder marked for it; `again` says that a restore had begun before."""

    manifest: BackupManifest
    again: bool


@contextlib.contextmanager
def prepare_restore(location: BackupLocation, settings: Settings, progress: BackupProgress) -> Iterator[Claimed]:
    """Check that the data folder is empty, and all of the backup; then the folder is marked, for the block's `restore`.

    When that finds the state or the store in use, nothing was changed. Raises BackupRefused, BackupDamaged,
    LocationFailed.
    """
    require_empty(settings)
    manifest = check_backup(location, progress)
    with claim_folder(settings, manifest) as again:
        yield Claimed(manifest, again)


def restore(location: BackupLocation, claimed: Claimed, dependencies: BackupDependencies) -> None:
    """Bring everything back, and hold the store against the backup's counts; the data folder may be used then.

    Raises BackupRefused, LocationFailed, and what the state and the store raise; then the data folder stays marked, and
    the same may be done again.
    """
    restoring = Restoring(location, claimed, dependencies)
    restoring.require_room()
    mark_restoring(dependencies.settings)
    restoring.fill_state()
    restoring.put_files()
    restoring.put_segments()
    restoring.load()
    restoring.verify()
    # Until the first start nothing else makes it, and the commands take a folder without one for no data folder.
    make_folder(dependencies.settings.data / "journal")
    _set_clock(dependencies.settings, claimed.manifest.ended_ms)
    end_restoring(dependencies.settings)


class Restoring:
    """One restore; each step may be done again."""

    def __init__(self, location: BackupLocation, claimed: Claimed, dependencies: BackupDependencies) -> None:
        self._location = location
        self._manifest = claimed.manifest
        self._again = claimed.again
        self._dependencies = dependencies

    def require_room(self) -> None:
        """Raise BackupRefused when the state or the store has rows, or the backup's tables are of a later version."""
        state, store, manifest = self._dependencies.state, self._dependencies.store, self._manifest
        if not self._again and not (state.is_empty() and state.revision() in ("", manifest.state_revision)):
            raise BackupRefused("the state database is in use: name an empty one in state_url")
        store.migrate()
        if unknown := manifest.store_schema.keys() - applied_schema(self._dependencies).keys():
            raise self._too_new(f"schema file {', '.join(sorted(unknown))} of the store")
        if not self._again and (count_days(self._dependencies) or self._count_quarantine()):
            raise BackupRefused("the events store is in use: name an empty database in events_url")

    def fill_state(self) -> None:
        """Fill the state's tables, all or none."""
        state, manifest = self._dependencies.state, self._manifest
        try:
            state.fill(manifest.state_revision, self._rows())
        except StateTooNew as error:
            raise self._too_new(f"step {manifest.state_revision} of the state database") from error
        except StateNotEmpty as error:
            if not (self._again and installation(state) == manifest.installation):
                raise BackupRefused(str(error)) from error

    def put_files(self) -> None:
        """Put the reports' files where they were."""
        files = self._manifest.of(PartKind.FILE)
        self._dependencies.progress.begin("report files", len(files))
        for part in files:
            self._fetch(part)
            with scratch(self._dependencies.settings).open("rb") as file:
                self._dependencies.files.put(part.name, iter(partial(file.read, _READ_BYTES), b""))
            self._dependencies.progress.step(1)

    def put_segments(self) -> None:
        """Put the journal's segments back, which the next start loads, and those that had been set aside."""
        for part in self._manifest.of(*_FOLDERS):
            write_segment(self._dependencies.settings.data / _FOLDERS[part.kind] / part.name, self._content(part))

    def load(self) -> None:
        """Load what was in the store."""
        parts = self._manifest.of(PartKind.QUARANTINE, PartKind.EVENTS)
        self._dependencies.progress.begin("events", sum(part.rows for part in parts))
        file = scratch(self._dependencies.settings)
        for part in parts:
            table: Literal["events", "quarantine"] = "events" if part.kind is PartKind.EVENTS else "quarantine"
            file.write_bytes(self._content(part))
            retry(partial(self._dependencies.store.load, file, table))
            self._dependencies.progress.step(part.rows)

    def verify(self) -> None:
        """Raise BackupRefused unless the store has as many events of each day as the backup."""
        found = {day_name(day): count for day, count in retry(partial(count_days, self._dependencies)).items()}
        wanted = self._manifest.days
        wrong = sorted(day for day in found.keys() | wanted.keys() if found.get(day) != wanted.get(day))
        if wrong:
            named = [f"{day}: {found.get(day, 0)} of {wanted.get(day, 0)}" for day in wrong[:_DAYS_NAMED_MAX]]
            raise BackupRefused(f"the store has other events than the backup on {len(wrong)} days ({', '.join(named)})")
        if (held := self._count_quarantine()) != self._manifest.quarantined:
            raise BackupRefused(f"the store has {held} of {self._manifest.quarantined} rows of the quarantine")

    def _rows(self) -> Iterator[tuple[str, bytes]]:
        for part in self._manifest.of(PartKind.STATE):
            for line in decompress_lines(self._content(part)):
                yield part.name, line

    def _content(self, part: BackupPart) -> bytes:
        data = self._location.read(part_name(part.sha256))
        if data is None or hashlib.sha256(data).hexdigest() != part.sha256:
            raise _damaged(part)
        return data

    def _fetch(self, part: BackupPart) -> None:
        """Put a part of any size into the scratch file."""
        digest = hashlib.sha256()
        with scratch(self._dependencies.settings).open("wb") as file:
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
    """See to it that no event is stamped with a time at which there may be one, whatever the machine's clock says."""
    clock = NodeClock(settings.data / "clock", _FixedClock(floor_ms))
    clock.now_ms()
    clock.close()


class _FixedClock:
    """A clock that says one time."""

    def __init__(self, ms: int) -> None:
        self._ms = ms

    def now_ms(self) -> int:
        return self._ms
