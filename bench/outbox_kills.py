"""Kills a program that tracks events with -9 at random moments, again and again, and counts what arrived.

    .venv/bin/python bench/outbox_kills.py --rounds 50 --events 10000

Each round is a program that tracks `--events` events into one outbox file, which the rounds share, and sends them to a
real service. It says of each group that `track_many` returned. In the end the file is flushed, and a report is compared
with what was said: an event that was tracked arrives once; of the group that was being tracked when the program was
killed, all or nothing may arrive, once.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
from service import PASSWORD, Service, serving

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "clients" / "python" / "src"
PROGRAM = ROOT / "tests" / "programs" / "track_and_be_killed.py"
GROUP = 25
START_MS = 1_500_000_000_000


def main() -> None:
    """Run the rounds and say what came of them; exits with 1 when an event was lost or counted twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--events", type=int, default=10_000, help="of each round")
    parser.add_argument("--how", default="alone", choices=("alone", "background"), help="when track returns")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder, serving(Path(folder) / "data") as service:
        outbox = Path(folder) / "outbox"
        dice = random.Random(given.seed)  # noqa: S311 - moments that can be had again
        tracked: set[int] = set()
        finished = 0
        for each in range(given.rounds):
            said, is_whole = _round(outbox, service.url, given, each, dice.uniform(0.2, 2.0))
            tracked |= said
            finished += is_whole
        waiting = flush(outbox, service.url)
        found = arrived(service)
    twice = sum(1 for count in found.values() if count > 1)
    lost = len(tracked - set(found))
    unsaid = len(set(found) - tracked)
    print(
        f"{given.rounds} rounds, of which {finished} were killed behind their last event; {len(tracked)} events tracked"
    )
    print(f"waiting in the end {waiting}, lost {lost}, counted twice {twice}, arrived without being said {unsaid}")
    sys.exit(1 if lost or twice or waiting or unsaid > GROUP * given.rounds else 0)


def _round(outbox: Path, url: str, given: argparse.Namespace, number: int, seconds: float) -> tuple[set[int], bool]:
    """The events that the program said were tracked before it was killed, and whether that was all of them."""
    first = START_MS + number * 1_000_000
    command = [sys.executable, str(PROGRAM), str(outbox), url, str(first), str(given.events), str(GROUP), given.how]
    environment = os.environ | {"PYTHONPATH": str(CLIENT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    time.sleep(seconds)
    process.kill()
    output, _ = process.communicate()
    pairs = [line.split() for line in output.split("\n")[:-1]]
    said = {number for pair in pairs if len(pair) == 2 for number in range(int(pair[0]), int(pair[1]) + 1)}
    return said, len(said) == given.events


def flush(outbox: Path, url: str) -> int:
    """Send what the last round left; gives the events that wait all the same."""
    sys.path.insert(0, str(CLIENT))
    from footfall_client import Outbox  # noqa: PLC0415 - a distribution of its own

    with Outbox(outbox, url) as last:
        last.flush(120)
        return last.stats().waiting


def arrived(service: Service) -> Counter[int]:
    """How often each event is in a report."""
    with httpx.Client(base_url=service.url, auth=("admin", PASSWORD), timeout=120) as client:
        wanted = {"filter": {"customer": "BARCHART", "product": "WATCHLIST"}}
        source = client.post("/reports", json=wanted).raise_for_status().json()["source"]
        answer = client.get(f"/reports/{source}?wait=50", headers={"accept": "text/csv"}, follow_redirects=True)
        return Counter(int(line.split("|")[0]) for line in answer.raise_for_status().text.splitlines())


if __name__ == "__main__":
    main()
