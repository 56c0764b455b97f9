"""How fast a large report is, what it holds in memory, and whether collecting feels it.

    python bench/reports.py --events 50000000 [--keep DIR] [--formats csv,parquet] [--rate 1000] [--runs 3]

Starts a real `footfall serve` on a new data folder (or on DIR, filled the first time), makes the generated events of
generate.py, and asks for reports of the largest product while events are posted at a steady rate. Beside each it has
the engine stream the same rows, bare, to nobody: the ratio of the two is what the rest of the path costs.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import generate
import httpx
import latency
from beside import FILTER
from service import PASSWORD, Memory, Service, serving

from footfall.settings import Settings
from footfall.store import Store

EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-ACCESSED", "context": ["user-1", "list-1"]}
# Asking twenty times a second took 3 % of the two cores; `Retry-After` asks for less than this.
POLL_S = 0.25
# Longer than any report takes: the posting ends with it.
LONGEST_S = 3600
BARE = """
SELECT timestamp, type, context FROM events FINAL
WHERE customer = 'BARCHART' AND product = 'PORTFOLIO'
ORDER BY customer, product, timestamp, batch, sequence
FORMAT TSV SETTINGS max_block_size = 8192, read_in_order_use_buffering = 0
"""


def report(client: httpx.Client, wanted: dict[str, object]) -> dict[str, object]:
    """Make one report and return its manifest with the seconds it took."""
    begin = time.perf_counter()
    source = client.post("/reports", json=wanted).raise_for_status().json()["source"]
    while True:
        answer = client.get(f"/reports/{source}/availability").raise_for_status()
        if answer.json()["status"] != "RUNNING":
            break
        time.sleep(POLL_S)
    seconds = time.perf_counter() - begin
    if answer.json()["status"] != "COMPLETE":
        sys.exit(f"{answer.json()['status']}: {answer.headers.get('footfall-reason')}")
    manifest = client.get(f"/reports/{source}/manifest").raise_for_status().json()
    return {**manifest, "seconds": seconds, "place": f"/reports/{source}"}


def bare(store: Store) -> float:
    """Rows a second that the engine streams without the rest."""
    begin, rows = time.perf_counter(), 0
    with store.stream(BARE, {}) as blocks:
        for block in blocks:
            rows += block.count(b"\n")
    return rows / (time.perf_counter() - begin)


def measure(service: Service, store: Store, file_format: str, rate: float, as_of: int, work: Path) -> list[str]:
    """One line of the table."""
    plain = bare(store)
    body = json.dumps({"events": [{**EVENT, "timestamp": int(time.time() * 1000)}]}).encode()
    with contextlib.ExitStack() as stack:
        load = latency.posting(f"{service.url}/events", [body], rate, LONGEST_S, work) if rate else None
        process = stack.enter_context(load) if load else None
        memory = Memory(service.processes("worker", "engine"))
        wanted = {"filter": FILTER, "output": {"format": file_format, "asOf": as_of}}
        client = stack.enter_context(httpx.Client(base_url=service.url, auth=("admin", PASSWORD), timeout=60))
        made = report(client, wanted)
        end = memory.end()
        seen: dict[str, Any] = latency.stop(process) if process else {}
        # Not while anything is measured: the file system takes its time over gigabytes.
        client.delete(str(made["place"])).raise_for_status()
    rows, seconds = made["rows"]["total"], made["seconds"]  # type: ignore[index]
    speed = rows / seconds  # type: ignore[operator]
    return [
        file_format,
        f"{rate:.0f}",
        f"{rows:,}",
        f"{made['bytes'] / 1e6:,.0f}",  # type: ignore[operator]
        f"{seconds:.1f}",
        f"{speed / 1e6:.2f}",
        f"{speed / plain:.2f}",
        f"{end - memory.begin:+.0f}",
        f"{memory.most - memory.begin:+.0f}",
        f"{seen['p50']:.1f}" if seen else "",
        f"{seen['p99']:.1f}" if seen else "",
        f"{seen['refused']} of {seen['answers']}" if seen else "",
        str(made["sha256"])[:12],
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000_000)
    parser.add_argument("--keep", type=Path, help="a data folder that is kept; filled when it is new")
    parser.add_argument("--formats", default="csv,parquet")
    parser.add_argument("--rate", type=float, default=1000, help="POST /events a second meanwhile")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as made:
        folder = (given.keep or Path(made) / "data").absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with serving(folder) as service:
            store = Store(Settings(data_dir=str(folder)))
            store.migrate()
            ((there,),) = store.rows("SELECT count() FROM events", {})
            if there < given.events:
                generate.fill(store, given.events)
            as_of = generate.BEGIN_MS + 2 * generate.YEAR_MS
            print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
            heads = ("format", "POST/s", "rows", "MB", "s", "M rows/s", "of the bare engine's")
            heads += ("MiB at the end", "MiB at most", "POST ms, 50 %", "99 %", "not 200", "sha256")
            print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
            as_of = min(as_of, int(time.time() * 1000))
            for _ in range(given.runs):
                for file_format in given.formats.split(","):
                    for rate in (0, given.rate):
                        line = measure(service, store, file_format, rate, as_of, Path(made))
                        print("| " + " | ".join(line) + " |", flush=True)
            store.close()


if __name__ == "__main__":
    main()
