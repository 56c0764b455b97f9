"""`footfall upgrade`, and data of a later version, which every command refuses."""

import json
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from all_commands import COMMANDS, run
from old_folders import VERSIONS, unpack

from footfall.backup import mark_backups
from footfall.settings import Settings
from footfall.state import open_state
from footfall.store import read_migrations
from footfall.system.data_format import STORE_SCHEMA, DataFormat, note_format, own_format, read_format

# What the service never changes in place.
KEPT = ("archive", "files", "journal")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that is never changed in place, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in KEPT
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


def write_format(folder: Path, **changes: object) -> None:
    """Have the folder be one of another version."""
    folder.mkdir(exist_ok=True)
    found = DataFormat(**{**msgspec.structs.asdict(own_format()), "footfall": "9.8.7", **changes})
    (folder / "format.json").write_bytes(msgspec.json.encode(found))


def test_an_upgrade_leaves_a_copy_of_the_data_as_they_were(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "before"
    unpack(VERSIONS[0], data)
    original = contents(data)
    upgraded = run(f"upgrade --copy-to {copy} --json", data)
    assert upgraded.exit_code == 0, upgraded.output
    told = json.loads(upgraded.stdout)
    numbers = {(change["where"], change["number"]) for change in told["changes"]}
    assert numbers >= {("state", "0006"), ("state", "0016"), ("store", "0005"), ("store", "0007")}
    assert not numbers & {("state", "0005"), ("store", "0004")}
    assert contents(copy) == original
    # The copy is still of the version before, in the state and in the store.
    checked = run("upgrade --check", copy)
    assert checked.exit_code == 0, checked.output
    assert f"state     {len([number for number in numbers if number[0] == 'state'])} changes" in checked.stdout
    assert "0007    rollups" in checked.stdout
    assert checked.stdout.endswith("give --copy-to FOLDER, then start this version\n")
    assert read_format(data) == own_format()
    with closing(open_state(Settings(data_dir=str(data)))) as state:
        assert state.pending() == []
        assert [entry.action for entry in state.audit.newest(None, 1)] == ["data.upgrade"]
        assert list(mark_backups(state)) == [(f"copy of an upgrade: {copy}", "it has everybody: remove it")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("upgrade", "give one of --check, --copy-to FOLDER and --no-copy. See: footfall upgrade --help"),
        ("upgrade --check --no-copy", "give one of --check, --copy-to FOLDER and --no-copy"),
        ("upgrade --copy-to {data}/copy", "{data}/copy is inside the data folder"),
        ("upgrade --copy-to {data}", "{data} is inside the data folder"),
        ("upgrade --copy-to {data}/../there", "{data}/../there is there already: name another folder"),
    ],
)
def test_what_cannot_be_done_is_refused(line: str, reason: str, tmp_path: Path, monkeypatch) -> None:
    data = tmp_path / "data"
    (data / "journal").mkdir(parents=True)
    (tmp_path / "there").mkdir()
    monkeypatch.setattr("footfall.cli.upgrade.examine", lambda _: None)  # the engine need not start for it
    told = run(line.format(data=data), data)
    assert told.exit_code in (1, 2)
    assert told.stderr.startswith(f"Error: {reason.format(data=data)}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "there"]


@pytest.mark.parametrize("line", [line for line in COMMANDS if not line.startswith(("plan check", "doctor"))])
def test_every_command_refuses_the_data_of_a_later_version(line: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_format(data, journal=2, store=STORE_SCHEMA + 1)
    (data / "journal").mkdir()
    told = run(line, data)
    assert (told.exit_code in (1, 3), told.stdout, told.stderr.count("\n")) == (True, "", 1), told.output
    assert "was served by footfall 9.8.7, a later version than this one" in told.stderr
    assert f"it has journal format 2 (this version: 1), schema of the store {STORE_SCHEMA + 1}" in told.stderr
    assert sorted(path.name for path in data.iterdir()) == ["format.json", "journal"]


def test_a_later_version_with_the_same_forms_is_no_reason_to_refuse(tmp_path: Path) -> None:
    write_format(tmp_path / "data")
    (tmp_path / "data" / "journal").mkdir()
    assert run("user list", tmp_path / "data").exit_code == 0
    note_format(Settings(data_dir=str(tmp_path / "data")))
    assert read_format(tmp_path / "data") == own_format()


def test_a_format_that_a_power_cut_emptied_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "format.json").write_bytes(b"")
    note_format(Settings(data_dir=str(tmp_path)))
    assert read_format(tmp_path) == own_format()


def test_the_number_of_the_schema_is_that_of_the_last_file() -> None:
    assert read_migrations()[-1].number == STORE_SCHEMA
