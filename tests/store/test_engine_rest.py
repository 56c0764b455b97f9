"""An engine with nothing to do is small, works on when there is something again, and keeps no threads for rare work."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from programs import program

from footfall.store import Store


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is given back")
def test_an_engine_rests_when_it_has_nothing_to_do_and_not_before(tmp_path: Path) -> None:
    command = [sys.executable, program("reclaim_while_busy"), str(tmp_path)]
    found = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120)
    assert found.stdout == "True b'143\\n'\n"


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_removing_many_parts_leaves_no_threads(own_engine) -> None:
    tasks = Path(f"/proc/{own_engine.process.pid}/task")
    months = "SELECT number * 2678400000, 1, 1, 1, generateUUIDv4() FROM numbers(150)"
    with contextlib.closing(Store(own_engine.settings())) as store:
        columns = "(timestamp, sequence, received, admitted, batch)"
        store.write(f"INSERT INTO events {columns} SETTINGS max_partitions_per_insert_block = 200 {months}", {})
        before = len(list(tasks.iterdir()))
        store.write("TRUNCATE TABLE events", {})
        assert len(list(tasks.iterdir())) < before + 20
