"""The blocks of README.md and docs/, pasted into bash as they stand, one after the other, on one service.

A block in `sh` is for pasting; others show commands, and what they print. The users are those that the README's tour
makes. Only the address of the service is another.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import Struct

from footfall.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"
# Blocks that are not pasted: by what stands in them, the reason.
NOT_PASTED = {"make serve": "starts the service, as the test has"}
# Blocks in which an error is answered though the page does not show it there: by what stands in them, the reason.
REFUSED = {"-d @batch.json": "sends a batch with a wrong event, which it then takes out"}
# Tools that not every machine has.
TOOLS = ("jq", "zstdcat")
SHOWN_ERROR = '\n\n```json\n[{"value"'
# What curl says of each answer, and bash before each block.
ANSWERED, BEGUN = "<answered>", "<begun>"
# A batch that broke the plan while it was in quarantine mode, as the pages name it.
HELD = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-ACCESSED",
    "timestamp": 1568381886060,
    "context": ["1234567"],
    "sequence": 3,
    "batch": "e2d04b89-972d-4a0a-b0ee-427bef63a8d0",
    "code": "EVENT_NOT_IN_PLAN",
    "place": "context",
    "reason": "context: 1 value where PORTFOLIO-ACCESSED takes 2: userId, portfolioId",
    "plan": "9d4fd1b9a2c0",
    "received": 1568381886312,
}


class Block(Struct):
    """A fenced block; `is_refused` when an error is answered, which the page shows in the next block."""

    language: str
    text: str
    is_refused: bool


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            found[1], found[2], text.startswith(SHOWN_ERROR, found.end()) or any(part in found[2] for part in REFUSED)
        )
        for found in FENCE.finditer(text)
    ]


def pasted_blocks(page: Path) -> list[Block]:
    """Those in `sh`, where the tools that they need beside curl are installed."""
    left_out = [*NOT_PASTED, *(f"{tool} " for tool in TOOLS if not shutil.which(tool))]
    return [
        block for block in blocks(page) if block.language == "sh" and not any(part in block.text for part in left_out)
    ]


def check(page: Path, ran: subprocess.CompletedProcess[str]) -> None:
    """Every command succeeded, and errors were answered where the page says so, and nowhere else."""
    told = ran.stderr.split(BEGUN)[1:]
    for block, said in zip(pasted_blocks(page), told, strict=False):
        codes = [int(code) for code in re.findall(rf"{ANSWERED} (\d+)", said)]
        assert (max(codes, default=0) >= 400) is block.is_refused, f"{page.name}: {block.text}\n{said}"
    assert ran.returncode == 0, f"{page.name}: {ran.stdout[-1000:]}\n{ran.stderr[-2000:]}"


def test_every_block_of_the_pages_can_be_pasted(serve, make_segment, tmp_path):
    folder = tmp_path / "x{1..3}*[a] ?q'" / "data"
    (folder / "journal").mkdir(parents=True)
    make_segment(folder / "journal" / "1568381886312-0123abcd-000001.quarantine.jsonl.zst", [HELD])
    service = serve(segment_age_max_ms=100)
    here = tmp_path / "clone"
    (here / ".venv").mkdir(parents=True)
    (here / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (here / "footfall-data").symlink_to(folder)
    (here / ".curlrc").write_text(f'write-out = "%{{stderr}}{ANSWERED} %{{http_code}}\\n"\n')
    good = {**HELD, "context": ["1234567", "p-1"]}
    (here / "batch.json").write_text(json.dumps({"events": [good, HELD]}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    environment |= {"CURL_HOME": str(here), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    printed = {}
    for page in PAGES:
        lines = ["set -eo pipefail", *(f"echo '{BEGUN}' >&2\n{block.text}" for block in pasted_blocks(page))]
        pasted = "\n".join(lines).replace(ADDRESS, service.url)
        ran = subprocess.run(
            ["bash"], input=pasted, cwd=here, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        check(page, ran)
        printed[page.name] = ran.stdout
    tour = [block.text for block in blocks(PAGES[0])]
    (report,) = [text for text in tour if text.startswith("timestamp|")]
    assert report in printed["README.md"]
    # Nothing was saved as a file that is an error.
    assert [path.name for path in here.glob("*.csv") if path.read_bytes().startswith(b"[{")] == []
    assert len(list(here.glob("footfall-BARCHART-PORTFOLIO-*.csv"))) >= 2


def test_blocks_that_are_not_pasted_are_there() -> None:
    texts = [block.text for page in PAGES for block in blocks(page) if block.language == "sh"]
    assert len(texts) > 30
    assert [part for part in (*NOT_PASTED, *REFUSED) if sum(part in text for text in texts) != 1] == []


def shown_commands() -> Iterator[list[str]]:
    """The commands of footfall in the blocks that are not for pasting."""
    for page in PAGES:
        for block in blocks(page):
            if block.language in ("", "console"):
                for line in re.findall(r"^(?:\$ )?(footfall .+)$", block.text.replace("\\\n", ""), re.MULTILINE):
                    yield shlex.split(re.split(r" (?:\||&&|[<>]) ", line)[0])


def test_every_command_that_the_pages_show_is_one() -> None:
    shown = list(shown_commands())
    assert len(shown) > 20
    for words in shown:
        command, rest = main, words[1:]
        while isinstance(command, click.Group):
            command, rest = step(command, rest)
        command.make_parser(click.Context(command)).parse_args(rest)


def step(group: click.Group, words: list[str]) -> tuple[click.Command, list[str]]:
    """The group's command that the words begin with, behind options of the group, and the words after its name."""
    context = click.Context(group)
    _, rest, _ = group.make_parser(context).parse_args(list(words))
    _, command, rest = group.resolve_command(context, rest)
    assert command
    return command, rest
