"""Every command, as people give it: mistyped, beside no service, on a narrow terminal, into a pipe.

What stands in the way of a command is one line on standard error that begins with `Error: `. `test_owner.py` has the
wrong folder and the wrong user.
"""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from all_commands import COMMANDS, USES_NO_DATA, names, run
from click.shell_completion import BashComplete

from footfall.cli import main
from footfall.settings import Settings
from footfall.system import files
from footfall.system.served_settings import shared_settings

ALL = (*COMMANDS, *USES_NO_DATA)
# They run until they are stopped, or start the engine themselves where no service runs.
_RUN = ("serve", "web", "worker", "engine", "verify", "rebuild", "backup PLACE", "restore PLACE", "erase")
_NEED_THE_SERVICE = tuple(
    line for line in COMMANDS if line.startswith(("quarantine", "plan", "demo")) and line != "plan refused"
)
PLAN = 'customers = ["ACME"]\n[products.WEB]\ncolumns = ["userId"]\n[products.WEB.types]\nWEB-OPENED = ["userId"]\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plan.toml").write_text(PLAN)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The data folder of a service that does not run."""
    (tmp_path / "data" / "journal").mkdir(parents=True)
    return tmp_path / "data"


def name_of(line: str) -> str:
    return next(name for name in names(main, (), click.Context(main)) if line == name or line.startswith(f"{name} "))


@pytest.mark.parametrize("line", ALL)
def test_a_mistyped_line_is_told_in_one(line: str, tmp_path: Path) -> None:
    name = name_of(line)
    for typed in (f"{line} --jsn", name[:-1], f"{name} --data-dir"):
        told = run(typed, tmp_path)
        (said,) = told.stderr.splitlines()
        assert (told.exit_code, told.stdout, said.startswith("Error: ")) == (2, "", True), typed
        assert "Did you mean" in said or "Option '--data-dir' requires an argument" in said or said.endswith(" --help")


@pytest.mark.parametrize("line", ["journal ls --days 0", "verify --days x", "quarantine list --limit 1001"])
def test_a_number_that_cannot_be_is_told_with_its_bounds(line: str, tmp_path: Path) -> None:
    told = run(line, tmp_path)
    assert (told.exit_code, "is no whole number from 1 " in told.stderr, told.stderr.count("\n")) == (2, True, 1)


@pytest.mark.parametrize("line", [line for line in ALL if line not in _RUN and name_of(line) not in _RUN])
def test_without_a_service_a_command_does_its_work_or_says_in_one_line_why_not(line: str, stopped: Path) -> None:
    told = run(line, stopped)
    errors = [said for said in told.stderr.splitlines() if not said.startswith("this user sees no")]
    assert "Traceback" not in told.output
    assert "\x1b" not in told.output
    if line in _NEED_THE_SERVICE:
        assert (told.exit_code, len(errors)) == (1, 1)
        assert errors[0].startswith(f"Error: footfall does not run on {stopped}: start it with `footfall --data-dir")
    else:
        assert (told.exit_code, len(errors)) in ((0, 0), (1, 1))
        assert all(said.startswith("Error: ") for said in errors)


def test_what_people_have_on_a_narrow_terminal_fits_it(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("user add anna --customer ACME --customer GLOBEX --new", stopped).exit_code == 0
    line = "schedule add --user anna --customer ACME --product WEB --every day --timezone Europe/Berlin --new"
    assert run(line, stopped).exit_code == 0
    (stopped / "journal" / "1790000000000-0a1b2c3d-000001.jsonl.zst").touch()
    lines = ("user list", "schedule list", "journal ls", "plan show", "settings")
    wide = {line: run(line, stopped).stdout.splitlines() for line in lines}
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    for line in lines:
        found = run(line, Path("data")).stdout
        assert max(map(len, found.splitlines())) <= 80, found
        # The last word of the last line, as of each, is still there whole.
        assert wide[line][-1].split()[-1] in found.split(), line
    assert wide["schedule list"][0].split()[0] == "ID"


def test_times_of_a_schedule_are_by_the_clock_of_its_zone(stopped: Path) -> None:
    run("user add root --admin", stopped)
    for zone, offset in (("Asia/Tokyo", "+09:00"), ("UTC", "Z")):
        line = f"schedule add --user root --customer A --product W --every day --new --timezone {zone} --grace 0"
        told = run(line, stopped)
        assert told.stderr.endswith(f" 00:00:00{offset}\n")
        assert f" 00:00:00{offset} " in run("schedule list", stopped).stdout


def test_a_command_knows_the_settings_of_the_service_that_runs(stopped: Path) -> None:
    served = Settings(data_dir=str(stopped), plan="plan.toml", plan_mode="open", state_url="sqlite:///other.db")
    with files.lock_file(stopped / "serve.lock"), shared_settings(served, 8123):
        # Given in another folder, and with a word of its own.
        os.chdir(stopped)
        shown = json.loads(run("--set plan_mode=strict settings --json", stopped).stdout)
        assert "neither the tracking plan" in run("user add anna --customer TGAM", stopped).stderr
        assert run("user add anna --customer ACME", stopped).exit_code == 0
    assert shown["plan"] == {"value": str(stopped.parent / "plan.toml"), "source": "service"}
    assert (shown["plan_mode"]["value"], shown["port"]["value"]) == ("strict", 8123)
    assert shown["state_url"]["value"] == f"sqlite:///{stopped.parent}/other.db"
    assert (stopped.parent / "other.db").exists()
    after = json.loads(run("settings --json", stopped).stdout)
    assert {each["source"] for each in after.values()} <= {"default", "FOOTFALL_DATA_DIR"}


def test_passwords_are_not_written_down_for_the_commands(stopped: Path) -> None:
    secrets = {
        "state_url": "postgresql://me:hidden@host/db",
        "events_url": "clickhouse://me:hidden@host/db",
        # Not known as secrets by their names: the user of a proxy, a key without one.
        "files_url": "s3://hidden@bucket/reports?hidden",
    }
    served = Settings(data_dir=str(stopped), port=1, **secrets)
    with files.lock_file(stopped / "serve.lock"), shared_settings(served, 1):
        assert b"hidden" not in (stopped / "run" / "settings.json").read_bytes()
        for line, name in (("user list", "state_url"), ("verify", "events_url"), ("quarantine list", "events_url")):
            told = run(line, stopped)
            assert (told.exit_code, told.stderr.count("\n")) == (78, 1)
            assert f"has a {name} of its own, with a password: name it to this command too" in told.stderr
        assert run(f"--set state_url=sqlite:///{stopped}/state.db user list", stopped).exit_code == 0
        assert run("journal ls", stopped).exit_code == 0
    assert not (stopped / "run" / "settings.json").exists()


def test_ctrl_c_at_a_question_is_told_below_it(tmp_path: Path) -> None:
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "footfall", "plan", "init", "mine.toml"]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        said = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while True:
                # A signal just before the question waits for its answer interrupts nothing: it is sent again.
                if select.select([master], [], [], 2)[0]:
                    said += os.read(master, 4096)
                if said.endswith(b"): ") and process.poll() is None:
                    process.send_signal(signal.SIGINT)
    os.close(master)
    assert (process.returncode, said.decode().splitlines()[-1]) == (130, "Error: stopped by Ctrl-C")
    assert not (tmp_path / "mine.toml").exists()


def test_a_shell_completes_commands_and_options(tmp_path: Path) -> None:
    complete = BashComplete(main, {}, "footfall", "_FOOTFALL_COMPLETE")
    for before, begin, found in (
        ([], "stat", "stats"),
        (["user"], "pass", "password"),
        (["stats"], "--int", "--interval"),
    ):
        assert found in [one.value for one in complete.get_completions(before, begin)]
    for shell in ("bash", "zsh", "fish"):
        told = run(f"completion {shell}", tmp_path)
        assert (told.exit_code, "_FOOTFALL_COMPLETE" in told.stdout, told.stderr) == (0, True, "")
