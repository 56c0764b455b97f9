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
from footfall.loading.packing import free_name, pack

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
        # Past days that have nothing to pack, and when something last came or went there.
        self._packed: dict[str, int] = {}

    def take(self, segment: Path) -> None:
        """Move a loaded segment here, or remove it where nothing is kept. Raises OSError, and leaves it then."""
        if self._days == 0:
            segment.unlink()
            return
        day = self.path / day_of(opened_ms(segment))
        if not day.is_dir():
            self._disk.make_folder(day)
            self._disk.sync_folder(self.path)
        target = free_name(day / segment.name)
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
        """Make one large segment of many small ones of a past day; gives how many there are less, 0 when none is left.

        Somebody who reads the archive is not disturbed: then it goes on another time. Raises OSError.
        """
        for day in self.days():
            changed_ns = day.stat().st_mtime_ns
            if day.name >= day_of(now_ms) or self._packed.get(day.name) == changed_ns:
                continue
            with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
                if not locked:
                    return 0
                for kind in Kind:
                    if less := pack(day, kind, self._disk):
                        return less
            self._packed[day.name] = changed_ns
        return 0

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
        try:
            shutil.copyfile(segment, draft)
            file = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._disk.sync(file)
            finally:
                os.close(file)
            self._disk.rename(draft, target)
        except OSError:
            # The disk may be full, and half a copy would keep it so.
            draft.unlink(missing_ok=True)
            raise
        self._disk.remove(segment)


def opened_ms(segment: Path) -> int:
    """When a segment was opened, as its name says: nothing in it was stamped before."""
    return int(segment.name.split("-", 1)[0])


def day_of(time_ms: int) -> str:
    """The day (UTC) of a time, as its folder is called."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")
