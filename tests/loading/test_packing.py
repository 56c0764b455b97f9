"""Packing: the same lines in fewer files, whatever is in the way."""

import contextlib
import errno
import json
import os
from pathlib import Path

import pytest

from footfall.journal import Disk, Frame, walk
from footfall.journal.frames import Compressor
from footfall.loading import Archive
from footfall.loading import packing as packing_module

DAY_MS = 86_400_000
# 2026-11-20T12:00:00Z
NOON = 1_795_176_000_000


def fill(archive: Archive, count: int, *, day: int = 0, kind: str = "", value: str = "v") -> list[Path]:
    """Segments of one frame with one line each."""
    folder = archive.path / f"2026-11-{20 + day}"
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        path = folder / f"{NOON + day * DAY_MS + number}-writer-{number:06d}{kind}.jsonl.zst"
        path.write_bytes(Compressor().compress(json.dumps({"n": number, "v": value}).encode() + b"\n"))
        made.append(path)
    return made


def lines(archive: Archive, ending: str = "*.jsonl.zst") -> list[bytes]:
    found = []
    for path in sorted(archive.path.rglob(ending)):
        for part in walk(path.read_bytes()):
            if isinstance(part, Frame):
                found += part.lines.splitlines()
    return found


def pack(archive: Archive, now_ms: int = NOON + DAY_MS) -> int:
    """Pack until nothing is left to pack."""
    less = 0
    while fewer := archive.pack(now_ms):
        less += fewer
    return less


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive", 30)


def test_a_past_day_becomes_one_segment_of_each_kind_with_the_same_lines(archive: Archive) -> None:
    fill(archive, 50)
    fill(archive, 5, kind=".quarantine")
    before = sum(path.stat().st_size for path in archive.path.rglob("*.zst"))
    events, held = lines(archive, "*[0-9].jsonl.zst"), lines(archive, "*.quarantine.jsonl.zst")
    assert pack(archive) == 49 + 4
    assert sorted(path.name for path in archive.path.rglob("*.*")) == [
        f"{NOON}-writer-000000-packed.jsonl.zst",
        f"{NOON}-writer-000000-packed.quarantine.jsonl.zst",
    ]
    assert (lines(archive, "*-packed.jsonl.zst"), lines(archive, "*.quarantine.jsonl.zst")) == (events, held)
    assert sum(path.stat().st_size for path in archive.path.rglob("*.zst")) < before / 5
    assert pack(archive, NOON + 2 * DAY_MS) == 0


def test_today_is_left_alone(archive: Archive) -> None:
    made = fill(archive, 3)
    assert pack(archive, NOON + DAY_MS // 2 - 1) == 0
    assert all(path.exists() for path in made)


def test_a_pack_holds_no_more_than_the_engine_takes_at_once(archive: Archive) -> None:
    fill(archive, 40, value=os.urandom(500_000).hex())
    before = lines(archive)
    for path in archive.path.rglob("*.zst"):
        assert path.stat().st_size < 1_048_576
    pack(archive)
    sizes = [sum(len(part.lines) for part in walk(path.read_bytes())) for path in archive.path.rglob("*.zst")]
    assert sorted(size // 1_000_000 for size in sizes) == [7, 33]
    assert lines(archive) == before


def test_frames_end_with_a_line(archive: Archive) -> None:
    fill(archive, 30, value="v" * 100_000)
    pack(archive)
    (path,) = archive.path.rglob("*.zst")
    frames = [part.lines for part in walk(path.read_bytes()) if isinstance(part, Frame)]
    assert len(frames) == 3
    assert all(frame.endswith(b"}\n") for frame in frames)


def test_what_comes_late_into_a_past_day_is_packed_too(archive: Archive) -> None:
    fill(archive, 10)
    pack(archive)
    fill(archive, 3, value="late")  # under names that were there before, as of segments that were put back
    before = sorted(lines(archive))
    assert pack(archive) == 2
    assert sorted(path.name.partition("-writer-")[2] for path in archive.path.rglob("*.*")) == [
        "000000-packed-2.jsonl.zst",
        "000000-packed.jsonl.zst",
    ]
    assert sorted(lines(archive)) == before


def test_damaged_segments_stay_as_they_are(archive: Archive) -> None:
    made = fill(archive, 5)
    made[2].write_bytes(made[2].read_bytes()[:-3])
    assert pack(archive) == 3
    assert made[2].exists()
    assert len(lines(archive)) == 4


def test_nothing_is_packed_while_somebody_reads(archive: Archive) -> None:
    made = fill(archive, 5)
    with archive.without_removals():
        assert pack(archive) == 0
    assert all(path.exists() for path in made)
    assert pack(archive) == 4


class Failing(Disk):
    """A disk that fails from the given call on, as a crash would end all calls."""

    def __init__(self, calls: int) -> None:
        self._calls = calls

    def _count(self) -> None:
        self._calls -= 1
        if self._calls < 0:
            raise OSError(errno.EIO, "Input/output error")

    def create(self, path: Path) -> int:
        self._count()
        return super().create(path)

    def write(self, file: int, data: bytes, offset: int) -> int:
        self._count()
        return super().write(file, data[: 1 + len(data) // 2], offset)

    def sync(self, file: int) -> None:
        self._count()
        super().sync(file)

    def rename(self, old: Path, new: Path) -> None:
        self._count()
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._count()
        super().remove(path)


def test_a_crash_at_any_step_loses_no_line(tmp_path: Path) -> None:
    whole = False
    for calls in range(200):
        archive = Archive(tmp_path / str(calls), 30, Failing(calls))
        fill(archive, 6)
        before = lines(archive)
        with contextlib.suppress(OSError):
            pack(archive)
            whole = True
        assert set(lines(archive)) == set(before)
        if whole:
            break
        pack(Archive(archive.path, 30))
        assert set(lines(archive)) == set(before)
    assert whole


class Lying(Disk):
    """A disk that loses what was written and says nothing."""

    def write(self, file: int, data: bytes, offset: int) -> int:
        return super().write(file, bytes(len(data)), offset)


def test_a_pack_that_reads_back_otherwise_replaces_nothing(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", 30, Lying())
    made = fill(archive, 5)
    with pytest.raises(packing_module.PackDamaged):
        pack(archive)
    assert all(path.exists() for path in made)
    assert len(lines(archive)) == 5
