"""A restart in place: another program, the same process number and socket, and no request that fails."""

import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall.service.handover import RESTART_SIGNAL
from footfall.system.process import LOCKED

WITHIN_S = 60
PLAN = """customers = ["BARCHART"]
[products.WATCHLIST]
columns = ["userId", "watchlistId", "symbol"]
[products.WATCHLIST.types]
WATCHLIST-SYMBOL-ADDED = ["userId", "watchlistId", "symbol"]
"""
EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-SYMBOL-ADDED", "context": ["u", "w", "s"]}


class Sender(threading.Thread):
    """Posts one event after the other, each once; a request that fails ends it."""

    def __init__(self, url: str, *, keep_alive: bool) -> None:
        super().__init__()
        self.url, self.keep_alive = url, keep_alive
        self.sent, self.failures, self.stopping = 0, list[str](), threading.Event()

    def run(self) -> None:
        headers = {} if self.keep_alive else {"connection": "close"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=WITHIN_S) as client:
            while not self.stopping.is_set():
                body = {"events": [{**EVENT, "timestamp": 1_600_000_000_000 + self.sent}]}
                key = {"Idempotency-Key": str(uuid.uuid4())}
                try:
                    answer = client.post("/events", json=body, headers=key)
                    answer.raise_for_status()
                except httpx.HTTPError as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                    return
                self.sent += 1
                self.stopping.wait(0.01)


def wait_until(is_so: Any, what: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def wait_for_all(senders: list[Sender]) -> None:
    """Wait until each has sent one more event, or has failed."""
    before = [sender.sent for sender in senders]
    wait_until(
        lambda: all(now.sent > was or now.failures for now, was in zip(senders, before, strict=True)), "nothing is sent"
    )


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
