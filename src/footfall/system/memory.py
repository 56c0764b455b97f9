"""Gives memory of this process back to the system when the work that needed it is over.

It won some 150 of the 320 MiB that the embedded engine holds while it rests, and in a worker what reports left free.
Allocators keep what was freed for the next time. And the pages of the libraries' files count as this process's until
something else wants their place, though code and tables that only a start or a report needed are not read again.
Releasing both takes milliseconds; a page that is needed again comes back from the kernel's page cache when touched.
"""

import ctypes
import mmap
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# The option of mallopt(3), and the pools: two, so that a thread that computes beside the interpreter need not wait.
_M_ARENA_MAX = -8
ARENAS = 2
# What Linux says of this process; elsewhere nothing is given back.
_SELF = Path("/proc/self")
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+)")


class MemoryReclaimer:
    """Gives back what the process has taken since the last time, or since the start."""

    def __init__(self, worth_bytes: int, floor_bytes: int | None = None) -> None:
        """Fewer than `worth_bytes` above the floor are not worth the work; the floor is what is resident now."""
        self._worth_bytes = worth_bytes
        self._floor_bytes = resident_bytes() if floor_bytes is None else floor_bytes

    @property
    def is_worthwhile(self) -> bool:
        """Whether there is enough to give back."""
        return resident_bytes() > self._floor_bytes + self._worth_bytes

    def reclaim(self) -> None:
        """Give back what can be given; blocks for some milliseconds."""
        _trim_allocators()
        for start, end in _clean_mappings():
            _c_library().madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
        self._floor_bytes = resident_bytes()


def bound_arenas() -> None:
    """Have the C library of GNU take memory for all threads from two pools, and not from eight for each core.

    Each pool keeps free what its largest moment took, and a thread that does something large now and then is in another
    pool each time. In half an hour of ordinary life a worker used 20 to 25 MiB of such memory throughout, and kept
    6 MiB free at first and 20 at the end; with two pools it kept 55 to 59 MiB in all. To be called before there are
    threads.
    """
    if mallopt := getattr(_c_library(), "mallopt", None):
        mallopt(_M_ARENA_MAX, ARENAS)


def resident_bytes(process: int | None = None) -> int:
    """The bytes of a process, by default this one, that are in memory; 0 where that is not known."""
    path = (_SELF if process is None else _SELF.parent / str(process)) / "statm"
    return int(path.read_text().split()[1]) * mmap.PAGESIZE if path.exists() else 0


def _trim_allocators() -> None:
    """Have the allocators release what is free."""
    if arrow := sys.modules.get("pyarrow"):
        arrow.default_memory_pool().release_unused()
    if trim := getattr(_c_library(), "malloc_trim", None):  # the C library of GNU has it
        trim(0)


def _clean_mappings() -> Iterator[tuple[int, int]]:
    """Start and end of each read-only mapping of a file whose pages are all as they are in the file."""
    mapping = None
    for line in (_SELF / "smaps").read_text().splitlines():
        if head := _MAPPING.match(line):
            start, end, rights, inode = head.groups()
            mapping = (int(start, 16), int(end, 16)) if inode != "0" and rights in {"r-xp", "r--p"} else None
        elif mapping is not None and line.startswith("Anonymous:") and line.split()[1] == "0":
            # Where it is not 0, the dynamic linker has written addresses into pages that are only read by now.
            yield mapping


def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
