"""What becomes of torn and damaged segments: every cut, and bits flipped in the middle."""

import fcntl
import os
import random

import pytest

from footfall.journal import Damage, Disk, Frame, Recovered, measure, recover, salvage, walk
from footfall.journal.frames import Compressor
from footfall.journal.recovery import KeepFile, RemoveFile, SalvageFile, TruncateFile, decide_recovery
from footfall.system import zstd

FRAMES = [
    Compressor().compress(b'{"frame":%d,"noise":"%s"}\n' % (number, os.urandom(20).hex().encode()))
    for number in range(4)
]
DATA = b"".join(FRAMES)


def whole(size: int) -> list[bytes]:
    """The frames that end at or before this offset."""
    kept, end = [], 0
    for frame in FRAMES:
        end += len(frame)
        if end <= size:
            kept.append(frame)
    return kept


@pytest.mark.parametrize(
    ("parts", "decision"),
    [
        ([], RemoveFile()),
        ([Frame(0, 5, b"")], KeepFile()),
        ([Frame(0, 5, b""), Damage(5, 3)], TruncateFile(5)),
        ([Damage(0, 3)], RemoveFile()),
        ([Frame(0, 5, b""), Damage(5, 3), Frame(8, 5, b"")], SalvageFile()),
        ([Damage(0, 3), Frame(3, 5, b""), Damage(8, 1)], SalvageFile()),
    ],
)
def test_the_decision(parts, decision):
    assert decide_recovery(parts) == decision


def test_every_cut_of_an_open_segment_leaves_exactly_the_whole_frames_before_it(tmp_path):
    for size in range(len(DATA) + 1):
        path = tmp_path / f"1-writer-{size:06d}.jsonl.zst.open"
        path.write_bytes(DATA[:size])
        outcome = recover(path, tmp_path / "aside", Disk())
        sealed = path.with_suffix("")
        if kept := whole(size):
            assert sealed.read_bytes() == b"".join(kept), size
            assert outcome is (Recovered.SEALED if sum(map(len, kept)) == size else Recovered.CUT)
            sealed.unlink()
        else:
            assert outcome is Recovered.REMOVED
            assert not sealed.exists()
        assert not path.exists()
    assert not (tmp_path / "aside").exists()


def test_every_flipped_byte_in_the_middle_costs_one_frame_at_the_most_and_is_never_skipped_silently(tmp_path):
    generator = random.Random(7)
    for offset in range(len(FRAMES[0]) + len(FRAMES[1])):
        damaged = bytearray(DATA)
        damaged[offset] ^= 1 << generator.randrange(8)
        parts = list(walk(bytes(damaged)))
        lines = [part.lines for part in parts if isinstance(part, Frame)]
        assert len(lines) >= 3
        if len(lines) == 4:  # the format has bits that mean nothing
            assert lines == [part.lines for part in walk(DATA)]
            continue
        assert any(isinstance(part, Damage) for part in parts), offset
        path = tmp_path / f"1-writer-{offset:06d}.jsonl.zst.open"
        path.write_bytes(damaged)
        assert recover(path, tmp_path / "aside", Disk()) is Recovered.SALVAGED
        kept = tmp_path / f"1-writer-{offset:06d}-salvaged.jsonl.zst"
        assert [part.lines for part in walk(kept.read_bytes())] == lines
        assert (tmp_path / "aside" / path.name).read_bytes() == damaged


def test_the_heads_of_whole_frames_say_how_long_their_lines_are():
    lines = [part.lines for part in walk(DATA) if isinstance(part, Frame)]
    assert measure(DATA) == sum(map(len, lines))
    assert measure(b"") == 0
    assert measure(zstd.compress(b"")) == 0


def test_what_is_no_row_of_frames_has_no_measure():
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"skip"
    for broken in (DATA[:-1], DATA + b"garbage", DATA + bytes(64), b"x" + DATA, FRAMES[0][:3], DATA + skippable):
        assert measure(broken) is None
    compressor = zstd.ZstdCompressor()
    unsized = compressor.compress(b"{}\n") + compressor.flush()
    assert [part.lines for part in walk(unsized) if isinstance(part, Frame)] == [b"{}\n"]
    assert measure(unsized) is None


def test_a_segment_of_which_nothing_is_whole_is_set_aside_without_a_successor(tmp_path):
    path = tmp_path / "1-writer-000001.jsonl.zst"
    path.write_bytes(b"no zstd at all")
    assert salvage(path, tmp_path / "aside", Disk()) is None
    assert (tmp_path / "aside" / path.name).read_bytes() == b"no zstd at all"
    assert not list(tmp_path.glob("*salvaged*"))


def test_a_living_writer_s_segment_is_left_alone(tmp_path):
    path = tmp_path / "1-writer-000001.jsonl.zst.open"
    path.write_bytes(DATA[:-1])
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert recover(path, tmp_path / "aside", Disk()) is Recovered.BUSY
    assert path.read_bytes() == DATA[:-1]
