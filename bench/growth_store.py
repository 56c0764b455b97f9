"""How it grows with what the store holds: events, and the parts that they lie in."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import contestants
import generate
import httpx
import latency
import service
from beside import FILTER
from reports import report

from footfall.settings import Settings
from footfall.store import Store

STORED = (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
PARTS = (1, 3, 10, 30, 100, 300, 900)
PART_EVENTS = 1_000_000
POST_RATE = 500
POST_SECONDS = 5

# Events of one month in any order, so that every part has some of every hour.
_PART = """
INSERT INTO events (customer, product, type, version, timestamp, context, sequence, batch, received, admitted)
SELECT 'BARCHART', 'PORTFOLIO', 'PORTFOLIO-ACCESSED', '1.4.2', {begin:Int64} + cityHash64(number) % 2500000000,
    [concat('user-', toString(cityHash64(number, 1) % 200000)), toString(generateUUIDv4(number))],
    number % 100 + 1,
    reinterpret(concat(reinterpret(cityHash64(intDiv(number, 100), 2), 'FixedString(8)'),
        reinterpret(cityHash64(intDiv(number, 100), 3), 'FixedString(8)')), 'UUID'),
    {begin:Int64}, {begin:Int64}
FROM numbers({first:UInt64}, {count:UInt64})
"""


def stored(begin_ms: int, work: Path) -> Iterator[dict[str, Any]]:
    """A new store for each number of events."""
    for total in STORED:
        folder = work / "stored"
        with service.serving(folder) as running, _opened(folder) as store:
            generate.fill(store, total)
            _quiet(store)
            target = contestants.on_footfall(running, begin_ms)
            seen = latency.drive(target, 1, POST_RATE, POST_SECONDS, work)
            running.settle()
            (engine,) = running.processes("engine")
            row = {
                "stored": total,
                "p50": seen["p50"],
                "p99": seen["p99"],
                **_reading(running),
                "engine_mib": service.resident(engine),
                "disk_mb": service.size(folder / "engine") / 1e6,
                "parts": _parts(store),
            }
        shutil.rmtree(folder)
        yield row


def parts(work: Path) -> Iterator[dict[str, Any]]:
    """The same million events of a month in more and more parts, which the engine is kept from merging."""
    for count in PARTS:
        folder = work / "parts"
        with service.serving(folder) as running, _opened(folder) as store:
            store.write("SYSTEM STOP MERGES events", {})
            begin = time.perf_counter()
            for number in range(count):
                first, end = (PART_EVENTS * step // count for step in (number, number + 1))
                store.write(_PART, {"begin": generate.BEGIN_MS, "first": first, "count": end - first})
            took = time.perf_counter() - begin
            (engine,) = running.processes("engine")
            memory = service.Memory([engine])
            row = {"parts": _parts(store), "insert_s": took, **_reading(running)}
            memory.end()
            row |= {"engine_mib": memory.most, "disk_mb": service.size(folder / "engine") / 1e6}
        shutil.rmtree(folder)
        yield row


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[Store]:
    with contextlib.closing(Store(Settings(data_dir=str(folder)))) as store:
        store.migrate()
        yield store


def _reading(running: service.Service) -> dict[str, float]:
    """Seconds of a report of the largest product, and of counting it by day."""
    as_of = min(generate.BEGIN_MS + 2 * generate.YEAR_MS, int(time.time() * 1000))
    with httpx.Client(base_url=running.url, auth=("admin", service.PASSWORD), timeout=600) as client:
        made = report(client, {"filter": FILTER, "output": {"asOf": as_of}})
        begin = time.perf_counter()
        client.get("/usage/counts", params={**FILTER, "asOf": as_of}).raise_for_status()
        return {
            "report_rows": made["rows"]["total"],  # type: ignore[index]
            "report_s": float(str(made["seconds"])),
            "count_s": time.perf_counter() - begin,
        }


def _parts(store: Store) -> int:
    ((count,),) = store.rows(
        "SELECT count() FROM system.parts WHERE database = currentDatabase() AND active AND table = 'events'", {}
    )
    return int(count)


def _quiet(store: Store) -> None:
    """Wait until the engine merges no more, for a while at the most."""
    for _ in range(60):
        ((count,),) = store.rows("SELECT count() FROM system.merges", {})
        if not count:
            return
        time.sleep(0.5)
