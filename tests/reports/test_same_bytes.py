"""A report as of a watermark is the same file for ever, byte for byte, whatever became of the store in between."""

import contextlib
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made import ONE_OF_EACH, OUTPUTS, SMALL, hashes, make
from msgspec import structs

from footfall.reports.worker.attempt import AttemptOptions
from footfall.settings import Settings
from footfall.store import Store

FILTER = {"customer": "C", "product": "P", "watermark": 1_000}
MONTH_MS = 31 * 86_400_000
EVENTS = 2_400
MONTHS = 4
VALUES = ("", "a", "ü|\n", 'a "quoted" one', "x" * 300, "=1+1")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed texts have several blocks."""
    monkeypatch.setattr("footfall.reports.encoding.BLOCK_BYTES", 10_000)


def events(seed: int = 1, admitted: int = 1) -> list[dict[str, Any]]:
    """Requests of up to 50 events over some months, every fifth event equal to one of another request."""
    dice = random.Random(seed)
    made: list[dict[str, Any]] = []
    while len(made) < EVENTS:
        batch = str(uuid.UUID(int=dice.getrandbits(128)))
        stamp = admitted + dice.randrange(999)
        for sequence in range(1, dice.randrange(2, 51)):
            what = {
                "timestamp": dice.randrange(MONTHS) * MONTH_MS + dice.randrange(10_000),
                "type": dice.choice("TUV"),
                "context": [dice.choice(VALUES) for _ in range(dice.randrange(4))],
            }
            if made and not dice.randrange(5):
                other = dice.choice(made)
                what = {name: other[name] for name in ("timestamp", "type", "context")}
            names = {"customer": "C", "product": "P", "batch": batch, "sequence": sequence}
            made.append({**what, **names, "received": stamp, "admitted": stamp})
    return made


class Loaded:
    """A store of its own, with a way to load events in segments of so many."""

    def __init__(self, settings: Settings, make_segment: Any) -> None:
        self.settings = settings
        self.store = Store(settings)
        self.store.migrate()
        self._make_segment = make_segment

    def load(self, given: list[dict[str, Any]], *, cut: int = 1_200) -> None:
        path = Path(self.settings.data / "segment.jsonl.zst")
        for at in range(0, len(given), cut):
            self.store.load(self._make_segment(path, given[at : at + cut]))

    def hashes(self, options: AttemptOptions = SMALL, **changes: Any) -> list[str]:
        return hashes(self.settings, self.store, FILTER, options, **changes)

    def parts(self) -> int:
        (found,) = self.store.rows(
            "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND active", {}
        )
        return int(found[0])


@pytest.fixture
def loaded(engine: Any, make_segment: Any) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:

        def make_one(*, merging: bool = True) -> Loaded:
            made = Loaded(engine.settings(), make_segment)
            stack.callback(made.store.close)
            if not merging:
                made.store.write("SYSTEM STOP MERGES events", {})
            return made

        yield make_one


@pytest.mark.parametrize("mode", ["keep", "drop"])
def test_whatever_becomes_of_the_store(loaded: Any, mode: str) -> None:
    one = loaded(merging=False)
    one.load(events())
    before, parts = one.hashes(duplicates=mode), one.parts()
    assert len(set(before)) == len(ONE_OF_EACH)

    one.load(events()[: EVENTS // 2], cut=300)
    assert one.parts() > parts
    assert one.hashes(duplicates=mode) == before, "events were loaded a second time"

    one.load(events(seed=2, admitted=1_001))
    retried = [event | {"admitted": event["admitted"] + 5_000, "received": 9_999} for event in events()[::3]]
    one.load(retried, cut=400)
    assert one.hashes(duplicates=mode) == before, "later events and late retries were admitted"

    one.store.write("SYSTEM START MERGES events", {})
    one.store.write("OPTIMIZE TABLE events FINAL", {})
    assert one.parts() == MONTHS
    assert one.hashes(duplicates=mode) == before, "everything was merged"


@pytest.mark.parametrize("basis", ["event", "received"])
def test_however_the_events_came(loaded: Any, basis: str) -> None:
    found = []
    for cut, order in ((EVENTS * 2, 0), (800, 1), (200, 2)):
        one, given = loaded(merging=False), events()
        if order:
            random.Random(order).shuffle(given)
        one.load(given, cut=cut)
        found.append(one.hashes(basis=basis, since_ms=300))
    assert found[0] == found[1] == found[2]


def test_a_larger_group_by_bytes_is_cut_at_the_same_rows(loaded: Any) -> None:
    options = structs.replace(SMALL, groups=structs.replace(SMALL.groups, bytes_max=20_000))
    found = []
    for cut in (EVENTS * 2, 300):
        one = loaded(merging=False)
        one.load(events(), cut=cut)
        found.append(one.hashes(options))
    assert found[0] == found[1]


def test_an_engine_that_was_started_again_gives_the_same(own_engine: Any, make_segment: Any, tmp_path: Path) -> None:
    settings = Settings(data_dir=str(own_engine.folder))
    one = Loaded(settings, make_segment)
    with contextlib.closing(one.store):
        one.load(events())
        before = one.hashes()
        own_engine.stop()
        own_engine.start()
        assert one.hashes() == before


def test_nothing_of_the_time_of_making_is_in_a_file(loaded: Any) -> None:
    one = loaded()
    one.load(events()[:100])
    for output in OUTPUTS:
        first, second = (make(one.settings, one.store, FILTER, SMALL, started_ms=at, **output)[1] for at in (1, 2**40))
        assert first.read_bytes() == second.read_bytes()
