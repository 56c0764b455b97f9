"""Large files are removed: their names at once, their space soon, and never under somebody who reads."""

import os
import sys
from pathlib import Path

import pytest

from footfall.files.paced_delete import PacedDelete

BYTES = 100_000


def in_small_steps(**changes: int) -> PacedDelete:
    return PacedDelete(**{"step_bytes": 4096, "pause_s": 0} | changes)


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes to which files were cut."""
    found: list[int] = []
    truncate = os.ftruncate
    monkeypatch.setattr(os, "ftruncate", lambda file, size: (found.append(size), truncate(file, size)))
    return found


def write(path: Path, size: int = BYTES) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell who has a file open")
def test_a_large_files_space_goes_in_steps(tmp_path: Path, cuts: list[int]) -> None:
    before = open_files()
    files = in_small_steps()
    files.remove(write(tmp_path / "large"))
    assert list(tmp_path.iterdir()) == []
    files.wait()
    assert cuts == list(range(BYTES - 4096, 0, -4096))
    assert open_files() == before


def test_a_file_that_is_read_stays_whole_for_who_reads_it(tmp_path: Path, cuts: list[int]) -> None:
    files = in_small_steps()
    with write(tmp_path / "large").open("rb") as reading:
        assert reading.read(10)
        files.remove(tmp_path / "large")
        files.wait()
        assert len(reading.read()) == BYTES - 10
    assert cuts == []


def test_small_files_links_and_files_with_two_names_lose_only_the_name(tmp_path: Path, cuts: list[int]) -> None:
    kept = write(tmp_path / "kept")
    (tmp_path / "link").symlink_to(kept)
    os.link(kept, tmp_path / "second")
    write(tmp_path / "small", 4096)
    files = in_small_steps()
    for name in ("link", "second", "small", "none"):
        files.remove(tmp_path / name)
    files.wait()
    assert list(tmp_path.iterdir()) == [kept]
    assert kept.stat().st_size == BYTES
    assert cuts == []


def test_a_folder_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "kept")
    folder = tmp_path / "folder"
    for name in ("a", "b/c", "b/d/e"):
        write(folder / name)
    (folder / "b" / "link").symlink_to(outside.parent)
    files = in_small_steps()
    files.remove_all(folder)
    files.remove_all(folder)
    files.wait()
    assert list(tmp_path.iterdir()) == [outside.parent]
    assert outside.stat().st_size == BYTES


def test_more_than_may_wait_are_removed_too(tmp_path: Path) -> None:
    before = open_files()
    files = in_small_steps(waiting_max=1)
    for n in range(20):
        files.remove(write(tmp_path / str(n), 10_000))
    files.wait()
    assert list(tmp_path.iterdir()) == []
    assert open_files() == before


def test_a_step_that_fails_holds_up_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: int, size: int) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "ftruncate", refuse)
    before = open_files()
    files = in_small_steps()
    for n in range(3):
        files.remove(write(tmp_path / str(n)))
    files.wait()
    assert open_files() == before


def test_a_folder_that_is_none_is_an_error_and_stays(tmp_path: Path) -> None:
    path = write(tmp_path / "file")
    with pytest.raises(OSError, match="Not a directory"):
        in_small_steps().remove_all(path)
    assert path.exists()
