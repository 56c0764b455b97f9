"""What happens between two steps of a backup costs nothing that was acknowledged before it."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from backed_up import FIRST_MS, Node, event, held

from footfall.backup.dependencies import retry
from footfall.store import Store, StoreUnavailable


@contextlib.contextmanager
def after_reads(monkeypatch: pytest.MonkeyPatch, count: int, happen: Callable[[], None]) -> Iterator[None]:
    """Something happens when so many parts of the store have been read: first the quarantine, then eight days."""
    stream, reads = Store.stream, itertools.count(1)

    @contextlib.contextmanager
    def watched(store: Store, *arguments: Any) -> Iterator[Iterator[bytes]]:
        with stream(store, *arguments) as blocks:
            yield blocks
        if next(reads) == count:
            happen()

    with monkeypatch.context() as patched:
        patched.setattr(Store, "stream", watched)
        yield


def load_journal(node: Node) -> None:
    """What the loader does."""
    for segment in sorted((node.data / "journal").iterdir()):
        node.store.load(segment, "quarantine" if "quarantine" in segment.name else "events")
        segment.unlink()


@pytest.mark.parametrize("count", [1, 2, 9])
def test_the_journal_may_be_loaded_at_any_moment(full, nodes, tmp_path, monkeypatch, count):
    with after_reads(monkeypatch, count, lambda: load_journal(full)):
        full.back_up(tmp_path)
    other = nodes()
    other.restore(tmp_path)
    load_journal(other)
    assert list((full.data / "journal").iterdir()) == []
    assert other.rows() == full.rows()
    assert len(other.rows()) == 2002
    assert other.rows("quarantine") == full.rows("quarantine")


@pytest.mark.parametrize("count", [1, 8])
def test_an_event_that_is_released_meanwhile_is_held_or_among_the_events(full, nodes, tmp_path, monkeypatch, count):
    def release() -> None:
        full.load([held(0, state="released", received=FIRST_MS + 10**9, held_since=FIRST_MS)], "quarantine")
        full.load([event(0, batch="00000000-0000-0000-0000-0000000fffff", admitted=FIRST_MS + 10**9)])

    with after_reads(monkeypatch, count, release):
        full.back_up(tmp_path)
    other = nodes()
    other.restore(tmp_path)
    ((state,),) = other.store.rows("SELECT toString(state) FROM quarantine FINAL WHERE sequence = 1", {})
    ((released,),) = other.store.rows("SELECT count() FROM events FINAL WHERE admitted > received", {})
    assert state == "held" or released == 1


def test_a_store_that_is_away_for_a_moment_is_waited_for():
    answers: list[Any] = [StoreUnavailable("away"), StoreUnavailable("away"), 7]

    def call() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    assert retry(call) == 7
