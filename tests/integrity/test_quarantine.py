"""Verify and rebuild cover quarantine as they cover events: held, released and dropped records."""

import uuid
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from checked import DAY_MS, HOUR_MS, NOON, MakeNode, Node, event, lines, spoil
from click.testing import CliRunner

from footfall.cli.verify import rebuild, verify
from footfall.integrity import ComparisonResult, VerificationResult
from footfall.journal import Frame, walk
from footfall.loading import Retention

WRONG = {"code": "EVENT_NOT_IN_PLAN", "place": "type", "reason": "type: X is not in the plan", "plan": "abc"}


def held(*span: int, **changes: Any) -> bytes:
    return lines(event(number, **WRONG, address="203.0.113.9", **changes) for number in range(*span))


def settled(state: str, *span: int) -> bytes:
    """What a release or a drop of these writes."""
    return held(*span, context=[], state=state, changed_by="ann", held_since=NOON)


def quarantine(there: Node, quarantined: bytes, events: bytes = b"") -> None:
    there.send(**({"quarantined": quarantined} | ({"released": events} if events else {})))
    there.load()
    there.clock.ms += 1000


def with_all_states(node: MakeNode) -> Node:
    """A node with three stored events, and of five quarantined ones two held, two dropped and one released."""
    there = node()
    there.collect([event(100), event(101)])
    quarantine(there, held(5))
    there.clock.ms += DAY_MS
    quarantine(there, settled("dropped", 1, 3))
    quarantine(there, settled("released", 3, 4), lines([event(3, received=NOON + 2)]))
    return there


def records(there: Node) -> list[tuple[Any, ...]]:
    return there.rows("SELECT *, precedence FROM quarantine FINAL ORDER BY batch, sequence")


def totals(verdict: VerificationResult) -> dict[str, int]:
    found = verdict.quarantine
    assert isinstance(found, ComparisonResult)
    names = ("good", "missing", "doubled", "changed", "unarchived", "older", "newer")
    return {name: count for name in names if (count := found.total(name))}


def test_a_store_that_was_lost_gets_back_every_state(node: MakeNode) -> None:
    there = with_all_states(node)
    before, verdict = records(there), there.verify()
    assert (verdict.problems, totals(verdict), verdict.archive.quarantined) == ({}, {"good": 5}, 8)
    assert [row[there_state(there)] for row in before] == ["held", "dropped", "dropped", "released", "held"]
    there.sql("TRUNCATE TABLE quarantine")
    there.sql("TRUNCATE TABLE events")
    verdict = there.verify()
    assert verdict.problems == {"missing": 3, "missing in quarantine": 5}
    rebuilt = there.rebuild()
    assert rebuilt.quarantine is not None
    assert rebuilt.quarantine.total("missing") == 5
    assert records(there) == before
    assert there.stored() == [3, 100, 101]
    assert there.verify().problems == {}
    assert not [name for name in there.tables() if name.startswith("check_")]


def there_state(there: Node) -> int:
    names = [
        name
        for (name,) in there.rows(
            "SELECT name FROM system.columns WHERE table = 'quarantine' AND "
            "database = currentDatabase() ORDER BY position"
        )
    ]
    return names.index("state")


def test_what_is_missing_or_not_as_archived_is_found_and_brought_back(node: MakeNode) -> None:
    there = node()
    quarantine(there, held(4))
    quarantine(there, settled("dropped", 2, 4))
    before = records(there)
    there.sql("OPTIMIZE TABLE quarantine FINAL")
    for harm in (
        "DELETE FROM quarantine WHERE sequence = 1",
        "ALTER TABLE quarantine UPDATE context = ['other'] WHERE sequence = 2",
        "DELETE FROM quarantine WHERE sequence = 3",
        "ALTER TABLE quarantine UPDATE reason = 'other' WHERE sequence = 4",
    ):
        there.sql(f"{harm} SETTINGS mutations_sync = 1")
    verdict = there.verify()
    assert verdict.problems == {"missing in quarantine": 2, "changed in quarantine": 2}
    assert verdict.quarantine is not None
    found = {finding.sequence: finding.verdict for finding in verdict.quarantine.findings}
    assert found == {1: "missing", 2: "changed", 3: "missing", 4: "changed"}
    there.rebuild()
    assert records(there) == before
    assert there.verify().problems == {}


def test_a_table_that_is_behind_its_lines_is_found(node: MakeNode) -> None:
    there = node()
    quarantine(there, held(2))
    segment = there.archived()[0]
    quarantine(there, settled("dropped", 2))
    before = records(there)
    there.sql("TRUNCATE TABLE quarantine")
    there.store.load(segment, "quarantine")
    assert there.verify().problems == {"changed in quarantine": 2}
    there.rebuild()
    assert records(there) == before


def test_a_state_that_no_archived_line_gives_is_told_and_stays(node: MakeNode) -> None:
    there = with_all_states(node)
    before = records(there)

    def says_dropped(path: Path) -> bool:
        return any(b"dropped" in part.lines for part in walk(path.read_bytes()) if isinstance(part, Frame))

    [drop] = filter(says_dropped, there.archived())
    there.forget(drop)
    assert there.verify().problems == {"unarchived in quarantine": 2}
    there.rebuild()
    assert records(there) == before


def test_the_lines_of_a_damaged_frame_are_known_to_be_unarchived(node: MakeNode) -> None:
    there = node()
    there.collect([event(100)])
    quarantine(there, held(2))
    quarantine(there, held(2, 5))
    spoil(there.archived()[-1])
    assert there.verify().problems == {"damaged": 1, "unarchived in quarantine": 3}


def test_lines_that_wait_or_came_before_the_archive_are_no_problem(node: MakeNode) -> None:
    there = node(archive_days=1)
    there.collect([event(100)])
    quarantine(there, held(2))
    for path in there.archived():
        there.forget(path)
    there.clock.ms += 3 * DAY_MS
    there.collect([event(101)])
    there.clock.ms += HOUR_MS
    there.send(quarantined=held(2, 3))
    there.store.load(there.folder.sealed()[0], "quarantine")
    verdict = there.verify()
    assert (verdict.problems, totals(verdict)) == ({}, {"older": 2, "newer": 1})


def test_quarantine_comes_back_where_no_event_was_ever_good(node: MakeNode) -> None:
    there = node()
    quarantine(there, held(3))
    before = records(there)
    there.sql("TRUNCATE TABLE quarantine")
    result = CliRunner().invoke(rebuild, [], obj=there.settings, catch_exceptions=False)
    assert result.stdout.splitlines()[:2] == [
        "archive   1 segment, 1 frame, 0 events, 3 lines of quarantine",
        "quarantine  brought back: 3 records",
    ]
    assert records(there) == before


def test_requests_with_one_key_and_other_events_are_one_record(node: MakeNode) -> None:
    """Whatever else differs between the lines of a record: batch and sequence say which it is."""
    there = node()
    quarantine(there, held(1))
    quarantine(there, held(1, timestamp=NOON - 400 * DAY_MS, customer="D"))
    verdict = there.verify()
    assert (verdict.problems, totals(verdict)) == ({}, {"good": 1})


def test_the_comparison_goes_in_steps_of_batches(node: MakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.integrity.comparison.STEP_EVENTS", 2)
    there = node()
    there.send(quarantined=b"".join(held(1, batch=str(uuid.UUID(int=number))) for number in range(1, 12)))
    there.load()
    there.clock.ms += 1000
    assert totals(there.verify()) == {"good": 11}


def test_verify_shows_quarantine(node: MakeNode) -> None:
    there = with_all_states(node)
    there.sql("DELETE FROM quarantine WHERE sequence = 1")
    result = CliRunner().invoke(verify, [], obj=there.settings, catch_exceptions=False)
    assert result.exit_code == 1
    assert "8 lines of quarantine" in result.stdout
    assert "quarantine compared on what was admitted from 2026-11-20 12:00:00Z" in result.stdout
    assert "verdict   1 missing in quarantine" in result.stdout


def test_the_copy_has_every_column_of_quarantine(node: MakeNode) -> None:
    there = node()
    there.store.run_table_script("check_make_quarantine", name="copied")
    wanted = "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = '{}'"
    ours = there.rows(f"{wanted.format('quarantine')} AND default_kind != 'MATERIALIZED' ORDER BY position")
    assert there.rows(f"{wanted.format('copied')} ORDER BY position") == ours
    there.sql("DROP TABLE copied")
    text = files("footfall.store").joinpath("queries/rebuild_quarantine.sql").read_text()
    assert ", ".join(name for name, _ in ours) in " ".join(text.partition("SELECT")[2].split())


def archived_lines(there: Node) -> bytes:
    found: list[Any] = [part for path in there.archived() for part in walk(path.read_bytes())]
    return b"".join(part.lines for part in found if isinstance(part, Frame))


def prune(there: Node) -> int:
    return there.archive.prune(there.clock.ms, Retention(there.store).needed)


def test_every_state_comes_back_after_the_archive_was_pruned(node: MakeNode) -> None:
    there = with_all_states(node)
    before = records(there)
    there.clock.ms += 40 * DAY_MS
    assert prune(there) == 0
    told = archived_lines(there)
    assert told.count(b"\n") == 5
    assert b'"context":["\xc3\xbc","1"]' not in told.replace(b" ", b"")  # it was dropped
    assert there.verify().problems == {}
    there.sql("TRUNCATE TABLE quarantine")
    there.rebuild()
    assert records(there) == before
    there.send(quarantined=settled("dropped", 0, 5))
    there.load()
    assert prune(there) == 0  # once a day
    there.clock.ms += DAY_MS
    prune(there)
    assert archived_lines(there).count(b"\n") == 3 + 5


def test_a_store_that_was_lost_makes_nothing_be_forgotten(node: MakeNode) -> None:
    there = node()
    quarantine(there, held(3))
    before = records(there)
    there.sql("TRUNCATE TABLE quarantine")
    there.clock.ms += 40 * DAY_MS
    prune(there)
    there.rebuild()
    assert records(there) == before
    there.sql("DROP TABLE quarantine")
    assert Retention(there.store).needed(held(3)) == held(3)


def test_only_segments_of_quarantine_are_kept_and_damaged_ones_as_they_are(node: MakeNode) -> None:
    there = node()
    there.collect([event(100)])
    quarantine(there, held(1))
    quarantine(there, held(1, 3))
    spoil(there.archived()[-1])
    quarantine(there, settled("dropped", 3))
    there.clock.ms += 40 * DAY_MS
    prune(there)
    assert len(there.archived()) == 2
    assert [path.name for path in there.archived() if "quarantine" not in path.name] == []
    assert b"not a line" in Retention(there.store).needed(lines([event(0)]) + b"not a line\n")
