"""Reading: whole results, and failures that are never taken for an end."""

import contextlib
import io
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from clickhouse_connect.driver.exceptions import DatabaseError

from footfall.settings import Settings
from footfall.store import (
    Identifier,
    Store,
    StoreFailed,
    StoreMemory,
    StoreRejected,
    StoreTimeout,
    StoreUnavailable,
)
from footfall.store import pipe as pipe_module
from footfall.store.errors import explain_load, explain_read
from footfall.store.pipe import Pipe, name_pipe
from footfall.store.stream import read_blocks

# The engine's answer to it needs far more time than any test may take.
ENDLESS = "SELECT number, sipHash64(number) FROM numbers(1000000000000)"
RUNNING = (
    "SELECT count() FROM system.processes WHERE position(query, {mark:String}) > 0 AND position(query, 'processes') = 0"
)


@pytest.fixture(params=["over HTTP", "through a pipe"])
def store(request, engine) -> Iterator[Store]:
    """A store by a URL, with a database of its own, and the one to which the data folder leads, with all its events."""
    changed = Settings(data_dir=str(engine.folder)) if request.param == "through a pipe" else engine.settings()
    store = Store(changed)
    store.migrate()
    yield store
    store.write("TRUNCATE TABLE events", {})
    store.close()


def wait_until_gone(store: Store, mark: str) -> None:
    deadline = time.monotonic() + 10
    while store.rows(RUNNING, {"mark": mark}) != [(0,)]:
        assert time.monotonic() < deadline, "the statement still runs"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "value",
    ["", "plain", "it's", 'say "hi"', "tab\tnew\nline\r", "back\\slash", "\\N", "\u00e9\u2713\U0001f600", "nul\0"],
)
def test_parameters_arrive_as_they_are(store, value: str) -> None:
    query = "SELECT {one:String}, {many:Array(String)}"
    assert store.rows(query, {"one": value, "many": [value, "x"]}) == [(value, [value, "x"])]


def test_a_thousand_long_parameters_arrive(store) -> None:
    many = [f"TYPE-{n}-" + "x" * 190 for n in range(1000)]
    assert store.rows("SELECT {many:Array(String)}", {"many": many}) == [(many,)]
    with store.stream("SELECT length({many:Array(String)}) FORMAT CSV", {"many": many}) as blocks:
        assert b"".join(blocks) == b"1000\n"


def test_no_rows_are_no_bytes(store) -> None:
    assert store.rows("SELECT 1 WHERE 0", {}) == []
    with store.stream("SELECT 1 WHERE 0 FORMAT CSV", {}) as blocks:
        assert list(blocks) == []


def test_a_large_result_arrives_whole(store) -> None:
    with store.stream("SELECT number FROM numbers(3000000) FORMAT CSV", {}) as blocks:
        data = b"".join(blocks)
    assert data == b"".join(b"%d\n" % n for n in range(3_000_000))


def test_formats_with_a_head_have_it_once(store) -> None:
    with store.stream("SELECT number AS n FROM numbers(300000) FORMAT CSVWithNames", {}) as blocks:
        lines = b"".join(blocks).splitlines()
    assert (lines[0], len(lines), lines.count(lines[0])) == (b'"n"', 300_001, 1)
    with store.stream("SELECT number AS n FROM numbers(300000) FORMAT Parquet -- comment", {}) as blocks:
        data = io.BytesIO(b"".join(blocks)).getvalue()
    assert (data[:4], data[-4:], data.count(b"PAR1")) == (b"PAR1", b"PAR1", 2)


def test_a_statement_over_its_time_is_a_timeout(store) -> None:
    with pytest.raises(StoreTimeout):
        store.rows("SELECT max(sipHash64(number)) FROM numbers(1000000000000)", {}, {"max_execution_time": 1})


def test_a_timeout_in_the_middle_of_a_stream_is_one(store) -> None:
    query = f"{ENDLESS} FORMAT CSV"
    with store.stream(query, {}, {"max_execution_time": 1}) as blocks:
        assert next(blocks)
        with pytest.raises(StoreTimeout):
            list(blocks)


def test_a_failure_in_the_middle_is_one(store) -> None:
    query = "SELECT number, throwIf(number = 2000000) FROM numbers(3000000) SETTINGS max_block_size = 1000"
    with pytest.raises(StoreFailed, match="395"):
        store.rows(query, {})
    with store.stream(f"{query} FORMAT CSV", {}) as blocks, pytest.raises(StoreFailed, match="395"):
        list(blocks)


def test_a_failure_before_the_first_byte_has_its_code(store) -> None:
    for query in ("SELECT nothing FROM nowhere", "SELEKT", "SELECT {missing:String}"):
        with pytest.raises(StoreFailed):
            store.rows(query, {})
        with pytest.raises(StoreFailed), store.stream(f"{query} FORMAT CSV", {}) as blocks:
            list(blocks)


def test_too_much_memory_fails_the_statement_only(store) -> None:
    with pytest.raises(StoreFailed, match="241"):
        store.rows("SELECT length(groupArray(number)) FROM numbers(100000000)", {}, {"max_memory_usage": 50_000_000})
    assert store.rows("SELECT 1", {}) == [(1,)]


def test_leaving_a_stream_cancels_its_statement(store) -> None:
    with store.stream(f"{ENDLESS} WHERE 'left-early' != '' FORMAT CSV", {}) as blocks:
        assert next(blocks)
        assert store.rows(RUNNING, {"mark": "left-early"}) == [(1,)]
    wait_until_gone(store, "left-early")


def test_leaving_before_the_first_byte_cancels_too(engine, store) -> None:
    impatient = Store(engine.settings())
    impatient.migrate()
    impatient._connection(impatient._timeouts.unlimited_s).client.timeout = 0.5
    with pytest.raises(StoreUnavailable):
        impatient.rows("SELECT max(sipHash64(number)) FROM numbers(1000000000000) WHERE 'gave-up' != ''", {})
    wait_until_gone(store, "gave-up")
    impatient.close()


def test_a_slow_reader_holds_the_statement_back(engine, store) -> None:
    before = _resident(engine.process.pid)
    with store.stream(f"{ENDLESS} WHERE 'slow' != '' FORMAT CSV", {}) as blocks:
        taken = 0
        for block in blocks:
            taken += len(block)
            if taken > 8 << 20:
                break
        time.sleep(1)
        assert store.rows(RUNNING, {"mark": "slow"}) == [(1,)]
        grown = _resident(engine.process.pid) - before
    # In that second the engine could have made a gigabyte.
    assert grown < 300 << 20


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_loads_and_streams_go_on_side_by_side(store, make_event, make_segment, tmp_path: Path) -> None:
    segments = [make_segment(tmp_path / str(k), [make_event(n + 500 * k) for n in range(1, 501)]) for k in range(8)]
    store.load(segments[0])
    loader = threading.Thread(target=lambda: [store.load(segment) for segment in segments[1:]])
    loader.start()
    counts = []
    while loader.is_alive() or not counts:
        with store.stream("SELECT sequence FROM events FINAL ORDER BY sequence FORMAT CSV", {}) as blocks:
            counts.append(b"".join(blocks).count(b"\n"))
    loader.join()
    assert counts == sorted(counts)
    assert store.rows("SELECT count() FROM events FINAL", {}) == [(4000,)]


def test_readers_in_all_threads_hold_up_neither_loads_nor_new_clients(
    engine, store, make_event, make_segment, tmp_path: Path
) -> None:
    settings = engine.settings()
    early = Store(settings)
    early.migrate()
    early.close()
    with contextlib.ExitStack() as streams:
        for _ in range(3):
            assert next(streams.enter_context(store.stream(f"{ENDLESS} FORMAT CSV", {})))
        late = Store(settings)
        late.load(make_segment(tmp_path / "1", [make_event()]))
        assert late.ping()
        late.close()


def test_no_pipe_is_left(engine, store) -> None:
    for query in (
        "SELECT 1 FORMAT CSV",
        "SELECT throwIf(1) FORMAT CSV",
        f"{ENDLESS} WHERE 'none-left' != '' FORMAT CSV",
    ):
        with contextlib.suppress(StoreFailed), store.stream(query, {}) as blocks:
            next(blocks)
    wait_until_gone(store, "none-left")
    assert list((engine.folder / "engine" / "spool").glob("*.pipe")) == []


def test_a_pipe_that_goes_while_its_statement_waits_is_no_end_and_leaves_no_file(engine) -> None:
    spool = engine.folder / "engine" / "spool"
    piped = Store(Settings(data_dir=str(engine.folder)))
    piped.migrate()
    with contextlib.ExitStack() as streams:
        for _ in range(3):
            assert next(streams.enter_context(piped.stream(f"{ENDLESS} FORMAT CSV", {})))
        before = set(spool.glob("*.pipe"))
        with piped.stream("SELECT 1 FORMAT CSV", {}) as blocks:
            (pipe,) = set(spool.glob("*.pipe")) - before
            pipe.unlink()
            streams.close()
            with pytest.raises(StoreUnavailable, match="394"):
                list(blocks)
            assert not pipe.exists()
    piped.close()


def test_a_pipe_gives_what_its_writers_wrote_until_the_last_has_gone(tmp_path: Path) -> None:
    with Pipe(tmp_path / name_pipe()) as pipe:
        first, second = (os.open(pipe.path, os.O_WRONLY) for _ in range(2))
        os.write(first, b"one,")
        os.close(first)
        blocks = pipe.blocks(60)
        assert next(blocks) == b"one,"
        os.write(second, b"two")
        os.close(second)
        assert list(blocks) == [b"two"]
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_into_which_nobody_writes_for_too_long_is_given_up(tmp_path: Path) -> None:
    with Pipe(tmp_path / name_pipe()) as pipe:
        file = os.open(pipe.path, os.O_WRONLY)
        with pytest.raises(TimeoutError):
            list(pipe.blocks(0.01))
        os.close(file)


def test_without_the_folder_for_pipes_the_engine_is_away(engine, monkeypatch) -> None:
    store = Store(Settings(data_dir=str(engine.folder)))
    monkeypatch.setattr(pipe_module, "name_pipe", lambda: "missing/pipe")
    with pytest.raises(StoreUnavailable, match="No such file"), store.stream("SELECT 1", {}):
        pass
    store.close()


@pytest.mark.parametrize(
    "tail", [b"", b"\r\n__excep", b"\r\n__exception__\r\nTAG", b"\r\n__exception__\r\nTAG\r\nCode"]
)
def test_a_connection_that_ends_early_is_an_outage(tail: bytes) -> None:
    blocks = read_blocks(_answer(b"1\n2\n" + tail, whole=False))
    with pytest.raises(StoreUnavailable):
        list(blocks)


def test_a_failure_told_at_the_end_is_found_wherever_it_is_cut() -> None:
    message = b"Code: 159. DB::Exception: too long (TIMEOUT_EXCEEDED)\n"
    told = b"\r\n__exception__\r\nTAG\r\n%b%d TAG\r\n__exception__\r\n" % (message, len(message))
    # Real servers close the transfer properly in some versions, and break it in others.
    for whole in (True, False):
        with pytest.raises(StoreTimeout, match="too long"):
            list(read_blocks(_answer(b"x" * 100_000 + told, whole=whole)))


def test_what_only_looks_like_a_failure_is_data() -> None:
    data = b"__exception__\r\nOTHER\r\nCode: 159.\n" * 1000 + b"__exception__\r\nTA"
    assert b"".join(read_blocks(_answer(data, whole=True))) == data


def _answer(body: bytes, *, whole: bool) -> urllib3.BaseHTTPResponse:
    """A response over a real socket, in chunks of odd sizes, with its end or without."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(body[at : at + 7]), body[at : at + 7]) for at in range(0, len(body), 7))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-ClickHouse-Exception-Tag: TAG\r\n\r\n"
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(65_536)
            connection.sendall(head + chunks + (b"0\r\n\r\n" if whole else b""))

    threading.Thread(target=serve).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    return urllib3.PoolManager().request("GET", url, preload_content=False)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (159, StoreTimeout),
        (516, StoreUnavailable),
        (None, StoreUnavailable),
        (394, StoreUnavailable),
        (241, StoreMemory),
        (62, StoreRejected),
        (60, StoreFailed),
    ],
)
def test_what_a_failed_read_means(code: int | None, expected: type[Exception]) -> None:
    assert type(explain_read(DatabaseError("x", code=code))) is expected


@pytest.mark.parametrize("status", [400, 411, 413, 414, 431])
def test_what_is_the_requests_own_fault_is_no_outage_of_reads(status: int) -> None:
    error = DatabaseError(f"HTTP driver received HTTP status {status}, server response: no (for url http://here)")
    assert type(explain_read(error)) is StoreRejected
    # No segment is ever given up for it.
    assert type(explain_load(error)) is StoreUnavailable


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503, 504])
def test_what_stands_between_and_fails_is_an_outage(status: int) -> None:
    assert type(explain_read(DatabaseError(f"HTTP driver received HTTP status {status}"))) is StoreUnavailable


def test_parameters_may_be_longer_than_an_address(store: Store) -> None:
    names = [f"'{number}'\\\t\n\"é" * 20 for number in range(4_000)]
    sizes = "length({names:Array(String)}), length(arrayStringConcat({names:Array(String)}))"
    assert store.rows(f"SELECT {sizes}", {"names": names}) == [(len(names), len("".join(names).encode()))]
    with store.stream(f"SELECT {sizes} FORMAT TSV", {"names": names}) as blocks:
        assert b"".join(blocks).split(b"\t")[0] == b"4000"


def test_no_parameter_stands_in_an_address(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "urllib3.connectionpool"):
        assert store.rows("SELECT {secret:String}", {"secret": "s3cr3t"}) == [("s3cr3t",)]
        with store.stream("SELECT {secret:String} FORMAT TSV", {"secret": "s3cr3t"}) as blocks:
            assert b"".join(blocks) == b"s3cr3t\n"
        store.write("INSERT INTO events (customer) SELECT {secret:String} WHERE 0", {"secret": "s3cr3t"})
        store.kill("s3cr3t")
        assert store.progress("s3cr3t") == 0
    assert "POST" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_a_name_given_as_a_parameter_is_taken_as_it_is(store: Store) -> None:
    name = "a `name' \"of\\ all\tsorts\n"
    with store.stream("SELECT 1 AS {name:Identifier} FORMAT JSONEachRow", {"name": Identifier(name)}) as blocks:
        assert json.loads(b"".join(blocks)) == {name: 1}
