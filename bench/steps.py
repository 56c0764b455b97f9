"""Where the time of `POST /events` goes: each step of the hot path alone, held against its budget.

    python bench/steps.py

Steps run in this process on one thread, on real requests, and the journal's on a real disk. Budgets are shares of what
`json.loads` takes for the same body, because absolute times differ from machine to machine. Ends with 1 when a step is
over its budget.
"""

import asyncio
import json
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path

import events
import msgspec
import uvicorn
from uvicorn.server import ServerState

from footfall import web
from footfall.ingest import Collector, batch_ids, preparation, read_headers, sender_of
from footfall.ingest.fast_path import FastPath
from footfall.journal import STAMPS, Done, EncodedLines, Folder, Journal
from footfall.journal.disk import CommitPace
from footfall.journal.frames import Compressor
from footfall.metrics import RequestMetrics
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.system.clock import NodeClock, SystemClock

# Shares of json.loads for a request of one event, and for one of a hundred: some 1.7 times what was measured.
BUDGETS = {
    "headers": (0.40, 0.02),
    "decoding, bounds, plan": (0.70, 1.15),
    "identity": (0.50, 0.02),
    "encoding": (0.15, 0.30),
    "answer": (0.15, 0.10),
    "stamping": (0.06, 0.05),
    "compressing": (2.20, 0.80),
    "all of it, the head known": (4.30, 1.75),
}
GROUP = 16


class Socket:
    """A socket of a client that is no proxy, whose requests are limited by address."""

    def getpeername(self) -> tuple[str, int]:
        return "192.0.2.1", 40_000


class Sink(asyncio.Transport):
    """A connection that takes everything at once."""

    def get_extra_info(self, name: str, default: object = None) -> object:
        return Socket() if name == "socket" else default

    def write(self, data: object) -> None:
        pass

    def is_closing(self) -> bool:
        return False


class Instant(Journal):
    """Says at once that the lines are on disk: what the disk takes is measured apart."""

    def submit(self, lines: EncodedLines, done: Done) -> None:  # noqa: ARG002 - the journal's own
        done(None)


def least(work: Callable[[], object], number: int) -> float:
    """Microseconds of one call: the least of several rounds, because whatever disturbs only adds."""
    work()
    return min(timeit.repeat(work, number=number, repeat=7)) / number * 1e6


def steps(size: int, folder: Path) -> dict[str, float]:
    """Microseconds of each step for a request of so many events; `json.loads` first."""
    number = max(50, 20_000 // size)
    return {name: least(work, number) for name, work in works(size, folder).items()}


def works(size: int, folder: Path) -> dict[str, Callable[[], object]]:
    """Each step for a request of so many events."""
    # All limits are on, and nothing here goes over them.
    bursts = {"address_requests_burst": 10**9, "customer_events_burst": 10**9, "customer_day_bytes_max": 10**15}
    settings = Settings(data_dir=str(folder), disk_free_bytes_min=0, **bursts)
    body = events.bodies(size, int(time.time() * 1000))[0]
    raw = [(b"host", b"here"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    fast_path, now = FastPath(LivePlan(None, settings).checker, settings), int(time.time() * 1000)
    batches, compressor = batch_ids.random_batches(), Compressor()
    batch = next(batches)
    found, is_right, _ = fast_path.read(body, now, batch)
    if found is None or not is_right:
        sys.exit("the request does not go the fast path")
    lines = preparation.encode_lines(found)
    stamps = b',"received":%d,"admitted":%d' % (now, now)
    frame = lines.replace(STAMPS, stamps)
    return {
        "json.loads": lambda: json.loads(body),
        "headers": lambda: read_headers(raw, settings),
        "decoding, bounds, plan": lambda: fast_path.read(body, now, batch),
        "identity": lambda: next(batches),
        "encoding": lambda: preparation.encode_lines(found),
        "answer": lambda: b"[%b]" % lines[:-1].replace(b"\n", b",").replace(STAMPS, b""),
        "stamping": lambda: lines.replace(STAMPS, stamps),
        "compressing": lambda: compressor.compress(frame),
        "all of it, the head known": known_head(settings, body, raw),
        "a commit of one request": commit_of_one(settings, lines),
    }


def commit_of_one(settings: Settings, lines: bytes) -> Callable[[], object]:
    """A request that has a commit for itself, from the journal's queue to the call of whoever waits."""
    settings = msgspec.structs.replace(settings, segment_age_max_ms=10**9, segment_bytes_max=10**12)
    journal = Journal(Folder(settings.data / "commits"), settings, SystemClock(), CommitPace(10**9, 1e9, 1, 1e9))
    encoded = EncodedLines(lines)
    requests = RequestMetrics()
    journal.observe = requests.end_group

    def done(_error: BaseException | None) -> None:
        requests.accepted += 1

    journal._turn_is_due = True  # noqa: SLF001 - the turn is taken here, without a loop
    journal.submit(encoded, done)
    journal._commit_waiting([])  # noqa: SLF001 - makes the segment

    def work() -> None:
        journal._turn_is_due = True  # noqa: SLF001 - as above
        journal.submit(encoded, done)
        journal._turn()  # noqa: SLF001 - as above

    return work


def known_head(settings: Settings, body: bytes, raw: list[tuple[bytes, bytes]]) -> Callable[[], object]:
    """A request as it comes from a socket, to an answer as it goes to one, but for the disk and the kernel."""
    journal = Instant(Folder(settings.data / "journal"), settings, SystemClock())
    collector = Collector(journal, LivePlan(None, settings), settings, SystemClock())
    config = uvicorn.Config(sender_of, lifespan="off", log_config=None, ws="none")
    state = ServerState()
    state.default_headers = [(b"date", b"Tue, 24 Nov 2026 00:00:00 GMT")]
    connection = web.events_protocol(collector, settings)(config, state, {}, asyncio.new_event_loop())
    connection.connection_made(Sink())
    head = b"".join(b"%b: %b\r\n" % header for header in raw)
    request = b"POST /events HTTP/1.1\r\n" + head + b"\r\n" + body
    connection.data_received(request)
    if collector.events_accepted == 0:
        sys.exit("the request is not one that is accepted")
    return lambda: connection.data_received(request)


def commit(size: int, folder: Path) -> tuple[float, float]:
    """Microseconds for each request of a commit of GROUP requests on a real disk: of the clock, and of a core."""
    settings = Settings(data_dir=str(folder), disk_free_bytes_min=0, segment_age_max_ms=10**9, segment_bytes_max=10**12)
    clock = NodeClock(folder / "clock")
    journal = Journal(Folder(folder / "journal"), settings, clock)
    body = events.bodies(size, int(time.time() * 1000))[0]
    fast_path = FastPath(LivePlan(None, settings).checker, settings)
    found, *_ = fast_path.read(body, 2**60, next(batch_ids.random_batches()))
    group = [EncodedLines(preparation.encode_lines(found or []))] * GROUP
    rounds = 200
    begin, begin_core = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        journal._commit(group)  # noqa: SLF001 - the thread's work, without the thread
    whole, core = time.perf_counter() - begin, time.process_time() - begin_core
    journal._seal_all()  # noqa: SLF001 - as above
    return whole / rounds / GROUP * 1e6, core / rounds / GROUP * 1e6


def main() -> None:
    over = []
    with tempfile.TemporaryDirectory(prefix="footfall-steps-") as made:
        both = [steps(size, Path(made)) for size in (1, 100)]
        disk = [commit(size, Path(made)) for size in (1, 100)]
    print("| step | 1 event, us | of json.loads | budget | 100 events, us | of json.loads | budget |")
    print("| --- " + "| ---: " * 6 + "|")
    for name in both[0]:
        cells = []
        for index, found in enumerate(both):
            share = found[name] / found["json.loads"]
            budget = BUDGETS.get(name)
            cells += [f"{found[name]:.2f}", f"{share:.2f}", f"{budget[index]:.2f}" if budget else ""]
            if budget and share > budget[index]:
                over.append(name)
        print(f"| {name} | " + " | ".join(cells) + " |")
    for place, kind in enumerate(("clock", "core")):
        cells = [f"{disk[0][place]:.1f}", "", "", f"{disk[1][place]:.1f}", "", ""]
        print(f"| a commit of {GROUP} requests with its sync, for each, {kind} | " + " | ".join(cells) + " |")
    if over:
        sys.exit(f"over budget: {', '.join(dict.fromkeys(over))}")


if __name__ == "__main__":
    main()
