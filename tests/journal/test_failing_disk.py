"""A disk that goes on failing: the journal refuses, keeps what it acknowledged, stays small, and heals by itself."""

import asyncio
import errno
import json
import time
from pathlib import Path

import pytest

from footfall.journal import Disk, Folder, Frame, JournalFull, Recovered, recover, walk
from footfall.journal.log import RETIRED_SEGMENTS_MAX, UNSEALED_SEGMENTS_MAX
from footfall.journal.segment_pool import RETRY_PERIOD_S


def line(number: int) -> bytes:
    return b'{"sequence":%d}\n' % number


def stored(folder: Path) -> list[int]:
    """The sequences of all whole frames of the folder, in order."""
    frames = [part for path in sorted(folder.iterdir()) for part in walk(path.read_bytes()) if isinstance(part, Frame)]
    return [json.loads(text)["sequence"] for frame in frames for text in frame.lines.splitlines()]


class FailingDisk(Disk):
    """A disk whose named operations fail for as long as they are in `failing`, and are counted."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.failures = 0

    def _fail(self, operation: str) -> None:
        if operation in self.failing:
            self.failures += 1
            raise OSError(errno.EIO, "Input/output error")

    def sync(self, file):
        self._fail("sync")
        super().sync(file)

    def sync_folder(self, path):
        self._fail("sync_folder")
        super().sync_folder(path)

    def rename(self, old, new):
        self._fail("rename")
        super().rename(old, new)

    def remove(self, path):
        self._fail("remove")
        super().remove(path)

    def free_bytes(self, path):
        self._fail("free_bytes")
        return super().free_bytes(path)


async def test_a_disk_that_takes_no_syncs_holds_few_files_open_and_heals_unasked(tmp_path, journal):
    disk = FailingDisk()
    async with journal(disk) as opened:
        await opened.append(line(0))
        disk.failing = {"sync"}
        for number in range(1, 200):
            with pytest.raises(JournalFull):
                await opened.append(line(number))
        assert len(Folder(tmp_path / "journal").names()) <= UNSEALED_SEGMENTS_MAX
        assert "takes no writes" in opened.refusal
        disk.failing = set()
        while opened.refusal:  # It finds out by itself, without a request.
            await asyncio.sleep(0.01)
        await opened.append(line(200))
    assert stored(tmp_path / "journal") == [0, 200]


async def test_what_was_acknowledged_in_a_torn_segment_is_sealed_without_another_request(tmp_path, journal):
    disk = FailingDisk()
    async with journal(disk) as opened:
        await opened.append(line(1))
        disk.failing = {"sync"}
        with pytest.raises(JournalFull):
            await opened.append(line(2))
        disk.failing = set()
        while not Folder(tmp_path / "journal").sealed():
            await asyncio.sleep(0.01)
        assert stored(tmp_path / "journal") == [1]


async def test_a_disk_that_refuses_new_names_is_not_asked_for_them_with_every_commit(tmp_path, journal):
    disk = FailingDisk()
    async with journal(disk, segment_bytes_max=1) as opened:
        disk.failing = {"rename"}
        started_s = time.monotonic()
        for number in range(100):
            await opened.append(line(number))
        # Each is tried when it is begun and when it is full, and then each of those that wait, once a period.
        periods = 1 + (time.monotonic() - started_s) / RETRY_PERIOD_S
        assert 0 < disk.failures <= 2 * (RETIRED_SEGMENTS_MAX + 1) + RETIRED_SEGMENTS_MAX * periods
        assert len(Folder(tmp_path / "journal").names()) <= RETIRED_SEGMENTS_MAX + 1
        disk.failing = set()
        while not Folder(tmp_path / "journal").sealed():
            await asyncio.sleep(0.01)
    assert stored(tmp_path / "journal") == list(range(100))


async def test_a_segment_that_can_neither_be_made_durable_nor_removed_is_left_to_recovery(tmp_path, journal):
    disk = FailingDisk()
    async with journal(disk) as opened:
        disk.failing = {"sync_folder", "remove"}
        with pytest.raises(JournalFull):
            await opened.append(line(1))
        disk.failing = set()
        (left,) = Folder(tmp_path / "journal").open()
        assert recover(left, tmp_path / "aside", disk) is Recovered.REMOVED
        await opened.append(line(2))
    assert stored(tmp_path / "journal") == [2]


async def test_a_disk_that_does_not_tell_its_room_refuses_and_heals(tmp_path, journal):
    disk = FailingDisk()
    async with journal(disk) as opened:
        disk.failing = {"free_bytes"}
        with pytest.raises(JournalFull):
            await opened.append(line(1))
        disk.failing = set()
        while opened.refusal:
            await asyncio.sleep(0.01)
        await opened.append(line(2))
    assert stored(tmp_path / "journal") == [2]
