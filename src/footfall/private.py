"""Files and folders that only their owner may use, whatever the umask of the process."""

import os
from collections.abc import Iterator
from pathlib import Path

# What everybody else, and the owner's group, may do.
_OTHERS = 0o077


def make_folder(path: Path) -> None:
    """Make the folder, and those above it that are missing. Raises OSError."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def open_file(path: Path, flags: int) -> int:
    """The descriptor of a file, made if need be. Raises OSError; for a link, too, which somebody else may have made."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def write(path: Path, content: bytes) -> None:
    """Write a file anew. Raises OSError."""
    with os.fdopen(open_file(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)


def loose(folder: Path) -> Iterator[tuple[Path, int]]:
    """The folder and what stands right in it, with their modes, as far as others may use them; nothing when none may.

    What is in a folder that others cannot enter, they cannot use. Raises OSError.
    """
    if not folder.stat().st_mode & _OTHERS:
        return
    for path in (folder, *sorted(folder.iterdir())):
        mode = path.lstat().st_mode & 0o777
        if mode & _OTHERS and not path.is_symlink():
            yield path, mode
