"""What tracking an event costs a program, beside two clients of other services, and what each loses when it is killed.

    pip install --target peers posthog segment-analytics-python
    PYTHONPATH=peers .venv/bin/python bench/outbox_costs.py

All send to the same server of this script, which counts. The contestants take turns, in processes of their own: the
median of `--events` calls, and how many of them had arrived, or arrive from a later start, when the program was killed
with -9 right behind the last call. A client that is not installed is left out.
"""

import argparse
import gzip
import http.server
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import ClassVar

CLIENT = Path(__file__).parent.parent / "clients" / "python" / "src"
BATCH = "35114dc8-92a1-47b1-adc9-cfabfc6851da"
OUTBOX = """
from footfall_client import Outbox
outbox = Outbox({path!r}, {url!r}, durable={durable!r})
call = lambda: outbox.track(customer="ACME", product="SHOP", type="SHOP-ORDERED", context=["ada", "o-1", "AAPL"])
"""
POSTHOG = """
from posthog import Posthog
client = Posthog("key", host={url!r}, disable_geoip=True)
call = lambda: client.capture("SHOP-ORDERED", distinct_id="ada", properties={{"order": "o-1", "symbol": "AAPL"}})
"""
SEGMENT = """
from segment.analytics import Client
client = Client("key", host={url!r}, max_queue_size=1_000_000)
call = lambda: client.track("ada", "SHOP-ORDERED", {{"order": "o-1", "symbol": "AAPL"}})
"""
MEASURE = """
import json, os, signal, time
for _ in range(20): call()
times = []
for _ in range({events}):
    begin = time.perf_counter()
    call()
    times.append(time.perf_counter() - begin)
print(json.dumps(times), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
CONTESTANTS = {
    "outbox, on the disk": (OUTBOX, True),
    "outbox, background": (OUTBOX, "background"),
    "outbox, memory": (OUTBOX, False),
    "posthog": (POSTHOG, None),
    "segment": (SEGMENT, None),
}


class Counting(http.server.BaseHTTPRequestHandler):
    """Takes what each client sends, and counts its events; those of a request that is sent again once, by its key."""

    protocol_version = "HTTP/1.1"
    counted: ClassVar[dict[str, int]] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        content = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        key = self.headers.get("Idempotency-Key") or f"without a key, {len(Counting.counted)}"
        Counting.counted[key] = len(content.get("events") or content.get("batch") or ())
        answer = f'[{{"batch":"{BATCH}"}}]'.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing: the numbers are what counts."""


class Server(http.server.ThreadingHTTPServer):
    """Programs that are killed leave broken connections, which are nothing to tell of."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: an error of a client that is there shows in the numbers."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    server = Server(("127.0.0.1", 0), Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    medians: dict[str, list[float]] = {}
    lost: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
        for turn in range(given.turns):
            for name, (code, durable) in CONTESTANTS.items():
                if durable is None and importlib.util.find_spec(name) is None:
                    continue
                path = f"{folder}/{turn}-{durable}"
                Counting.counted = {}
                program = code.format(path=path, url=url, durable=durable) + MEASURE.format(events=given.events)
                times = _run(program)
                medians.setdefault(name, []).append(statistics.median(times) * 1e6)
                lost[name] = lost.get(name, 0) + given.events + 20 - _arrived(path if durable else "", url)
    server.shutdown()
    print("| client | median of a call, us, by turn | lost of all events to kill -9 |\n| --- | --- | --- |")
    for name, found in medians.items():
        share = lost[name] / given.turns / (given.events + 20)
        print(f"| {name} | {', '.join(f'{one:.1f}' for one in found)} | {share:.1%} |")


def _run(program: str) -> list[float]:
    environment = os.environ | {"PYTHONPATH": f"{CLIENT}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    if not done.stdout:
        sys.exit(done.stderr)
    return [float(each) for each in json.loads(done.stdout.splitlines()[-1])]


def _arrived(path: str, url: str) -> int:
    """Events at the server once a later program has sent what an outbox has left, where there is one."""
    if path:
        sys.path.insert(0, str(CLIENT))
        from footfall_client import Outbox  # noqa: PLC0415 - a distribution of its own

        with Outbox(path, url, handle_sigterm=False) as outbox:
            outbox.flush(60)
    time.sleep(0.5)
    return sum(Counting.counted.values())


if __name__ == "__main__":
    main()
