"""The whole service as its users start it: `footfall serve` in a process group of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from browsing import Browser, open_browser

PASSWORD = "correct horse battery"


class Running:
    """One run of the service on a data folder; `port` 0 takes a free one."""

    def __init__(self, folder: Path, port: int = 0, **settings: Any) -> None:
        self.folder = folder
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        settings = {"data_dir": folder, "port": port, "disk_free_bytes_min": 0, **settings}
        environment |= {f"FOOTFALL_{name.upper()}": str(value) for name, value in settings.items()}
        environment["FOOTFALL_ADMIN_PASSWORD"] = PASSWORD
        folder.mkdir(parents=True, exist_ok=True)
        self.log = (folder / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "footfall", "serve"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            start_new_session=True,
        )
        self.banner = self._read_banner()
        self.url = re.search(r"listening on (\S+)", self.banner).group(1)
        self.port = int(self.url.rsplit(":", 1)[1])
        self.client = httpx.Client(base_url=self.url, auth=("admin", PASSWORD), timeout=60)

    def _read_banner(self) -> str:
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.lstrip().startswith("try"):
                return "".join(lines)
        raise AssertionError(f"the service did not start: {lines} {(self.folder / 'log').read_text()[-3000:]}")

    def children(self, command: str) -> list[int]:
        """Process ids of the children that run this command."""
        found = subprocess.run(
            ["pgrep", "-g", str(self.process.pid), "-f", f"footfall {command}"],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(text) for text in found.stdout.split()]

    def kill_group(self) -> None:
        """kill -9 of everything at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._close()

    def stop(self) -> int:
        """SIGTERM to the supervisor; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self._close()
        return status

    def _close(self) -> None:
        self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        self.client.close()

    def post(self, events: list[dict[str, Any]], **headers: str) -> httpx.Response:
        return self.client.post("/events", json={"events": events}, headers=headers)

    def report(self, **filters: Any) -> str:
        """The text of a finished report's file."""
        answer = self.client.post("/reports", json={"filter": filters}).raise_for_status()
        source = answer.json()["source"]
        status = self.wait(source)
        assert status["status"] == "COMPLETE", status
        return self.client.get(f"/reports/{source}", headers={"accept": "text/csv"}, follow_redirects=True).text

    def wait(self, source: str, limit_s: float = 120) -> dict[str, Any]:
        """The status of a report once it no longer runs."""
        end = time.monotonic() + limit_s
        while True:
            status = self.client.get(f"/reports/{source}/availability").raise_for_status().json()
            if status["status"] != "RUNNING":
                return status
            assert time.monotonic() < end, f"{source} still runs"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with few settings, for tests that neither end nor change it: each has events of its own times.

    Its overview waits for the actors, so that no number changes under a test's eyes on a machine that is busy.
    """
    run = Running(tmp_path_factory.mktemp("shared") / "data", overview_wait_ms=60_000, mcp="true")
    yield run
    assert run.stop() == 0


@pytest.fixture
def user_of_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Running) -> None:
    """Commands speak to the shared service as its administrator, and write into the test's folder."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"URL": shared.url, "USER": "admin", "PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(f"FOOTFALL_{name}", value)


@pytest.fixture(scope="module")
def sturdy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of which tests kill processes: it starts them again."""
    run = Running(tmp_path_factory.mktemp("sturdy") / "data", web_processes=1)
    yield run
    assert run.stop() == 0


@pytest.fixture(scope="module")
def holding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service in quarantine mode, with events of one module's tests alone."""
    run = Running(tmp_path_factory.mktemp("holding") / "data", plan_mode="quarantine")
    yield run
    assert run.stop() == 0


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts the service; what still runs at the end of the test is stopped.

    Its folder has a name that the embedded engine would take for a pattern and for options.
    """
    started: list[Running] = []

    def start(**settings: Any) -> Running:
        run = Running(tmp_path / "x{1..3}*[a] ?q'" / "data", **settings)
        started.append(run)
        return run

    yield start
    for run in started:
        if not run.log.closed:
            assert run.stop() == 0


@pytest.fixture(scope="session")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(one_browser: Browser) -> Iterator[Browser]:
    """The browser, which nobody has used yet; behind the test it must have nothing to complain of."""
    one_browser.forget()
    one_browser.resize(1280)
    yield one_browser
    assert one_browser.complaints() == []
    assert {urlsplit(url).hostname for url in one_browser.requests()} <= {"127.0.0.1"}
