"""The data folder: with data for a backup, or empty for a restore, which marks it until it has finished."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from footfall.backup import manifest as manifests
from footfall.backup.errors import BackupRefused
from footfall.backup.manifest import BackupManifest
from footfall.journal import Folder, Frame, SegmentKind, is_sealed, kind_of, opened_ms, sealed_name, walk
from footfall.settings import Settings
from footfall.system import files
from footfall.system.clock import Clock
from footfall.system.data_folder import RESTORING, data_folder, is_half_restored
from footfall.system.files import sync_path


def read_segments(folder: Folder, kind: SegmentKind, clock: Clock) -> Iterator[tuple[str, bytes]]:
    """The sealed name and the content of every segment that is there when this begins; of open ones, whole frames.

    A segment that goes away meanwhile is in the store, or aside, or goes on under another name, which is looked for
    until there is none: so whatever was stamped before this began is either given here or in one of the two.
    """
    now_ms, taken, first = clock.now_ms(), set[str](), True
    while fresh := [path for path in _listed(folder, kind) if sealed_name(path).name not in taken]:
        # Segments that were opened meanwhile hold nothing older; without this a busy journal would have no end.
        mine = [path for path in fresh if first or opened_ms(path) <= now_ms]
        if not mine:
            return
        for path in mine:
            taken.add(sealed_name(path).name)
            data = _read(path)
            if data:
                yield sealed_name(path).name, data
        first = False


def read_aside(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The segments that were set aside, by name."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file():
            yield path.name, path.read_bytes()


def write_segment(path: Path, data: bytes) -> None:
    """Put a segment back, durably, under its name only when it is whole."""
    files.make_folder(path.parent)
    files.replace_durably(path, data)


def _listed(folder: Folder, kind: SegmentKind) -> list[Path]:
    # In this order none that gets its next name meanwhile is missed.
    paths = {*folder.spares(), *folder.open(), *folder.sealed()}
    return sorted(path for path in paths if kind_of(path) is kind)


def _read(path: Path) -> bytes:
    """What a segment holds; nothing when it is gone. It may be sealed between the listing and this."""
    for name in (path, sealed_name(path)):
        try:
            data = name.read_bytes()
        except FileNotFoundError:
            continue
        return data if is_sealed(name) else _whole(data)
    return b""


def _whole(data: bytes) -> bytes:
    """Up to the end of the last whole frame: its writer may be at the next one."""
    ends = [part.offset + part.size for part in walk(data) if isinstance(part, Frame)]
    return data[: max(ends, default=0)]


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
def claim_folder(settings: Settings, manifest: BackupManifest) -> Iterator[bool]:
    """Mark the data folder as being restored from this backup; gives whether that had begun before, and now goes on.

    When the block ends before `begin`, the data folder is empty again. Raises BackupRefused, and changes nothing, when
    there is anything in it, or the restore of another backup had begun.
    """
    require_empty(settings)
    mark, begun = _mark(settings), _begun(settings)
    again = begun.exists()
    if again and manifests.read_manifest(mark.read_bytes()).sha256 != manifest.sha256:
        raise BackupRefused(f"a restore of another backup into {settings.data.resolve()} has begun: empty it first")
    data_folder(settings)
    try:
        if not again:
            write_segment(mark, manifests.write_manifest(manifest))
            sync_path(settings.data)
        yield again
    finally:
        if mark.exists() and not begun.exists():
            _sweep(settings.data)


def mark_restoring(settings: Settings) -> None:
    """Note that the state and the store were found empty: what is in them from now on is of this restore."""
    write_segment(_begun(settings), b"")


def end_restoring(settings: Settings) -> None:
    """Take the mark away: the data folder may be used."""
    shutil.rmtree(settings.data / RESTORING)
    sync_path(settings.data)


def scratch(settings: Settings) -> Path:
    """A file for what passes through during the restore."""
    return settings.data / RESTORING / "part.jsonl.zst"


def _mark(settings: Settings) -> Path:
    return settings.data / RESTORING / manifests.MANIFEST_NAME


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
