"""Time in integer milliseconds since the Unix epoch, UTC, handed to whoever needs it, so that tests can turn it."""

import fcntl
import mmap
import os
import struct
import threading
import time
from pathlib import Path
from typing import Protocol

from footfall.system import files

# The floor, and what the steady clock said then, both in ms.
_FLOOR = struct.Struct("<qq")
# The most that the steady clock counts for between two readings: its own zero differs after a restart of the machine.
_STRIDE_MAX_MS = 1_000


class Clock(Protocol):
    """What a room may ask of time."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's wall clock, which may step back."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SteadyClock:
    """Milliseconds since some moment before, which nobody can set."""

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class NodeClock:
    """A clock that never goes back, shared by all processes of a node through a few mapped bytes.

    Watermarks need it: once a report has taken the time W, no process of this node may stamp an event with W or less
    after the report has looked at the journal. When the wall clock steps back, this one goes on at half speed until the
    wall has caught up; standing still would hold up every report for as long as the step was. The file outlives
    restarts, so a step back between two runs does no harm either.
    """

    def __init__(self, path: Path, wall: Clock | None = None, steady: Clock | None = None) -> None:
        self._wall = wall or SystemClock()
        self._steady = steady or SteadyClock()
        self._threads = threading.Lock()
        self._file = files.open_file(path, os.O_RDWR)
        size = os.fstat(self._file).st_size
        if size < _FLOOR.size:
            # Written, not only made longer: on a full disk, the first change of a mapped hole would end the process.
            os.pwrite(self._file, bytes(_FLOOR.size - size), size)
        self._floor = mmap.mmap(self._file, _FLOOR.size)

    def now_ms(self) -> int:
        """The shared time; every later call in any process of the node returns this much or more."""
        # The file's lock keeps other processes out, but not the threads of this one.
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                return self._go_on()
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _go_on(self) -> int:
        floor, steady_then = _FLOOR.unpack_from(self._floor)
        steady = self._steady.now_ms()
        stride = min(max(steady - steady_then, 0), _STRIDE_MAX_MS)
        now = max(self._wall.now_ms(), floor + stride // 2)
        if now > floor or steady < steady_then:
            _FLOOR.pack_into(self._floor, 0, now, steady)
        return int(now)

    def close(self) -> None:
        self._floor.close()
        os.close(self._file)
