"""The open loop: how late answers are at a fixed rate, alone and while a large report is made."""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import generate
from beside import Reports
from contestants import Contestant, Target
from service import serving

from footfall.settings import Settings
from footfall.store import Store

RATE = 2000
Found = dict[str, list[dict[str, Any]]]


def drive(target: Target, size: int, rate: float, seconds: float, work: Path) -> dict[str, Any]:
    """What the generator saw of one target in some seconds."""
    with posting(target.url(size), target.bodies(size), rate, seconds, work) as process:
        return read(process)


@contextlib.contextmanager
def posting(
    url: str, bodies: Sequence[bytes], rate: float, seconds: float, work: Path
) -> Iterator["subprocess.Popen[str]"]:
    """The generator, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bodies-", dir=work) as folder:
        for number, body in enumerate(bodies):
            (Path(folder) / f"{number:04}").write_bytes(body)
        at = urlsplit(url)
        command = [sys.executable, str(Path(__file__).with_name("open_load.py")), str(at.port), folder]
        command += ["--path", at.path, "--rate", str(rate), "--seconds", str(seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()


def stop(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """End the generator before its time; what it saw."""
    process.terminate()
    return read(process)


def read(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """What the generator saw, when it has ended."""
    told, _ = process.communicate()
    if process.returncode:
        sys.exit("the generator of the open loop failed")
    return dict(json.loads(told))


def alone(contestants: Sequence[Contestant], runs: int, seconds: float, work: Path) -> Found:
    """Each contestant by itself, in turns."""
    found: Found = {}
    for turn in range(1, runs + 1):
        for contestant in contestants:
            print(f"{RATE} requests/s, run {turn} of {runs}: {contestant.name}", flush=True)
            with contestant.start(work / "turn") as target:
                drive(target, 1, RATE / 2, 1, work)
                found.setdefault(contestant.name, []).append(drive(target, 1, RATE, seconds, work))
                print(f"  {found[contestant.name][-1]}", flush=True)
            shutil.rmtree(work / "turn", ignore_errors=True)
    return found


def reporting(contestants: Sequence[Contestant], runs: int, seconds: float, work: Path) -> Found:
    """Contestants with a filled store, while reports of it are made without a pause."""
    found: Found = {}
    for turn in range(1, runs + 1):
        for contestant in contestants:
            print(f"{RATE} requests/s and reports, run {turn} of {runs}: {contestant.name}", flush=True)
            with contestant.start(work / "turn") as target:
                assert target.running is not None
                drive(target, 1, RATE / 2, 1, work)
                with Reports(target.running) as reports:
                    seen = drive(target, 1, RATE, seconds, work)
                found.setdefault(contestant.name, []).append({**seen, "reports": len(reports.rows)})
                print(f"  {found[contestant.name][-1]}", flush=True)
    return found


def fill(folder: Path, total: int) -> None:
    """A data folder with generated events of a year in its store; two in five are of the product that is reported."""
    with serving(folder):
        store = Store(Settings(data_dir=str(folder)))
        store.migrate()
        generate.fill(store, total)
        store.close()
