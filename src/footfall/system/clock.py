"""Clocks: integer milliseconds since the Unix epoch, UTC. Every class takes its clock, so that tests can set it."""

import fcntl
import mmap
import os
import struct
import threading
import time
from pathlib import Path
from typing import Protocol

from footfall.system import files

# The floor in ms, and the reading of the steady clock at that moment in ms.
_FLOOR = struct.Struct("<qq")
# The longest time between two readings that the steady clock is trusted with: after a reboot it begins anew.
_STEP_MAX_MS = 1_000


class Clock(Protocol):
    """Any clock."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's wall clock, which may step back."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SteadyClock:
    """Milliseconds since some earlier moment; nobody can set this clock."""

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class NodeClock:
    """A clock that never goes back, shared by all processes of a node through a few mapped bytes.

    Watermarks need it: once a report has taken the time W and then looked at the journal, no process of this node may
    stamp an event with W or less. When the wall clock steps back, this clock goes on at half speed until the wall
    clock has caught up; if it stood still, every report would wait for as long as the step was. The file outlives
    restarts, so a step back between two runs does no harm either.
    """

    def __init__(self, path: Path, wall: Clock | None = None, steady: Clock | None = None) -> None:
        self._wall = wall or SystemClock()
        self._steady = steady or SteadyClock()
        self._thread_lock = threading.Lock()
        self._file = files.open_file(path, os.O_RDWR)
        size = os.fstat(self._file).st_size
        if size < _FLOOR.size:
            # Written, not only extended: on a full disk, the first write to a mapped hole would kill the process.
            os.pwrite(self._file, bytes(_FLOOR.size - size), size)
        self._floor = mmap.mmap(self._file, _FLOOR.size)

    def now_ms(self) -> int:
        """The time; no later call in any process of the node returns less."""
        # The lock of the file keeps other processes out, but not the threads of this one.
        with self._thread_lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                return self._advance()
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _advance(self) -> int:
        floor, steady_then = _FLOOR.unpack_from(self._floor)
        steady = self._steady.now_ms()
        step = min(max(steady - steady_then, 0), _STEP_MAX_MS)
        now = max(self._wall.now_ms(), floor + step // 2)
        if now > floor or steady < steady_then:
            _FLOOR.pack_into(self._floor, 0, now, steady)
        return int(now)

    def close(self) -> None:
        self._floor.close()
        os.close(self._file)
