"""The page of the API: its commands work as they are copied, one after the other, under a plan of one's own."""

import html
import re
import shutil
import subprocess
import time

import pytest

PLAN = """
[products.SHOP]
columns = ["user", "sku"]
[products.SHOP.types]
ORDERED = ["user", "sku"]
OPENED = ["user"]
[[rules]]
keys = ["sku"]
one_of = ["A-1", "A-2"]
"""
# Every curl fails the script when its answer is an error.
SHELL = """set -eu
AUTH='admin:correct horse battery'
curl() { command curl -fsS "$@"; }
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="it needs curl")
def test_every_command_of_the_page_works_as_it_is_copied(serve, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    service = serve(plan=tmp_path / "plan.toml", plan_mode="quarantine")
    service.post(
        [{"customer": "ACME", "product": "SHOP", "type": "GONE", "timestamp": 1_568_381_886_060, "context": []}]
    )
    while b"GONE" not in service.client.get("/quarantine").content:
        time.sleep(0.1)
    page = service.client.get("/docs").text
    assert "in the mode quarantine" in page
    commands = [html.unescape(text) for text in re.findall(r"<h3>Example</h3>.*?<code>(.*?)</code>", page, re.DOTALL)]
    assert len(commands) > 25
    folder = tmp_path / "downloads"
    folder.mkdir()
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", SHELL + command], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    (report,) = folder.iterdir()
    # The events that the page's examples have sent are in the report that they have started.
    assert set(report.read_text().splitlines()) == {"1568381886060|ORDERED|user-1|A-1"}
