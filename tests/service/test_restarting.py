"""A restart in place: another program, the same process number and socket, and no request that fails."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sending import WITHIN_S, Sender, wait_for_all, wait_until

from footfall.service.handover import RESTART_SIGNAL
from footfall.system.process import LOCKED

PLAN = """customers = ["BARCHART"]
[products.WATCHLIST]
columns = ["userId", "watchlistId", "symbol"]
[products.WATCHLIST.types]
WATCHLIST-SYMBOL-ADDED = ["userId", "watchlistId", "symbol"]
"""


def restart(run: Any) -> None:
    """Restart the service, and wait until the web processes of before are gone and others are there."""
    before = set(run.children("web"))
    run.process.send_signal(RESTART_SIGNAL)
    wait_until(lambda: (now := set(run.children("web"))) and not now & before, "the web processes stay")
    wait_until(lambda: run.children("worker") and run.children("engine"), "worker and engine are not there")


def test_a_restart_loses_no_request_and_needs_a_program_that_can_start(serve, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    run = serve(web_processes=1, plan=plan)
    senders = [Sender(run.url, keep_alive=number % 2 == 0) for number in range(4)]
    for sender in senders:
        sender.start()
    wait_for_all(senders)
    restart(run)
    wait_for_all(senders)
    assert run.report(customer="BARCHART", product="WATCHLIST")  # the new worker is there, and has read the plan
    plan.write_text("customers = 3\n")
    before = run.children("web"), run.children("worker"), run.children("engine")
    run.process.send_signal(RESTART_SIGNAL)
    wait_until(lambda: "no restart, everything goes on: " in (run.folder / "log").read_text(), "nothing is said")
    assert (run.children("web"), run.children("worker"), run.children("engine")) == before
    plan.write_text(PLAN)
    wait_for_all(senders)
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join(WITHIN_S)
    assert [sender.failures for sender in senders] == [[]] * 4
    rows = run.report(customer="BARCHART", product="WATCHLIST").splitlines()
    assert len(rows) == sum(sender.sent for sender in senders)


def test_a_restart_serves_the_folder_that_is_locked_and_no_other(serve, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir(mode=0o700)
    run = serve(web_processes=1)
    command = [sys.executable, "-m", "footfall", "--data-dir"]
    locked = (run.folder / "serve.lock").stat()
    environment = {**os.environ, LOCKED: f"{locked.st_dev}:{locked.st_ino}"}
    told = {
        folder: subprocess.run(
            [*command, folder, "serve", "--check"], env=environment, capture_output=True, text=True, check=False
        )
        for folder in (run.folder, tmp_path / "other")
    }
    assert [one.returncode for one in told.values()] == [0, 1]
    assert "is not the data folder that is served" in told[tmp_path / "other"].stderr


@pytest.mark.parametrize("child", ["worker", "engine"])
def test_a_restart_sent_to_all_processes_ends_none_of_them(sturdy, child: str) -> None:
    (before,) = sturdy.children(child)
    os.kill(before, RESTART_SIGNAL)
    assert sturdy.client.get("/healthz").status_code == 200
    assert sturdy.children(child) == [before]
