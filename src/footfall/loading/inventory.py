"""What the archive should hold, by name: so that a file that is no longer there is missed, the oldest too.

It stands beside the archive, which may be a disk of its own and be lost, or not be mounted, as a whole. A file a day
has a line for each segment that came, and one with a `-` in front for each that was taken out on purpose. A segment is
listed when it is there, and taken off the list before it goes: a crash in between leaves one that nobody would miss,
and raises no alarm.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from footfall import private
from footfall.durable import sync_data
from footfall.journal import OPEN, SEALED

_GONE = "-"


class Inventory:
    """A folder of lists, one a day; any process may write to it. Everything raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, day: str, names: Iterable[str]) -> None:
        """List segments that have come."""
        self._append(day, names)

    def remove(self, day: str, names: Iterable[str]) -> None:
        """Take segments off the list; durable when this returns, so that they may go."""
        self._append(day, (f"{_GONE}{name}" for name in names), durable=True)

    def forget(self, day: str) -> None:
        """The day is over and done with."""
        (self._path / day).unlink(missing_ok=True)

    def days(self) -> list[str]:
        """The days that have a list, in order."""
        return sorted(path.name for path in self._path.iterdir()) if self._path.is_dir() else []

    def names(self, day: str) -> set[str]:
        """The segments that a day should have."""
        try:
            text = (self._path / day).read_text("utf-8", "replace")
        except FileNotFoundError:
            return set()
        found: set[str] = set()
        for line in text.split("\n"):
            # A crash may have cut the last line of a process.
            if not line.endswith((SEALED, OPEN)):
                continue
            if line.startswith(_GONE):
                found.discard(line.removeprefix(_GONE))
            else:
                found.add(line)
        return found

    def _append(self, day: str, names: Iterable[str], *, durable: bool = False) -> None:
        # The first line end closes what a crash may have cut.
        text = "".join(f"\n{name}\n" for name in names)
        if not text:
            return
        private.make_folder(self._path)
        file = private.open_file(self._path / day, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, text.encode())
            if durable:
                sync_data(file)
        finally:
            os.close(file)
