"""Nobody but its owner uses a data folder: what another user writes into it, root too, its owner could not read."""

import os
import pwd
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from all_commands import COMMANDS, USES_NO_DATA, names, run

from footfall.cli import main
from footfall.settings import Settings
from footfall.state import StateUnavailable, open_state
from footfall.system.data_folder import NotOwner, require_ours

IS_ROOT = os.geteuid() == 0
NOBODY = 65_534 if IS_ROOT else os.geteuid()
STRANGER = 12_345

PLAN = 'customers = ["ACME"]\n[products.WEB]\ncolumns = ["userId"]\n[products.WEB.types]\nWEB-OPENED = ["userId"]\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plan.toml").write_text(PLAN)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A data folder of somebody else; whoever is not root cannot make one, but for root there is always one."""
    if not IS_ROOT:
        return Path("/usr")
    folder = tmp_path / "data"
    (folder / "journal").mkdir(parents=True)
    (folder / "clock").touch()
    for path in (folder, *folder.iterdir()):
        os.chown(path, STRANGER, -1)
    return folder


def test_every_command_is_known_to_use_the_data_folder_or_not() -> None:
    lines = [*COMMANDS, *USES_NO_DATA]
    for name in names(main, (), click.Context(main)):
        assert any(line == name or line.startswith(f"{name} ") for line in lines), name


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_refuses_the_data_of_another_user_and_says_whose_it_is(line: str, foreign: Path) -> None:
    before = sorted(foreign.rglob("*")) if IS_ROOT else []
    found = run(line, foreign)
    owner = f"#{STRANGER}" if IS_ROOT else "root"
    number = STRANGER if IS_ROOT else 0
    name = next(name for name in names(main, (), click.Context(main)) if line == name or line.startswith(f"{name} "))
    # The exit code 1 of `verify` is a verdict.
    assert found.exit_code == (3 if line == "verify" else 1)
    assert f"{foreign} belongs to {owner} (user number {number}): run this as that user" in found.stderr
    assert f"sudo -u {shlex.quote(owner)} footfall {name}" in found.stderr
    assert (sorted(foreign.rglob("*")) if IS_ROOT else []) == before


@pytest.mark.parametrize("line", [line for line in COMMANDS if line not in ("serve", "restore PLACE")])
def test_a_command_in_a_wrong_folder_says_so_in_one_line_and_makes_nothing(line: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    found = run(line, Path("footfall-data"))
    name = next(name for name in names(main, (), click.Context(main)) if line == name or line.startswith(f"{name} "))
    assert found.exit_code == (3 if name == "verify" else 1)
    why = f"Error: there is no data folder {tmp_path}/footfall-data: name another with --data-dir;"
    assert [told for told in found.stderr.splitlines() if told.startswith("Error")] == [
        f"{why} `footfall serve` makes one"
    ]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_without_data_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = run("user list", tmp_path / "empty")
    assert (found.exit_code, found.stderr.count("there is no data of footfall in")) == (1, 1)
    found = run("user list", tmp_path / "plan.toml")
    assert (found.exit_code, found.stderr.count("plan.toml is no folder")) == (1, 1)
    assert list((tmp_path / "empty").iterdir()) == []


def test_the_data_folder_is_named_before_a_command_or_after_it(tmp_path: Path) -> None:
    (tmp_path / "data" / "journal").mkdir(parents=True)
    for line in (f"--data-dir {tmp_path}/data user list", f"user list --data-dir {tmp_path}/data"):
        assert run(line, tmp_path / "elsewhere").exit_code == 0


@pytest.mark.parametrize("line", USES_NO_DATA)
def test_a_command_without_the_data_folder_runs_whoever_owns_it(line: str, foreign: Path) -> None:
    assert "belongs to" not in run(line, foreign).output


@pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
def test_the_service_refuses_roots_data_folder_to_a_plain_user(tmp_path: Path) -> None:
    """A real process of a real other user, which may look at the folder but did not make it."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(tempfile.gettempdir()) and str(folder) != tempfile.gettempdir():
            folder.chmod(folder.stat().st_mode | 0o011)
    code = (
        "import os, sys; from footfall.cli import main\n"
        "import footfall.cli.run\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "main(sys.argv[1:], prog_name='footfall')"
    )
    command = [sys.executable, "-c", code, "serve", "--data-dir", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    said = f"{data} belongs to {pwd.getpwuid(0).pw_name} (user number 0): run this as that user"
    assert (done.returncode, said in done.stderr, list(data.iterdir())) == (1, True, [])


def test_a_missing_folder_and_ones_own_pass(tmp_path: Path) -> None:
    require_ours(tmp_path)
    require_ours(tmp_path / "none" / "data")


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a file to somebody else")
def test_a_state_file_outside_the_data_folder_is_held_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch()
    os.chown(path, STRANGER, -1)
    with pytest.raises(NotOwner):
        require_ours(path)
    with pytest.raises(StateUnavailable, match=f"belongs to #{STRANGER}"):
        open_state(Settings(data_dir=str(tmp_path), state_url=f"sqlite:///{path}"))


@pytest.mark.skipif(not IS_ROOT, reason="only root can write into anybody's folder")
def test_root_makes_no_state_file_in_a_folder_of_somebody_else(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, STRANGER, -1)
    with pytest.raises(StateUnavailable, match=f"belongs to #{STRANGER}"):
        open_state(Settings(data_dir=str(tmp_path), state_url=f"sqlite:///{folder / 'state.db'}"))
    assert list(folder.iterdir()) == []


def every_command(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            inner = command.get_command(context, word)
            assert inner is not None
            yield from every_command(inner, (*words, word))


@pytest.mark.parametrize("words", list(every_command(main, ())), ids=" ".join)
def test_help_fits_a_terminal_is_whole_and_has_an_example(words: tuple[str, ...], tmp_path: Path) -> None:
    told = run(" ".join([*words, "--help"]), tmp_path)
    lines = [line for line in told.stdout.splitlines() if not line.startswith("Usage: ")]
    assert (told.exit_code, [line for line in lines if len(line) > 80 or line.endswith("...")]) == (0, [])
    assert "Example" in told.stdout


@pytest.mark.parametrize(("line", "meant"), [("serv", "serve"), ("user ad", "add"), ("quarantine relase", "release")])
def test_a_mistyped_command_is_told_what_it_may_have_meant(line: str, meant: str, tmp_path: Path) -> None:
    told = run(line, tmp_path)
    assert (told.exit_code, told.stderr.splitlines()[-1]) == (
        2,
        f"Error: No such command {line.rsplit(maxsplit=1)[-1]!r}. Did you mean {meant!r}?",
    )
