"""The plugin of pytest gives the tests of other programs a service of their own."""

import os
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[2] / "clients" / "python" / "src"
TESTS = """
from footfall_client import EventClient, EventFactory, UsageClient
pytest_plugins = ["footfall_client.pytest_plugin"]

def test_an_order_is_tracked(footfall_service):
    with UsageClient(footfall_service.url, footfall_service.auth) as usage:
        factory = EventFactory(usage.plan(), customer="BARCHART")
    values = {"userId": "ada", "watchlistId": "w-1", "symbol": "AAPL"}
    event = factory.make("WATCHLIST-SYMBOL-ADDED", values, timestamp=1571029200000)
    with EventClient(footfall_service.url) as client:
        client.send([event, {**event, "customer": "ANY", "product": "NEW", "type": "T", "context": []}])
    (row,) = footfall_service.events("BARCHART", "WATCHLIST")
    assert (row["type"], row["symbol"]) == ("WATCHLIST-SYMBOL-ADDED", "AAPL")
    assert len(footfall_service.events("ANY", "NEW")) == 1
"""


def test_a_program_is_tested_with_a_service(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
