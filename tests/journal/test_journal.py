"""What `append` promises, on real files."""

import asyncio
import json
import math
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from programs import program

from footfall.journal import (
    Damage,
    Disk,
    EncodedLines,
    Folder,
    Frame,
    JournalBusy,
    JournalFull,
    Recovered,
    SegmentKind,
    kind_of,
    mark,
    recover,
    walk,
)
from footfall.journal.disk import CommitPace


def line(number: int) -> bytes:
    return b'{"sequence":%d,"text":"}\\n{"}\n' % number


def sequences(path: Path) -> list[int]:
    """The sequences of all whole frames of a file, in order."""
    frames = [part for part in walk(path.read_bytes()) if isinstance(part, Frame)]
    return [json.loads(text)["sequence"] for frame in frames for text in frame.lines.splitlines()]


def stored(folder: Path) -> list[int]:
    return [number for path in sorted(folder.iterdir()) for number in sequences(path)]


async def test_appended_lines_are_in_the_file_when_append_returns(tmp_path, journal):
    async with journal() as opened:
        await opened.append(line(1) + line(2))
        assert stored(tmp_path / "journal") == [1, 2]
        assert [path.name[-15:] for path in Folder(tmp_path / "journal").open()] == [".jsonl.zst.open"]
    assert [path.name[-10:] for path in (tmp_path / "journal").iterdir()] == [".jsonl.zst"]


async def test_every_line_is_stamped_and_otherwise_as_it_was(tmp_path, journal):
    async with journal() as opened:
        await opened.append(line(1))
    (path,) = (tmp_path / "journal").iterdir()
    (frame,) = walk(path.read_bytes())
    event = json.loads(frame.lines)
    assert event["received"] == event["admitted"] > 1_700_000_000_000
    assert (event["sequence"], event["text"]) == (1, "}\n{")


async def test_waiting_requests_share_one_frame(tmp_path, journal):
    async with journal() as opened:
        await asyncio.gather(*(opened.append(line(number)) for number in range(500)))
    (path,) = (tmp_path / "journal").iterdir()
    assert sequences(path) == list(range(500))
    assert len(list(walk(path.read_bytes()))) < 10


class Threads(Disk):
    """Remembers which threads have synced."""

    def __init__(self) -> None:
        self.synced: list[str] = []

    def sync(self, file):
        self.synced.append(threading.current_thread().name)
        super().sync(file)


@pytest.mark.parametrize(("quick_s", "then"), [(math.inf, "MainThread"), (-1, "journal")])
async def test_only_a_quick_disk_is_written_by_the_event_loop(tmp_path, ordinary_journal, quick_s, then):
    """The first commit makes the file, for which nobody knows how long it takes; the second is the trial."""
    disk, pace = Threads(), CommitPace(quick_s=quick_s, slow_factor=math.inf, disk_check_s=1000)
    async with ordinary_journal(disk, pace, segment_ahead_bytes_max=0, segment_age_max_ms=10**6) as opened:
        for number in range(4):
            await opened.append(line(number))
    assert disk.synced == ["journal", "MainThread", then, then]
    assert stored(tmp_path / "journal") == [0, 1, 2, 3]


async def test_a_segment_is_sealed_by_age_without_another_append(tmp_path, journal):
    async with journal(segment_age_max_ms=1) as opened:
        await opened.append(line(1))
        while Folder(tmp_path / "journal").open():
            await asyncio.sleep(0.005)
        assert len(Folder(tmp_path / "journal").sealed()) == 1
        await opened.append(line(2))
    assert stored(tmp_path / "journal") == [1, 2]


@pytest.mark.parametrize("change", [{"segment_bytes_max": 1}, {"segment_lines_bytes_max": 1}])
async def test_a_segment_is_sealed_by_size(tmp_path, journal, change):
    async with journal(**change) as opened:
        for number in range(3):
            await opened.append(line(number))
        while len(Folder(tmp_path / "journal").sealed()) < 3:
            await asyncio.sleep(0.001)


async def test_waiting_bytes_are_bounded_and_the_refused_are_not_kept(tmp_path, journal):
    async with journal(journal_waiting_bytes_max=len(mark(line(1)))) as opened:
        first = asyncio.create_task(opened.append(line(1)))
        await asyncio.sleep(0)
        with pytest.raises(JournalBusy):
            await opened.append(line(2))
        await first
    assert stored(tmp_path / "journal") == [1]


async def test_a_waiter_that_fails_keeps_no_other_waiting(tmp_path, journal, caplog):
    def fail(reason):
        raise RuntimeError("what this one had to do")

    async with journal() as opened:
        opened.submit(EncodedLines(mark(line(1))), fail)
        await opened.append(line(2))
        await opened.append(line(3))
    assert stored(tmp_path / "journal") == [1, 2, 3]
    assert "what this one had to do" in caplog.text


async def test_a_disk_without_room_refuses_and_heals(tmp_path, journal, monkeypatch):
    async with journal() as opened:
        await opened.append(line(1))
        # The kernel itself refuses to write past this size: a short write, then EFBIG, as a full disk does.
        size = sum(path.stat().st_size for path in (tmp_path / "journal").iterdir())
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
        try:
            with pytest.raises(JournalFull):
                await opened.append(line(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await opened.append(line(3))
    assert stored(tmp_path / "journal") == [1, 3]
    assert not any(
        isinstance(part, Damage) for path in (tmp_path / "journal").iterdir() for part in walk(path.read_bytes())
    )


async def test_too_little_free_disk_refuses(tmp_path, journal):
    async with journal() as opened:
        opened._settings = type(opened._settings)(disk_free_bytes_min=1 << 60)
        with pytest.raises(JournalFull):
            await opened.append(line(1))
    assert stored(tmp_path / "journal") == []


async def append_until_refused(opened):
    async with asyncio.timeout(60):
        while True:
            opened._checked_s = 0
            await opened.append(line(2))


async def test_a_journal_that_is_too_long_refuses_until_it_is_loaded(tmp_path, journal):
    async with journal(journal_bytes_max=1, segment_bytes_max=1) as opened:
        await opened.append(line(1))
        # A look at the folder can miss the segment that is renamed meanwhile, because it is being sealed.
        with pytest.raises(JournalFull):
            await append_until_refused(opened)
        assert "journal_bytes_max" in opened.refusal
        while opened.refusal:  # It finds out by itself, without a request.
            for path in Folder(tmp_path / "journal").sealed():  # none at first: sealing has a thread of its own
                path.unlink()
            await asyncio.sleep(0.01)
        await opened.append(line(3))
    assert stored(tmp_path / "journal") == [3]


async def test_kinds_of_lines_go_to_segments_of_their_own_and_are_stamped_each_in_its_way(tmp_path, journal):
    async with journal() as opened:
        released = line(3)[:-2] + b',"received":5}\n'
        await opened.append(events=line(1), quarantined=line(2), released=released)
    plain, quarantine = sorted(
        Folder(tmp_path / "journal").sealed(), key=lambda path: kind_of(path) is SegmentKind.QUARANTINE
    )
    (frame,) = walk(plain.read_bytes())
    first, third = (json.loads(text) for text in frame.lines.splitlines())
    assert first["received"] == first["admitted"] > 5
    assert third["received"] == 5 < third["admitted"]
    (frame,) = walk(quarantine.read_bytes())
    second = json.loads(frame.lines)
    assert second["received"] > 5
    assert "admitted" not in second


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    folder, acknowledged = tmp_path / "journal", []
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, program("append_for_ever"), str(folder)], stdout=subprocess.PIPE, text=True
        ) as writer:
            last = -1
            while last < 200:
                last = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            for text in writer.stdout:
                if text.endswith("\n"):
                    last = int(text)
        acknowledged.append(last)
        for path in Folder(folder).open():
            assert recover(path, tmp_path / "aside", Disk()) is not Recovered.SALVAGED
    numbers = stored(folder)
    for last in acknowledged:
        # Each run counts from 0: what follows its last acknowledged number is at most the one write in flight.
        assert numbers[: last + 1] == list(range(last + 1))
        numbers = numbers[last + 1 :]
        if numbers and numbers[0] == last + 1:
            numbers.pop(0)
    assert numbers == []


class Watched(Disk):
    """Notes which threads make files of quarantine."""

    def __init__(self) -> None:
        self.threads: set[str] = set()

    def create(self, path: Path) -> int:
        if kind_of(path) is SegmentKind.QUARANTINE:
            self.threads.add(threading.current_thread().name)
        return super().create(path)


async def test_a_segment_of_quarantine_is_not_made_on_the_event_loop(ordinary_journal):
    disk = Watched()
    async with ordinary_journal(disk, CommitPace(quick_s=math.inf)) as opened:
        await opened.append(line(1))
        # From now on commits are made on the event loop.
        await opened.append(line(2))
        await opened.append(line(3), quarantined=line(4))
        await opened.append(line(5))
    assert disk.threads
    assert threading.main_thread().name not in disk.threads
