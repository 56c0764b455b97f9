"""How it grows: throughput, latency, memory and disk against one thing at a time.

    make bench ARGS=growth                                 all of it: some 25 minutes
    make bench ARGS="growth --only connections"            one curve; the others stay as they were measured before
    make bench ARGS="growth --draw"                        the pictures alone, from bench/growth.json

A curve is connections, batch, processes, types, stored or parts. Everything but that one thing is as `footfall serve`
has it. The closed loops are wrk's. What was measured goes to bench/growth.json, the pictures to docs/images/.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import contestants
import curves
import events
import growth_store
import results
import service
import tools
import wrk

FILE = Path(__file__).with_name("growth.json")
Row = dict[str, Any]
CONNECTIONS = (1, 8, 64, 256, 1024, 4096, 10_000)
SIZES = (1, 10, 30, 100, 300, 1000, 3000, 10_000)
PROCESSES = (1, 2, 3, 4)
TYPES = (10, 100, 1000, 10_000)
# Their points take minutes, most of them to make the events.
ONCE = ("stored", "parts")
# With the largest requests together these stay under the bound on what waits for the disk (journal_waiting_bytes_max).
BATCH_CONNECTIONS = 16


class Growth:
    """One run of the curves that are wanted."""

    def __init__(self, program: tools.Tool, seconds: float, work: Path) -> None:
        self._program = program
        self._seconds = seconds
        self._work = work
        self._begin_ms = int(time.time() * 1000)

    def connections(self) -> Iterator[Row]:
        """One event a request."""
        for count in CONNECTIONS:
            # Opening thousands takes a while, too.
            yield {"connections": count} | self._load(1, count, self._seconds * (3 if count > 1000 else 1))

    def batch(self) -> Iterator[Row]:
        """Events a request."""
        for size in SIZES:
            yield {"size": size} | self._load(size, BATCH_CONNECTIONS, self._seconds)

    def processes(self) -> Iterator[Row]:
        """Web processes."""
        for count in PROCESSES:
            for size in (1, 100):
                yield {"processes": count, "size": size} | self._load(size, 64, self._seconds, web_processes=count)

    def types(self) -> Iterator[Row]:
        """Types in the plan."""
        for count in TYPES:
            file = self._work / f"plan-{count}.toml"
            file.write_text(_plan(count))
            for size in (1, 100):
                bodies = tuple(_renamed(body, count) for body in events.bodies(size, self._begin_ms))
                yield {"types": count, "size": size} | self._load(size, 32, self._seconds, bodies, plan=file)

    def stored(self) -> Iterator[Row]:
        """Events in the store."""
        yield from growth_store.stored(self._begin_ms, self._work)

    def parts(self) -> Iterator[Row]:
        """Parts of the table."""
        yield from growth_store.parts(self._work)

    def _load(
        self, size: int, connections: int, seconds: float, bodies: tuple[bytes, ...] = (), **settings: object
    ) -> Row:
        """One load on a new footfall."""
        folder = self._work / "growth"
        with service.serving(folder, **settings) as running:
            target = contestants.on_footfall(running, self._begin_ms)
            sent = bodies or target.bodies(size)
            load = wrk.Load(target.url(size), sent, contestants.JSON, connections, seconds)
            memory = service.Memory(running.processes("web"))
            figures = wrk.run(self._program.path, load, self._program.environment)
            memory.end()
            settle_s = running.settle()
            stored = running.stored()
            archive_bytes = service.size(folder / "archive") / stored
        shutil.rmtree(folder)
        return {
            "rate": figures.rate,
            "events": figures.rate * size,
            "p50": figures.p50,
            "p99": figures.p99,
            "failed": figures.refused + figures.broken,
            "web_mib": memory.most / int(str(settings.get("web_processes", 1))),
            "settle": settle_s,
            "archive_bytes": archive_bytes,
        }


def middle(points: Sequence[Row]) -> Row:
    """The median of each measure of the same point."""
    return {key: statistics.median(point[key] for point in points) for key in points[0]}


def _plan(count: int) -> str:
    """A tracking plan with so many types, which have the contexts of the packaged one."""
    types = "\n".join(f'TYPE-{number:05} = ["userId", "thingId", "positionId?", "symbol?"]' for number in range(count))
    columns = '["userId", "thingId", "positionId", "symbol"]'
    return (
        f'customers = ["BARCHART", "TGAM"]\n\n[products.MANY]\ncolumns = {columns}\n\n[products.MANY.types]\n{types}\n'
    )


def _renamed(body: bytes, count: int) -> bytes:
    """The same events, spread over the types of such a plan."""
    sent = json.loads(body)["events"]
    for number, one in enumerate(sent):
        kind = hash((one["timestamp"], number)) % count
        one["context"] = [*one["context"], ""][:4]
        one |= {"product": "MANY", "type": f"TYPE-{kind:05}"}
    return json.dumps({"events": sent}, separators=(",", ":")).encode()


def main(words: list[str]) -> None:
    names = ("connections", "batch", "processes", "types", "stored", "parts")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=names, help="this curve alone; may be given several times")
    parser.add_argument("--seconds", type=int, default=2, help="of each load (default: 2)")
    parser.add_argument("--runs", type=int, default=3, help="turns of each curve, of which the medians are kept")
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw what was measured")
    parser.add_argument("--folder", type=Path, help="where the data goes meanwhile: the disk that is measured")
    given = parser.parse_args(words)
    if not given.draw:
        program = tools.find("wrk")
        if program is None:
            sys.exit("nothing can be measured without wrk")
        with tempfile.TemporaryDirectory(prefix="footfall-growth-", dir=given.folder) as work:
            growth = Growth(program, given.seconds, Path(work))
            for name in given.only or names:
                measure: Callable[[], Iterator[Row]] = getattr(growth, name)
                turns: list[list[Row]] = []
                for _ in range(1 if name in ONCE else given.runs):
                    turns.append([])
                    for row in measure():
                        print(f"{name}: {row}", flush=True)
                        turns[-1].append(row)
                rows = [middle(points) for points in zip(*turns, strict=True)]
                when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
                about = {"when": when, "machine": results.machine([program])}
                results.save(name, {"rows": rows, "about": about}, FILE)
    curves.draw(results.load(FILE))
