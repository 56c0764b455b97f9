"""The page of the API and the banner: commands work as they are copied, in order, under a plan of one's own."""

import html
import re
import shutil
import subprocess
import time

import pytest

from footfall.plan import Plan
from footfall.service.preparation import describe_mode
from footfall.settings import Settings

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
    service = serve(plan=tmp_path / "plan.toml", plan_mode="quarantine", shares_allowed="true")
    assert re.search(r"\n  plan +\S+plan.toml, [0-9a-f]{12}, mode quarantine\n", service.banner)
    (banner_command,) = re.findall(r"\n  try +(.*)\n", service.banner)
    service.post(
        [{"customer": "ACME", "product": "SHOP", "type": "GONE", "timestamp": 1_568_381_886_060, "context": []}]
    )
    while b"GONE" not in service.client.get("/quarantine").content:
        time.sleep(0.1)
    theirs = {"name": "theirs", "every": "day", "filter": {"customer": "ACME", "product": "SHOP"}}
    kept = {service.client.post("/schedules", json=theirs).json()["id"] for _ in range(4)}
    page = service.client.get("/docs").text
    assert "in the mode quarantine" in page
    commands = [html.unescape(text) for text in re.findall(r"<h3>Example</h3>.*?<code>(.*?)</code>", page, re.DOTALL)]
    assert len(commands) > 25
    folder = tmp_path / "downloads"
    folder.mkdir()
    for command in (banner_command, *commands):
        if "/usage/live" in command:
            # A stream that does not end by itself.
            command = command.replace("curl ", "curl -m 2 ", 1) + " || test $? = 28"  # noqa: PLW2901
        if "/second-factor/confirm" in command:
            continue  # a code is of the half minute in which somebody reads it
        done = subprocess.run(
            ["bash", "-c", SHELL + command], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert command != banner_command or '"type":"ORDERED"' in done.stdout
    # The commands about a schedule are about the one that they have made.
    assert {each["id"] for each in service.client.get("/schedules").json()["schedules"]} == kept
    (report,) = folder.iterdir()
    # The events that the page's examples have sent are in the report that they have started.
    assert set(report.read_text().splitlines()) == {"1568381886060|ORDERED|user-1|A-1"}


@pytest.mark.parametrize(
    ("is_packaged", "mode", "said"),
    [
        (True, "strict", "the packaged one, mode strict; your own: footfall plan init"),
        (True, "open", "the packaged one, mode open; from your events: footfall plan infer"),
        (False, "open", "plan.toml, abc, mode open; from your events: footfall plan infer"),
        (False, "strict", "plan.toml, abc, mode strict"),
    ],
)
def test_the_banner_names_the_plan_its_mode_and_the_way_to_one_s_own(is_packaged, mode, said):
    plan = Plan(fingerprint="abc", source="plan.toml", customers=(), products=(), rules=(), is_packaged=is_packaged)
    assert describe_mode(plan, Settings(plan_mode=mode)) == said
