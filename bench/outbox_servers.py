"""Tracks events in the processes, threads and greenlets of gunicorn, and counts what arrived through a bad network.

    python3 -m venv servers && servers/bin/pip install gunicorn gevent
    .venv/bin/python bench/outbox_servers.py --python servers/bin/python

For each kind of worker, forked before the application is loaded and after it (`--preload`), and for each moment at
which `track` returns, requests come over sixteen connections, each of which tracks an event into one outbox file. The
service stands behind a proxy that refuses, cuts and delays. Then gunicorn is stopped by SIGTERM, what it left is sent,
and a report is compared: every event whose request was answered arrives once.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from outbox_kills import CLIENT, arrived, flush
from service import HOST, serving

ROOT = Path(__file__).parent.parent
WORKERS = {
    "prefork": ["--workers", "3"],
    "threads": ["--workers", "2", "--worker-class", "gthread", "--threads", "8"],
    "gevent": ["--workers", "2", "--worker-class", "gevent"],
}
START_MS = 1_500_000_000_000
START_LIMIT_S = 60


def main() -> None:
    """Run all of them and say what came of each; exits with 1 when an event was lost or counted twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="an interpreter that has gunicorn and gevent")
    parser.add_argument("--events", type=int, default=500, help="of each run")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from hostile_proxy import hostile_proxy  # noqa: PLC0415 - of the tests

    kinds = ("pass", "pass", "500", "503", "cut before", "cut after")
    bad, runs = 0, 0
    with (
        tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder,
        serving(Path(folder) / "data") as service,
        hostile_proxy(service.url, kinds) as proxy,
    ):
        for name, words in WORKERS.items():
            for preload in ([], ["--preload"]):
                for durable in ("true", "background"):
                    first, outbox = START_MS + runs * 1_000_000, Path(folder) / f"outbox-{runs}"
                    runs += 1
                    environment = {"OUTBOX": str(outbox), "SERVICE": proxy.url, "DURABLE": durable}
                    answered = _serve(given, [*words, *preload], environment, first)
                    waiting = flush(outbox, service.url)
                    found = {
                        number: count
                        for number, count in arrived(service).items()
                        if first <= number < first + 1_000_000
                    }
                    lost, twice = len(answered - set(found)), sum(count > 1 for count in found.values())
                    print(
                        f"{name:<8} {' '.join(preload):<10} {durable:<10} answered {len(answered):,}, lost {lost}, "
                        f"twice {twice}, waiting {waiting}",
                        flush=True,
                    )
                    bad += lost + twice + waiting
        print(f"the network: {dict(proxy.met)}")
    sys.exit(1 if bad else 0)


def _serve(given: argparse.Namespace, words: list[str], environment: dict[str, str], first: int) -> set[int]:
    """Run gunicorn for as long as the requests take; gives the numbers of those that were answered."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    line = [given.python, "-m", "gunicorn", "--bind", f"{HOST}:{port}", "--log-level", "error", *words]
    paths = {"PYTHONPATH": f"{CLIENT}{os.pathsep}{Path(__file__).parent}"}
    process = subprocess.Popen([*line, "outbox_application:application"], env=os.environ | environment | paths)
    try:
        with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=30) as client, ThreadPoolExecutor(16) as pool:
            _wait(client, process)
            numbers = range(first, first + given.events)
            done = pool.map(lambda number: client.get(f"/{number}").is_success, numbers)
            answered = {number for number, is_done in zip(numbers, done, strict=True) if is_done}
    finally:
        process.terminate()
        process.wait(60)
    return answered


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    """Wait until it listens."""
    deadline = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((client.base_url.host, client.base_url.port or 0)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("gunicorn did not start")


if __name__ == "__main__":
    main()
