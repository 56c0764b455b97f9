"""How long answers of usage statistics take over many events, through HTTP, beside the engine's bare statement.

    make bench ARGS="usage"                          50 million events, 20 million of them of one product
    make bench ARGS="usage --events 5000000 --folder /mnt/disk"
    make bench ARGS="usage --only answers"           a part: answers, pages, people, collecting, loading

The events are made in the engine, 100,000 to 300,000 a second, and their days are counted: some six minutes for 50
million, which `--folder` keeps for the next run. All parts take ten more.

Each call is made first after a restart of the service (cold), as often as `--runs` says, and then again and again; the
medians are told. The password is checked by a call before, `GET /plan`, as slowly as passwords have to be; a key or a
session of the page has nothing of that kind. Files stay in the system's cache over a restart. The bare statement is
what somebody would write by hand to get the same numbers, without rollups; it runs in the same engine, after the calls.
"""

import argparse
import contextlib
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import generate
import httpx
import service
import usage_beside
import usage_pages
from usage_calls import CALLS, Call

from footfall.settings import Settings
from footfall.store import Store, StoreFailed

CAUGHT_UP_LIMIT_S = 1_800
GROWTH_MIB_MAX = 1024
# A day that nobody touches for a second is counted, as fast as one core can; what may still be loaded comes later.
KEEPING = {"rollup_period_s": 1, "rollup_quiet_s": 1, "rollup_core_percent": 100, "store_load_timeout_s": 30}
PARTS = ("answers", "pages", "people", "collecting", "loading")


def main(arguments: Sequence[str]) -> None:
    """Fill a store, wait for the rollups, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000_000, help="how many there are (default: 50,000,000)")
    parser.add_argument("--folder", type=Path, help="where the data goes; one that is filled is used again")
    parser.add_argument("--runs", type=int, default=5, help="restarts, and times of all else (default: 5)")
    parser.add_argument("--seconds", type=float, default=20, help="of POST /events beside queries (default: 20)")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part alone; may be given several times")
    given = parser.parse_args(arguments)
    parts = given.only or PARTS
    # A store that has not started yet is asked until it answers.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-usage-")))
        data = (given.folder or work) / "data"
        data.parent.mkdir(parents=True, exist_ok=True)
        fill(data, given.events)
        lines: list[str] = []
        for line in measure(parts, data, given, work):
            lines.append(line)
            print(line, flush=True)
    print(f"\n{given.events:,} events; load {os.getloadavg()[0]:.1f} at the end; medians of {given.runs}, in seconds")
    print("\n".join(lines))


def measure(parts: Sequence[str], data: Path, given: argparse.Namespace, work: Path) -> Iterator[str]:
    """The lines of the parts that are wanted, each when it is known."""
    if "answers" in parts:
        yield f"{'':44}{'cold':>8}{'again':>8}{'bare':>8}{'cold/bare':>11}{'engine':>11}"
        for call in CALLS:
            yield report(data, call, given.runs)
    if "pages" in parts:
        yield from usage_pages.overview(data, given.runs)
    if "people" in parts:
        yield from usage_pages.beside(data, given.seconds, work, given.runs)
    if "collecting" in parts:
        yield from usage_beside.collecting(data, given.seconds, work)
    if "loading" in parts:
        yield from usage_beside.loading(data, opened, min(given.runs, 3))


def fill(data: Path, events: int) -> None:
    """Put events into the store, unless they are there, and wait until all days are counted."""
    begin = time.perf_counter()
    with service.serving(data, **KEEPING) as running, opened(data) as store:
        store.migrate()
        there = running.stored()
        if 0 < there < events:
            raise SystemExit(f"{data} has {there:,} events, and {events:,} are wanted: name another folder")
        if not there:
            generate.fill(store, events)
        (engine,) = running.processes("engine")
        memory = service.Memory([engine])
        filled = time.perf_counter()
        try:
            wait_until(lambda: counted(store) >= events)
        finally:
            memory.end()
        done = time.perf_counter()
    print(f"filled in {filled - begin:.0f} s, counted in {done - filled:.0f} s; engine: {memory.most:.0f} MiB at most")


def counted(store: Store) -> int:
    """How many events the rollup has."""
    ((rolled_up,),) = store.rows("SELECT sum(arraySum(hours.events)) FROM rollup_days FINAL", {})
    return int(rolled_up)


def report(data: Path, call: Call, runs: int) -> str:
    """Measure one call: cold, again, and the bare statement; gives its line."""
    cold, grown = [], 0.0
    again: list[float] = []
    for run in range(runs):
        with service.serving(data) as running, opened(data) as store:
            (engine,) = running.processes("engine")
            memory = service.Memory([engine])
            try:
                with signed_in(running) as client:
                    cold.append(ask(client, call))
                    if run == runs - 1:
                        again = [ask(client, call) for _ in range(runs)]
            finally:
                memory.end()
            grown = max(grown, memory.most - memory.begin)
            bare = [bare_time(store, call.statement) for _ in range(runs)] if run == runs - 1 else []
    cold_s, again_s, bare_s = (statistics.median(each) for each in (cold, again, bare))
    is_good = cold_s <= call.cold_s and again_s <= call.again_s and grown < GROWTH_MIB_MAX
    verdict = "" if is_good else f"  more than it may: {call.cold_s} s, {call.again_s} s, {GROWTH_MIB_MAX} MiB"
    numbers = f"{cold_s:8.3f}{again_s:8.3f}{bare_s:8.3f}{cold_s / bare_s:11.2f}"
    return f"{call.name:44}{numbers}{f'+{grown:.0f} MiB':>11}{verdict}"


def bare_time(store: Store, statement: str) -> float:
    """The seconds of a statement; none that is a number where the engine has not the memory for it."""
    try:
        return timed(lambda: store.rows(statement, {}))
    except StoreFailed as error:
        print(f"the bare statement fails: {str(error)[:200]}", flush=True)
        return float("nan")


@contextlib.contextmanager
def signed_in(running: service.Service) -> Iterator[httpx.Client]:
    """A client whose password the service has checked."""
    with httpx.Client(base_url=running.url, auth=("admin", service.PASSWORD), timeout=120) as client:
        client.get("/plan").raise_for_status()
        yield client


def ask(client: httpx.Client, call: Call) -> float:
    """The seconds of one call, which must be answered with 200."""

    def get() -> None:
        answer = client.get(call.path, params=call.parameters)
        if answer.status_code != 200:
            raise SystemExit(f"{call.name}: {answer.status_code} {answer.text[:500]}")

    return timed(get)


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@contextlib.contextmanager
def opened(data: Path) -> Iterator[Store]:
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
