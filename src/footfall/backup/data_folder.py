"""The data folder of a backup, which reads its segments, or of a restore, which marks it until it has finished."""

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
from footfall.system.data_folder import RESTORING, SERVE_LOCK, data_folder, is_half_restored, is_served
from footfall.system.files import sync_path


def read_segments(folder: Folder, kind: SegmentKind, clock: Clock) -> Iterator[tuple[str, bytes]]:
    """The sealed name and the content of every segment that exists when this begins; of open ones, the whole frames.

    A segment that disappears meanwhile was loaded, set aside, or renamed. The folder is listed again until there is no
    new name. So every line that was stamped before this began is yielded here, in the store, or aside.
    """
    now_ms, taken, first = clock.now_ms(), set[str](), True
    while fresh := [path for path in _listed(folder, kind) if sealed_name(path).name not in taken]:
        # Skip segments that were opened meanwhile: they have no older lines, and a busy journal opens them for ever.
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
    """Write a segment durably, whole or not at all."""
    files.make_folder(path.parent)
    files.replace_durably(path, data)


def _listed(folder: Folder, kind: SegmentKind) -> list[Path]:
    # Spares become open, and open ones sealed: in this order, none that is renamed meanwhile is missed.
    paths = {*folder.spares(), *folder.open(), *folder.sealed()}
    return sorted(path for path in paths if kind_of(path) is kind)


def _read(path: Path) -> bytes:
    """The content of a segment; empty when it is gone. It may have been sealed since it was listed."""
    for name in (path, sealed_name(path)):
        try:
            data = name.read_bytes()
        except FileNotFoundError:
            continue
        return data if is_sealed(name) else _cut_to_whole_frames(data)
    return b""


def _cut_to_whole_frames(data: bytes) -> bytes:
    """The data up to the end of the last whole frame: the writer may be writing the next one."""
    ends = [part.offset + part.size for part in walk(data) if isinstance(part, Frame)]
    return data[: max(ends, default=0)]


# Entries that do not make a data folder non-empty: a new file system has the first, and a start that was refused leaves
# the last.
_IGNORED = {"lost+found", RESTORING, SERVE_LOCK}


def require_data(settings: Settings) -> None:
    """Raise BackupRefused unless the data folder has data and no unfinished restore."""
    folder = settings.data
    if is_half_restored(settings):
        raise BackupRefused(f"a restore into {folder.resolve()} has not finished: run it again first")
    if not (folder / "clock").exists():
        raise BackupRefused(f"{folder.resolve()} holds no data of footfall: name the folder with --data-dir")


def require_empty(settings: Settings) -> None:
    """Raise BackupRefused unless the data folder is empty or missing, or a restore into it has begun."""
    folder = settings.data
    if not folder.exists():
        return
    if is_served(settings):
        raise BackupRefused(f"footfall runs on {folder.resolve()}: stop it, or name another folder with --data-dir")
    if _manifest_file(settings).exists():
        return
    found = sorted(path.name for path in folder.iterdir() if path.name not in _IGNORED)
    if found:
        raise BackupRefused(
            f"{folder.resolve()} is not empty ({_first_names(found)}): "
            "move it away, or name another folder with --data-dir"
        )


@contextlib.contextmanager
def claim_folder(settings: Settings, manifest: BackupManifest) -> Iterator[bool]:
    """Mark the data folder as being restored from this backup; yields whether an earlier restore is continued.

    When the block ends before `mark_restoring`, the data folder is emptied again. Raises BackupRefused, and changes
    nothing, when the folder has other data, or the restore of another backup has begun.
    """
    require_empty(settings)
    mark, begun = _manifest_file(settings), _begun_file(settings)
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
            _remove_contents(settings.data)


def mark_restoring(settings: Settings) -> None:
    """Note that the state and the store were empty: all that they have from now on is from this restore."""
    write_segment(_begun_file(settings), b"")


def end_restoring(settings: Settings) -> None:
    """Remove the mark: the data folder may be used."""
    shutil.rmtree(settings.data / RESTORING)
    sync_path(settings.data)


def scratch_file(settings: Settings) -> Path:
    """A file for one part at a time during the restore."""
    return settings.data / RESTORING / "part.jsonl.zst"


def _manifest_file(settings: Settings) -> Path:
    return settings.data / RESTORING / manifests.MANIFEST_NAME


def _begun_file(settings: Settings) -> Path:
    return settings.data / RESTORING / "begun"


def _remove_contents(folder: Path) -> None:
    """Remove everything that this restore has made; the mark is removed last."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == RESTORING):
        if path.is_dir() and path.name != "lost+found":
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()


def _first_names(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
