"""Journal to store, with a real engine: everything sealed gets there once, and what cannot blocks nobody."""

import json

import pytest
from loaded import TIME, Node, event, lines

from footfall.loading import Archive
from footfall.system import zstd


def test_sealed_segments_are_loaded_in_order_and_archived_by_day(node):
    there = node()
    there.write(lines(0, 1), lines(2))
    names = there.folder.names()
    assert there.loader.tick()
    assert there.stored() == [0, 1, 2]
    assert there.folder.names() == []
    assert sorted(path.name for path in (there.data / "archive").glob("*/*")) == names
    assert there.loader.events_loaded == 3
    assert not there.loader.tick()


def test_a_segment_that_is_loaded_again_changes_no_count(node):
    there = node()
    there.write(lines(0, 1))
    (path,) = there.folder.sealed()
    copy = path.read_bytes()
    there.loader.tick()
    path.write_bytes(copy)
    there.loader.tick()
    assert there.stored() == [0, 1]


def test_events_of_many_months_fit_one_segment(node):
    there = node()
    months = [
        json.dumps({**event(number), "timestamp": TIME + number * 2_678_400_000}).encode() + b"\n"
        for number in range(150)
    ]
    there.write(b"".join(months))
    there.loader.tick()
    assert len(there.stored()) == 150


def test_a_dead_writer_s_segment_is_cut_and_loaded(node):
    there = node()
    there.write(lines(0), lines(1))
    first, second = there.folder.sealed()
    torn = first.read_bytes() + second.read_bytes()[:-1]
    first.with_name(first.name + ".open").write_bytes(torn)
    first.unlink()
    second.unlink()
    there.loader.tick()
    assert there.stored() == [0]


def test_a_damaged_segment_is_set_aside_and_its_whole_frames_are_loaded(node):
    there = node()
    there.write(lines(0), lines(1), lines(2), lines(3))
    paths = there.folder.sealed()
    frames = [path.read_bytes() for path in paths[:3]]
    damaged = bytearray(b"".join(frames))
    damaged[len(frames[0]) + 20] ^= 4
    for path in paths[:3]:
        path.unlink()
    paths[0].write_bytes(damaged)
    while there.loader.tick():
        pass
    assert there.stored() == [0, 2, 3]
    assert (there.data / "aside" / paths[0].name).read_bytes() == damaged
    assert there.loader.segments_aside == 1


def test_a_segment_that_the_store_refuses_is_set_aside_and_blocks_nobody(node):
    there = node()
    there.write(lines(0), b'{"customer":"C","timestamp":"never"}\n', lines(1))
    (_, poison, _) = there.folder.names()
    for _ in range(there.settings.loader_tries_max):
        there.loader.tick()
    assert there.stored() == [0, 1]
    assert [path.name for path in (there.data / "aside").iterdir()] == [poison]
    assert there.folder.names() == []


def test_a_segment_of_which_the_store_lacks_rows_stays_and_blocks_nobody(node, caplog):
    """Where the store had read nothing, without a word, the segment was archived all the same."""
    there = node()
    there.write(lines(0), lines(1) + b"\n", lines(2))
    (_, short, _) = there.folder.names()
    there.loader.tick()
    there.loader.tick()
    assert there.stored() == [0, 1, 2]
    assert there.folder.names() == [short]
    assert there.loader.loaded_through_ms == 0
    assert there.loader.events_loaded == 2
    (alarm,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert alarm == (
        f"segment {short} stays in the journal, and is loaded again: the store was handed 2 lines and took 1 row"
    )


# How many loads there were: each makes one block of a month, and merged parts say of how many they are.
LOADS = (
    "SELECT max(max_block_number) - min(min_block_number) + 1 FROM system.parts"
    " WHERE database = currentDatabase() AND table = 'events' AND active"
)


@pytest.mark.parametrize(("changes", "loads"), [({}, 1), ({"loader_lines_bytes_max": 1}, 4)])
def test_segments_that_wait_are_loaded_together_as_far_as_the_bound_allows(node, changes, loads):
    there = node(**changes)
    there.write(*(lines(number) for number in range(4)))
    names = there.folder.names()
    assert len(names) == 4
    there.loader.tick()
    assert there.stored() == [0, 1, 2, 3]
    assert there.loader.events_loaded == 4
    assert there.store.rows(LOADS, {}) == [(loads,)]
    assert sorted(path.name for path in (there.data / "archive").glob("*/*")) == names


def test_a_segment_whose_frames_do_not_say_their_length_is_loaded_by_itself(node):
    there = node()
    there.write(lines(0), lines(1), lines(2))
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.checksum_flag: 1})
    path = there.folder.sealed()[1]
    path.write_bytes(compressor.compress(zstd.ZstdDecompressor().decompress(path.read_bytes())) + compressor.flush())
    there.loader.tick()
    assert there.stored() == [0, 1, 2]
    assert there.store.rows(LOADS, {}) == [(2,)]


@pytest.mark.parametrize("at", [0, 5, 40, -1])
def test_a_damaged_segment_is_found_among_others_that_are_loaded_with_it(node, at):
    there = node()
    there.write(lines(0), lines(1), lines(2))
    path = there.folder.sealed()[1]
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 4
    path.write_bytes(damaged)
    while there.loader.tick():
        pass
    assert there.stored() == [0, 2]
    assert there.loader.events_loaded == 2
    assert [aside.read_bytes() for aside in (there.data / "aside").iterdir()] == [damaged]
    assert there.folder.names() == []


def test_damage_is_set_aside_also_when_the_store_fails_for_another_reason(node):
    there = node()
    there.loader.tick()
    there.write(lines(0), lines(1))
    path = there.folder.sealed()[0]
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 4
    path.write_bytes(damaged)
    there.store.write("RENAME TABLE events TO gone", {})
    assert not there.loader.tick()
    assert there.loader.store_away
    assert [aside.name for aside in (there.data / "aside").iterdir()] == [path.name]
    assert len(there.folder.sealed()) == 1


def test_while_the_store_is_away_events_wait_and_then_are_loaded(engine):
    away = Node(engine.settings(events_url="clickhouse://u:p@127.0.0.1:9/x"))
    away.write(lines(0))
    assert not away.loader.tick()
    assert len(away.folder.sealed()) == 1
    assert away.loader.loaded_through_ms == 0
    back = Node(engine.settings(data_dir=str(away.data)))
    back.store.migrate()
    back.loader.tick()
    assert back.stored() == [0]
    for there in (away, back):
        there.store.close()


class Hands:
    """A clock that is set by hand."""

    now = 1_000

    def now_ms(self) -> int:
        return self.now


def test_loaded_through_stands_still_until_everything_before_it_is_in_the_store(node):
    there = node()
    clock = there.clock = there.loader._clock = Hands()
    there.loader.tick()
    assert there.loader.loaded_through_ms == 999
    stem = there.folder.stem(1_001, "writer", 1)
    there.write(lines(5))
    (sealed,) = there.folder.sealed()
    held = there.folder.path / (stem + ".jsonl.zst.open")
    file = there.folder.disk.create(held)
    there.folder.disk.write(file, sealed.read_bytes(), 0)
    sealed.unlink()
    clock.now = 2_000
    there.loader.tick()
    clock.now = 3_000
    there.loader.tick()
    # The open segment was there at 2000, and its events may be stamped earlier.
    assert there.loader.loaded_through_ms == 999
    there.folder.disk.close(file)
    there.loader.tick()
    assert there.loader.loaded_through_ms == 1_999
    assert there.stored() == [5]
    there.loader.tick()
    assert there.loader.loaded_through_ms == 2_999


def test_the_archive_forgets_days_past_its_term(tmp_path):
    archive = Archive(tmp_path / "archive", 2)
    for day in ("2019-09-10", "2019-09-11", "2019-09-13"):
        (tmp_path / "archive" / day).mkdir(parents=True)
    assert archive.prune(TIME) == 1  # 2019-09-13
    assert sorted(path.name for path in (tmp_path / "archive").iterdir()) == ["2019-09-11", "2019-09-13"]


def test_an_archive_of_no_days_keeps_nothing(node):
    there = node(archive_days=0)
    there.archive._days = 0
    there.write(lines(0))
    there.loader.tick()
    assert there.stored() == [0]
    assert not (there.data / "archive").exists()
