"""What a check of the chain finds: entries that were changed, taken out, put in, or are gone from either end."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from states import state_url

from footfall.audit import AuditEvent, entries, prune, verify
from footfall.settings import Settings
from footfall.state import AuditEntry, State

DAY_MS = 86_400_000


class Clock:
    def now_ms(self) -> int:
        return 1_000 * DAY_MS


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with closing(State(state_url(tmp_path))) as state:
        state.audit.append([AuditEntry(at_ms=number * DAY_MS, action=f"a{number}") for number in range(1, 9)])
        yield state


def change(state: State, statement: str) -> None:
    with state.database.write() as connection:
        connection.execute(text(statement))


def test_a_chain_as_it_was_written_holds(state: State) -> None:
    found = verify(state)
    (last,) = state.audit.newest(None, 1)
    assert (found.entries, found.first, found.number, found.hash, found.problems) == (8, 1, 8, last.hash, [])
    assert verify(state, {8: last.hash, 3: state.audit.following(2, 1)[0].hash}).problems == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE audit SET who = 'zoe' WHERE number = 4", "entry 4 was changed"),
        ("UPDATE audit SET at_ms = 7 WHERE number = 1", "entry 1 was changed"),
        ("UPDATE audit SET previous = 'x' WHERE number = 4", "entry 4 does not follow entry 3"),
        ("DELETE FROM audit WHERE number = 4", "entry 5 does not follow entry 3"),
        ("DELETE FROM audit WHERE number < 4", "the entries before 4 are gone, and no entry says so"),
        ("UPDATE audit SET number = 9 WHERE number = 8", "entry 9 does not follow entry 7"),
    ],
)
def test_what_was_changed_or_taken_out_is_found(state: State, statement: str, problem: str) -> None:
    change(state, statement)
    assert problem in "\n".join(verify(state).problems)


def test_an_end_that_was_cut_off_is_found_by_a_hash_that_was_kept(state: State) -> None:
    kept = verify(state)
    change(state, "DELETE FROM audit WHERE number > 6")
    assert verify(state).problems == []
    assert verify(state, {kept.number: kept.hash}).problems == ["entry 8, whose hash was kept, is not there"]


def test_a_chain_that_was_made_anew_is_found_by_a_hash_that_was_kept(state: State) -> None:
    kept = verify(state)
    change(state, "DELETE FROM audit")
    state.audit.append([AuditEntry(at_ms=1, action="other")] * 8)
    assert verify(state).problems == []
    assert "another than the one whose hash was kept" in verify(state, {kept.number: kept.hash}).problems[0]


def test_a_pruned_chain_holds_and_no_more_may_go(state: State) -> None:
    settings = Settings(audit_days=995)
    assert prune(state, settings, Clock(), "n") == 4
    found = verify(state)
    assert (found.entries, found.first, found.number, found.problems) == (5, 5, 9, [])
    assert prune(state, settings, Clock(), "n") == 0
    change(state, "DELETE FROM audit WHERE number = 5")
    assert verify(state).problems == ["the chain begins with entry 6, and entry 9 says 5"]


def test_nothing_is_pruned_where_all_is_kept_or_less_than_a_day_is_too_old(state: State) -> None:
    assert prune(state, Settings(audit_days=-1), Clock(), "n") == 0
    assert prune(state, Settings(audit_days=998), Clock(), "n") == 0
    assert [entry.action for entry in entries(state, 6)] == ["a7", "a8"]


def test_a_text_that_somebody_chose_is_cut_and_plain() -> None:
    details = {"query": "x" * 10_000, "why": "a\x00b"}
    entry = AuditEvent(action="a", who="x" * 1_000, target="a\nb\x00", details=details).entry(1, "n")
    assert (len(entry.who), entry.target) == (300, "a\ufffdb\ufffd")
    assert len(entry.details) < 4_000
    assert AuditEvent(action="a", details={"why": "a\x00b"}).entry(1, "n").details == '{"why":"a\\ufffdb"}'
