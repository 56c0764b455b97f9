"""The engine as a process: its address, its death and return, and what a client sees of them."""

import json
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from programs import program

from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreUnavailable

COUNT = "SELECT count() FROM events FINAL"
ENDLESS = "SELECT number, sipHash64(number) FROM numbers(1000000000000) FORMAT CSV"


def embedded(engine: Any, **changes: Any) -> Store:
    return Store(Settings(data_dir=str(engine.folder), **changes))


def test_the_address_is_for_the_owner_only(own_engine) -> None:
    at = json.loads(own_engine.place.read_bytes())
    assert at["host"] == "127.0.0.1"
    assert len(at["password"]) >= 32
    assert stat.S_IMODE(own_engine.place.stat().st_mode) == 0o600


def test_a_second_engine_on_the_same_folder_says_so(own_engine) -> None:
    code = (
        "import logging, sys; logging.basicConfig(level='INFO'); "
        "from footfall.settings.schema import Settings; from footfall.store.engine.process import run_engine; "
        "run_engine(Settings(data_dir=sys.argv[1]))"
    )
    second = subprocess.run([sys.executable, "-c", code, str(own_engine.folder)], capture_output=True, check=False)
    assert second.returncode != 0
    assert b"another engine is running on" in second.stderr
    store = embedded(own_engine)
    assert store.ping()
    store.close()


def test_a_restart_elsewhere_is_found_without_help(own_engine, make_event, make_segment, tmp_path: Path) -> None:
    store = embedded(own_engine)
    store.migrate()
    store.load(make_segment(tmp_path / "1", [make_event(1)]))
    port = json.loads(own_engine.place.read_bytes())["port"]
    assert own_engine.stop() == 0
    assert not store.ping()
    with pytest.raises(StoreUnavailable):
        store.load(tmp_path / "1")
    with pytest.raises(StoreUnavailable):
        store.rows(COUNT, {})
    # Somebody else has the port now, so that the engine takes another.
    with socket.create_server(("127.0.0.1", port)):
        own_engine.start()
        assert json.loads(own_engine.place.read_bytes())["port"] != port
        assert store.ping()
        store.load(make_segment(tmp_path / "2", [make_event(2)]))
        assert store.rows(COUNT, {}) == [(2,)]
    store.close()


def test_a_restart_keeps_its_port_and_clients_learn_the_new_password(own_engine) -> None:
    store = embedded(own_engine)
    store.migrate()
    before = json.loads(own_engine.place.read_bytes())
    own_engine.process.kill()
    own_engine.process.wait()
    own_engine.start()
    after = json.loads(own_engine.place.read_bytes())
    assert after["port"] == before["port"]
    assert after["password"] != before["password"]
    assert store.rows(COUNT, {}) == [(0,)]
    store.close()


def test_an_engine_that_has_never_run_is_an_outage(tmp_path: Path) -> None:
    store = Store(Settings(data_dir=str(tmp_path)))
    assert not store.ping()
    for call in (store.migrate, lambda: store.rows("SELECT 1", {})):
        with pytest.raises(StoreUnavailable):
            call()
    store.close()


def test_a_clean_stop_ends_a_stream_as_broken_and_with_status_0(own_engine) -> None:
    store = embedded(own_engine)
    store.migrate()
    with store.stream(ENDLESS, {}) as blocks:
        assert next(blocks)
        own_engine.process.terminate()
        with pytest.raises(StoreUnavailable):
            for _ in blocks:
                pass
    assert own_engine.process.wait(20) == 0
    store.close()


def test_a_clean_stop_waits_for_no_reader_that_does_not_read(own_engine) -> None:
    store = embedded(own_engine)
    store.migrate()
    with store.stream(ENDLESS, {}) as blocks:
        assert next(blocks)
        assert own_engine.stop() == 0
    store.close()


def test_a_statement_that_ends_while_it_is_killed_is_not_whole(tmp_path: Path) -> None:
    command = [sys.executable, program("kill_at_the_end"), str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert told.splitlines() == [r"True b'1\n'", "False b''"]


@pytest.mark.parametrize("read", ["rows", "stream"])
def test_an_engine_killed_in_the_middle_of_a_result_is_an_outage(own_engine, read: str) -> None:
    store = embedded(own_engine)
    store.migrate()
    killer = threading.Timer(0.5, own_engine.process.kill)
    killer.start()
    with pytest.raises(StoreUnavailable):
        read_all(store, read)
    killer.join()
    own_engine.process.wait()
    store.close()


def read_all(store: Store, read: str) -> None:
    query = "SELECT number, sleepEachRow(0.001) FROM numbers(100000) SETTINGS max_block_size = 100"
    if read == "rows":
        store.rows(query, {})
    with store.stream(f"{query} FORMAT CSV", {}) as blocks:
        for _ in blocks:
            pass


def test_an_engine_told_to_ignore_ctrl_c_does(tmp_path: Path) -> None:
    place = tmp_path / "run" / "engine.json"
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "from footfall.settings.schema import Settings; from footfall.store.engine.process import run_engine; "
        "run_engine(Settings(data_dir=sys.argv[1], stop_timeout_s=4))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as process:
        while not place.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.terminate()
    assert process.returncode == 0


def test_what_is_left_over_of_a_killed_engine_is_removed(own_engine) -> None:
    own_engine.process.kill()
    own_engine.process.wait()
    spool = own_engine.folder / "engine" / "spool"
    (spool / "old.data").write_bytes(b"x")
    own_engine.start()
    assert list(spool.iterdir()) == []


def test_acknowledged_loads_survive_kill_9(own_engine, make_event, make_segment, tmp_path: Path) -> None:
    rng = random.Random(7)
    store = embedded(own_engine)
    store.migrate()
    segments = [
        make_segment(tmp_path / str(k), [make_event(n + 50 * k, timestamp=1_700_000_000_000 + k) for n in range(1, 51)])
        for k in range(150)
    ]
    waiting, acknowledged = list(segments), 0
    for _ in range(4):
        killer = threading.Timer(rng.uniform(0.05, 0.4), own_engine.process.send_signal, [signal.SIGKILL])
        killer.start()
        try:
            while waiting:
                store.load(waiting[0])
                acknowledged += 1
                del waiting[0]
        except StoreUnavailable:
            pass
        killer.join()
        own_engine.process.wait()
        own_engine.start()
        # What was being loaded when it was killed may be there or not; loading it again is no harm.
        ((count,),) = store.rows(COUNT, {})
        assert count in (acknowledged * 50, acknowledged * 50 + 50)
    assert acknowledged
    for segment in segments:
        store.load(segment)
    assert store.rows(COUNT, {}) == [(7_500,)]
    store.close()


def test_the_log_holds_no_secrets_and_no_values(own_engine) -> None:
    password = json.loads(own_engine.place.read_bytes())["password"]
    store = embedded(own_engine)
    store.migrate()
    with pytest.raises(StoreFailed):
        store.rows("SELECT {value:String} FROM nothing", {"value": "private-value"})
    store.close()
    own_engine.stop()
    log = own_engine.log.read_text()
    assert "failed with code 60" in log
    assert "engine stopped" in log
    assert "private-value" not in log
    assert password not in log


def test_the_name_of_the_data_folder_is_no_pattern(tmp_path: Path, start_engine, make_event, make_segment) -> None:
    """chDB read a file in such a folder as no rows, without a word; and what lies beside it may not be read instead."""
    for beside in ("x1aa-xq=1", "x2", "x"):
        (tmp_path / beside / "data" / "engine" / "spool").mkdir(parents=True)
    folder = tmp_path / "x{1..3}*[a] ?q=1&it's 100%20\\b:c#d größe"
    engine = start_engine(folder / "data")
    store = Store(Settings(data_dir=str(engine.folder)))
    try:
        store.migrate()
        assert store.load(make_segment(tmp_path / "segment", [make_event(n) for n in range(1, 4)])) == 3
        assert store.rows(COUNT, {}) == [(3,)]
        with store.stream("SELECT sequence FROM events ORDER BY sequence FORMAT TSV", {}) as blocks:
            assert b"".join(blocks) == b"1\n2\n3\n"
        assert list((engine.folder / "engine" / "spool").iterdir()) == []
    finally:
        store.close()


def test_a_statement_that_nobody_waits_for_keeps_its_data_until_it_ends(tmp_path: Path) -> None:
    """Else its descriptor's number would be another file's by the time the engine reads it."""
    command = [sys.executable, program("abandon_a_load"), str(tmp_path)]
    found = subprocess.run(command, capture_output=True, check=False, text=True, timeout=120)
    assert found.stdout == "False True b'3\\n'\n", found.stderr


@pytest.mark.parametrize(
    ("hard", "at_once", "taken", "warned"),
    [(160, 4, 160, True), (591, 4, 591, True), (592, 4, 592, False), (292, 1, 292, False), (2_000, 4, 2_000, False)],
)
def test_the_engine_takes_the_files_that_it_may_open_and_says_when_they_are_too_few(hard, at_once, taken, warned):
    code = (
        "import resource; from footfall.system import process; from footfall.settings.schema import Settings; "
        f"process.raise_file_limit_for_statements(Settings(engine_queries_at_once_max={at_once})); "
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    limited = ["sh", "-c", f'ulimit -Sn 128; ulimit -Hn {hard}; exec "$@"', "sh", sys.executable, "-c", code]
    found = subprocess.run(limited, capture_output=True, check=True, text=True, timeout=60)
    assert int(found.stdout) == taken
    assert (f"the engine may open {hard} files and needs" in found.stderr) == warned


def test_an_engine_that_may_open_few_files_says_so_at_its_start(tmp_path: Path) -> None:
    code = (
        "import logging, resource, sys; logging.basicConfig(level='INFO');"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160));"
        "from footfall.settings.schema import Settings; from footfall.store.engine.process import run_engine;"
        "run_engine(Settings(data_dir=sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "data")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "engine listens" in line:
                break
        process.terminate()
        process.communicate(timeout=30)
    assert "the engine may open 160 files and needs 592" in "".join(said)
    assert "engine listens" in said[-1]
