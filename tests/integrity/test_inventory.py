"""What the archive should hold is known by name, and what is no longer there is missed."""

import shutil

from checked import DAY_MS, MakeNode, event, spoil

from footfall.integrity import Repair, SegmentFolders
from footfall.loading import Archive


def numbers(*span: int) -> list[dict[str, object]]:
    return [event(number) for number in range(*span)]


def test_an_archived_file_that_is_gone_is_named_the_oldest_and_the_only_one_too(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    there.clock.ms += DAY_MS
    there.collect(numbers(3, 5))
    oldest, newest = there.archived()
    oldest.unlink()
    verdict = there.verify()
    assert (verdict.problems, verdict.lost) == ({"lost": 1, "unarchived": 3}, (f"archive/2026-11-20/{oldest.name}",))
    assert there.verify(days=1).problems == {}
    newest.unlink()
    assert there.verify().lost == tuple(f"archive/{path.parent.name}/{path.name}" for path in (oldest, newest))
    shutil.rmtree(there.data / "archive")
    verdict = there.verify()
    assert (verdict.problems, verdict.compared) == ({"lost": 2}, None)
    there.clock.ms += 40 * DAY_MS
    there.collect(numbers(5, 6))
    there.archive.prune(there.clock.ms)
    assert there.verify().problems == {}


def test_what_is_packed_pruned_or_repaired_is_not_missed(node: MakeNode) -> None:
    there = node(archive_days=2)
    for number in range(3):
        there.collect(numbers(number, number + 1), numbers(number, number + 1))
    spoil(there.archived()[0])
    Repair(SegmentFolders(there.settings)).repair(there.archived()[0])
    assert there.archive.missing() == []
    there.clock.ms += DAY_MS
    assert there.archive.pack(there.clock.ms) == 2
    assert there.archive.missing() == []
    there.clock.ms += 9 * DAY_MS
    assert there.archive.prune(there.clock.ms) == 1
    assert (there.archive.missing(), there.archive.inventory.days()) == ([], [])


def test_what_came_before_there_was_a_list_is_listed(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    shutil.rmtree(there.data / "inventory")
    (path,) = there.archived()
    archive = Archive(there.archive.path, 30)
    archive.prune(there.clock.ms)
    with (there.data / "inventory" / path.parent.name).open("a") as file:
        file.write("1795176000001-cut-by-a-cra")  # and the next line begins anew
    archive.inventory.add(path.parent.name, ["2.jsonl.zst"])
    path.unlink()
    assert [each.name for each in archive.missing()] == [path.name, "2.jsonl.zst"]
