"""The programs of the manual that drop the refused events of a batch and send the rest."""

import asyncio
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest
from events_server import EVENT, serving

MANUAL = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text("utf-8")
SECTION = MANUAL.partition("### Picking out the refused events")[2].partition("\n## ")[0]
NOW = int(time.time() * 1000)
GOOD = {**EVENT, "timestamp": NOW}
BAD = [{**GOOD, "timestamp": "x"}, {**GOOD, "type": "NO"}, 7, {**GOOD, "context": []}]


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.+?)```", SECTION, re.DOTALL)
    return found


async def run(server, *command: str, given: bytes = b"", cwd: Path | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], "FOOTFALL": f"http://127.0.0.1:{server.port}"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
    )
    out, err = await process.communicate(given)
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_the_python_program_sends_all_that_is_right(tmp_path):
    # More wrong events than an error names, and of both kinds, so that it takes several rounds.
    async with serving(tmp_path, problems_max=3) as server:
        events = [GOOD, *BAD, GOOD, *BAD, GOOD]
        said = await run(server, sys.executable, "-c", block("python"), given=json.dumps({"events": events}).encode())
        assert said == "3 accepted, 8 refused\n"
        assert server.stored() == 3


@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="it needs curl and jq")
async def test_the_commands_with_jq_send_all_that_is_right(tmp_path):
    async with serving(tmp_path) as server:
        (tmp_path / "batch.json").write_text(json.dumps({"events": [GOOD, BAD[1], GOOD, BAD[3], GOOD]}))
        await run(server, "sh", "-ec", block("sh"), cwd=tmp_path)
        assert server.stored() == 3
