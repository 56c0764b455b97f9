"""How long an outbox takes to send what it has, beside the same requests sent without one.

    .venv/bin/python bench/outbox_drain.py --events 1000000

The events are tracked while the service does not run, in groups of a hundred, as a program in the background does it.
Then a real service starts, and the outbox is opened and flushed. Before it, another service on an empty folder gets as
many events in requests of the same size that stand ready in memory, over one connection: what the service alone takes.
Both are compressed alike. In the end the outbox's events are counted in the store.
"""

import argparse
import http.client
import sys
import tempfile
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
from service import HOST, PASSWORD, Service, serving

sys.path.insert(0, str(Path(__file__).parent.parent / "clients" / "python" / "src"))
from footfall_client import Outbox, OutboxOptions  # a distribution of its own
from footfall_client.encoding import body_of, encode_mapping

GROUP = 100
START_MS = 1_500_000_000_000
FILE_BYTES_MAX = 1 << 30
OWNER = {"customer": "BARCHART", "product": "WATCHLIST"}


def main() -> None:
    """Measure both, and print how they compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as name:
        folder = Path(name)
        plain_s = _send_plain(folder, given.events)
        drain_s, processor_s = _drain(folder, given.events)
    print(f"requests without an outbox: {plain_s:.1f} s ({given.events / plain_s:,.0f} events/s)")
    print(
        f"the outbox: {drain_s:.1f} s ({given.events / drain_s:,.0f} events/s), {drain_s / plain_s:.2f} times as long"
    )
    print(f"processor time of the outbox: {processor_s / given.events * 1e6:.1f} us an event")


def _events(number: int) -> Iterator[list[dict[str, object]]]:
    """Groups of events that the packaged plan has."""
    for first in range(0, number, GROUP):
        yield [
            {
                **OWNER,
                "type": "WATCHLIST-SYMBOL-ADDED",
                "timestamp": START_MS + at,
                "context": [f"user-{at % 5000}", f"list-{at % 300}", f"SYMBOL{at % 1000}"],
            }
            for at in range(first, min(first + GROUP, number))
        ]


def _send_plain(folder: Path, number: int) -> float:
    """Seconds of requests that are ready, one after the other."""
    size, lines, bodies = OutboxOptions().batch_events_max, list[bytes](), list[bytes]()
    for group in _events(number):
        lines += [encode_mapping(event).encode() for event in group]
        if len(lines) == size:
            bodies.append(_compress(body_of(lines)))
            lines = []
    bodies += [_compress(body_of(lines))] if lines else []
    with serving(folder / "plain") as service:
        connection = http.client.HTTPConnection(HOST, service.port)
        begin = time.perf_counter()
        for body in bodies:
            headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
            connection.request("POST", "/events", body, headers | {"Idempotency-Key": uuid.uuid4().hex})
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                sys.exit(answer.read(2000).decode())
            answer.read()
        taken_s = time.perf_counter() - begin
        connection.close()
    return taken_s


def _compress(body: bytes) -> bytes:
    compressor = zlib.compressobj(OutboxOptions().compression_level, zlib.DEFLATED, 31)
    return compressor.compress(body) + compressor.flush()


def _drain(folder: Path, number: int) -> tuple[float, float]:
    """Seconds until a service has all that an outbox holds, and this process's processor time meanwhile."""
    path, options = folder / "outbox", OutboxOptions(file_bytes_max=FILE_BYTES_MAX)
    waiting = OutboxOptions(file_bytes_max=FILE_BYTES_MAX, backoff_min_s=3600, backoff_max_s=3600, exit_timeout_s=0)
    outbox = Outbox(path, f"http://{HOST}:9", durable="background", options=waiting, handle_sigterm=False)
    for group in _events(number):
        outbox.track_many(group)
    while outbox.stats().uncommitted:
        time.sleep(0.05)
    outbox.close()
    with serving(folder / "drained") as service:
        with Outbox(path, service.url, options=options, handle_sigterm=False) as outbox:
            outbox.forget_pauses()
            begin, worked = time.perf_counter(), time.process_time()
            if not outbox.flush(600):
                sys.exit(f"the outbox was not empty after ten minutes: {outbox.stats()}")
            taken = time.perf_counter() - begin, time.process_time() - worked
        _check(service, number)
    return taken


def _check(service: Service, number: int) -> None:
    """Each event is there once, at a watermark behind the last of them."""
    sent_ms = time.time_ns() // 1_000_000
    service.settle()
    query = {**OWNER, "interval": "all", "start": str(START_MS), "end": "2030-01-01"}
    while True:
        answer = httpx.get(f"{service.url}/usage/counts", params=query, auth=("admin", PASSWORD), timeout=60)
        found = answer.raise_for_status().json()
        if found["asOf"] > sent_ms:
            break
        time.sleep(0.1)
    if (found["total"]["events"], found["total"]["duplicates"]) != (number, 0):
        sys.exit(f"{number} events were tracked, and this was counted: {found['total']}")


if __name__ == "__main__":
    main()
