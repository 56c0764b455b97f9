"""What of a journal goes into a backup while others write to it, load it and set it aside."""

from pathlib import Path

import pytest
from backed_up import event

from footfall.backup.data_folder import read_segments
from footfall.journal import Folder, SegmentKind
from footfall.system.clock import SystemClock

STEM = "1568381886060-aaaaaaaa-00000"


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path / "journal")


@pytest.fixture
def segment(folder, make_segment):
    """Writes a segment of some events; returns its bytes."""

    def write(name: str, count: int = 2) -> bytes:
        return make_segment(folder.path / name, [event(number) for number in range(count)]).read_bytes()

    return write


def read(folder: Folder, kind: SegmentKind = SegmentKind.EVENTS) -> dict[str, bytes]:
    return dict(read_segments(folder, kind, SystemClock()))


def test_sealed_segments_are_taken_as_they_are(folder, segment):
    kept = segment(f"{STEM}1.jsonl.zst")
    assert read(folder) == {f"{STEM}1.jsonl.zst": kept}


def test_kinds_are_taken_apart(folder, segment):
    events, held = segment(f"{STEM}1.jsonl.zst"), segment(f"{STEM}1.quarantine.jsonl.zst", 3)
    assert read(folder) == {f"{STEM}1.jsonl.zst": events}
    assert read(folder, SegmentKind.QUARANTINE) == {f"{STEM}1.quarantine.jsonl.zst": held}


@pytest.mark.parametrize("ending", ["open", "spare"])
@pytest.mark.parametrize("torn", [0, 1, 20])
def test_of_an_open_segment_the_whole_frames_are_taken_under_the_sealed_name(folder, segment, torn, ending):
    """A spare with frames is one of which a crash has forgotten the name."""
    kept = segment(f"{STEM}1.jsonl.zst.{ending}", 1500)
    with (folder.path / f"{STEM}1.jsonl.zst.{ending}").open("ab") as file:
        file.write(kept[:torn] + bytes(1000))
    assert read(folder) == {f"{STEM}1.jsonl.zst": kept}


def test_spares_have_nothing(folder):
    (folder.path / f"{STEM}1.jsonl.zst.spare").write_bytes(bytes(1000))
    (folder.path / f"{STEM}2.jsonl.zst.spare").write_bytes(b"")
    assert read(folder) == {}


def test_an_open_segment_without_a_whole_frame_has_nothing(folder, segment):
    data = segment(f"{STEM}1.jsonl.zst.open")
    (folder.path / f"{STEM}1.jsonl.zst.open").write_bytes(data[:-1])
    assert read(folder) == {}


def test_a_segment_that_is_sealed_meanwhile_is_taken_once(folder, segment):
    one = segment(f"{STEM}1.jsonl.zst")
    two = segment(f"{STEM}2.jsonl.zst.open")
    reading = read_segments(folder, SegmentKind.EVENTS, SystemClock())
    assert next(reading) == (f"{STEM}1.jsonl.zst", one)
    (folder.path / f"{STEM}2.jsonl.zst.open").rename(folder.path / f"{STEM}2.jsonl.zst")
    assert list(reading) == [(f"{STEM}2.jsonl.zst", two)]


def test_a_segment_that_is_loaded_meanwhile_is_passed_over(folder, segment):
    segment(f"{STEM}1.jsonl.zst")
    segment(f"{STEM}2.jsonl.zst")
    reading = read_segments(folder, SegmentKind.EVENTS, SystemClock())
    next(reading)
    (folder.path / f"{STEM}2.jsonl.zst").unlink()
    assert list(reading) == []


def test_what_is_salvaged_meanwhile_is_found(folder, segment):
    segment(f"{STEM}1.jsonl.zst")
    segment(f"{STEM}2.jsonl.zst")
    reading = read_segments(folder, SegmentKind.EVENTS, SystemClock())
    next(reading)
    (folder.path / f"{STEM}2.jsonl.zst").unlink()
    kept = segment(f"{STEM}2-salvaged.jsonl.zst", 1)
    assert list(reading) == [(f"{STEM}2-salvaged.jsonl.zst", kept)]


def test_a_busy_journal_has_an_end(folder, segment):
    segment(f"{STEM}1.jsonl.zst")
    found: list[str] = []
    for name, _ in read_segments(folder, SegmentKind.EVENTS, SystemClock()):
        found.append(name)
        segment(f"{SystemClock().now_ms() + 1000}-bbbbbbbb-{len(found):06d}.jsonl.zst")
    assert found == [f"{STEM}1.jsonl.zst"]


def test_a_folder_that_is_not_there_has_no_segments_aside(tmp_path: Path):
    from footfall.backup.data_folder import read_aside

    assert list(read_aside(tmp_path / "aside")) == []
