"""The events store as the rest of footfall sees it; nothing else calls clickhouse-connect."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.httputil import get_pool_manager
from msgspec import Struct
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from footfall.settings import Settings
from footfall.store import migration
from footfall.store.address import Address, read_address
from footfall.store.errors import StoreUnavailable, explain_load, explain_read, is_lost
from footfall.store.stream import read_blocks

Result = TypeVar("Result")
_TROUBLE = (ClickHouseError, HTTPError, OSError)
_COLUMNS = (
    "customer",
    "product",
    "type",
    "version",
    "timestamp",
    "context",
    "sequence",
    "batch",
    "received",
    "admitted",
)
# What a load relies on, whatever the server's own defaults are.
_LOAD_SETTINGS = {
    # The answer must mean that the rows are in the table, not in a buffer of the server.
    "async_insert": 0,
    "distributed_foreground_insert": 1,
    # Events of many months in one segment are legitimate: software that was offline sends what it kept.
    "max_partitions_per_insert_block": 0,
    # Equal events meet in the table by their key. The window of insert deduplication could drop a retried segment whose
    # first try was logged but lost.
    "insert_deduplicate": 0,
    # We wrote the lines: a key that the table does not have is our own mistake, and would be lost without a word.
    "input_format_skip_unknown_fields": 0,
    "input_format_null_as_default": 0,
    "input_format_defaults_for_omitted_fields": 1,
}
# Equal events share a partition, for the partition is made of a part of the key.
_READ_SETTINGS = {"do_not_merge_across_partitions_select_final": 1}
# Seconds that a statement may overrun its own limit before the connection is given up.
_GRACE_S = 30


class _Link(Struct, frozen=True, eq=False):
    address: Address
    client: Client


class Store:
    """The events store; thread-safe, and it connects when it is first used.

    With the embedded engine, its address is read again whenever a connection fails: the engine may have been started
    again with another port and password. A call that failed so is tried once more if the address has changed, which
    does no harm, because loading twice counts once.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        # Loads have a read timeout of their own, and clickhouse-connect has one for each client.
        self._loading: _Link | None = None
        self._reading: _Link | None = None

    def migrate(self) -> None:
        """Bring the schema to this version; raises StoreUnavailable or StoreFailed."""
        try:
            self._attempt(self._migrate, loading=False)
        except _TROUBLE as error:
            raise explain_read(error) from error

    def load(self, segment: Path) -> None:
        """Load one sealed segment as it is; when this returns, its events are durable in the store.

        Raises StoreRefused for a fault of the segment itself, and StoreUnavailable for everything else, when the same
        call may succeed later. A failed load may have loaded a part: loading it again is safe.
        """

        def insert(link: _Link) -> None:
            with segment.open("rb") as file:
                link.client.raw_insert(
                    "events", _COLUMNS, file, settings=_LOAD_SETTINGS, fmt="JSONEachRow", compression="zstd"
                )

        try:
            self._attempt(insert, loading=True)
        except _TROUBLE as error:
            raise explain_load(error) from error

    def rows(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """All rows of a small result; raises StoreTimeout, StoreUnavailable or StoreFailed."""
        try:
            result = self._attempt(
                lambda link: link.client.query(query, dict(parameters), self._limit(settings)), loading=False
            )
        except _TROUBLE as error:
            raise explain_read(error) from error
        return [tuple(row) for row in result.result_rows]

    @contextlib.contextmanager
    def stream(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of a result, of any size, in the FORMAT that the query names.

        A failure before or in the middle of it raises StoreTimeout, StoreUnavailable or StoreFailed; the end of the
        iterator means that the result is whole. Leaving the block early cancels the statement.
        """

        def open_stream(link: _Link) -> BaseHTTPResponse:
            response = link.client.raw_stream(query, dict(parameters), self._limit(settings))
            return cast(BaseHTTPResponse, response)

        try:
            response = self._attempt(open_stream, loading=False)
        except _TROUBLE as error:
            raise explain_read(error) from error
        try:
            yield read_blocks(response)
        finally:
            # Closing, rather than giving it back to the pool, is what tells the store to stop.
            response.close()

    def ping(self) -> bool:
        """Whether the store answers now."""
        try:
            return self._attempt(lambda link: link.client.ping(self._settings.store_connect_timeout_s), loading=False)
        except (StoreUnavailable, *_TROUBLE):
            return False

    def close(self) -> None:
        """Close the connections; the next call would open new ones."""
        with self._lock:
            links = (self._loading, self._reading)
            self._loading = self._reading = None
        for link in links:
            if link is not None:
                _close(link)

    def _limit(self, settings: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**_READ_SETTINGS, "max_execution_time": self._settings.report_timeout_s, **(settings or {})}

    def _migrate(self, link: _Link) -> None:
        migration.migrate(link.client, link.address.database, link.address.cluster)

    def _attempt(self, work: Callable[[_Link], Result], *, loading: bool) -> Result:
        link = self._link(loading)
        try:
            return work(link)
        except _TROUBLE as error:
            if not is_lost(error):
                raise
            self._drop(link)
            if read_address(self._settings) == link.address:
                raise
        return work(self._link(loading))

    def _link(self, loading: bool) -> _Link:
        with self._lock:
            link = self._loading if loading else self._reading
            if link is None:
                link = self._connect(loading)
                if loading:
                    self._loading = link
                else:
                    self._reading = link
            return link

    def _drop(self, link: _Link) -> None:
        with self._lock:
            self._loading = None if self._loading is link else self._loading
            self._reading = None if self._reading is link else self._reading
        # Other threads may be using its connections; closing the pool leaves those alone.
        _close(link)

    def _connect(self, loading: bool) -> _Link:
        """Raises StoreUnavailable while the embedded engine has no address, and clickhouse-connect's errors."""
        address = read_address(self._settings)
        endpoint = address.endpoint
        read_timeout_s = self._settings.store_load_timeout_s if loading else self._settings.report_timeout_s + _GRACE_S
        client = clickhouse_connect.get_client(
            interface="https" if address.secure else "http",
            host=endpoint.host,
            port=endpoint.port,
            username=endpoint.user,
            password=endpoint.password,
            connect_timeout=self._settings.store_connect_timeout_s,
            send_receive_timeout=read_timeout_s,
            # One client serves many threads, which may not share a session.
            autogenerate_session_id=False,
            # The environment's proxy is for the world outside, not for a loopback address.
            **({"pool_mgr": get_pool_manager()} if address.embedded else {"dedicated_pool": True}),
        )
        # Set afterwards, because the database need not exist yet.
        client.database = address.database
        return _Link(address, client)


def _close(link: _Link) -> None:
    link.client.close_connections()
    link.client.close()
