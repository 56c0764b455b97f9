"""How long answers of usage statistics take over many events, through HTTP, beside the engine's bare statement.

    make bench ARGS="usage"                          50 million events, 20 million of them of one product
    make bench ARGS="usage --events 5000000 --folder /mnt/disk"

Each call is made once after a restart of the service (cold), and then again and again. The bare statement is what
somebody would write by hand to get the same numbers, without rollups; it runs beside each, in the same engine.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import generate
import httpx
import service

from footfall.settings import Settings
from footfall.store import Store

AGAIN = 5
CAUGHT_UP_LIMIT_S = 1_800
# A day that nobody touches for a second is counted, as fast as one core can.
KEEPING = {"rollup_period_s": 1, "rollup_quiet_s": 1, "rollup_core_percent": 100}
ONE = "customer = 'BARCHART' AND product = 'PORTFOLIO'"


@dataclass(frozen=True)
class Call:
    """A call, the seconds that it may take cold and again, and the statement that gives the same numbers."""

    name: str
    path: str
    parameters: Mapping[str, Any]
    cold_s: float
    again_s: float
    statement: str


CALLS: Sequence[Call] = (
    Call(
        "counts by day, all of one product",
        "/usage/counts",
        {"customer": "BARCHART", "product": "PORTFOLIO", "interval": "day"},
        0.3,
        0.05,
        f"SELECT intDiv(timestamp, 86400000) AS day, type, count() FROM events FINAL WHERE {ONE} GROUP BY day, type",  # noqa: S608 - our own words
    ),
)


def main(arguments: Sequence[str]) -> None:
    """Fill a store, wait for the rollups, and measure every call."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000_000, help="how many there are (default: 50,000,000)")
    parser.add_argument("--folder", type=Path, help="where the data goes meanwhile; one that is filled is used again")
    given = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-usage-")))
        data = folder / "data"
        fill(data, given.events)
        print(f"{'':36}{'cold':>8}{'again':>8}{'bare':>8}{'ratio':>8}   load")
        for call in CALLS:
            report(data, call)


def fill(data: Path, events: int) -> None:
    """Put events into the store, unless they are there, and wait until all days are counted."""
    begin = time.perf_counter()
    with service.serving(data, **KEEPING) as running, opened(data) as store:
        store.migrate()
        if running.stored() < events:
            generate.fill(store, events)
        (engine,) = running.processes("engine")
        memory = service.Memory([engine])
        filled = time.perf_counter()
        wait_until(lambda: is_counted(store))
        counted = time.perf_counter()
        memory.end()
    print(
        f"filled in {filled - begin:.0f} s, counted in {counted - filled:.0f} s; engine: {memory.most:.0f} MiB at most"
    )


def is_counted(store: Store) -> bool:
    """Whether the rollup has all events."""
    ((rolled_up,),) = store.rows("SELECT sum(arraySum(hours.events)) FROM rollup_days FINAL", {})
    ((stored,),) = store.rows("SELECT count() FROM events", {})
    return bool(rolled_up == stored)


def report(data: Path, call: Call) -> None:
    """Measure one call: cold, again, and the bare statement; print a line."""
    with service.serving(data) as running, opened(data) as store:
        (engine,) = running.processes("engine")
        memory = service.Memory([engine])
        cold, *again = [ask(running, call) for _ in range(AGAIN + 1)]
        bare = [timed(lambda: store.rows(call.statement, {})) for _ in range(AGAIN)]
        memory.end()
    again_s, bare_s = statistics.median(again), statistics.median(bare)
    verdict = "" if cold <= call.cold_s and again_s <= call.again_s else "  slower than it may be"
    grown = memory.most - memory.begin
    print(
        f"{call.name:36}{cold:8.3f}{again_s:8.3f}{bare_s:8.3f}{again_s / bare_s:8.2f}"
        f"   {os.getloadavg()[0]:.1f}, engine +{grown:.0f} MiB{verdict}"
    )


def ask(running: service.Service, call: Call) -> float:
    """The seconds of one call, which must be answered with 200."""

    def get() -> None:
        auth = ("admin", service.PASSWORD)
        httpx.get(f"{running.url}{call.path}", params=call.parameters, auth=auth, timeout=120).raise_for_status()

    return timed(get)


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@contextlib.contextmanager
def opened(data: Path) -> Any:
    """The service's store."""
    with contextlib.closing(Store(Settings(data_dir=str(data)))) as store:
        yield store


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what the background does."""
    deadline = time.monotonic() + CAUGHT_UP_LIMIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit("the rollups have not caught up")
        time.sleep(1)
