"""Spools: events of the background outlive their process, and come into the file once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from footfall_client import Outbox, OutboxOptions
from footfall_client.spool import Spool, Spools

SOURCE = Path(__file__).parents[2] / "clients" / "python" / "src"
SLOW = OutboxOptions(batch_age_max_s=60, commit_interval_s=30, exit_timeout_s=0.1)
PROGRAM = """
import os, signal, sys
from footfall_client import Outbox, OutboxOptions
outbox = Outbox(sys.argv[1], "http://127.0.0.1:9", durable="background", options=OutboxOptions(commit_interval_s=30))
for number in range(50):
    outbox.track(customer="A", product="B", type="C", timestamp=number)
os.kill(os.getpid(), signal.SIGKILL)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell their runs apart")


def kill_one(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=False
    )
    assert done.returncode == -signal.SIGKILL


def taken_in(path: Path, expected: int) -> int:
    """Events in the file once somebody sends from it; and no spool is left."""
    with Outbox(path, "http://127.0.0.1:9", options=SLOW, handle_sigterm=False) as outbox:
        end = time.monotonic() + 60
        # A spool is removed once its events are in the file, so none is left that could bring more.
        while spools(path) and time.monotonic() < end:
            time.sleep(0.02)
        assert spools(path) == []
        assert outbox.stats().tracked >= expected
        return outbox.stats().tracked


def spools(path: Path) -> list[Path]:
    return list((path.parent / f"{path.name}.spool").glob("*.spool"))


def test_events_of_a_killed_process_come_into_the_file(tmp_path: Path) -> None:
    kill_one(tmp_path / "outbox")
    kill_one(tmp_path / "outbox")
    assert taken_in(tmp_path / "outbox", 100) == 100


def test_a_spool_that_was_committed_is_not_taken_in_again(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    kill_one(path)
    (spool,) = (tmp_path / "outbox.spool").glob("*.spool")
    content = spool.read_bytes()
    assert taken_in(path, 50) == 50
    spool.write_bytes(content)  # as if its owner had died between the commit and the removal
    assert taken_in(path, 50) == 50


def test_half_a_line_and_spools_of_an_earlier_run_of_the_system_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    kill_one(path)
    (spool,) = (tmp_path / "outbox.spool").glob("*.spool")
    spool.write_bytes(spool.read_bytes()[:-20])
    (spool.parent / "00000000-0000.7-abc.spool").write_bytes(spool.read_bytes())
    assert taken_in(path, 49) == 49


def test_the_spool_of_a_living_process_is_its_own(tmp_path: Path) -> None:
    spools = Spools(tmp_path / "outbox")
    spool = spools.make()
    assert isinstance(spool, Spool)
    spool.write(['{"a":1}', '{"b":2}'])
    assert list(spools.orphans()) == []
    spool.leave()
    assert [lines for _, lines in spools.orphans()] == [['{"a":1}', '{"b":2}']]
    assert list(spools.orphans()) == []


def test_nothing_is_left_after_an_ordinary_end(tmp_path: Path) -> None:
    options = OutboxOptions(batch_age_max_s=60, exit_timeout_s=0.1)
    with Outbox(tmp_path / "outbox", "http://127.0.0.1:9", durable="background", options=options) as outbox:
        for number in range(500):
            outbox.track(customer="A", product="B", type="C", timestamp=number)
    assert list((tmp_path / "outbox.spool").iterdir()) == []
    assert taken_in(tmp_path / "outbox", 500) == 500
