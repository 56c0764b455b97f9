"""The empty data folder that a restore needs, and the mark in it while the restore has not finished."""

import shutil
from pathlib import Path

from footfall.backup import manifest as manifests
from footfall.backup.errors import BackupRefused
from footfall.backup.manifest import Manifest
from footfall.backup.segments import sync_folder, write_segment
from footfall.node import RESTORING, data_folder
from footfall.settings import Settings

# What a new file system has by itself.
_NOTHING = {"lost+found", RESTORING}


def claim(settings: Settings, manifest: Manifest) -> bool:
    """Mark the data folder as being restored from this backup; returns whether it was before, so that this goes on.

    Raises BackupRefused, and changes nothing, when there is anything in it, or a restore of another backup began.
    """
    folder = data_folder(settings)
    mark = folder / RESTORING / manifests.NAME
    if mark.exists():
        if manifests.read(mark.read_bytes()).sha256 != manifest.sha256:
            raise BackupRefused(f"a restore of another backup into {folder.resolve()} has begun: empty it first")
        return True
    found = sorted(path.name for path in folder.iterdir() if path.name not in _NOTHING)
    if found:
        raise BackupRefused(
            f"{folder.resolve()} is not empty ({_some(found)}): move it away, or name another folder with --data-dir"
        )
    write_segment(mark, manifests.write(manifest))
    sync_folder(folder)
    return False


def release(settings: Settings) -> None:
    """Take the mark away: the data folder may be used."""
    shutil.rmtree(settings.data / RESTORING)
    sync_folder(settings.data)


def scratch(settings: Settings) -> Path:
    """A file for what passes through during the restore."""
    return settings.data / RESTORING / "part.jsonl.zst"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
