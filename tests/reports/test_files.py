"""Files are whole or absent, and on disk when they are said to be."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import program

from footfall.files import Files
from footfall.settings import Settings
from footfall.settings.object_stores import Destination

MIB = 1 << 20


class Broken(Exception):
    """What the source of the blocks raises."""


def make_files(folder: Path) -> Files:
    return Files(Settings(data_dir=str(folder)))


async def read(files: Files, path: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in files.read(path, start, end)])


def paths(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_holds_its_blocks_in_order(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    content = os.urandom(12 * MIB + 1)
    assert files.put("job/1/a.csv", (content[at : at + 99_999] for at in range(0, len(content), 99_999))) == len(
        content
    )
    assert files.size("job/1/a.csv") == len(content)
    assert (tmp_path / "files/job/1/a.csv").read_bytes() == content


@pytest.mark.parametrize(("start", "end"), [(0, 10), (3, 7), (9, 10), (0, 0), (10, 10), (7, 3)])
async def test_any_part_can_be_read(tmp_path: Path, start: int, end: int) -> None:
    files = make_files(tmp_path)
    files.put("a", iter([b"01234", b"", b"56789"]))
    assert await read(files, "a", start, end) == b"0123456789"[start:end]


def test_a_file_may_be_empty(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    assert files.put("a", iter([])) == 0
    assert files.size("a") == 0


def test_a_file_is_not_there_before_its_last_block(tmp_path: Path) -> None:
    files = make_files(tmp_path)

    def blocks() -> Iterator[bytes]:
        for _ in range(12):
            assert not (tmp_path / "files/a").exists()
            yield b"x" * MIB

    files.put("a", blocks())
    assert files.size("a") == 12 * MIB


@pytest.mark.parametrize("good", [0, 1, 12])
def test_blocks_that_break_off_leave_nothing(tmp_path: Path, good: int) -> None:
    files = make_files(tmp_path)

    def blocks() -> Iterator[bytes]:
        for _ in range(good):
            yield b"x" * MIB
        raise Broken

    with pytest.raises(Broken):
        files.put("job/1/a.csv", blocks())
    assert paths(tmp_path) == []


def test_a_file_and_its_folders_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make_files(tmp_path)
    synced = []

    def fsync(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink().relative_to(tmp_path)))

    monkeypatch.setattr(os, "fsync", fsync)
    files.put("job/1/a.csv", iter([b"x"]))
    assert synced == ["files/job/1/a.csv#1", "files/job/1", "files/job", "files"]


def test_what_is_not_there_has_no_size_and_may_be_deleted(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    assert files.size("job/1/a.csv") is None
    files.delete("job")


def test_deleting_a_folder_takes_half_written_files_too(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    files.put("job/1/a.csv", iter([b"x"]))
    files.put("job2/1/a.csv", iter([b"x"]))
    (tmp_path / "files/job/1/a.csv#1").write_bytes(b"half")
    files.delete("job")
    assert paths(tmp_path) == ["a.csv"]
    assert files.size("job2/1/a.csv") == 1


def test_a_folder_elsewhere_can_be_named(tmp_path: Path) -> None:
    files = Files(Settings(data_dir=str(tmp_path / "data"), files_url=f"file://{tmp_path}/else where"))
    files.put("a.csv", iter([b"x"]))
    assert (tmp_path / "else where/a.csv").read_bytes() == b"x"


def test_what_a_killed_writer_left_is_swept_away_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    lake = Destination(url=f"file://{tmp_path}/lake")
    files = Files(Settings(data_dir=str(tmp_path / "data"), destinations={"lake": lake}), "lake")
    (tmp_path / "lake" / "day.csv#of mine").write_bytes(b"")
    writers = []
    try:
        for _ in range(2):
            command = [sys.executable, program("write_half_a_file"), str(tmp_path / "lake")]
            writers.append(subprocess.Popen(command, stdout=subprocess.PIPE))
            assert writers[-1].stdout.readline()
        assert paths(tmp_path / "lake") == ["day.csv#1", "day.csv#2", "day.csv#of mine"]
        files.sweep("day.csv")
        assert paths(tmp_path / "lake") == ["day.csv#1", "day.csv#2", "day.csv#of mine"]
        writers[0].kill()
        writers[0].wait()
        files.put("day.csv", iter([b"whole"]))
        assert paths(tmp_path / "lake") == ["day.csv", "day.csv#2", "day.csv#of mine"]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    files.sweep("day.csv")
    assert paths(tmp_path / "lake") == ["day.csv", "day.csv#of mine"]
