"""Measures footfall beside others on this machine, and writes what it found to bench/RESULTS.md.

    make bench                                       all of it: some 25 minutes
    make bench ARGS=--quick                          a minute, to see that it works; bench/RESULTS.md stays as it is
    make bench ARGS="--only latency --runs 5"        one part; the others stay as they were measured before
    make bench ARGS=growth                           how it grows, with curves: bench/growth.py
    make bench ARGS=usage                            how long usage statistics take: bench/usage_answers.py

A part is compare, latency, sustained, crowd, start or rest. wrk drives the closed loops, open_load.py the open ones.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import compare
import contestants
import endurance
import latency
import render
import results
import tools
import usage_answers

PARTS = ("compare", "latency", "sustained", "crowd", "start", "rest")
FILLED_EVENTS = 25_000_000


def main() -> None:
    if sys.argv[1:2] == ["growth"]:
        import growth  # noqa: PLC0415 - it brings the libraries that draw

        growth.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["usage"]:
        usage_answers.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="this part alone; may be given several times")
    parser.add_argument("--runs", type=int, default=3, help="turns of each contestant (default: 3)")
    parser.add_argument("--seconds", type=int, default=2, help="of each load of the comparison (default: 2)")
    parser.add_argument("--quick", action="store_true", help="one short turn of two loads, and a little of the rest")
    parser.add_argument("--folder", type=Path, help="where the data goes meanwhile: the disk that is measured")
    given = parser.parse_args()
    program, ceiling = tools.find("wrk"), tools.find("nginx")
    if program is None:
        sys.exit("nothing can be measured without wrk")
    with tempfile.TemporaryDirectory(prefix="footfall-bench-", dir=given.folder) as folder:
        Bench(given, program, ceiling, Path(folder)).run()


class Bench:
    """One run of the parts that are wanted."""

    def __init__(self, given: argparse.Namespace, program: tools.Tool, ceiling: tools.Tool | None, work: Path) -> None:
        self._given = given
        self._program = program
        self._ceiling = ceiling
        self._work = work
        self._file = work / "results.json" if given.quick else results.FILE
        self._begin_ms = int(time.time() * 1000)
        self._filled = work / "filled"

    def run(self) -> None:
        """Measure part by part; what was found is kept at once."""
        for part in self._given.only or PARTS:
            begin = time.monotonic()
            print(f"== {part}", flush=True)
            found = getattr(self, f"_{part}")()
            when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
            known = [tool for tool in (self._program, self._ceiling) if tool]
            about = {"when": when, "minutes": (time.monotonic() - begin) / 60, "machine": results.machine(known)}
            results.save(part, {"found": found, "about": about}, self._file)
        text = render.page(results.load(self._file))
        if self._given.quick:
            print(text)
        else:
            render.FILE.write_text(text)
            print(f"written to {render.FILE}")

    def _static(self) -> list[contestants.Contestant]:
        ceiling = self._ceiling
        return [contestants.static(self._begin_ms, ceiling, workers) for workers in ("1", "auto")] if ceiling else []

    def _fill(self) -> None:
        if not self._filled.exists():
            latency.fill(self._filled, 200_000 if self._given.quick else FILLED_EVENTS)

    def _compare(self) -> object:
        begin_ms, quick = self._begin_ms, self._given.quick
        own = [contestants.footfall(begin_ms, count) for count in (1, 2)]
        peers = [contestants.idiomatic(begin_ms), contestants.direct(begin_ms)]
        who = [*self._static(), *own, *peers]
        drive = compare.Drive(self._program, 1 if quick else self._given.seconds)
        runs = 1 if quick else self._given.runs
        drive.turns(who, compare.QUICK if quick else compare.CELLS + compare.BEHIND, runs, self._work)
        if not quick:
            self._fill()
            own = [contestants.filled(begin_ms, count, self._filled) for count in (1, 2)]
            drive.turns(own, compare.REPORTING, runs, self._work)
        return drive.found

    def _latency(self) -> object:
        runs, seconds = (1, 2) if self._given.quick else (self._given.runs, 10)
        who = [*self._static()[:1], *(contestants.footfall(self._begin_ms, count) for count in (1, 2))]
        who.append(contestants.idiomatic(self._begin_ms))
        found = {"alone": latency.alone(who, runs, seconds, self._work)}
        self._fill()
        own = [contestants.filled(self._begin_ms, count, self._filled) for count in (1, 2)]
        return found | {"reporting": latency.reporting(own, runs, seconds, self._work)}

    def _sustained(self) -> object:
        seconds = 5 if self._given.quick else 300
        return endurance.sustained(self._begin_ms, 2, seconds, self._work)

    def _crowd(self) -> object:
        idle, seconds = (500, 2) if self._given.quick else (endurance.IDLE, 10)
        return endurance.crowd(self._begin_ms, self._program, idle, seconds, self._work)

    def _start(self) -> object:
        return endurance.start(self._begin_ms, 2 if self._given.quick else 10, self._work)

    def _rest(self) -> object:
        return endurance.rest(self._begin_ms, self._program, 6 if self._given.quick else 60, self._work)


if __name__ == "__main__":
    main()
