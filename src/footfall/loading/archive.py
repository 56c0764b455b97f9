"""Loaded segments, kept by day so that the store can be rebuilt from them, and forgotten after a set time."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

DAY_MS = 86_400_000


class Archive:
    """A folder of folders, one a day (UTC, by the segments' opening time). With `days` 0 nothing is kept."""

    def __init__(self, path: Path, days: int) -> None:
        self._path = path
        self._days = days

    def take(self, segment: Path) -> None:
        """Move a loaded segment here, or remove it where nothing is kept."""
        if self._days == 0:
            segment.unlink()
            return
        day = self._path / _day(int(segment.name.split("-", 1)[0]))
        day.mkdir(parents=True, exist_ok=True)
        segment.rename(day / segment.name)

    def prune(self, now_ms: int) -> int:
        """Remove the days that are older than may be kept; returns how many they were."""
        if not self._path.is_dir():
            return 0
        oldest = _day(now_ms - self._days * DAY_MS)
        gone = [day for day in self._path.iterdir() if day.is_dir() and day.name < oldest]
        for day in gone:
            shutil.rmtree(day)
        return len(gone)


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")
