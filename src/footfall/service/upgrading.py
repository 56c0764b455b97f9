"""What an upgrade will do to the data, a copy of the data as they are, and the upgrade itself.

The copy is the data folder of a service that does not run: the version that made it serves it, so it is the way back. A
backup would not be, because only the version that made it and later ones restore it.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from footfall.service import composition
from footfall.service.temporary_engine import temporary_engine
from footfall.settings import Settings
from footfall.store import Store, query, read_migrations
from footfall.system import files
from footfall.system.data_folder import SERVE_LOCK, is_half_restored, is_served
from footfall.system.data_format import DataFormat, note_format, own_format, read_format

# Folders whose files are never changed in place, so that the copy may share them with the original.
_NEVER_CHANGED: Final = frozenset({"archive", "files", "aside", "repaired"})
# What belongs to running processes, and is made anew.
_OF_PROCESSES: Final = frozenset({"run", SERVE_LOCK})


class CannotUpgrade(Exception):
    """The upgrade cannot be done as asked; nothing was changed. The text says what to do."""


class Change(Struct, frozen=True):
    """One numbered change of the state or of the store, which the upgrade will apply."""

    where: str
    number: str
    title: str


class UpgradePlan(Struct, frozen=True, kw_only=True):
    """What an upgrade will do. `before` is None where the folder was served by a version that wrote no format.

    `bytes` are those that a copy of the data folder needs, `free_bytes` those that the folder's disk has.
    """

    before: DataFormat | None
    now: DataFormat
    is_served: bool
    changes: tuple[Change, ...]
    segments: int
    bytes: int
    free_bytes: int

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to change."""
        return bool(self.changes)


def examine(settings: Settings) -> UpgradePlan:
    """Look what an upgrade will do, without changing data.

    The embedded engine is started for it where no service runs. Raises StateTooNew, StoreTooNew and what the state and
    the store raise.
    """
    with composition.open_state(settings, migrate=False) as state:
        changes = [Change("state", step.revision, step.title) for step in state.pending()]
    with composition.open_store(settings) as store, temporary_engine(settings, store):
        changes += _store_changes(store)
    return UpgradePlan(
        before=read_format(settings.data),
        now=own_format(),
        is_served=is_served(settings),
        changes=tuple(changes),
        segments=len(composition.journal_folder(settings).names()),
        bytes=sum(path.lstat().st_size for path, is_shared in _entries(settings.data) if not is_shared),
        free_bytes=shutil.disk_usage(settings.data).free,
    )


def _store_changes(store: Store) -> Iterator[Change]:
    applied = {int(number) for number, _ in store.rows(query("migrations"), {})}
    for migration in read_migrations()[1:]:
        if migration.number not in applied:
            yield Change("store", f"{migration.number:04}", migration.name.replace("_", " "))


def require_stopped(settings: Settings) -> None:
    """Raise CannotUpgrade while a service runs on the folder, or a restore into it has not finished."""
    if is_served(settings):
        raise CannotUpgrade(f"footfall runs on {settings.data.absolute()}: stop it first")
    if is_half_restored(settings):
        raise CannotUpgrade(f"a restore into {settings.data.absolute()} has not finished: run it again first")


def copy_data(settings: Settings, target: Path) -> int:
    """Copy the data folder to a folder that is not there yet, durably; returns the bytes written.

    Files that are never changed are shared with the original where both are on one file system. The service must not
    run. Raises CannotUpgrade, and removes what it has written when it cannot be finished.
    """
    if settings.state_url or settings.events_url != "embedded":
        raise CannotUpgrade(
            "the state or the events are in a database of their own, which no copy of the data folder has: back it up "
            "with its own tools, then give --no-copy"
        )
    if target.resolve().is_relative_to(settings.data.resolve()):
        raise CannotUpgrade(f"{target} is inside the data folder")
    if target.exists():
        raise CannotUpgrade(f"{target} is there already: name another folder")
    files.make_folder(target.parent)
    draft = target.with_name(f"{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        written = sum(
            _copy(path, draft / path.relative_to(settings.data), is_shared)
            for path, is_shared in _entries(settings.data)
        )
        _sync_folders(draft)
        draft.replace(target)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    files.sync_path(target.parent)
    return written


def upgrade_data(settings: Settings) -> None:
    """Bring the state, the store and the folder to this version. Raises what the state and the store raise."""
    with composition.open_state(settings):
        pass
    with composition.open_store(settings) as store, temporary_engine(settings, store):
        store.migrate()
    note_format(settings)


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Each file, folder and link below the data folder, parents first, and whether a copy may share it."""
    for entry in sorted(folder.iterdir()):
        if entry.name not in _OF_PROCESSES:
            below = entry.rglob("*") if entry.is_dir() and not entry.is_symlink() else ()
            for path in (entry, *sorted(below)):
                if path.is_symlink() or path.is_dir() or path.is_file():
                    yield path, entry.name in _NEVER_CHANGED


def _copy(path: Path, to: Path, is_shared: bool) -> int:
    """Copy one entry; returns the bytes that were written."""
    files.make_folder(to.parent)
    if path.is_symlink():
        to.symlink_to(path.readlink())
        return 0
    if path.is_dir():
        files.make_folder(to)
        return 0
    if is_shared:
        try:
            os.link(path, to)
        except OSError:  # another file system, or one without such links
            pass
        else:
            return 0
    shutil.copy2(path, to)
    files.sync_path(to)
    return to.stat().st_size


def _sync_folders(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            files.sync_path(path)
