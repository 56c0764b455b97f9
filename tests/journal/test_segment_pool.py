"""Files that are made before they are needed: what is written into them, and what becomes of them."""

import asyncio
import errno
import json
import threading

import pytest

from footfall.journal import Disk, Folder, Frame, Recovered, SegmentKind, recover, walk
from footfall.journal.frames import Compressor
from footfall.journal.log import RETIRED_SEGMENTS_MAX
from footfall.journal.segment import OpenSegment
from footfall.journal.segment_pool import AHEAD_FRAMES_MIN, SegmentPool
from footfall.system.clock import SystemClock

FRAMES = [Compressor().compress(b'{"sequence":%d}\n' % number) for number in range(4)]


def line(number: int) -> bytes:
    return b'{"sequence":%d,"noise":"%s"}\n' % (number, b"x" * number)


def sequences(data: bytes) -> list[int]:
    frames = [part for part in walk(data) if isinstance(part, Frame)]
    return [json.loads(text)["sequence"] for frame in frames for text in frame.lines.splitlines()]


def append(segment: OpenSegment, numbers: range) -> None:
    """One frame for each."""
    for number in numbers:
        lines = line(number)
        segment.append(Compressor().compress(lines), len(lines))


async def fill(journal, numbers: range) -> None:
    """One frame for each."""
    for number in numbers:
        await journal.append(line(number))


def test_after_a_busy_segment_the_next_finds_zeros_and_is_cut_to_its_frames(tmp_path):
    folder = Folder(tmp_path)
    pool = SegmentPool(folder, SystemClock(), 1 << 20)
    for numbers in (range(AHEAD_FRAMES_MIN), range(100, 101)):
        segment = pool.next(SegmentKind.EVENTS)
        append(segment, numbers)
        pool.maintain()
        # The spare beside the first was made before anything was known; that beside the second has the first's room.
        spare = folder.spares()[0].read_bytes()
        pool.retire(segment)
        pool.maintain()
    assert spare == bytes(folder.sealed()[0].stat().st_size * 5 // 4)
    third = pool.next(SegmentKind.EVENTS)
    append(third, range(200, 203))
    data = third.path.read_bytes()
    assert len(data) == len(spare)
    assert sequences(data) == [200, 201, 202]
    assert data.endswith(b"\0")
    pool.retire(third)
    pool.maintain()
    assert [sequences(path.read_bytes()) for path in folder.sealed()] == [
        list(range(AHEAD_FRAMES_MIN)),
        [100],
        [200, 201, 202],
    ]
    assert all(isinstance(part, Frame) for path in folder.sealed() for part in walk(path.read_bytes()))


@pytest.mark.parametrize(("commits", "limit"), [(AHEAD_FRAMES_MIN - 1, 1 << 20), (AHEAD_FRAMES_MIN, 0)])
def test_nothing_is_written_ahead_for_few_commits_nor_where_the_settings_say_so(tmp_path, commits, limit):
    folder = Folder(tmp_path)
    pool = SegmentPool(folder, SystemClock(), limit)
    first = pool.next(SegmentKind.EVENTS)
    append(first, range(commits))
    pool.retire(first)
    pool.maintain()
    assert folder.spares()[0].read_bytes() == b""


def test_closing_seals_what_waits_and_leaves_no_spare(tmp_path):
    folder = Folder(tmp_path)
    pool = SegmentPool(folder, SystemClock(), 1 << 20)
    pool.start()
    for number in range(3):
        segment = pool.next(SegmentKind.EVENTS)
        append(segment, range(number, number + 1))
        pool.retire(segment)
    pool.close()
    assert [sequences(path.read_bytes()) for path in folder.sealed()] == [[0], [1], [2]]
    assert folder.spares() == []


class Held(Disk):
    """A disk on which nothing gets another name before `released` is set."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def rename(self, old, new):
        if new.name.endswith(".zst"):
            assert self.released.wait(60)
        super().rename(old, new)


async def test_no_commit_waits_for_sealing_and_segments_get_larger_where_it_takes_long(tmp_path, journal):
    disk, folder = Held(), Folder(tmp_path / "journal")
    async with journal(disk, segment_bytes_max=1) as opened:
        await fill(opened, range(50))
        assert folder.sealed() == []
        assert len(folder.open()) == RETIRED_SEGMENTS_MAX + 1
        disk.released.set()
    assert [number for path in folder.sealed() for number in sequences(path.read_bytes())] == list(range(50))


class Nameless(Disk):
    """A disk on which spares cannot be given a segment's name."""

    def rename(self, old, new):
        if old.name.endswith(".spare"):
            raise OSError(errno.EIO, "Input/output error")
        super().rename(old, new)


async def test_a_spare_that_cannot_become_a_segment_is_removed_and_another_file_is_taken(tmp_path, journal):
    folder = Folder(tmp_path / "journal")
    async with journal(Nameless(), segment_bytes_max=1) as opened:
        for number in range(3):
            await opened.append(line(number))
            while len(folder.sealed()) <= number or not folder.spares():
                await asyncio.sleep(0.001)
    assert [number for path in folder.sealed() for number in sequences(path.read_bytes())] == [0, 1, 2]
    assert folder.names() == [path.name for path in folder.sealed()]
    assert folder.spares() == []


@pytest.mark.parametrize("ending", ["open", "spare"])
def test_every_cut_of_frames_over_zeros_leaves_the_whole_ones(tmp_path, ending):
    """A crash may also forget that a spare was given a segment's name; its frames were acknowledged all the same."""
    data, zeros = b"".join(FRAMES), bytes(1000)
    ends = [sum(map(len, FRAMES[: count + 1])) for count in range(len(FRAMES))]
    for size in range(len(data) + 1):
        path = tmp_path / f"1-writer-{size:06d}.jsonl.zst.{ending}"
        path.write_bytes(data[:size] + zeros[size:])
        outcome = recover(path, tmp_path / "aside", Disk())
        whole = max((end for end in ends if end <= size), default=0)
        sealed = path.with_suffix("")
        assert outcome is (Recovered.CUT if whole else Recovered.REMOVED), size
        assert not path.exists()
        assert (sealed.read_bytes() if whole else b"") == data[:whole]
        assert sealed.exists() is (whole > 0)


def test_a_damaged_spare_is_set_aside_as_the_segment_that_it_was(tmp_path):
    path = tmp_path / "1-writer-000001.jsonl.zst.spare"
    path.write_bytes(FRAMES[0] + FRAMES[1][:-1] + b"?" + FRAMES[2] + bytes(100))
    assert recover(path, tmp_path / "aside", Disk()) is Recovered.SALVAGED
    (kept,) = Folder(tmp_path).sealed()
    assert kept.read_bytes() == FRAMES[0] + FRAMES[2]
    assert [aside.name for aside in (tmp_path / "aside").iterdir()] == ["1-writer-000001.jsonl.zst.open"]
