"""The data folder: whose it is, whether a restore into it has finished, and the name of the node that it makes."""

import contextlib
import os
import pwd
import secrets
from pathlib import Path

from footfall.settings import Settings
from footfall.system import files

# A restore that has not finished leaves a folder of this name in the data folder.
RESTORING = "restoring"


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


def is_half_restored(settings: Settings) -> bool:
    """Whether a restore into the data folder has begun and not finished: then the folder must not be used yet."""
    return (settings.data / RESTORING).exists()


def data_folder(settings: Settings) -> Path:
    """The data folder, made if need be; only its owner can enter it."""
    files.make_folder(settings.data)
    return settings.data


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
