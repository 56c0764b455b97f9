"""A throw-away service for the tests of programs that send events.

    pytest_plugins = ["footfall_client.pytest_plugin"]

    def test_an_order_is_tracked(footfall_service):
        place_order(events_url=footfall_service.url)
        assert footfall_service.events("ACME", "SHOP")[0]["type"] == "ORDER-PLACED"

It needs the service itself, the package `footfall`, in the environment of the tests. `FOOTFALL_PLAN` names the tracking
plan; without one, every event is taken (`plan_mode = "open"`).
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from footfall_client.clients import ReportClient

PASSWORD: Final = "throw-away service"  # noqa: S105 - of a service that lives as long as the tests


class FootfallService:
    """A running service: `url`, and `auth` of its admin."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.auth = ("admin", PASSWORD)
        self._folder = folder

    def events(self, customer: str, product: str, **chosen: Any) -> list[dict[str, Any]]:
        """All events that were acknowledged so far, in the order of their times, with the keywords of a report."""
        with ReportClient(self.url, self.auth) as client:
            made = client.start(customer, product, **{**chosen, "format": "jsonl"})
            client.wait(made.source)
            path = client.download(made.source, self._folder / "events.jsonl")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def footfall_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FootfallService]:
    """A service of its own on a free port, for all tests of the run; its data goes with it."""
    folder = tmp_path_factory.mktemp("footfall")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    plan = os.environ.get("FOOTFALL_PLAN")
    environment |= {"FOOTFALL_PLAN": plan} if plan else {"FOOTFALL_PLAN_MODE": "open"}
    environment |= {"FOOTFALL_ADMIN_PASSWORD": PASSWORD, "FOOTFALL_DATA_DIR": str(folder / "data")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "footfall", "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield FootfallService(_read_url(process, folder / "log"), folder)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def _read_url(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    for line in process.stdout:
        found = re.search(r"listening on (http://\S+)", line)
        if found:
            return found[1]
    message = f"the service did not start: {log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)
