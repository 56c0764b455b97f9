"""`footfall audit export --follow`: each entry once, through a state that is away, and no log that does not go on."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from states import state_url

from footfall.audit import ChainBroken, ChainFollower
from footfall.state import AuditEntry, State


def add(state: State, *actions: str) -> None:
    state.audit.append([AuditEntry(at_ms=1, action=action) for action in actions])


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with closing(State(state_url(tmp_path))) as state:
        add(state, "a", "b", "c", "d")
        yield state


def test_each_entry_is_taken_once_in_its_order(state: State) -> None:
    follower = ChainFollower(1)
    assert [entry.action for entry in follower.take(state)] == ["b", "c", "d"]
    assert list(follower.take(state)) == []
    add(state, "e", "f")
    assert [entry.number for entry in follower.take(state)] == [5, 6]


@pytest.mark.parametrize(
    ("statement", "added", "reason"),
    [
        ("DELETE FROM audit WHERE number > 2", 0, "the log ends with entry 2, before entry 4"),
        ("DELETE FROM audit", 0, "the log ends with entry 0, before entry 4"),
        ("DELETE FROM audit", 4, "entry 4 is another than before"),
        ("DELETE FROM audit", 6, "entry 5 does not follow the entry 4 that was here before"),
        ("UPDATE audit SET number = 7 WHERE number = 4", 0, "entries 5 to 6 are gone"),
    ],
)
def test_a_log_that_does_not_go_on_is_told(state: State, statement: str, added: int, reason: str) -> None:
    follower = ChainFollower()
    list(follower.take(state))
    with state.database.write() as connection:
        connection.execute(text(statement))
    if added:
        add(state, *("other",) * added)
    with pytest.raises(ChainBroken, match=reason):
        list(follower.take(state))


def test_a_changed_entry_is_told_and_what_was_before_it_is_given(state: State) -> None:
    with state.database.write() as connection:
        connection.execute(text("UPDATE audit SET who = 'zoe' WHERE number = 3"))
    taken = ChainFollower().take(state)
    assert [next(taken).number, next(taken).number] == [1, 2]
    with pytest.raises(ChainBroken, match="entry 3 was changed"):
        next(taken)


@pytest.fixture
def following(tmp_path: Path, state: State) -> Iterator[subprocess.Popen]:
    del state
    (tmp_path / "journal").mkdir()
    command = [sys.executable, "-m", "footfall", "--data-dir", str(tmp_path), "audit", "export", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def actions(process: subprocess.Popen, count: int) -> list[str]:
    """The next lines; the runner's limit of a test's time ends a wait for one that never comes."""
    return [json.loads(process.stdout.readline())["action"] for _ in range(count)]


def test_it_follows_through_a_state_that_was_away(tmp_path: Path, following: subprocess.Popen) -> None:
    assert actions(following, 4) == ["a", "b", "c", "d"]
    file, kept, old = (tmp_path / name for name in ("state.db", "kept.db", "old.db"))
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(old)) as copy:
        source.backup(copy)
    file.rename(kept)
    assert following.stderr.readline() == f"there is no state database {file}; waiting for it\n"
    assert not file.exists()
    kept.rename(file)
    assert following.stderr.readline() == "the state database is back\n"
    with closing(State(f"sqlite:///{file}")) as state:
        add(state, "e")
    assert actions(following, 1) == ["e"]
    for name in ("state.db-wal", "state.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    old.replace(file)
    assert following.wait(60) == 1
    assert following.stdout.read() == ""
    assert following.stderr.read().startswith("Error: the log ends with entry 4, before entry 5")


def test_ctrl_c_ends_it(following: subprocess.Popen) -> None:
    assert len(actions(following, 4)) == 4
    following.send_signal(signal.SIGINT)
    assert following.wait(60) == 130
    assert following.stderr.read() == ""
