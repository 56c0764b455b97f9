"""Parts that the engine itself has broken: their events come back from the archive before they are missed."""

import shutil
import uuid
from pathlib import Path

from footfall.journal import Folder
from footfall.loading import Archive, Loader
from footfall.loading.loader import INSPECT_PERIOD_S
from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreUnavailable
from footfall.system.clock import NodeClock


def events(number: int) -> list[dict]:
    return [
        {
            "customer": "C",
            "product": "P",
            "type": "T",
            "timestamp": 1_568_381_886_060 + number,
            "context": [str(number), str(place)],
            "sequence": place,
            "batch": str(uuid.UUID(int=number + 1)),
            "received": 1,
            "admitted": 1,
        }
        for place in range(1, 101)
    ]


class Node:
    def __init__(self, settings: Settings) -> None:
        self.data = Path(settings.data_dir)
        self.store = Store(settings)
        self.folder = Folder(self.data / "journal")
        archive = Archive(self.data / "archive", settings.archive_days)
        clock = NodeClock(self.data / "clock")
        self.loader = Loader(self.folder, self.store, archive, self.data / "aside", settings, clock)

    def count(self) -> int:
        return self.store.rows("SELECT count() FROM events FINAL", {})[0][0]

    def merge(self) -> Path:
        """One part of everything; returns its folder. The parts that went into it are soon gone."""
        self.store.write("OPTIMIZE TABLE events FINAL", {})
        ((path,),) = self.store.rows("SELECT path FROM system.parts WHERE active AND table = 'events'", {})
        return Path(path)


def load(own_engine, make_segment, **changes) -> Node:
    node = Node(Settings(data_dir=str(own_engine.folder), **changes))
    for number in range(5):
        make_segment(node.folder.path / f"156838188{number:04d}-w-000001.jsonl.zst", events(number))
    assert node.loader.tick()
    assert node.count() == 500
    return node


def cut_short(part: Path) -> None:
    """What a full disk left of a merge: files without content. The merged-away parts are too old to be there."""
    for file in part.glob("*mrk*"):
        file.write_bytes(b"")
    for other in part.parent.iterdir():
        if other.is_dir() and other != part and other.name != "detached":
            shutil.rmtree(other)


def test_a_part_that_is_broken_at_the_engine_s_start_is_made_up_for_before_anybody_counts(own_engine, make_segment):
    node = load(own_engine, make_segment)
    part = node.merge()
    node.loader.tick()
    assert node.loader.loaded_through_ms > 0
    own_engine.stop()
    cut_short(part)
    own_engine.start()
    assert node.count() == 0  # The engine says nothing of it.
    node.loader.tick()
    assert node.count() == 500
    assert node.loader.loaded_through_ms > 0
    assert node.store.rows("SELECT count() FROM system.detached_parts", {}) == [(0,)]
    node.store.close()


def test_a_part_that_broke_in_use_is_made_up_for_when_the_store_takes_events_again(own_engine, make_segment):
    node = load(own_engine, make_segment)
    part = node.merge()
    node.store.write("SYSTEM DROP MARK CACHE", {})
    cut_short(part)
    node.loader._prepared = False  # As after any failed load.
    node.loader.tick()
    assert node.count() == 500
    node.store.close()


def test_a_part_that_broke_while_nothing_failed_is_found_all_the_same(own_engine, make_segment):
    node = load(own_engine, make_segment)
    part = node.merge()
    node.store.write("SYSTEM DROP MARK CACHE", {})
    cut_short(part)
    node.loader._last_inspected_s -= INSPECT_PERIOD_S
    node.loader.tick()
    node.loader.tick()
    assert node.count() == 500
    assert node.loader.loaded_through_ms > 0
    node.store.close()


def test_without_an_archive_a_broken_part_is_kept_and_told_of_once(own_engine, make_segment, caplog):
    node = load(own_engine, make_segment, archive_days=0)
    part = node.merge()
    own_engine.stop()
    cut_short(part)
    own_engine.start()
    for _ in range(3):
        node.loader._prepared = False
        node.loader.tick()
    assert caplog.text.count("there is no archive") == 1
    assert node.store.rows("SELECT count() FROM system.detached_parts", {}) == [(1,)]
    node.store.close()


def test_a_part_is_not_forgotten_when_the_store_goes_away_in_the_middle(own_engine, make_segment, monkeypatch):
    node = load(own_engine, make_segment)
    part = node.merge()
    node.store.write("SYSTEM DROP MARK CACHE", {})
    cut_short(part)
    node.loader._prepared = False
    with monkeypatch.context() as patched:
        patched.setattr(node.store, "load", away)
        assert not node.loader.tick()
    own_engine.stop()
    own_engine.start()
    node.loader._store_backoff.clear("store")
    node.loader.tick()
    assert node.count() == 500
    node.store.close()


def away(*_: object) -> None:
    raise StoreUnavailable("the disk is full")


def test_a_part_that_could_not_be_looked_at_is_left_alone(own_engine, make_segment, monkeypatch):
    node = load(own_engine, make_segment)
    node.merge()
    rows = node.store.rows

    def without_memory(statement: str, *rest: object) -> list[tuple]:
        if "_part" in statement:
            raise StoreFailed("Code: 241. (MEMORY_LIMIT_EXCEEDED)")
        return rows(statement, *rest)

    monkeypatch.setattr(node.store, "rows", without_memory)
    node.loader._prepared = False
    node.loader.tick()
    assert node.count() == 500
    assert rows("SELECT count() FROM system.detached_parts", {}) == [(0,)]
    node.store.close()


def test_a_broken_part_of_the_rollups_has_them_made_anew_and_loads_nothing(own_engine, make_segment, caplog):
    node = load(own_engine, make_segment)
    node.store.write("INSERT INTO rollup_changes (customer, day, loaded) VALUES ('C', 1, 1)", {})
    ((path,),) = node.store.rows("SELECT path FROM system.parts WHERE active AND table = 'rollup_changes'", {})
    own_engine.stop()
    cut_short(Path(path))
    own_engine.start()
    node.loader.tick()
    assert node.loader.loaded_through_ms > 0
    assert node.store.rows("SELECT count() FROM rollup_changes", {}) == [(0,)]
    assert node.store.rows("SELECT count() FROM system.detached_parts", {}) == [(0,)]
    assert "loaded again" not in caplog.text
