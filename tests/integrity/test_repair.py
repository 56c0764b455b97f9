"""Repairs: what is whole is saved, the original stays, and what lives is left alone."""

import asyncio
import itertools
from pathlib import Path

import pytest
from checked import MakeNode, Node, event, lines, spoil

from footfall.integrity import CannotRepair, Repair, SegmentFolders, SegmentState
from footfall.integrity.repair import NothingToRepair, RecoverTail, ReturnToJournal, SalvageRepair, decide_repair
from footfall.journal import Damage, Frame, Journal

FRAME, HARM = Frame(0, 5, b""), Damage(5, 3)


@pytest.mark.parametrize(
    ("state", "parts", "decision"),
    [
        (SegmentState.OPEN, [FRAME], RecoverTail),
        (SegmentState.OPEN, [FRAME, HARM], RecoverTail),
        (SegmentState.OPEN, [HARM], RecoverTail),
        (SegmentState.OPEN, [FRAME, HARM, FRAME], SalvageRepair),
        (SegmentState.SEALED, [FRAME], NothingToRepair),
        (SegmentState.SEALED, [FRAME, HARM], SalvageRepair),
        (SegmentState.SEALED, [HARM, FRAME], SalvageRepair),
        (SegmentState.ARCHIVED, [FRAME], NothingToRepair),
        (SegmentState.ARCHIVED, [FRAME, HARM], SalvageRepair),
        (SegmentState.ASIDE, [FRAME], ReturnToJournal),
        (SegmentState.ASIDE, [FRAME, HARM], SalvageRepair),
        (SegmentState.ASIDE, [], NothingToRepair),
    ],
)
def test_the_decision(state: SegmentState, parts: list[Frame | Damage], decision: type) -> None:
    assert isinstance(decide_repair(state, parts), decision)


@pytest.mark.parametrize("state", [SegmentState.SEALED, SegmentState.ARCHIVED, SegmentState.ASIDE])
def test_nothing_can_be_saved_of_what_has_no_whole_frame(state: SegmentState) -> None:
    with pytest.raises(CannotRepair, match="no frame of it is whole"):
        decide_repair(state, [HARM])


def numbers(*span: int) -> list[dict[str, object]]:
    return [event(number) for number in range(*span)]


def repair(there: Node, path: Path) -> list[str]:
    return Repair(SegmentFolders(there.settings)).repair(path)


def kept(there: Node) -> dict[str, bytes]:
    """The originals, by name."""
    folder = there.data / "repaired"
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def test_a_damaged_segment_of_the_aside_gives_its_whole_frames_back(node: MakeNode) -> None:
    there = node()
    there.send(numbers(3), numbers(3, 5), numbers(5, 9))
    spoil(there.folder.sealed()[0])
    there.load()
    (path,) = (there.data / "aside").iterdir()
    original = path.read_bytes()
    there.sql("TRUNCATE TABLE events")  # the whole frames were loaded already
    told = repair(there, path)
    assert told[0].startswith("2 frames are whole and back in the journal, to be loaded: journal/")
    assert told[1].endswith(f"the original is kept as repaired/{path.name}")
    assert kept(there) == {path.name: original}
    there.load()
    assert there.stored() == [0, 1, 2, 5, 6, 7, 8]
    assert not there.verify().problems


def test_a_segment_that_the_store_refused_goes_back_whole(node: MakeNode, make_segment: object) -> None:
    there = node(loader_tries_max=1)
    there.send(numbers(3))
    (path,) = there.folder.sealed()
    whole = path.read_bytes()
    make_segment(path, [{"no": "event"}])
    there.load()
    (path,) = (there.data / "aside").iterdir()
    assert there.verify().problems == {"aside": 1}
    path.write_bytes(whole)  # say, a newer version can read it
    assert repair(there, path) == [
        f"the whole file is sound, 1 frame; back in the journal, to be loaded: journal/{path.name}"
    ]
    there.load()
    assert (there.stored(), kept(there)) == ([0, 1, 2], {})
    assert not there.verify().problems


def test_what_was_open_when_it_was_set_aside_goes_back_sealed(node: MakeNode) -> None:
    there = node()
    there.send(numbers(3), numbers(3, 5), numbers(5, 9))
    (path,) = there.folder.sealed()
    path = path.rename(path.with_name(f"{path.name}.open"))
    spoil(path)
    there.load()
    (aside,) = (there.data / "aside").iterdir()
    assert aside.name.endswith(".open")
    there.sql("TRUNCATE TABLE events")
    repair(there, aside)
    there.load()
    assert there.stored() == [0, 1, 2, 5, 6, 7, 8]


def test_a_sealed_segment_with_a_torn_tail_keeps_its_whole_frames(node: MakeNode) -> None:
    there = node()
    there.send(numbers(3), numbers(3, 5))
    (path,) = there.folder.sealed()
    torn = path.read_bytes()[:-4]
    path.write_bytes(torn)
    repair(there, path)
    assert kept(there) == {path.name: torn}
    there.load()
    assert there.stored() == [0, 1, 2]
    assert not (there.data / "aside").exists()


@pytest.mark.parametrize("cut", [4, 10_000])
def test_a_dead_writer_s_segment_is_cut_and_its_original_kept(node: MakeNode, cut: int) -> None:
    there = node()
    there.send(numbers(3), numbers(3, 5))
    (path,) = there.folder.sealed()
    torn = path.read_bytes()[:-cut] or b"\x28\xb5"
    path = path.rename(path.with_name(f"{path.name}.open"))
    path.write_bytes(torn)
    told = repair(there, path)
    assert told[0].startswith("cut back to its last whole frame" if cut == 4 else "removed, for it held no whole frame")
    assert kept(there) == {path.name: torn}
    there.load()
    assert there.stored() == ([0, 1, 2] if cut == 4 else [])


def test_a_dead_writer_s_segment_with_damage_in_the_middle_is_salvaged(node: MakeNode) -> None:
    there = node()
    there.send(numbers(3), numbers(3, 5), numbers(5, 9))
    (path,) = there.folder.sealed()
    path = path.rename(path.with_name(f"{path.name}.open"))
    spoil(path)
    spoiled = path.read_bytes()
    repair(there, path)
    assert kept(there) == {path.name: spoiled}
    there.load()
    assert there.stored() == [0, 1, 2, 5, 6, 7, 8]


def test_a_whole_segment_of_a_dead_writer_is_sealed(node: MakeNode) -> None:
    there = node()
    there.send(numbers(3))
    (path,) = there.folder.sealed()
    path = path.rename(path.with_name(f"{path.name}.open"))
    assert repair(there, path) == ["sealed"]
    assert kept(there) == {}
    there.load()
    assert there.stored() == [0, 1, 2]


async def test_a_living_writer_s_segment_is_left_alone(node: MakeNode) -> None:
    there = node()
    journal = Journal(there.folder, there.settings, there.clock)
    task = asyncio.create_task(journal.run())
    await journal.append(lines(numbers(3)))
    (path,) = there.folder.open()
    before = path.read_bytes()
    with pytest.raises(CannotRepair, match="its writer lives"):
        repair(there, path)
    assert path.read_bytes() == before
    await journal.append(lines(numbers(3, 5)))
    journal.close()
    await task
    there.load()
    assert there.stored() == list(range(5))


def test_a_damaged_segment_of_the_archive_keeps_its_whole_frames_there(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3), numbers(3, 5), numbers(5, 9))
    (path,) = there.archived()
    spoil(path)
    told = repair(there, path)
    assert told[-1].startswith("the events of what is lost are in the store still")
    (salvaged,) = there.archived()
    assert salvaged.parent == path.parent
    assert list(kept(there)) == [path.name]
    assert there.verify().problems == {"unarchived": 2}


def test_damage_upon_damage_writes_over_nothing(node: MakeNode) -> None:
    there = node()
    there.collect(*[numbers(n * 3, n * 3 + 3) for n in range(8)])
    (path,) = there.archived()
    seen = set()
    for at in (0.5, 0.4, 0.3):
        (path,) = there.archived()
        spoil(path, at)
        seen.add(path.read_bytes())
        repair(there, path)
    assert set(kept(there).values()) == seen
    assert there.verify().problems.keys() == {"unarchived"}


def test_whole_segments_are_left_as_they_are(node: MakeNode) -> None:
    there = node()
    there.collect(numbers(3))
    there.send(numbers(3, 5))
    for path in itertools.chain(there.archived(), there.folder.sealed()):
        before = path.read_bytes()
        assert repair(there, path)[0].startswith("nothing to repair: it is whole")
        assert path.read_bytes() == before


def test_a_file_that_is_nobody_s_segment_is_not_touched(node: MakeNode, tmp_path: Path) -> None:
    there = node()
    there.collect(numbers(3))
    stray = tmp_path / "1-stray-000001.jsonl.zst"
    stray.write_bytes(b"whatever")
    (there.data / "journal" / "notes.txt").write_bytes(b"whatever")
    for path in (stray, there.data / "journal" / "notes.txt", there.data / "nothing", there.data / "journal"):
        with pytest.raises(CannotRepair, match="it is no segment"):
            repair(there, path)


def test_a_segment_that_is_in_the_journal_already_is_not_replaced(node: MakeNode) -> None:
    there = node()
    there.send(numbers(3))
    (path,) = there.folder.sealed()
    aside = there.data / "aside" / path.name
    aside.parent.mkdir()
    aside.write_bytes(path.read_bytes())
    with pytest.raises(CannotRepair, match="is there already"):
        repair(there, aside)
    assert aside.exists()
