"""Events of the background between `track` and their commit: in a file, though not synced, when `track` returns.

So `kill -9` of the program costs none of them; a loss of power may. A spool is a file of one process with the lines of
one group. Its owner holds a lock on it, and removes it once the group is committed. A spool without an owner is taken
in by whoever sends. Its id goes into the same transaction as its lines, so that a spool whose owner died between the
commit and the removal is not taken in twice. That holds within one run of the system; spools of an earlier one are
removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_ENDING: Final = ".spool"


class Spool:
    """The file of one group."""

    def __init__(self, folder: Path, boot: str) -> None:
        folder.mkdir(exist_ok=True)
        self.id = f"{boot}.{os.getpid()}-{os.urandom(8).hex()}"
        self._path = folder / f"{self.id}{_ENDING}"
        # It gets its name once it is locked, so that nobody takes it for one without an owner.
        made = folder / f"{self.id}.new"
        self._file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.rename(self._path)

    def write(self, lines: Sequence[str]) -> None:
        """Add lines; they outlive the process when this returns."""
        content = ("\n".join(lines) + "\n").encode("ascii")
        written = os.write(self._file, content)
        while written < len(content):
            written += os.write(self._file, content[written:])

    def remove(self) -> None:
        """The lines are on the disk otherwise, or were dropped."""
        self._path.unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """Close this process's end, and leave the file to whoever has it, or takes it in."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Spools:
    """The spools of an outbox, `FILE.spool/`. `is_possible` says whether the system can tell its runs apart."""

    def __init__(self, path: Path | None) -> None:
        self._folder = path.with_name(path.name + _ENDING) if path is not None else None
        self._boot = ""
        with contextlib.suppress(OSError):
            self._boot = _BOOT.read_text(encoding="ascii").strip()

    @property
    def is_possible(self) -> bool:
        return bool(self._folder and self._boot)

    def make(self) -> Spool | None:
        """A spool of this process; None where there can be none, such as on a full disk."""
        if self._folder is not None and self._boot:
            with contextlib.suppress(OSError):
                return Spool(self._folder, self._boot)
        return None

    def orphans(self) -> Iterator[tuple[str, list[str]]]:
        """The id and the lines of each spool without an owner. It is removed when the next one is asked for."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob(f"*{_ENDING}")):
            with contextlib.suppress(FileNotFoundError):
                yield from self._orphan(path)

    def _orphan(self, path: Path) -> Iterator[tuple[str, list[str]]]:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return  # its owner lives
            if path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                return
            if path.name.startswith(self._boot):
                # A last line without an end was being written: its `track` has not returned.
                yield path.name[: -len(_ENDING)], file.read().decode("ascii").split("\n")[:-1]
            path.unlink()
