"""The events store as the rest of footfall sees it; nothing else calls clickhouse-connect."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from clickhouse_connect.driver.httpclient import HttpClient
from clickhouse_connect.driver.httputil import get_pool_manager
from msgspec import Struct
from urllib3 import Timeout
from urllib3.response import BaseHTTPResponse

from footfall.settings import Settings
from footfall.store.connections import GRACE_S, Address, ClientPool, Timeouts, read_address
from footfall.store.errors import StoreUnavailable, explain_load, explain_read, is_lost
from footfall.store.migrations import migrate
from footfall.store.pipe import PIPE_HEADER, Pipe, make_pipe, read_pipe
from footfall.store.statements import alteration, divide_lists, query, render_statements, run, table_statements
from footfall.store.stream import check_taken, count_lines, read_blocks

Result = TypeVar("Result")
Table = Literal["events", "quarantine"]
_EVENT_COLUMNS = ("customer", "product", "type", "version", "timestamp", "context", "sequence", "batch", "received")
# The columns that the lines of each table's segments may have.
_COLUMNS: dict[Table, tuple[str, ...]] = {
    "events": (*_EVENT_COLUMNS, "admitted"),
    "quarantine": (
        *_EVENT_COLUMNS,
        *("code", "place", "reason", "plan", "address", "origin", "user_agent"),
        *("state", "changed_by", "set_type", "held_since"),
    ),
}
# How the lines of events are read. Their names become dictionaries in the table: making those of whole columns takes
# 0.5 us of a core an event less than making them value by value, as reading a line straight into the table does.
_EVENT_LINES = (
    "customer String, product String, type String, version String, timestamp Int64, context Array(String),"
    " sequence UInt32, batch UUID, received Int64, admitted Int64"
)
# The store's time, when the load begins.
_NOW_MS = "toUnixTimestamp64Milli(now64(3))"
# Settings that a load relies on, whatever the server's own defaults are.
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
# Settings that a load of segments relies on as well.
_SEGMENT_SETTINGS = {
    # All lines are one block, which is stored after the last frame's checksum has been verified, so that no line of a
    # damaged segment is stored: the loader does not check before.
    "min_insert_block_size_rows": 2**40,
    "min_insert_block_size_bytes": 0,
    "max_insert_block_size": 2**40,
    "max_block_size": 2**40,
    "max_insert_threads": 1,
    # Loading must cost little rather than be quick. Cutting lines for several threads that parse them took 0.3 us of a
    # core an event ...
    "input_format_parallel_parsing": 0,
    # ... and replacing within an insert 1.0 of 3.3. Merges do that, and until then FINAL.
    "optimize_on_insert": 0,
}
# Equal events share a partition, for the partition is made of a part of the key.
_READ_SETTINGS = {"do_not_merge_across_partitions_select_final": 1}


class _Connection(Struct, frozen=True, eq=False):
    address: Address
    client: HttpClient


class Store:
    """The events store; thread-safe, and it connects when it is first used.

    With the embedded engine, its address is read again whenever a connection fails: the engine may have been started
    again with another port and password. A call that failed so is tried once more if the address has changed, which
    does no harm, because loading twice counts once. A connection is given up when a statement overruns its own limit by
    `grace_s` seconds.
    """

    def __init__(self, settings: Settings, *, grace_s: int = GRACE_S) -> None:
        self._settings = settings
        self._timeouts = Timeouts(settings, grace_s)
        self._pool = get_pool_manager()
        # By their read timeouts, of which clickhouse-connect has one for each client.
        self._connections = ClientPool(self._connect)

    def migrate(self) -> None:
        """Bring the schema to this version; raises StoreUnavailable or StoreFailed."""
        with _explaining(explain_read):
            self._attempt(self._timeouts.unlimited_s, _migrate)

    def load(self, segment: Path, table: Table = "events") -> int:
        """Load one sealed segment as it is, as `load_frames` does; raises OSError when the file cannot be read."""
        return self.load_frames(segment.read_bytes(), table)

    def load_frames(self, frames: bytes, table: Table = "events", now_ms: int = 0) -> int:
        """Load the frames of sealed segments as they are; gives how many lines they had.

        Events get the store's time as that of their load, or `now_ms` where that is later: the store's clock may have
        been set back, and the node's own never goes back.
        When this returns, all of them are durable in the store. Raises StoreRefused for a fault of the frames
        themselves, damage among them, StoreShort when the store took another number of rows than there are lines, and
        StoreUnavailable for everything else, when the same call may succeed later.
        Nothing of what is damaged is stored. Of what failed otherwise, a part may be: loading it again is safe.
        """
        if not frames:
            return 0
        settings = _LOAD_SETTINGS | _SEGMENT_SETTINGS
        return self._load(frames, lambda client: _insert(client, table, frames, settings, loaded_ms=now_ms))

    def fill(self, table: str, lines: bytes, like: Table = "events") -> None:
        """Load zstd frames of lines into another table, which takes the same lines as the table `like`.

        Raises StoreRefused for a fault of the lines themselves, StoreShort as `load_frames` does, and StoreUnavailable.
        """
        self._load(lines, lambda client: _insert(client, like, lines, _LOAD_SETTINGS, table))

    def _load(self, frames: bytes, insert: Callable[[HttpClient], dict[str, str]]) -> int:
        """Insert frames; gives their lines, which are as many as the rows that the store took, or raises StoreShort."""
        lines = count_lines(frames)
        with _explaining(explain_load):
            summary = self._attempt(self._timeouts.load_s, lambda connection: insert(connection.client))
        check_taken(lines, summary)
        return lines

    def run_table_script(self, name: str, /, **names: str) -> None:
        """Run the statements of tables/NAME.sql; raises StoreTimeout, StoreUnavailable or StoreFailed."""
        with _explaining(explain_read):
            self._attempt(self._timeouts.load_s, lambda connection: _run_table_script(connection, name, names))

    def write(
        self, statement: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None, alters: str = ""
    ) -> None:
        """Run one statement that changes something; raises StoreTimeout, StoreUnavailable or StoreFailed.

        With a setting `priority` it runs beside loads in the embedded engine, which otherwise writes one at a time.
        One that `alters` a table gets its name as `{table:Identifier}`, and runs on all servers of a cluster.
        """
        all_settings = {**_LOAD_SETTINGS, **(settings or {})}

        def work(connection: _Connection) -> None:
            given = alteration(statement, parameters, connection.address.cluster, alters)
            run(connection.client, *given, settings=all_settings)

        with _explaining(explain_read):
            self._attempt(self._timeouts.load_s, work)

    def rows(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """All rows of a small result; raises StoreTimeout, StoreUnavailable or StoreFailed."""
        limited, divided = self._limit(settings), divide_lists(query, parameters)

        def read(connection: _Connection) -> list[tuple[Any, ...]]:
            # The result is read only when it is asked for its rows.
            return [tuple(row) for row in connection.client.query(*divided, limited).result_rows]

        with _explaining(explain_read):
            return self._attempt(self._timeouts.of_statement(limited["max_execution_time"]), read)

    @contextlib.contextmanager
    def stream(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of a result, of any size, in the FORMAT that the query names.

        A failure before or in the middle of it raises StoreTimeout, StoreUnavailable or StoreFailed, here or from the
        iterator, whose end means that the result is whole. Leaving the block early cancels the statement.
        """
        limited, divided = self._limit(settings), divide_lists(query, parameters)
        wait_s = self._timeouts.of_statement(limited["max_execution_time"])
        with _explaining(explain_read):
            response, pipe = self._attempt(wait_s, lambda connection: self._open(connection, *divided, limited))
        try:
            yield read_pipe(pipe, response, wait_s) if pipe else read_blocks(response)
        finally:
            # Closing, rather than giving it back to the pool, is what tells the store to stop.
            response.close()
            if pipe:
                pipe.close()

    def _open(
        self, connection: _Connection, query: str, parameters: dict[str, Any], settings: dict[str, Any]
    ) -> tuple[BaseHTTPResponse, Pipe | None]:
        """The answer to a query, and the pipe through which the embedded engine gives its result."""
        folder = connection.address.endpoint.pipes
        if not folder:
            return cast("BaseHTTPResponse", connection.client.raw_stream(query, parameters, settings)), None
        pipe = make_pipe(Path(folder))
        try:
            named = {PIPE_HEADER: pipe.path.name}
            answer = connection.client.raw_stream(query, parameters, settings, transport_settings=named)
        except BaseException:
            pipe.close()
            raise
        return cast("BaseHTTPResponse", answer), pipe

    def kill(self, mark: str) -> None:
        """Have the store end the statements with this `log_comment`; their callers get StoreUnavailable.

        Raises StoreTimeout, StoreUnavailable or StoreFailed.
        """

        def ask(connection: _Connection) -> None:
            (statement,) = render_statements(query("statement_kill"), connection.address.cluster)
            # Without a database, it has a thread of its own in the embedded engine.
            run(connection.client, statement, {"mark": mark}, use_database=False)

        with _explaining(explain_read):
            self._attempt(self._timeouts.control_s, ask)

    def progress(self, mark: str) -> float:
        """The share of its rows that the statement with this `log_comment` has read, from 0 to 1; 0 when none runs.

        Raises StoreTimeout, StoreUnavailable or StoreFailed.
        """

        def ask(connection: _Connection) -> float:
            return float(run(connection.client, query("statement_progress"), {"mark": mark}, use_database=False))

        with _explaining(explain_read):
            return self._attempt(self._timeouts.control_s, ask)

    def engine_start_id(self) -> str:
        """An id of the embedded engine's last start; empty before the first, and for other stores."""
        try:
            address = read_address(self._settings)
        except StoreUnavailable:
            return ""
        return address.endpoint.password if address.embedded else ""

    def ping(self) -> bool:
        """Whether the store answers now."""
        try:
            self._attempt(self._timeouts.unlimited_s, self._ping)
        except (StoreUnavailable, ClickHouseError):
            return False
        return True

    def close(self) -> None:
        """Close the connections; the next call would open new ones."""
        for connection in self._connections.drop_all():
            _close(connection)
        self._pool.clear()

    def _limit(self, settings: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**_READ_SETTINGS, "max_execution_time": self._settings.report_timeout_s, **(settings or {})}

    def _ping(self, connection: _Connection) -> None:
        if not connection.client.ping(self._settings.store_connect_timeout_s):
            raise OperationalError("no answer to a ping")

    def _attempt(self, wait_s: int, work: Callable[[_Connection], Result]) -> Result:
        connection = self._connection(wait_s)
        try:
            return work(connection)
        except ClickHouseError as error:
            if not is_lost(error):
                raise
            self._drop(wait_s, connection)
            if read_address(self._settings) == connection.address:
                raise
        return work(self._connection(wait_s))

    def _connection(self, wait_s: int) -> _Connection:
        return self._connections.get(wait_s)

    def _drop(self, wait_s: int, connection: _Connection) -> None:
        self._connections.drop(wait_s, connection)
        # Other threads may be using its connections; closing it leaves those alone.
        _close(connection)

    def _connect(self, wait_s: int) -> _Connection:
        """Raises StoreUnavailable while the embedded engine has no address, and ClickHouseError."""
        address = read_address(self._settings)
        endpoint, connect_s = address.endpoint, self._settings.store_connect_timeout_s
        made = clickhouse_connect.get_client(
            interface="https" if address.secure else "http",
            host=endpoint.host,
            port=endpoint.port,
            username=endpoint.user,
            password=endpoint.password,
            connect_timeout=connect_s,
            # Parameters stand in the body: they may be longer than an address may be, and addresses are logged.
            form_encode_query_params=True,
            # For the greeting, which every server answers at once.
            send_receive_timeout=connect_s,
            # One client serves many threads, which may not share a session.
            autogenerate_session_id=False,
            # The environment's proxy is for the world outside, not for a loopback address.
            **({"pool_mgr": self._pool} if address.embedded else {"dedicated_pool": True}),
        )
        client = cast("HttpClient", made)
        client.timeout = Timeout(connect=connect_s, read=wait_s)
        # Set only now, because the database need not exist yet.
        client.database = address.database
        return _Connection(address, client)


def _insert(
    client: Client, table: Table, data: bytes, settings: dict[str, int], into: str = "", loaded_ms: int = 0
) -> dict[str, str]:
    """Gives the store's summary; empty where something on the way has kept it.

    Only the table of events itself has the time of the load.
    """
    columns = values = ", ".join(_COLUMNS[table])
    if table == "events" and not into:
        columns, values = f"{columns}, loaded", f"{values}, greatest({loaded_ms:d}, {_NOW_MS})"
    read = f"SELECT {values} FROM input('{_EVENT_LINES}')" if table == "events" else ""  # noqa: S608 - all our own
    target = f"{into or table} ({columns}) {read}"
    done = client.raw_insert(target, None, data, settings=settings, fmt="JSONEachRow", compression="zstd")
    return done.summary


def _migrate(connection: _Connection) -> None:
    migrate(connection.client, connection.address.database, connection.address.cluster)


def _run_table_script(connection: _Connection, name: str, names: dict[str, str]) -> None:
    for statement in table_statements(name, connection.address.database, connection.address.cluster, names):
        connection.client.command(statement)


def _close(connection: _Connection) -> None:
    connection.client.close_connections()
    connection.client.close()


@contextlib.contextmanager
def _explaining(explain: Callable[[ClickHouseError], Exception]) -> Iterator[None]:
    try:
        yield
    except ClickHouseError as error:
        raise explain(error) from error
