"""The check finds what is wrong, says what it is, and raises no alarm where nothing is."""

import contextlib
from collections.abc import Iterator

import pytest
from checked import DAY_MS, HOUR_MS, NOON, MakeNode, Node, event, lines, meanwhile, spoil

from footfall.integrity import Advance, Busy, ComparisonResult, NoRoom, VerificationResult
from footfall.store import StoreUnavailable


def numbers(*span: int, **changes: object) -> list[dict[str, object]]:
    return [event(number, **changes) for number in range(*span)]


def compared(verdict: VerificationResult) -> ComparisonResult:
    assert verdict.compared is not None
    return verdict.compared


def totals(verdict: VerificationResult) -> dict[str, int]:
    names = ("good", "missing", "doubled", "changed", "unarchived", "older", "newer")
    return {name: count for name in names if (count := compared(verdict).total(name))}


def test_all_is_well(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3), numbers(3, 5))
    there.clock.ms += DAY_MS
    there.collect(numbers(5, 9, timestamp=NOON + DAY_MS))
    verdict = there.verify()
    assert verdict.problems == {}
    assert totals(verdict) == {"good": 9}
    assert [(day.day, day.archived, day.stored) for day in compared(verdict).days] == [
        ("2026-11-20", 5, 5),
        ("2026-11-21", 4, 4),
    ]
    assert (verdict.archive.segments, verdict.archive.frames, verdict.archive.events) == (2, 3, 9)
    assert not [name for name in there.tables() if name.startswith("check")]


def test_a_retried_request_and_a_segment_that_was_loaded_twice_are_well(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(4), numbers(4))
    there.clock.ms += 2 * DAY_MS
    there.collect(numbers(4))
    there.store.load(there.archived()[-1])
    there.store.load(there.archived()[0])
    verdict = there.verify()
    assert (verdict.problems, totals(verdict), verdict.archive.events) == ({}, {"good": 4}, 12)


def test_a_packed_archive_is_as_good_as_the_segments_it_was_made_of(node: MakeNode) -> None:
    there = node()
    for number in range(0, 12, 3):
        there.collect(numbers(number, number + 3))
    there.clock.ms += DAY_MS
    there.collect(numbers(12, 15))
    assert there.archive.pack(there.clock.ms) == 3
    verdict = there.verify()
    assert (verdict.problems, totals(verdict), verdict.archive.segments) == ({}, {"good": 15}, 2)
    there.sql("TRUNCATE TABLE events")
    there.rebuild()
    assert there.stored() == list(range(15))


def test_a_missing_event_is_named(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5))
    there.sql("DELETE FROM events WHERE sequence = 3")
    verdict = there.verify()
    assert verdict.problems == {"missing": 1}
    (finding,) = compared(verdict).findings
    assert (finding.verdict, finding.customer, finding.timestamp, finding.sequence) == ("missing", "C", NOON + 2, 3)
    assert finding.batch == event(0)["batch"]


@pytest.mark.parametrize(
    "change",
    ["type = 'U'", "context = ['ü']", "version = '1'", "received = received + 1"],
)
def test_a_changed_event_is_found(node: MakeNode, change: str) -> None:
    there = node()
    there.collect(numbers(5))
    there.tamper(f"{change} WHERE sequence = 2")
    verdict = there.verify()
    assert verdict.problems == {"changed": 1}
    assert compared(verdict).findings[0].sequence == 2


def test_a_later_copy_in_the_place_of_the_first_is_a_change(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(2))
    there.sql("DELETE FROM events WHERE sequence = 1")
    there.collect(numbers(2))
    assert there.verify().problems == {"changed": 1}


def test_a_changed_identity_is_one_event_missing_and_one_too_many(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    there.sql("INSERT INTO events SELECT * REPLACE ('X' AS customer) FROM events WHERE sequence = 1")
    there.sql("DELETE FROM events WHERE customer = 'C' AND sequence = 1")
    verdict = there.verify()
    assert verdict.problems == {"missing": 1, "unarchived": 1}
    assert {finding.customer for finding in compared(verdict).findings} == {"C", "X"}


def test_an_event_that_counts_twice_is_found(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    # As on a cluster whose shards were cut anew: FINAL does not look across.
    there.sql("RENAME TABLE events TO part_one")
    there.sql("CREATE TABLE part_two AS part_one")
    there.sql("INSERT INTO part_two SELECT * FROM part_one LIMIT 1")
    there.sql("CREATE TABLE events AS part_one ENGINE = Merge(currentDatabase(), '^part_')")
    assert there.verify().problems == {"doubled": 1}


def test_a_damaged_frame_of_the_archive_is_found_and_its_events_are_known_to_be_unarchived(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3), numbers(3, 5), numbers(5, 9))
    (path,) = there.archived()
    spoil(path)
    verdict = there.verify()
    assert verdict.problems == {"damaged": 1, "unarchived": 2}
    (harm,) = verdict.harms
    assert harm.file == f"archive/2026-11-20/{path.name}"
    assert 0 < harm.offset < harm.offset + harm.size < path.stat().st_size


def test_what_is_only_whole_lines_of_nonsense_is_damage_too(node: MakeNode, make_segment: object) -> None:
    there = node()
    there.collect(numbers(3))
    there.clock.ms += 1000
    there.collect(numbers(3, 6))
    path = there.archived()[0]
    make_segment(path, [{"no": "event"}])
    verdict = there.verify()
    assert verdict.problems == {"damaged": 1, "unarchived": 3}
    assert "the store cannot read its lines" in verdict.harms[0].reason


def test_events_whose_archive_was_pruned_are_told_and_are_no_problem(node: MakeNode) -> None:
    there = node(archive_days=1)
    there.collect(numbers(4))
    there.clock.ms += 3 * DAY_MS
    there.collect(numbers(4, 6))
    assert there.archive.prune(there.clock.ms) == 1
    verdict = there.verify()
    assert (verdict.problems, totals(verdict)) == ({}, {"good": 2, "older": 4})


def test_a_retry_of_an_event_whose_archive_was_pruned_is_well(node: MakeNode) -> None:
    there = node(archive_days=1)
    there.collect(numbers(4))
    there.clock.ms += 3 * DAY_MS
    there.collect(numbers(4))
    there.archive.prune(there.clock.ms)
    verdict = there.verify()
    assert (verdict.problems, totals(verdict)) == ({}, {"good": 4})


def test_only_the_last_days_are_compared_when_asked(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(4))
    there.clock.ms += DAY_MS
    there.collect(numbers(4, 6))
    there.sql("DELETE FROM events WHERE sequence = 1")
    verdict = there.verify(days=1)
    assert (verdict.problems, totals(verdict)) == ({}, {"good": 2, "older": 3})
    assert there.verify(days=2).problems == {"missing": 1}


def test_the_last_segment_of_a_pruned_day_may_reach_into_the_next(node: MakeNode) -> None:
    there = node()
    there.clock.ms = NOON + DAY_MS // 2 - 1
    there.collect(numbers(1), numbers(1, 3))  # opened at 23:59:59.999, admitted there and at midnight
    there.collect(numbers(3, 5))
    there.forget(there.archived()[0])
    verdict = there.verify()
    assert (verdict.problems, totals(verdict)) == ({}, {"good": 2, "older": 3})


def test_an_event_that_came_well_after_the_archive_began_must_be_archived(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(1))
    there.collect(numbers(1, 3))
    there.clock.ms += HOUR_MS
    there.collect(numbers(3, 6))
    there.forget(there.archived()[0])
    there.forget(there.archived()[-1])
    verdict = there.verify()
    assert (verdict.problems, totals(verdict)) == ({"unarchived": 3}, {"good": 2, "older": 1, "unarchived": 3})


def test_events_in_the_journal_wait_and_are_not_missing(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    there.send(numbers(3, 7))
    verdict = there.verify()
    assert (verdict.problems, totals(verdict)) == ({}, {"good": 3})
    assert (verdict.journal.segments, verdict.journal.events) == (1, 4)


def test_events_that_are_loaded_and_not_archived_yet_are_no_problem(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    there.send(numbers(3, 7))
    there.store.load(there.folder.sealed()[0])
    verdict = there.verify()
    assert (verdict.problems, totals(verdict)) == ({}, {"good": 3, "newer": 4})


def test_the_torn_tail_of_an_open_segment_is_no_damage_but_that_of_a_sealed_one_is(node: MakeNode) -> None:
    there = node()
    there.send(numbers(2), numbers(2, 4))
    (path,) = there.folder.sealed()
    path.write_bytes(path.read_bytes()[:-3])
    assert there.verify().problems == {"damaged": 1}
    for ending in ("open", "spare"):
        path = path.rename(path.with_suffix(f".zst.{ending}" if path.name.endswith(".zst") else f".{ending}"))
        verdict = there.verify()
        assert (verdict.problems, verdict.journal.segments, verdict.journal.events) == ({}, 1, 2)


def test_a_file_that_is_to_become_a_segment_is_none(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    (there.folder.path / "0000000000001-writer-000009.jsonl.zst.spare").write_bytes(bytes(1000))
    verdict = there.verify()
    assert (verdict.problems, verdict.journal.segments) == ({}, 0)


def test_what_was_set_aside_is_a_problem_until_somebody_sees_to_it(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    there.send(numbers(3, 5), numbers(5, 9))
    spoil(there.folder.sealed()[0], 0.9)
    there.load()
    verdict = there.verify()
    assert verdict.problems == {"damaged": 1, "aside": 1}
    assert verdict.harms[0].file.startswith("aside/")
    assert verdict.aside.segments == 1


def test_quarantined_lines_are_held_against_their_checksums_and_are_no_events(node: MakeNode) -> None:
    there = node()
    held = event(9) | {"code": "EVENT_NOT_IN_PLAN", "place": "type", "reason": "no such type"}
    there.send(numbers(3), quarantined=lines([held]))
    there.load()
    assert len(there.archived()) == 2
    verdict = there.verify()
    assert (verdict.problems, totals(verdict)) == ({}, {"good": 3})
    assert (verdict.archive.segments, verdict.archive.frames, verdict.archive.events) == (2, 2, 3)
    (quarantined,) = [path for path in there.archived() if "quarantine" in path.name]
    spoil(quarantined)
    assert there.verify().problems == {"damaged": 1}


def test_without_an_archive_there_is_nothing_to_compare(node: MakeNode) -> None:
    there = node(archive_days=0)
    there.collect(numbers(3))
    verdict = there.verify()
    assert (verdict.compared, verdict.problems) == (None, {})


def test_the_checksums_can_be_checked_while_the_store_is_away(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    there.store.close()
    (there.data / "run" / "engine.json").unlink()
    assert there.verify(frames_only=True).problems == {}
    spoil(there.archived()[0])
    assert there.verify(frames_only=True).problems == {"damaged": 1}


def test_while_the_store_is_away_nothing_is_known(node: MakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    there = node()
    there.collect(numbers(3))
    there.store.close()
    (there.data / "run" / "engine.json").unlink()
    monkeypatch.setattr("footfall.integrity.guard._RETRY_FOR_S", 0)
    with pytest.raises(StoreUnavailable):
        there.verify()


def test_a_second_check_does_not_disturb_the_first(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))

    @contextlib.contextmanager
    def meddle(_label: str, _length: int) -> Iterator[Advance]:
        with pytest.raises(Busy):
            there.verify()
        yield lambda _: None

    assert there.verify(meddle).problems == {}


def test_nothing_leaves_the_archive_while_it_is_read(node: MakeNode) -> None:
    there = node(archive_days=1)
    there.collect(numbers(3))
    later = there.clock.ms + 9 * DAY_MS

    @contextlib.contextmanager
    def meddle(_label: str, _length: int) -> Iterator[Advance]:
        assert there.archive.prune(later) == 0
        yield lambda _: None

    assert totals(there.verify(meddle)) == {"good": 3}
    assert there.archive.prune(later) == 1


def test_a_disk_without_room_for_the_tables_of_a_check_is_left_alone(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    cramped = Node(type(there.settings)(**{**_plain(there), "disk_free_bytes_min": 1 << 62}))
    with pytest.raises(NoRoom, match="disk_free_bytes_min"):
        cramped.verify()
    cramped.store.close()


def _plain(there: Node) -> dict[str, object]:
    return {name: getattr(there.settings, name) for name in there.settings.__struct_fields__}


def test_events_that_arrive_all_the_time_raise_no_alarm(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5))
    sent = [1]

    def collect() -> None:
        first, again = sent[0] * 10, sent[0] // 3 * 10
        there.collect(numbers(first, first + 10), numbers(again, again + 10))
        sent[0] += 1

    with meanwhile(collect):
        seen = [there.verify() for _ in range(6)]
    assert [verdict.problems for verdict in seen] == [{}] * 6
    assert totals(there.verify()) == {"good": len(there.stored())}
    assert seen[-1].archive.events > seen[0].archive.events > 0
