"""The table of quarantined events: whatever is loaded again, and in whatever order, the furthest state stays."""

import itertools
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from footfall.store import Store, StoreRefused

BATCH = str(uuid.UUID(int=5))


@pytest.fixture
def store(engine) -> Iterator[Store]:
    store = Store(engine.settings())
    yield store
    store.close()


def row(state: str | None = None, **changes: Any) -> dict[str, Any]:
    """A line of a quarantine segment: an event that is held, or a change of its state."""
    event = {"customer": "C", "product": "P", "type": "T", "timestamp": 1_700_000_000_000, "context": ["a", None]}
    event |= {"sequence": 3, "batch": BATCH, "code": "EVENT_NOT_IN_PLAN", "place": "type", "reason": "type: no"}
    if state:
        event |= {"context": [], "state": state, "changed_by": "root", "held_since": 100}
    return event | {"received": 200 if state else 100} | changes


def stored(store: Store, columns: str) -> list[tuple[Any, ...]]:
    return store.rows(f"SELECT {columns} FROM quarantine FINAL ORDER BY batch, sequence", {})  # noqa: S608 - our own


def test_an_event_comes_back_as_it_came(store, make_segment, tmp_path):
    store.load(make_segment(tmp_path / "1", [row(version="1", context=["", None, 'x"\n\0'])]), "quarantine")
    (found,) = stored(store, "version, context, sequence, toString(batch), place, state, received, held_since, plan")
    assert found == ("1", ["", None, 'x"\n\0'], 3, BATCH, "type", "held", 100, 100, "")


@pytest.mark.parametrize("state", ["dropped", "released"])
def test_a_line_that_is_loaded_again_after_its_state_has_changed_changes_nothing(store, make_segment, tmp_path, state):
    held = make_segment(tmp_path / "1", [row()])
    changed = make_segment(tmp_path / "2", [row(state)])
    # The first arrival again, later than the change, as a client's late retry would bring it.
    retried = make_segment(tmp_path / "3", [row(received=9_000)])
    for segment in (held, changed, held, retried, held):
        store.load(segment, "quarantine")
    assert stored(store, "state, context, changed_by, held_since, received") == [(state, [], "root", 100, 200)]
    # The same when the parts have been merged on disk.
    store._connection(60).client.command("OPTIMIZE TABLE quarantine FINAL")
    assert store.rows("SELECT state, length(context) FROM quarantine", {}) == [(state, 0)]


def test_in_whatever_order_lines_are_loaded_the_furthest_state_stays(store, make_segment, tmp_path):
    lines = [row(), row(received=150), row("dropped"), row("released", received=210)]
    for number, order in enumerate(itertools.permutations(lines)):
        batch = str(uuid.UUID(int=100 + number))
        for line in order:
            store.load(make_segment(tmp_path / "line", [line | {"batch": batch}]), "quarantine")
    assert set(stored(store, "state, received, held_since")) == {("released", 210, 100)}


def test_a_retry_keeps_the_time_at_which_the_event_came_first(store, make_segment, tmp_path):
    for received in (100, 50, 300):
        store.load(make_segment(tmp_path / str(received), [row(received=received)]), "quarantine")
    assert stored(store, "held_since") == [(50,)]


@pytest.mark.parametrize("changes", [{"surprise": 1}, {"sequence": 0}, {"batch": "x"}, {"customer": None}])
def test_a_line_with_a_fault_is_refused(store, make_segment, tmp_path, changes):
    with pytest.raises(StoreRefused):
        store.load(make_segment(tmp_path / "1", [row() | changes]), "quarantine")
