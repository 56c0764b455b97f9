"""What statistics cost others: the answers of POST /events beside heavy queries, and the loader beside the rollups."""

import json
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import contestants
import httpx
import latency
import service
import usage_calls

from footfall.store import Store
from footfall.system import zstd

RATE = 1000
QUERIES = 8
# A turn of the loader: frames of 100,000 events each, as a busy loader puts segments together.
FRAMES, FRAME_EVENTS = 6, 100_000
# Rollups off: one look at the start, and one day that is counted. On: as they are, with the whole table to count.
OFF = {"rollup_period_s": 86_400, "rollup_core_percent": 1, "rollup_step_rows_max": 1}
ON = {"rollup_period_s": 1, "rollup_quiet_s": 0, "store_load_timeout_s": 30}


class Heavy:
    """Users who ask heavy queries, one after the other, for as long as the block lasts."""

    def __init__(self, running: service.Service) -> None:
        self._running = running
        self._stop = threading.Event()
        self._numbers = iter(range(10**9))
        self._lock = threading.Lock()
        self.answered = self.refused = 0

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(QUERIES)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(130)

    def _ask(self) -> None:
        auth = ("admin", service.PASSWORD)
        with httpx.Client(base_url=self._running.url, auth=auth, timeout=120) as client:
            while not self._stop.is_set():
                with self._lock:
                    path, parameters = usage_calls.heavy(next(self._numbers))
                try:
                    status = client.get(path, params=parameters).status_code
                except httpx.HTTPError:
                    status = 0
                with self._lock:
                    self.answered += status == 200
                    self.refused += status != 200
                if status != 200:
                    self._stop.wait(0.2)


def collecting(data: Path, seconds: float, work: Path) -> Iterator[str]:
    """Lines on how long POST /events takes at a fixed rate, alone and beside heavy queries."""
    with service.serving(data) as running:
        target = contestants.on_footfall(running, int(time.time() * 1000))

        def post(for_s: float) -> dict[str, Any]:
            with latency.posting(target.url(1), target.bodies(1), RATE, for_s, work) as process:
                return latency.read(process)

        post(2)
        alone = post(seconds)
        with Heavy(running) as heavy:
            time.sleep(1)
            beside = post(seconds)
            asked = f"{heavy.answered} answered, {heavy.refused} refused or failed"
    yield told(f"POST /events at {RATE:,}/s, alone", alone)
    verdict = "" if beside["p99"] < 25 and not beside["refused"] else "  slower than it may be (p99 25 ms)"
    yield f"{told(f'... beside {QUERIES} heavy queries ({asked})', beside)}{verdict}"


def told(name: str, seen: dict[str, Any]) -> str:
    """A line of a run at a fixed rate."""
    times = ", ".join(f"{share} {seen[share]:.1f}" for share in ("p50", "p99", "p999"))
    return f"{name}: ms {times}; {seen['refused']} refused"


def loading(data: Path, store: Any, turns: int) -> Iterator[str]:
    """Lines on how many events a second are loaded while the rollups count all days anew, and without them."""
    frames = [_frame(number) for number in range(FRAMES)]
    rates: dict[str, list[float]] = {"off": [], "on": []}
    for turn in range(turns):
        # Each goes first as often as the other.
        for mode in ("off", "on") if turn % 2 == 0 else ("on", "off"):
            rates[mode].append(_rate(data, store, frames, is_on=mode == "on"))
    off, on = (sorted(rates[mode])[turns // 2] for mode in ("off", "on"))
    lost = 1 - on / off
    verdict = "" if lost < 0.1 else "  more than it may (10 %)"
    yield f"loading, rollups off: {off:,.0f} events/s; at work: {on:,.0f} events/s, {lost:.1%} less{verdict}"


def _rate(data: Path, store: Any, frames: Sequence[bytes], *, is_on: bool) -> float:
    """Events a second; with rollups, these have the whole table before them."""
    with service.serving(data, **(ON if is_on else OFF)), store(data) as there:
        if is_on:
            there.run_table_script("rollups_renew")
            _wait_for_work(there)
        begin = time.perf_counter()
        for frame in frames:
            there.load_frames(frame)
        return FRAMES * FRAME_EVENTS / (time.perf_counter() - begin)


def _wait_for_work(store: Store, limit_s: float = 120) -> None:
    """Until a day has been counted: the keeper is at work."""
    deadline = time.monotonic() + limit_s
    while not store.rows("SELECT 1 FROM rollup_days LIMIT 1", {}):
        if time.monotonic() > deadline:
            raise SystemExit("the rollups do not begin")
        time.sleep(0.2)


def _frame(number: int) -> bytes:
    """Events of a day that is over, of a customer of their own, as a segment has them."""
    batch, now_ms = str(uuid.uuid4()), int(time.time() * 1000)
    made = {"customer": "LOADED", "product": "PORTFOLIO", "type": "PORTFOLIO-ACCESSED", "batch": batch}
    lines = (
        json.dumps(
            made
            | {
                "timestamp": now_ms - 172_800_000 + number * FRAME_EVENTS + at,
                "context": [f"user-{at % 20_000}", str(uuid.UUID(int=at)), f"SYM{at % 5000}"],
                "sequence": at + 1,
                "received": now_ms,
                "admitted": now_ms,
            }
        )
        for at in range(FRAME_EVENTS)
    )
    options = {zstd.CompressionParameter.checksum_flag: 1}
    return bytes(zstd.compress("\n".join(lines).encode() + b"\n", options=options))
