"""What the service holds in memory while nothing happens, and how soon after its start it accepts events.

    python bench/rest.py memory --data DIR [--wait 180]
    python bench/rest.py after --data DIR [--wait 60]
    python bench/rest.py start --data DIR [--runs 10]

DIR is a data folder; a new one is filled first, with a million events and a report of each of two formats. Memory is
the resident set of each process (rss) and the same with shared pages counted in parts (pss), in MiB: some time after a
start, or after another million events and two reports. The start is the time from `footfall serve` to the answer to the
first POST /events.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PASSWORD = "bench-at-rest"  # noqa: S105 - of a service that lives for the length of this run
FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}
EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-ACCESSED", "context": ["user-1", "list-1"]}
LIMIT_S = 60
# Events of one request while a folder is filled, and of all.
BATCH, EVENTS = 5_000, 1_000_000
_MIB = 2**20

Memory = dict[str, tuple[int, int]]


class Service:
    """A footfall of its own session on a free port of this machine."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        environment["FOOTFALL_ADMIN_PASSWORD"] = PASSWORD
        command = [sys.executable, "-m", "footfall", "serve", "--data-dir", str(folder), "--port", str(self.port)]
        with (folder.parent / f"{folder.name}.log").open("ab") as log:
            self.began = time.perf_counter()
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def first(self) -> float:
        """Seconds from the start to the answer to the first event, tried again and again until it is accepted."""
        body = event_body(1, 0)
        while time.perf_counter() < self.began + LIMIT_S:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.post(body)
                return time.perf_counter() - self.began
            time.sleep(0.001)
        raise TimeoutError("the service does not accept events")

    def post(self, body: bytes) -> None:
        """Post events; raises AssertionError unless they are accepted."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        with contextlib.closing(connection):
            connection.request("POST", "/events", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text[:500]

    def report(self, file_format: str) -> None:
        """Make a report of the product that `fill` posts, and wait for it."""
        wanted = {"filter": FILTER, "output": {"format": file_format}}
        source = self._call("POST", "/reports", json.dumps(wanted))["source"]
        while (status := self._call("GET", f"/reports/{source}/availability")["status"]) == "RUNNING":
            time.sleep(0.1)
        assert status == "COMPLETE", status

    def memory(self) -> Memory:
        """What each process holds, in bytes: the supervisor and its children, by their command."""
        found: Memory = {}
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.getsid(int(path.name)) == self.process.pid:
                    name = command_of(path)
                    rss, pss = found.get(name, (0, 0))
                    rolled = fields(path / "smaps_rollup")
                    found[name] = rss + rolled["Rss"], pss + rolled["Pss"]
        return found

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(LIMIT_S)

    def _call(self, method: str, path: str, body: str | None = None) -> dict[str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        authorization = {"authorization": f"Basic {basic()}", "content-type": "application/json"}
        with contextlib.closing(connection):
            connection.request(method, path, body, authorization)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text[:500]
            return json.loads(text)  # type: ignore[no-any-return]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """A service on this folder, which accepts events."""
    service = Service(folder)
    try:
        service.first()
        yield service
    finally:
        service.stop()


def basic() -> str:
    return base64.b64encode(f"admin:{PASSWORD}".encode()).decode()


def command_of(path: Path) -> str:
    """`serve`, `web`, `worker`, `engine`, or whatever else a process of the service was started as."""
    words = (path / "cmdline").read_bytes().decode().split("\0")
    return words[words.index("footfall") + 1] if "footfall" in words else words[0]


def fields(path: Path) -> dict[str, int]:
    """The sizes in a file of /proc, in bytes."""
    lines = (line.split() for line in path.read_text().splitlines() if line.endswith(" kB"))
    return {words[0].removesuffix(":"): int(words[1]) * 1024 for words in lines}


def event_body(count: int, number: int) -> bytes:
    """Events of now, and of a product that `report` asks for, when they are many."""
    now_ms = int(time.time() * 1000)
    if count == 1:
        return json.dumps({"events": [{**EVENT, "timestamp": now_ms}]}).encode()
    event = {**FILTER, "type": "PORTFOLIO-ACCESSED"}
    made = [
        {**event, "timestamp": now_ms - index * 60_000, "context": [f"user-{index % 97}", f"list-{number}"]}
        for index in range(count)
    ]
    return json.dumps({"events": made}).encode()


def work(service: Service, events: int = EVENTS) -> None:
    """Post events, and make a report of them as text and one as columns."""
    for number in range(events // BATCH):
        service.post(event_body(BATCH, number))
    for file_format in ("csv", "parquet"):
        service.report(file_format)


def fill(folder: Path, events: int = EVENTS) -> None:
    """Give a new data folder some events and reports."""
    if not (folder / "engine").exists():
        with serving(folder) as service:
            work(service, events)


def memory_at_rest(folder: Path, wait_s: float = 180) -> Memory:
    """(rss, pss) in bytes of each process, so long after a start on this data folder, when nothing happened since."""
    with serving(folder) as service:
        time.sleep(wait_s)
        return service.memory()


def memory_after_work(folder: Path, wait_s: float = 60) -> Memory:
    """The same so long after a million events and two reports."""
    with serving(folder) as service:
        work(service)
        time.sleep(wait_s)
        return service.memory()


def start_seconds(folder: Path) -> float:
    """Seconds from `footfall serve` on this data folder to the first accepted POST /events."""
    service = Service(folder)
    try:
        return service.first()
    finally:
        service.stop()


def print_memory(memory: Memory, title: str) -> None:
    print(f"| {title} | rss | pss |\n| --- | ---: | ---: |")
    total = tuple(sum(sizes) for sizes in zip(*memory.values(), strict=True))
    for name, (rss, pss) in [*sorted(memory.items()), ("all", total)]:
        print(f"| {name} | {rss / _MIB:.0f} | {pss / _MIB:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("memory", "after", "start"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wait", type=float, help="seconds; 180 after a start, 60 after work")
    parser.add_argument("--runs", type=int, default=10)
    given = parser.parse_args()
    fill(given.data)
    if given.what == "memory":
        print_memory(memory_at_rest(given.data, given.wait or 180), "at rest")
        return
    if given.what == "after":
        print_memory(memory_after_work(given.data, given.wait or 60), "after work")
        return
    times = sorted(start_seconds(given.data) for _ in range(given.runs))
    print(f"{statistics.median(times):.2f} s, median of {len(times)}; {times[0]:.2f} to {times[-1]:.2f}")


if __name__ == "__main__":
    main()
