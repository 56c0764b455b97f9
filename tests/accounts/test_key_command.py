"""`footfall key`, on the state of a service that does not run."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from all_commands import run
from states import state_url

from footfall.state import State


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with closing(State(state_url(tmp_path))):
        pass
    (tmp_path / "journal").mkdir()
    assert run("user add anna --customer BARCHART --new", tmp_path).exit_code == 0
    return tmp_path


def listed(data: Path, options: str = "") -> list[dict[str, Any]]:
    return list(json.loads(run(f"key list --json {options}", data).stdout))


def test_a_key_from_its_making_to_its_end(data: Path) -> None:
    made = run("key add anna --name board --scope read --scope report --product ALERT --days 30", data)
    assert made.exit_code == 0
    assert made.stdout.startswith("footfall_")
    key_id = made.stdout.split("_")[1]
    assert made.stderr == f"added key {key_id}; it is shown this once:\n"
    (found,) = listed(data, "--user anna")
    assert found["created_ms"] + 30 * 86_400_000 == found["expires_ms"]
    rights = ("id", "user", "name", "scopes", "customers", "products", "used_ms", "replaces")
    assert [found[name] for name in rights] == [key_id, "anna", "board", ["read", "report"], [], ["ALERT"], None, None]
    assert listed(data, "--user root") == []
    rotated = run(f"key rotate {key_id} --overlap 60", data)
    new_id = rotated.stdout.split("_")[1]
    assert rotated.stderr.startswith(f"rotated key {key_id}, which works for 60 s more: added key {new_id};")
    assert {each["id"]: each["replaces"] for each in listed(data)} == {key_id: None, new_id: key_id}
    assert run(f"key revoke {key_id}", data).stdout == f"revoked key {key_id}\n"
    table = run("key list", data).stdout
    assert (key_id in table, new_id in table, "read,report" in table) == (False, True, True)
    assert made.stdout.strip().rpartition("_")[2] not in table


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("key add zoe --name x --scope read", "no such user: 'zoe'"),
        ("key add anna --name x --scope read --customer TGAM", "user 'anna' does not see TGAM"),
        ("key revoke k3v9x2m7qd", "no such key: 'k3v9x2m7qd'; `footfall key list` shows them all"),
        ("key rotate k3v9x2m7qd", "no such key: 'k3v9x2m7qd'"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(data: Path, line: str, why: str) -> None:
    told = run(line, data)
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert why in told.stderr
