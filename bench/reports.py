"""How fast a large report is, what it holds in memory, and whether collecting feels it.

    python bench/reports.py --events 50000000 [--keep DIR] [--formats csv,parquet] [--rate 1000] [--runs 3]

Starts a real `footfall serve` on a new data folder (or on DIR, filled the first time), makes the generated events of
generate.py, and asks for reports of the largest product while events are posted at a steady rate. Beside each it has
the engine stream the same rows, bare, to nobody: the ratio of the two is what the rest of the path costs.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import generate
import httpx
from open_loop import Latencies, post

from footfall.settings import Settings
from footfall.store import Store

PASSWORD = "bench-of-reports"  # noqa: S105 - of a service that lives for the length of this run
FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}
EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-ACCESSED", "context": ["user-1", "list-1"]}
BARE = """
SELECT timestamp, type, context FROM events FINAL
WHERE customer = 'BARCHART' AND product = 'PORTFOLIO'
ORDER BY customer, product, timestamp, batch, sequence
FORMAT TSV SETTINGS max_block_size = 8192, read_in_order_use_buffering = 0
"""


class Memory:
    """The resident memory of processes, in MiB, watched by a thread."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self.begin = self.most = self.now()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def now(self) -> float:
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids)
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def end(self) -> float:
        self._stop.set()
        self._thread.join()
        return self.now()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.most = max(self.most, self.now())


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """A footfall on a free port of this machine; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"FOOTFALL_ADMIN_PASSWORD": PASSWORD}
    command = [sys.executable, "-m", "footfall", "--set", f"data_dir={folder}", "--set", f"port={port}", "serve"]
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(100):
            if process.poll() is not None:
                sys.exit(f"the service did not start: see {log.name}")
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/service/version").raise_for_status()
                break
            time.sleep(0.1)
        yield "127.0.0.1", port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def children(*names: str) -> list[int]:
    """The processes of this run's service by their command."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if b"footfall" in words and any(name.encode() in words for name in names):
                found.append(int(path.parent.name))
    return found


async def report(client: httpx.AsyncClient, wanted: dict[str, object]) -> dict[str, object]:
    """Make one report and return its manifest with the seconds it took."""
    begin = time.perf_counter()
    source = (await client.post("/reports", json=wanted)).raise_for_status().json()["source"]
    while True:
        answer = (await client.get(f"/reports/{source}/availability")).raise_for_status()
        if answer.json()["status"] != "RUNNING":
            break
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - begin
    if answer.json()["status"] != "COMPLETE":
        sys.exit(f"{answer.json()['status']}: {answer.headers.get('footfall-reason')}")
    manifest = (await client.get(f"/reports/{source}/manifest")).raise_for_status().json()
    await client.delete(f"/reports/{source}")
    return {**manifest, "seconds": seconds}


def bare(store: Store) -> float:
    """Rows a second that the engine streams without the rest."""
    begin, rows = time.perf_counter(), 0
    with store.stream(BARE, {}) as blocks:
        for block in blocks:
            rows += block.count(b"\n")
    return rows / (time.perf_counter() - begin)


async def measure(address: tuple[str, int], store: Store, file_format: str, rate: float, as_of: int) -> list[str]:
    """One line of the table."""
    host, port = address
    plain = bare(store)
    body = json.dumps({"events": [{**EVENT, "timestamp": int(time.time() * 1000)}]}).encode()
    stop = asyncio.Event()
    load = asyncio.create_task(post(host, port, body, rate, stop)) if rate else None
    memory = Memory(children("worker", "engine"))
    wanted = {"filter": FILTER, "output": {"format": file_format, "asOf": as_of}}
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", auth=("admin", PASSWORD), timeout=60) as client:
        made = await report(client, wanted)
    end = memory.end()
    stop.set()
    seen = await load if load else Latencies()
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
        f"{seen.at(0.5):.1f}",
        f"{seen.at(0.99):.1f}",
        f"{seen.failed} of {len(seen.seconds)}",
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
        with serving(folder) as address:
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
                        line = asyncio.run(measure(address, store, file_format, rate, as_of))
                        print("| " + " | ".join(line) + " |", flush=True)
            store.close()


if __name__ == "__main__":
    main()
