"""The Python of the client's page runs as it stands, one block after the other in one folder, against the service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "python-client.md", ROOT / "clients" / "python" / "README.md")
ADDRESS = "http://127.0.0.1:8000"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_runs(shared, tmp_path, page):
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
    outputs = []
    for block in blocks:
        code = block.replace(ADDRESS, shared.url)
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"
        outputs.append(done.stdout)
    if page.name == "python-client.md":
        assert "did you mean WATCHLIST-ACCESSED?" in "".join(outputs)


def test_the_page_has_every_option():
    from footfall_client import OutboxOptions

    page = PAGES[0].read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \| .* \| .* \|$", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(OutboxOptions.__dataclass_fields__) <= named
