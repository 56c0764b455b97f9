"""A store that takes connections and swallows what is sent to it."""

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec import structs

from footfall.settings import Settings
from footfall.store import Store, StoreUnavailable
from footfall.store import client as store_client
from footfall.store import connections as store_connections
from footfall.store.connections import ClientPool

CALLERS = 12
# The settings of what a request waits for.
LIMITS = ("usage_timeout_s", "estimate_timeout_s", "receipt_timeout_s", "codes_timeout_s")


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

    connections = ClientPool(connect)
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


class Relay:
    """Stands between a store and its callers, and swallows what either says once it is silent."""

    def __init__(self, port: int) -> None:
        self.is_silent = threading.Event()
        self._engine = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        for each in (self._listening, *self._open):
            each.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, engine = self._listening.accept()[0], socket.create_connection(self._engine)
                self._open += [client, engine]
                for ends in ((client, engine), (engine, client)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.is_silent.is_set():
                    target.sendall(data)


def test_what_a_request_asks_of_a_store_that_falls_silent_ends_with_the_limit_of_requests(
    engine: Any,
) -> None:
    port = json.loads(engine.place.read_bytes())["port"]
    with contextlib.closing(Relay(port)) as relay:
        settings = engine.settings(**dict.fromkeys(LIMITS, 1))
        url = settings.events_url.replace(f":{port}/", f":{relay.port}/")
        with contextlib.closing(Store(structs.replace(settings, events_url=url), grace_s=1)) as store:
            store.migrate()
            assert store.rows("SELECT 1", {}, {"max_execution_time": 1}) == [(1,)]
            relay.is_silent.set()
            # The limit of a report is 900 s.
            assert wait_in_vain(store, 1) < 120


@pytest.mark.parametrize("is_streamed", [False, True])
def test_what_an_engine_that_hangs_is_asked_ends_with_its_own_limit_and_not_with_the_longest_of_others(
    own_engine: Any, is_streamed: bool
) -> None:
    with contextlib.ExitStack() as stack:
        stores: list[Store] = []
        for name in LIMITS:
            limits: dict[str, Any] = dict.fromkeys(LIMITS, 600) | {name: 1}
            stores.append(Store(Settings(data_dir=str(own_engine.folder), **limits), grace_s=1))
            stack.callback(stores[-1].close)
            stores[0].migrate()
            assert stores[-1].rows("SELECT 1", {}, {"max_execution_time": 1}) == [(1,)]
        pool = stack.enter_context(ThreadPoolExecutor(len(stores)))
        own_engine.process.send_signal(signal.SIGSTOP)
        stack.callback(own_engine.process.send_signal, signal.SIGCONT)
        for waits in [pool.submit(wait_in_vain, store, 1, is_streamed=is_streamed) for store in stores]:
            waits.result(120)


def test_a_limit_that_is_longer_than_those_of_requests_is_kept() -> None:
    timeouts = store_connections.Timeouts(Settings(**dict.fromkeys(LIMITS, 5), report_timeout_s=40), grace_s=1)
    assert [timeouts.of_statement(limit_s) for limit_s in (0, 1, 5, 6, 40, 60)] == [41, 6, 6, 41, 41, 61]


def wait_in_vain(store: Store, limit_s: int, *, is_streamed: bool = False) -> float:
    """The seconds until the store says that there is no answer."""

    def ask() -> None:
        if not is_streamed:
            store.rows("SELECT 1", {}, {"max_execution_time": limit_s})
            return
        with store.stream("SELECT 1 FORMAT TSV", {}, {"max_execution_time": limit_s}) as blocks:
            list(blocks)

    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        ask()
    return time.monotonic() - start
