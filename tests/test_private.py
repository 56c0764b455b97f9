"""Files and folders that only their owner may use."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from footfall.service.preparation import prepare
from footfall.settings import Settings
from footfall.system import files
from footfall.system.clock import NodeClock


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_folders_that_are_missing_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "b")
    files.write_private(tmp_path / "a" / "b" / "c", b"x")
    assert [mode(tmp_path / path) for path in ("a", "a/b", "a/b/c")] == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("use", [lambda path: files.write_private(path, b"mine"), NodeClock])
def test_a_link_that_somebody_put_there_is_not_followed(tmp_path: Path, use: Callable[[Path], object]) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"12345678123456781")
    (tmp_path / "clock").symlink_to(theirs)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        use(tmp_path / "clock")
    assert theirs.read_bytes() == b"12345678123456781"


def test_what_others_may_use_is_found(tmp_path: Path) -> None:
    data = tmp_path / "data"
    files.make_folder(data)
    (data / "open").mkdir()
    (data / "link").symlink_to("open")
    files.write_private(data / "closed", b"")
    assert list(files.loose_modes(data)) == []
    data.chmod(0o755)
    assert list(files.loose_modes(data)) == [(data, 0o755), (data / "open", 0o777)]


def test_the_command_that_a_start_names_shuts_others_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "the data's"
    data.mkdir(0o777)
    (data / "journal").mkdir(0o777)
    monkeypatch.chdir(tmp_path)
    prepare(Settings(data_dir=data.name))
    (told,) = [said for said in caplog.messages if "other users of this machine may use" in said]
    # Wherever it is typed.
    subprocess.run(told.rpartition(": ")[2], shell=True, check=True, cwd="/")  # noqa: S602 - as it would be
    assert list(files.loose_modes(data)) == []
    assert mode(data / "journal") == 0o700
