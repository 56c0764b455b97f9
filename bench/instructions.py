"""How many instructions each step of `POST /events` takes: a measure that does not depend on how busy the machine is.

    python bench/instructions.py [PART OF A STEP'S NAME]

Runs the steps of steps.py under valgrind's callgrind (Debian's package valgrind), which counts the instructions of
user code, the interpreter's own among them; those of the kernel are not seen. Two runs of the same code differ by less
than one percent, so that a change of a few can be told: run it with the PYTHONPATH of either source.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import steps

INSIDE = "FOOTFALL_COUNTED"
SIZES = (1, 100)
ROUNDS = {1: 2000, 100: 100}


def count(work: Callable[[], object], rounds: int, folder: Path) -> int:
    """The instructions of so many rounds, and of beginning and ending the count."""
    work()
    _control("--zero")
    for _ in range(rounds):
        work()
    _control("--dump")
    newest = max(folder.glob("counted*"), key=lambda path: path.stat().st_mtime_ns)
    found = re.search(r"^(?:totals|summary): (\d+)", newest.read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"callgrind has counted nothing: {newest}")
    return int(found.group(1))


def _control(what: str) -> None:
    command = ["callgrind_control", what, str(os.getpid())]
    subprocess.run(command, check=True, capture_output=True)


def inside(folder: Path, wanted: str) -> None:
    """Print the table; runs under callgrind."""
    nothing = count(lambda: None, 1, folder)
    found = []
    for size in SIZES:
        rounds = ROUNDS[size]
        made = {name: work for name, work in steps.works(size, folder).items() if wanted in name}
        found.append({name: (count(work, rounds, folder) - nothing) / rounds for name, work in made.items()})
    print("| step | 1 event, instructions | 100 events, instructions |\n| --- | ---: | ---: |")
    for name in found[0]:
        print(f"| {name} | {found[0][name]:,.0f} | {found[1][name]:,.0f} |")


def main() -> None:
    if place := os.environ.get(INSIDE):
        inside(Path(place), " ".join(sys.argv[1:]))
        return
    with tempfile.TemporaryDirectory(prefix="footfall-instructions-") as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/counted", "--quiet"]
        # Where names are in memory decides how many of them a dictionary looks at.
        environment = os.environ | {INSIDE: folder, "PYTHONHASHSEED": "0"}
        run = [*command, sys.executable, __file__, *sys.argv[1:]]
        sys.exit(subprocess.run(run, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
