"""The data folder: one with data, for a backup, or an empty one, which a restore marks until it has finished."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from footfall.backup import manifest as manifests
from footfall.backup.errors import BackupRefused
from footfall.backup.manifest import Manifest
from footfall.backup.segments import write_segment
from footfall.durable import sync_path
from footfall.node import RESTORING, data_folder, is_half_restored
from footfall.settings import Settings

# What a new file system has by itself.
_NOTHING = {"lost+found", RESTORING}


def require_data(settings: Settings) -> None:
    """Raise BackupRefused unless the data folder holds data, all of it."""
    folder = settings.data
    if is_half_restored(settings):
        raise BackupRefused(f"a restore into {folder.resolve()} has not finished: run it again first")
    if not (folder / "clock").exists():
        raise BackupRefused(f"{folder.resolve()} holds no data of footfall: name the folder with --data-dir")


def require_empty(settings: Settings) -> None:
    """Raise BackupRefused unless the data folder is empty, or not there, or a restore into it has begun."""
    folder = settings.data
    if _mark(settings).exists() or not folder.exists():
        return
    found = sorted(path.name for path in folder.iterdir() if path.name not in _NOTHING)
    if found:
        raise BackupRefused(
            f"{folder.resolve()} is not empty ({_some(found)}): move it away, or name another folder with --data-dir"
        )


@contextlib.contextmanager
def claim(settings: Settings, manifest: Manifest) -> Iterator[bool]:
    """Mark the data folder as being restored from this backup; gives whether that had begun before, and now goes on.

    When the block ends before `begin`, the data folder is empty again. Raises BackupRefused, and changes nothing, when
    there is anything in it, or the restore of another backup had begun.
    """
    require_empty(settings)
    mark, begun = _mark(settings), _begun(settings)
    again = begun.exists()
    if again and manifests.read(mark.read_bytes()).sha256 != manifest.sha256:
        raise BackupRefused(f"a restore of another backup into {settings.data.resolve()} has begun: empty it first")
    data_folder(settings)
    try:
        if not again:
            write_segment(mark, manifests.write(manifest))
            sync_path(settings.data)
        yield again
    finally:
        if mark.exists() and not begun.exists():
            _sweep(settings.data)


def begin(settings: Settings) -> None:
    """Note that the state and the store were found empty: what is in them from now on is of this restore."""
    write_segment(_begun(settings), b"")


def release(settings: Settings) -> None:
    """Take the mark away: the data folder may be used."""
    shutil.rmtree(settings.data / RESTORING)
    sync_path(settings.data)


def scratch(settings: Settings) -> Path:
    """A file for what passes through during the restore."""
    return settings.data / RESTORING / "part.jsonl.zst"


def _mark(settings: Settings) -> Path:
    return settings.data / RESTORING / manifests.NAME


def _begun(settings: Settings) -> Path:
    return settings.data / RESTORING / "begun"


def _sweep(folder: Path) -> None:
    """Remove what this restore has made; the mark goes last."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == RESTORING):
        if path.is_dir() and path.name != "lost+found":
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
