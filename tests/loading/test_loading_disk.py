"""A disk that fails the loader: one segment waits or is set aside, and the others are loaded."""

import errno
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
from loaded import Node, lines

from footfall.journal import Disk


def tick_until(there: Node, reached) -> None:
    """Tick as the worker does."""
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end
        there.loader.tick()
        time.sleep(0.02)


def lose(segment: Path) -> None:
    """Make each read of the segment fail with the kernel's own EIO."""
    segment.unlink()
    segment.symlink_to("/proc/self/mem")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a file that fails each read with EIO")
def test_a_segment_that_the_disk_does_not_give_is_set_aside_after_a_few_tries_and_keeps_no_other(node, caplog):
    there = node(loader_tries_max=2)
    there.write(lines(0), lines(1), lines(2))
    first, *_ = there.folder.sealed()
    lose(first)
    there.loader.tick()
    assert there.stored() == [1, 2]
    assert there.folder.sealed() == [first]
    tick_until(there, lambda: not there.folder.names())
    there.loader.tick()
    assert there.loader.loaded_through_ms > 0
    assert there.loader.segments_aside == 1
    assert [path.name for path in (there.data / "aside").iterdir()] == [first.name]
    told = [record.message for record in caplog.records if first.name in record.message]
    assert len(told) == 2
    assert not any(record.exc_info for record in caplog.records)


def test_too_many_open_files_set_no_segment_aside(node, monkeypatch):
    there = node(loader_tries_max=1)
    there.write(lines(0))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", Mock(side_effect=OSError(errno.EMFILE, "Too many open files")))
        there.loader.tick()
    tick_until(there, lambda: not there.folder.names())
    assert there.stored() == [0]


def test_an_archive_without_room_stops_no_load_and_is_told_of_once(node, caplog):
    there = node()
    there.write(lines(0), lines(1))
    taken = there.archive._disk
    there.archive._disk = FullDisk()
    there.loader.tick()
    there.loader.tick()
    assert there.stored() == [0, 1]
    assert len(there.folder.sealed()) == 2
    assert there.loader.loaded_through_ms > 0
    there.write(lines(2))
    there.loader.tick()
    assert there.stored() == [0, 1, 2]
    assert there.loader.events_loaded == 3
    assert len([record for record in caplog.records if "the archive takes no segment" in record.message]) == 1
    there.archive._disk = taken
    tick_until(there, lambda: not there.folder.names())
    assert len(list((there.data / "archive").glob("*/*"))) == 3
    assert there.loader.events_loaded == 3


class FullDisk(Disk):
    """No room for another file."""

    def rename(self, _old, _new):
        raise OSError(errno.ENOSPC, "No space left on device")
