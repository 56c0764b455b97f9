"""A backup of the service at work, and the service that comes out of it: the real commands, the real processes."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import httpx

from footfall.journal import OPEN

EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-ACCESSED",
    "timestamp": 1568381886060,
}
FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}


def footfall(*arguments: str) -> str:
    """What the command prints; it must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    command = [sys.executable, "-m", "footfall", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def names(report: str) -> list[str]:
    return [line.split("|")[3] for line in report.splitlines()]


class Load:
    """Clients that post for as long as the block runs; what was acknowledged is in `acknowledged`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._clients = [threading.Thread(target=self._post, args=(number,)) for number in range(3)]
        self.acknowledged: set[str] = set()
        self.enough = threading.Event()

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for client in self._clients:
            client.join()

    def _post(self, client_number: int) -> None:
        with httpx.Client(base_url=self._url, timeout=60) as client:
            for number in range(1_000_000):
                if self._stop.is_set():
                    return
                events = [
                    {
                        **EVENT,
                        "timestamp": EVENT["timestamp"] + number * 60_000,
                        "context": ["u", f"{client_number}-{number}-{n}"],
                    }
                    for n in range(20)
                ]
                assert client.post("/events", json={"events": events}).status_code == 200
                self.acknowledged.update(event["context"][1] for event in events)
                if len(self.acknowledged) > 4000:
                    self.enough.set()
                    # There is load at every moment, and the machine has time for the command.
                    time.sleep(0.05)


def make_again(data: Path, source: str) -> None:
    """Let the worker make a finished report once more, as of its old watermark."""
    with sqlite3.connect(data / "state.db") as state:
        state.execute(
            "UPDATE jobs SET status = 'RUNNING', sha256 = NULL, owner = NULL WHERE id = ?",
            [source.removeprefix("JOB-")],
        )
        assert state.total_changes == 1


def finished(service: Any) -> tuple[str, str, bytes]:
    """A report that is made now: its name, a link to its file, and what is in it."""
    source = service.client.post("/reports", json={"filter": FILTER}).raise_for_status().json()["source"]
    assert service.wait(source)["status"] == "COMPLETE"
    link = service.client.get(f"/reports/{source}").json()["link"]
    return source, link, httpx.get(link).raise_for_status().content


def test_a_backup_under_load_comes_back_as_it_was(serve, tmp_path):
    place, service = tmp_path / "backup", serve()
    with Load(service.url) as load:
        assert load.enough.wait(60)
        (source, _, report), (_, kept_link, kept) = (finished(service) for _ in range(2))
        before = set(load.acknowledged)
        footfall("backup", str(place), "--data-dir", str(service.folder))
    # What is gone must not help: the old data is out of the way, and the new lies where it was.
    assert service.stop() == 0
    service.folder.rename(tmp_path / "lost")
    footfall("restore", str(place), "--data-dir", str(service.folder))
    make_again(service.folder, source)

    again = serve(port=service.port)
    rows = names(again.report(**FILTER))
    assert len(rows) == len(set(rows))
    assert before <= set(rows) <= load.acknowledged
    assert again.client.get("/service/authenticate").status_code == 200
    # The very link that was handed out before the backup.
    assert httpx.get(kept_link).raise_for_status().content == kept
    assert again.wait(source)["status"] == "COMPLETE"
    assert httpx.get(again.client.get(f"/reports/{source}").json()["link"]).content == report
    assert again.stop() == 0


def test_a_service_that_does_not_run_is_backed_up_with_what_waits_in_its_journal(serve, tmp_path):
    place, service = tmp_path / "backup", serve(segment_age_max_ms=600_000)
    assert service.post([{**EVENT, "context": ["u", f"{n}"]} for n in range(50)]).status_code == 200
    service.kill_group()
    (waiting,) = (service.folder / "journal").glob(f"*{OPEN}")
    told = json.loads(footfall("backup", str(place), "--json", "--data-dir", str(service.folder)))
    assert told["journal_segments"] == 1
    assert waiting.exists()
    service.folder.rename(tmp_path / "lost")
    footfall("restore", str(place), "--data-dir", str(service.folder))
    assert sorted(names(serve().report(**FILTER))) == sorted(f"{n}" for n in range(50))
