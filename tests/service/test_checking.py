"""Verify and rebuild beside the whole service under load, as operators call them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from footfall.settings import Settings
from footfall.store import Store

TIME = 1_568_381_886_060
EVERYTHING = {"customer": "BARCHART", "product": "PORTFOLIO"}


def numbered(*span: int, kind: str = "PORTFOLIO-ACCESSED") -> list[dict[str, Any]]:
    return [
        {**EVERYTHING, "type": kind, "timestamp": TIME + number % 5000, "context": ["u", str(number)]}
        for number in range(*span)
    ]


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "footfall", *words, "--data-dir", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    environment["FOOTFALL_DISK_FREE_BYTES_MIN"] = "0"
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=240, check=False)


AS_OF = """
SELECT timestamp, type, context, sequence, batch, received, admitted FROM events FINAL
WHERE admitted <= {watermark:Int64} ORDER BY customer, product, timestamp, batch, sequence FORMAT TSV
"""


@contextlib.contextmanager
def stored(folder: Path) -> Iterator[Store]:
    with contextlib.closing(Store(Settings(data_dir=str(folder)))) as store:
        yield store


def rows(folder: Path, watermark_ms: int) -> bytes:
    """All events as of a time."""
    with stored(folder) as store, store.stream(AS_OF, {"watermark": watermark_ms}) as blocks:
        return b"".join(blocks)


@contextlib.contextmanager
def load(service: Any, first: int) -> Iterator[set[int]]:
    """Two clients that send each request twice, until the end of the block; gives what was acknowledged."""
    stop, acknowledged = threading.Event(), set()

    def send(client_number: int) -> None:
        with httpx.Client(base_url=service.url, timeout=60) as client:
            number = first + client_number * 1_000_000
            while not stop.is_set():
                body = {"events": numbered(number, number + 10, kind="PORTFOLIO-CREATED")}
                for _ in range(2):  # a retry: the same events, admitted later
                    client.post("/events", json=body, headers={"idempotency-key": str(number)}).raise_for_status()
                acknowledged.update(range(number, number + 10))
                number += 10
                # There is load at every moment, and the machine has time for the commands.
                time.sleep(0.02)

    with ThreadPoolExecutor(2) as clients:
        running = [clients.submit(send, number) for number in range(2)]
        try:
            yield acknowledged
        finally:
            stop.set()
        for one in running:
            one.result()


def test_a_rebuild_under_load_loses_nothing_and_moves_no_report(serve: Any) -> None:
    service = serve(web_processes=2, segment_age_max_ms=200)
    service.post(numbered(0, 2000))
    accessed = {**EVERYTHING, "types": ["PORTFOLIO-ACCESSED"]}
    reported = service.report(**accessed)
    started = service.client.post("/reports", json={"filter": EVERYTHING}).json()
    watermark_ms = service.wait(started["source"])["timing"]["start"]
    before = rows(service.folder, watermark_ms)
    assert before.count(b"\n") == reported.count("\n") == 2000
    with stored(service.folder) as store:
        store.write("DELETE FROM events WHERE sequence < 100", {})
    with load(service, 10_000) as acknowledged:
        found = command(service.folder, "verify", "--json")
        assert (found.returncode, json.loads(found.stdout)["problems"]) == (1, {"missing": 99})
        rebuilt = command(service.folder, "rebuild")
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert "before    99 missing" in rebuilt.stdout
        assert rows(service.folder, watermark_ms) == before
        assert service.report(**accessed) == reported
        again = command(service.folder, "rebuild")
        assert again.returncode == 0, again.stderr
        assert "before    the table was as the archive" in again.stdout
        found = command(service.folder, "verify", "--json")
        assert (found.returncode, json.loads(found.stdout)["problems"]) == (0, {})
    (engine,) = service.children("engine")
    os.kill(engine, signal.SIGKILL)
    assert len(acknowledged) > 100
    lines = service.report(**EVERYTHING).splitlines()
    assert sorted(int(line.split("|")[3]) for line in lines) == sorted({*range(2000), *acknowledged})
    assert rows(service.folder, watermark_ms) == before
    assert service.report(**accessed) == reported
    assert service.stop() == 0
    found = command(service.folder, "verify", "--json")
    assert (found.returncode, json.loads(found.stdout)["problems"]) == (0, {}), found.stderr


def test_a_store_that_was_lost_comes_back_from_the_archive_and_quarantine_with_it(serve: Any) -> None:
    service = serve(plan_mode="quarantine", segment_age_max_ms=200)
    sent = [*numbered(0, 300), *numbered(300, 303, kind="PORTFOLIO-UNKNOWN")]
    answer = service.post(sent)
    assert answer.headers["footfall-quarantined"] == "3"
    batch = answer.json()[0]["batch"]
    assert service.report(**EVERYTHING).count("\n") == 300
    until(lambda: len(known(service, batch)) == 3)
    for change, sequence in (("drop", 302), ("release", 303)):
        body = {"ids": [f"{batch}/{sequence}"], **({"setType": "PORTFOLIO-ACCESSED"} if change == "release" else {})}
        assert service.client.post(f"/quarantine/{change}", json=body).raise_for_status()
    states = {301: "held", 302: "dropped", 303: "released"}
    until(lambda: known(service, batch) == states)
    before = service.report(**EVERYTHING)
    assert before.count("\n") == 301
    receipt = service.client.get(f"/events/{batch}").json()
    # Only then is every line in the archive.
    until(lambda: not [path for path in (service.folder / "journal").iterdir() if path.suffix != ".spare"])
    service.kill_group()
    shutil.rmtree(service.folder / "engine")
    service = serve(plan_mode="quarantine")
    rebuilt = command(service.folder, "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert "quarantine  brought back: 3 records" in rebuilt.stdout
    assert service.report(**EVERYTHING) == before
    assert known(service, batch) == states
    assert service.client.get(f"/events/{batch}").json() == receipt
    found = command(service.folder, "verify")
    assert found.returncode == 0, found.stdout


def known(service: Any, batch: str) -> dict[int, str]:
    """The records of a request's events, by sequence."""
    answer = service.client.get("/quarantine", params={"state": "all"}).raise_for_status().json()
    return {each["sequence"]: each["state"] for each in answer["events"] if each["batch"] == batch}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
