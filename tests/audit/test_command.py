"""`footfall audit`, and what commands leave in the log."""

import getpass
import json
from contextlib import closing
from pathlib import Path

import pytest
from all_commands import run
from sqlalchemy import text
from states import state_url

from footfall.audit import verify
from footfall.service.preparation import prepare
from footfall.settings import Settings
from footfall.state import State


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with closing(State(state_url(tmp_path))):
        pass
    (tmp_path / "journal").mkdir()
    for line in ("add anna --customer BARCHART --new", "add root --admin", "grant anna --customer TGAM --new"):
        assert run(f"user {line}", tmp_path).exit_code == 0
    return tmp_path


def test_commands_leave_who_gave_them_and_what_for(data: Path) -> None:
    key = run("key add anna --name x --scope read", data).stdout.strip()
    assert run("user remove zoe", data).exit_code == 1
    exported = run("audit export", data).stdout
    found = [json.loads(line) for line in exported.splitlines()]
    assert [(each["action"], each["target"]) for each in found] == [
        ("user.add", "anna"),
        ("user.add", "root"),
        ("user.grant", "anna"),
        ("key.add", "anna"),
    ]
    assert {each["who"] for each in found} == {f"cli:{getpass.getuser()}"}
    assert json.loads(found[2]["details"])["customers"] == ["TGAM"]
    assert "a long password" not in exported
    assert key.rpartition("_")[2] not in exported


def test_it_is_listed_exported_and_verified(data: Path) -> None:
    listed = run("audit list --action user.add", data).stdout
    assert listed.index("root") < listed.index("anna")
    assert run("audit list --since 1h --outcome failed", data).stdout == "there are no such entries\n"
    assert len(run("audit export --after 2", data).stdout.splitlines()) == 1
    told = run("audit verify", data).stdout
    assert told.startswith("3 entries hold, from 1; the last is 3:")
    head = told.strip().rpartition(" ")[2]
    assert run(f"audit verify --head {head}", data).exit_code == 0
    assert run("audit verify --head 3", data).exit_code == 2
    with closing(State(state_url(data))) as state, state.database.write() as connection:
        connection.execute(text("UPDATE audit SET who = 'cli:nobody' WHERE number = 2"))
    broken = run("audit verify", data)
    assert (broken.exit_code, broken.stderr.splitlines()[0]) == (1, "entry 2 was changed")


def test_a_start_leaves_its_settings_but_for_secrets(data: Path) -> None:
    events = "clickhouse://me:hidden@host/db"
    prepare(Settings(data_dir=str(data), archive_days=7, events_url=events))
    with closing(State(state_url(data))) as state:
        (found,) = state.audit.newest(None, 1)
        assert verify(state).problems == []
    details = json.loads(found.details)
    assert found.action == "service.start"
    assert (details["settings"], details["withheld"]) == ({"archive_days": 7}, ["events_url"])
    assert "hidden" not in found.details
