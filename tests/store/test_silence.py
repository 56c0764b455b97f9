"""A store that takes connections and swallows what is sent to it."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from footfall.settings import Settings
from footfall.store import Store, StoreUnavailable
from footfall.store import client as store_client
from footfall.store.connections import Connections

CALLERS = 12


@pytest.fixture
def black_hole() -> Iterator[Settings]:
    """Settings of a store behind a port that listens and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        port = listening.getsockname()[1]
        yield Settings(events_url=f"clickhouse://u:p@127.0.0.1:{port}/footfall", store_connect_timeout_s=1)


def count_attempts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets an item for each connection that a store begins to make."""
    begun: list[int] = []
    get_client: Any = store_client.clickhouse_connect.get_client

    def counted(**options: Any) -> Any:
        begun.append(1)
        return get_client(**options)

    monkeypatch.setattr(store_client.clickhouse_connect, "get_client", counted)
    return begun


def test_all_who_call_a_silent_store_share_one_attempt(black_hole: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, store, together = count_attempts(monkeypatch), Store(black_hole), threading.Barrier(CALLERS)

    def call() -> float:
        together.wait(10)
        start = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.rows("SELECT 1", {})
        return time.monotonic() - start

    with ThreadPoolExecutor(CALLERS) as pool:
        waited = [each.result(60) for each in [pool.submit(call) for _ in range(CALLERS)]]
    # Whoever comes when the first attempt has failed begins another.
    assert len(begun) < CALLERS / 2
    # One after the other, the last one would have waited for twelve timeouts.
    assert max(waited) < CALLERS / 2
    store.close()


def test_closing_does_not_wait_for_an_attempt(black_hole: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, store = count_attempts(monkeypatch), Store(black_hole)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(store.ping)
        while not begun:
            assert not asked.done()
        store.close()
        assert not asked.done()
        assert asked.result(30) is False


def test_a_connection_that_was_begun_before_all_were_closed_is_not_kept() -> None:
    begun, answered = threading.Event(), threading.Event()

    def connect(_: str) -> object:
        begun.set()
        assert answered.wait(10)
        return object()

    connections = Connections(connect)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(connections.get, "read")
        assert begun.wait(10)
        assert connections.drop_all() == []
        answered.set()
        later = connections.get("read")
        assert first.result(10) is not later
    assert connections.drop_all() == [later]


def test_a_failed_attempt_is_not_kept(engine: Any, black_hole: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(black_hole)
    assert not store.ping()
    monkeypatch.setattr(store, "_settings", engine.settings())
    assert store.ping()
    store.close()
