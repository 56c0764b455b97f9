"""Giving memory back takes nothing that is needed, and pages that differ from their file least of all."""

import ctypes
import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from footfall.system.memory import ARENAS, MemoryReclaimer, resident_bytes

SIZE = 64 * 2**20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is given back")


def test_pages_of_files_are_given_back_and_come_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\1" * SIZE)
    reclaimer = MemoryReclaimer(SIZE // 2)
    with path.open("rb") as file, mmap.mmap(file.fileno(), SIZE, mmap.MAP_PRIVATE, mmap.PROT_READ) as mapped:
        assert not reclaimer.is_worthwhile
        assert sum(mapped[:: mmap.PAGESIZE]) == SIZE // mmap.PAGESIZE
        assert reclaimer.is_worthwhile
        before = resident_bytes()
        reclaimer.reclaim()
        assert resident_bytes() < before - SIZE * 3 // 4
        assert not reclaimer.is_worthwhile
        assert sum(mapped[:: mmap.PAGESIZE]) == SIZE // mmap.PAGESIZE


def test_what_was_written_over_a_file_is_kept_though_it_is_only_read_now(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\1" * mmap.PAGESIZE * 4)
    with path.open("rb") as file:
        rights = mmap.PROT_READ | mmap.PROT_WRITE
        mapped = mmap.mmap(file.fileno(), mmap.PAGESIZE * 4, mmap.MAP_PRIVATE, rights)
    mapped[10:15] = b"moved"
    address = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    assert protect(ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE * 4), mmap.PROT_READ) == 0
    MemoryReclaimer(0).reclaim()
    assert mapped[8:17] == b"\1\1moved\1\1"


def test_libraries_work_on() -> None:
    code = (
        "import hashlib, sqlite3, pyarrow as pa; from footfall.system.memory import MemoryReclaimer;"
        "table = pa.table({'a': list(range(1000))});"
        "[MemoryReclaimer(0).reclaim() for _ in range(3)];"
        "print(sqlite3.connect(':memory:').execute('SELECT 6 * 7').fetchone(), sum(table['a'].to_pylist()))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=120)
    assert found.stdout == "(42,) 499500\n"


def test_threads_share_two_pools() -> None:
    """As `malloc_info` of the C library of GNU tells, while a dozen threads have taken memory by themselves."""
    code = """
import ctypes, sys, threading
from footfall.system.memory import bound_arenas
library = ctypes.CDLL(None)
if not hasattr(library, "malloc_info"):
    sys.exit("0")
if sys.argv[1:]:
    bound_arenas()
library.malloc.restype = library.fopen.restype = ctypes.c_void_p
taken = threading.Barrier(13)
for _ in range(12):
    threading.Thread(target=lambda: (library.malloc(ctypes.c_size_t(1000)), taken.wait())).start()
taken.wait()
file = ctypes.c_void_p(library.fopen(b"/dev/stdout", b"w"))
library.malloc_info(0, file)
library.fclose(file)
"""
    pools = []
    for arguments in ([], ["bounded"]):
        command = [sys.executable, "-c", code, *arguments]
        found = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120)
        pools.append(found.stdout.count("<heap nr="))
    if not pools[0]:
        pytest.skip("another C library")
    assert pools[1] <= ARENAS < pools[0]
