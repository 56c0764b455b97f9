"""Gives memory of this process back to the system, when what needed it is over.

Allocators keep what was freed for the next time. And pages of the libraries' files count as this process's for as long
as nobody wants their place, though code and tables that only a start or a report needed are never looked at again.
Letting go of both takes milliseconds; what is needed again comes back as it is touched, from the kernel's page cache.
"""

import ctypes
import mmap
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# What Linux says of a process; elsewhere nothing is given back.
_SELF = Path("/proc/self")
_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+)")


class MemoryReclaimer:
    """What was taken since the last time that memory was given back, or else since the start."""

    def __init__(self, worth_bytes: int, floor_bytes: int | None = None) -> None:
        """Less than `worth_bytes` over the floor, which is what is resident now, is not worth giving back."""
        self._worth_bytes = worth_bytes
        self._floor_bytes = resident_bytes() if floor_bytes is None else floor_bytes

    @property
    def is_worth(self) -> bool:
        """Whether there is enough to give back."""
        return resident_bytes() > self._floor_bytes + self._worth_bytes

    def give_back(self) -> None:
        """Give back what can be; blocks for some milliseconds."""
        _trim()
        for start, end in _clean():
            _library().madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
        self._floor_bytes = resident_bytes()


def resident_bytes() -> int:
    """The bytes of this process that are in memory; 0 where that is not known."""
    place = _SELF / "statm"
    return int(place.read_text().split()[1]) * mmap.PAGESIZE if place.exists() else 0


def _trim() -> None:
    """Have the allocators let go of what is free."""
    if arrow := sys.modules.get("pyarrow"):
        arrow.default_memory_pool().release_unused()
    if trim := getattr(_library(), "malloc_trim", None):  # the C library of GNU has it
        trim(0)


def _clean() -> Iterator[tuple[int, int]]:
    """Where files are mapped that nothing can write to there, and that have nothing there which the file has not."""
    place = None
    for line in (_SELF / "smaps").read_text().splitlines():
        if head := _HEAD.match(line):
            start, end, rights, file = head.groups()
            place = (int(start, 16), int(end, 16)) if file != "0" and rights in {"r-xp", "r--p"} else None
        elif place is not None and line.startswith("Anonymous:") and line.split()[1] == "0":
            # Elsewhere the dynamic linker has written addresses into what is now only read.
            yield place


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
