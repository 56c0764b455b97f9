"""The data folder: whose it is, whether there is one, whether it is served or half restored, and the node's name."""

import contextlib
import os
import pwd
import secrets
from pathlib import Path

from footfall.settings import Settings
from footfall.system import files

# A restore that has not finished leaves a folder of this name in the data folder.
RESTORING = "restoring"
# The file that the supervisor of the folder holds locked.
SERVE_LOCK = "serve.lock"
# The watermark of the last backup that was made here, in ms.
_BACKUP = "run/backup"
# Where a service has worked, the folder has one of these.
_SIGNS = ("clock", "journal", "state.db", "engine", RESTORING)


class NotOwner(Exception):
    """A folder or a file belongs to another user of the system; `user` is the name, or `#7` where number 7 has none."""

    def __init__(self, path: Path, number: int) -> None:
        try:
            self.user = pwd.getpwuid(number).pw_name
        except KeyError:
            self.user = f"#{number}"
        super().__init__(f"{path.absolute()} belongs to {self.user} (user number {number})")


def require_ours(path: Path) -> None:
    """Raise NotOwner when the path belongs to another user than this process's, even root's; a missing path passes.

    A file that root writes into another user's data, that user can neither read nor replace.
    """
    try:
        owner = path.stat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        return
    if owner != os.geteuid():
        raise NotOwner(path, owner)


class NoData(Exception):
    """There is no data of footfall where it is looked for; the text says so."""


def require_folder(path: Path) -> None:
    """Raise NoData when there is no such folder. Raises OSError."""
    if not path.exists():
        raise NoData(f"there is no data folder {path.absolute()}")
    if not path.is_dir():
        raise NoData(f"{path.absolute()} is no folder")


def require_data(path: Path) -> None:
    """Raise NoData when the folder holds nothing that a service keeps. Raises OSError."""
    require_folder(path)
    if not any((path / name).exists() for name in _SIGNS):
        raise NoData(f"there is no data of footfall in {path.absolute()}")


def is_served(settings: Settings) -> bool:
    """Whether a service, or an engine alone, runs on the data folder. Raises OSError."""
    return any(is_locked(settings.data / name) for name in (SERVE_LOCK, "engine/lock"))


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on a file; False when there is no such file. Raises OSError."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not files.take_lock(file, shared=True)
    finally:
        os.close(file)


def is_half_restored(settings: Settings) -> bool:
    """Whether a restore into the data folder has begun and not finished: then the folder must not be used yet."""
    return (settings.data / RESTORING).exists()


def data_folder(settings: Settings) -> Path:
    """The data folder, made if need be; only its owner can enter it."""
    files.make_folder(settings.data)
    return settings.data


def note_backup(settings: Settings, watermark_ms: int) -> None:
    """Write down that a backup was made, which has everything up to this time in ms. Raises OSError."""
    path = data_folder(settings) / _BACKUP
    files.make_folder(path.parent)
    files.replace_file(path, str(watermark_ms).encode())


def last_backup_ms(settings: Settings) -> int | None:
    """What `note_backup` was told last; None when no backup was made here, or a power cut has emptied the file."""
    try:
        return int((settings.data / _BACKUP).read_bytes())
    except (OSError, ValueError):
        return None


def node_name(settings: Settings) -> str:
    """This node's name, made once and kept in its data folder: a node is its journal, wherever that is moved."""
    path = data_folder(settings) / "node"
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}")
        files.write_private(draft, secrets.token_hex(8).encode())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text()
