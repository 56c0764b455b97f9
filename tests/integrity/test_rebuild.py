"""The rebuild: what was lost is back, nothing else changes, and nothing is lost on the way, whenever it breaks off."""

import contextlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from checked import DAY_MS, HOUR_MS, NOON, MakeNode, Node, event, meanwhile, spoil

from footfall.integrity import Advance, CannotRebuild, Rebuilding, Unarchived, no_progress
from footfall.store import StoreFailed


def numbers(*span: int, **changes: object) -> list[dict[str, object]]:
    return [event(number, **changes) for number in range(*span)]


def report(there: Node, watermark_ms: int) -> bytes:
    """What a report has as of a time."""
    rows = "SELECT * EXCEPT loaded FROM events FINAL WHERE admitted <= {watermark:Int64}"
    text = f"{rows} ORDER BY customer, product, timestamp, batch, sequence FORMAT TSV"
    with there.store.stream(text, {"watermark": watermark_ms}) as blocks:
        return b"".join(blocks)


def everything(there: Node) -> list[tuple[Any, ...]]:
    return there.rows("SELECT * EXCEPT loaded FROM events FINAL ORDER BY customer, product, timestamp, batch, sequence")


def is_tidy(there: Node) -> bool:
    return not {name for name in there.tables() if name.startswith(("events_", "check_"))}


def test_what_was_lost_and_changed_is_as_it_was(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5), numbers(3))
    there.clock.ms += DAY_MS
    there.collect(numbers(2, 9))
    before, reported = everything(there), report(there, NOON + 10)
    there.sql("DELETE FROM events WHERE sequence = 3")
    there.tamper("type = 'X' WHERE sequence = 5")
    rebuilt = there.rebuild()
    assert rebuilt.before is not None
    assert (rebuilt.before.total("missing"), rebuilt.before.total("changed")) == (1, 1)
    assert rebuilt.after.total("good") == 9
    assert everything(there) == before
    assert report(there, NOON + 10) == reported != b""
    assert there.verify().problems == {}
    assert is_tidy(there)


@pytest.mark.parametrize("file", ["tables/rebuild_make", "queries/rebuild_carry", "queries/rebuild_keep"])
def test_every_column_is_carried_over(node: MakeNode, file: str) -> None:
    found = node().rows(
        "SELECT arrayStringConcat(groupArray(name), ', ') FROM (SELECT name FROM system.columns "
        "WHERE database = currentDatabase() AND table = 'events' AND default_kind != 'MATERIALIZED' ORDER BY position)"
    )
    text = files("footfall.store").joinpath(f"{file}.sql").read_text()
    assert f"SELECT {found[0][0]}\nFROM" in text


def test_a_store_that_was_emptied_is_filled_from_the_archive(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5))
    before = everything(there)
    there.sql("TRUNCATE TABLE events")
    there.rebuild()
    assert everything(there) == before


def test_loading_goes_on_into_the_rebuilt_table(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5))
    there.rebuild()
    there.collect(numbers(5, 8))
    assert there.stored() == list(range(8))
    there.rebuild()
    assert there.stored() == list(range(8))


def test_older_events_whose_archive_is_gone_are_carried_over(node: MakeNode) -> None:
    there = node(archive_days=1)
    there.collect(numbers(4))
    there.clock.ms += 3 * DAY_MS
    there.collect(numbers(2, 6))  # two of them are retries of events whose archive is gone
    there.archive.prune(there.clock.ms)
    before, reported = everything(there), report(there, NOON + 10)
    there.sql("DELETE FROM events WHERE sequence = 6")
    rebuilt = there.rebuild()
    assert rebuilt.before is not None
    assert (rebuilt.before.total("older"), rebuilt.before.total("missing")) == (2, 1)
    assert everything(there) == before
    assert report(there, NOON + 10) == reported


def test_what_waits_in_the_journal_or_is_not_archived_yet_stays(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    there.send(numbers(3, 6))
    there.store.load(there.folder.sealed()[0])
    there.clock.ms += 1000
    there.send(numbers(6, 8))
    there.rebuild()
    assert there.stored() == list(range(6))
    there.load()
    assert there.stored() == list(range(8))


def unarchived(node: MakeNode) -> Node:
    """A node whose archive has lost a segment of three events."""
    there = node()
    there.collect(numbers(3))
    there.clock.ms += HOUR_MS
    there.collect(numbers(3, 6))
    there.collect(numbers(6, 8))
    there.forget(there.archived()[1])
    return there


def test_events_that_the_archive_should_have_are_for_the_operator_to_decide_about(node: MakeNode) -> None:
    there = unarchived(node)
    before = everything(there)
    with pytest.raises(CannotRebuild, match="3 events of the table are in no archived segment"):
        there.rebuild()
    assert everything(there) == before
    assert is_tidy(there)


@pytest.mark.parametrize(("choice", "kept"), [(Unarchived.KEEP, range(8)), (Unarchived.DROP, (0, 1, 2, 6, 7))])
def test_the_decision_is_carried_out(node: MakeNode, choice: Unarchived, kept: Any) -> None:
    there = unarchived(node)
    there.rebuild(unarchived=choice)
    assert there.stored() == list(kept)


def test_events_of_a_damaged_frame_are_only_in_the_table_and_so_to_be_decided_about(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3), numbers(3, 5), numbers(5, 9))
    before = everything(there)
    spoil(there.archived()[0])
    with pytest.raises(CannotRebuild, match="2 events"):
        there.rebuild()
    rebuilt = there.rebuild(unarchived=Unarchived.KEEP)
    assert len(rebuilt.harms) == 1
    assert everything(there) == before


def test_without_an_archive_there_is_nothing_to_rebuild_from(node: MakeNode) -> None:
    there = node(archive_days=0)
    there.collect(numbers(3))
    with pytest.raises(CannotRebuild, match="nothing to rebuild from"):
        there.rebuild()


def test_a_table_that_cannot_be_read_is_left_aside_and_kept(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5))
    before = everything(there)
    (damaged,) = there.rows(
        "SELECT path FROM system.parts WHERE active AND table = 'events' AND database = currentDatabase()"
    )
    there.sql("SYSTEM DROP MARK CACHE")
    _spoil_part(damaged[0])
    with pytest.raises(StoreFailed):
        everything(there)
    rebuilt = there.rebuild(archive_only=True)
    assert rebuilt.kept_old
    assert everything(there) == before
    with pytest.raises(CannotRebuild, match="--drop-old"):
        there.rebuild()
    rebuilding = Rebuilding(there.settings, there.store, there.clock, no_progress)
    assert rebuilding.drop_old()
    assert not rebuilding.drop_old()
    there.rebuild()
    assert everything(there) == before
    assert is_tidy(there)


def _spoil_part(folder: str) -> None:
    for path in Path(folder).glob("data.bin"):
        spoil(path)


def test_the_old_table_is_kept_when_asked(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5))
    there.sql("DELETE FROM events WHERE sequence = 1")
    assert there.rebuild(keep_old=True).kept_old
    assert (len(there.stored()), there.rows("SELECT count() FROM events_old")) == (5, [(4,)])


def test_a_rebuild_that_is_broken_off_leaves_everything_as_it_was(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5))
    before = everything(there)
    labels = []

    @contextlib.contextmanager
    def look(label: str, _length: int) -> Iterator[Advance]:
        labels.append(label)
        yield lambda _: None

    there.rebuild(look)
    for stop in range(1, len(labels) + 1):
        steps = iter(range(1, len(labels) + 1))

        @contextlib.contextmanager
        def interrupt(_label: str, _length: int, steps: Any = steps, stop: int = stop) -> Iterator[Advance]:
            if next(steps) == stop:
                raise KeyboardInterrupt
            yield lambda _: None

        with pytest.raises(KeyboardInterrupt):
            there.rebuild(interrupt)
        assert is_tidy(there)
        assert everything(there) == before
    there.collect(numbers(5, 7))
    assert there.stored() == list(range(7))


def mark(there: Node) -> str:
    return f"rebuilt by node {(there.data / 'node').read_text()}"


def test_a_rebuild_that_was_killed_is_cleaned_up_by_the_next(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5))
    there.rebuild()
    there.store.run_table_script("rebuild_make", mark=mark(there))
    there.collect(numbers(5, 7))
    before = everything(there)
    there.rebuild()
    assert everything(there) == before
    assert is_tidy(there)


@pytest.mark.parametrize("parted", [False, True])
def test_a_rebuild_that_was_killed_after_the_swap_is_finished_by_the_next(node: MakeNode, parted: bool) -> None:
    there = node()
    there.collect(numbers(5))
    there.rebuild()
    there.store.run_table_script("rebuild_make", mark=mark(there))
    there.sql("INSERT INTO events_rebuilt SELECT * FROM events")
    there.store.run_table_script("rebuild_swap")
    if parted:
        there.store.run_table_script("rebuild_part")
    there.collect(numbers(5, 7))
    before = everything(there)
    Rebuilding(there.settings, there.store, there.clock, no_progress).abandon()
    assert everything(there) == before
    # The other table is kept: who knows how far the rebuild had come.
    assert "events_old" in there.tables()
    there.collect(numbers(7, 9))
    assert there.stored() == list(range(9))


def test_another_node_s_rebuild_is_left_alone_until_somebody_says_that_it_is_over(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(5))
    there.store.run_table_script("rebuild_make", mark="rebuilt by node 0123")
    with pytest.raises(CannotRebuild, match="rebuilt by node 0123"):
        there.rebuild()
    Rebuilding(there.settings, there.store, there.clock, no_progress).abandon()
    assert is_tidy(there)
    there.rebuild()


def test_events_are_loaded_while_a_rebuild_is_at_work(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(10))
    loaded: list[int] = []

    @contextlib.contextmanager
    def progress(label: str, total: int) -> Iterator[Advance]:
        if label == "comparing old and new":
            there.collect(numbers(10, 15), numbers(15, 20))
            loaded.extend((len(there.folder.sealed()), there.loader.events_loaded))
        yield lambda _: None

    there.rebuild(progress)
    # Nothing waits in the journal until the rebuild is over.
    assert loaded == [0, 20]
    assert there.stored() == list(range(20))
    assert there.verify().problems == {}
    assert is_tidy(there)


def test_nothing_is_lost_while_events_arrive_and_rebuilds_follow_each_other(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(10))
    sent, least = [10], [0]

    def collect() -> None:
        there.collect(numbers(sent[0], sent[0] + 10), numbers(sent[0] - 10, sent[0]))
        sent[0] += 10

    def read() -> None:
        # What was in the table once is always there afterwards: no reader finds a table that lacks something.
        ((count,),) = there.rows("SELECT count() FROM events FINAL")
        assert count >= least[0]
        least[0] = count

    with meanwhile(collect, read):
        for _ in range(4):
            there.rebuild()
    assert there.stored() == list(range(sent[0]))
    assert there.verify().problems == {}
    assert is_tidy(there)
