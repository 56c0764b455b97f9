"""A restart in place: another program, the same process number and socket, and no request that fails."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sending import WITHIN_S, Sender, wait_for_all, wait_until

from footfall.service.handover import _CHECK_S, HELD_SIGNALS, RESTART_SIGNAL, hold_signals, program_is_ready
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


async def test_a_check_that_hangs_keeps_no_service_from_stopping(tmp_path: Path, monkeypatch: Any) -> None:
    told = tmp_path / "told"
    hangs = f"import os, time; open({str(told)!r}, 'w').write(f'{{os.getpid()}}.'); time.sleep(600)"
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", hangs])
    stop = asyncio.Event()
    with (tmp_path / "lock").open("w") as lock:
        checking = asyncio.create_task(program_is_ready(lock.fileno(), stop.wait()))
        async with asyncio.timeout(WITHIN_S):
            while not (told.exists() and told.read_text().endswith(".")):
                await asyncio.sleep(0.02)
        stop.set()
        # Long before the check itself would be given up.
        assert not await asyncio.wait_for(checking, _CHECK_S / 2)
    number = int(told.read_text().strip("."))
    await asyncio.to_thread(wait_until, lambda: not is_there(number), "the check goes on")


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_signal_before_a_restart_is_heard_and_one_after_it_waits_for_the_next_program() -> None:
    heard: list[bool] = []
    here = threading.get_ident()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(RESTART_SIGNAL, heard.append, True)
    try:
        signal.pthread_kill(here, RESTART_SIGNAL)
        await hold_signals()
        assert heard == [True]
        signal.pthread_kill(here, RESTART_SIGNAL)
        assert RESTART_SIGNAL in signal.sigpending()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)
        await asyncio.sleep(0)
        loop.remove_signal_handler(RESTART_SIGNAL)
