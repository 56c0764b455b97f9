"""Time in integer milliseconds since the Unix epoch, UTC, handed to whoever needs it, so that tests can turn it."""

import fcntl
import mmap
import os
import struct
import time
from pathlib import Path
from typing import Protocol

_FLOOR = struct.Struct("<q")


class Clock(Protocol):
    """What a room may ask of time."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's wall clock, which may step back."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class NodeClock:
    """A clock that never goes back, shared by all processes of a node through eight mapped bytes.

    Watermarks need it: once a report has taken the time W, no process of this node may stamp an event with W or less
    after the report has looked at the journal. When the wall clock steps back, this one stands still until the wall
    has caught up. The file outlives restarts, so a step back between two runs does no harm either.
    """

    def __init__(self, path: Path, wall: Clock | None = None) -> None:
        self._wall = wall or SystemClock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._file).st_size < _FLOOR.size:
            os.ftruncate(self._file, _FLOOR.size)
        self._floor = mmap.mmap(self._file, _FLOOR.size)

    def now_ms(self) -> int:
        """The shared time; every later call in any process of the node returns this much or more."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            (floor,) = _FLOOR.unpack_from(self._floor)
            now = max(self._wall.now_ms(), floor)
            if now > floor:
                _FLOOR.pack_into(self._floor, 0, now)
            return int(now)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        self._floor.close()
        os.close(self._file)
