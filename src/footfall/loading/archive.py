"""Loaded segments, kept by day so that the store can be rebuilt from them, and forgotten after a set time."""

import contextlib
import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from footfall.journal import Disk, Kind
from footfall.loading.packing import pack

DAY_MS = 86_400_000
# The number of days that means for ever.
FOR_EVER = -1
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Archive:
    """A folder of folders, one a day (UTC, by the segments' opening time).

    `days` 0 keeps nothing, FOR_EVER keeps everything. The archive may stand on a disk of its own.
    """

    def __init__(self, path: Path, days: int, disk: Disk | None = None) -> None:
        self.path = path
        self._days = days
        self._disk = disk or Disk()

    def take(self, segment: Path) -> None:
        """Move a loaded segment here, or remove it where nothing is kept. Raises OSError, and leaves it then."""
        if self._days == 0:
            segment.unlink()
            return
        day = self.path / day_of(opened_ms(segment))
        if not day.is_dir():
            self._disk.make_folder(day)
            self._disk.sync_folder(self.path)
        target = _free(day / segment.name)
        try:
            self._disk.rename(segment, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(segment, target)
        self._disk.sync_folder(day)

    def days(self) -> list[Path]:
        """The folders of the days, oldest first."""
        if not self.path.is_dir():
            return []
        return sorted(day for day in self.path.iterdir() if day.is_dir() and _DAY.fullmatch(day.name))

    def prune(self, now_ms: int) -> int:
        """Remove the days that are older than may be kept; returns how many they were.

        Somebody who reads the archive is not disturbed: then nothing is removed this time.
        """
        if self._days == FOR_EVER:
            return 0
        oldest = day_of(now_ms - self._days * DAY_MS)
        gone = [day for day in self.days() if day.name < oldest]
        if not gone:
            return 0
        with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
            for day in gone if locked else ():
                shutil.rmtree(day)
        return len(gone) if locked else 0

    def pack(self, now_ms: int) -> int:
        """Make few large segments of the many small ones of past days; gives how many there are less.

        Somebody who reads the archive is not disturbed: then it goes on another time. Raises OSError.
        """
        past = [day for day in self.days() if day.name < day_of(now_ms)]
        return sum(self._pack(day, kind) for day in past for kind in Kind)

    def _pack(self, day: Path, kind: Kind) -> int:
        less = 0
        while True:
            # Locked for one pack at a time, so that nobody who wants to read waits for long.
            with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
                fewer = pack(day, kind, self._disk) if locked else 0
            if not fewer:
                return less
            less += fewer

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Until the end of the block no segment leaves the archive; new ones may come."""
        with self._lock(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def _lock(self, how: int) -> Iterator[bool]:
        """Lock the folder itself; gives whether that was possible, or needless because there is none."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield True
            return
        try:
            fcntl.flock(file, how)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(file)

    def _copy(self, segment: Path, target: Path) -> None:
        """Move a segment to another disk; a crash in between leaves both, and loading twice counts once."""
        draft = target.with_name(f"{target.name}.draft")
        shutil.copyfile(segment, draft)
        file = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._disk.sync(file)
        finally:
            os.close(file)
        self._disk.rename(draft, target)
        self._disk.remove(segment)


def _free(path: Path) -> Path:
    """This path, or one like it that no file has: a segment that was loaded again must not replace another."""
    stem, dot, ending = path.name.partition(".")
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{stem}-{number}{dot}{ending}")
    return free


def opened_ms(segment: Path) -> int:
    """When a segment was opened, as its name says: nothing in it was stamped before."""
    return int(segment.name.split("-", 1)[0])


def day_of(time_ms: int) -> str:
    """The day (UTC) of a time, as its folder is called."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")
