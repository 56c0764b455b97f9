"""The comparison: every contestant under the same loads, in turns, and what each has stored beside its answers."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import wrk
from beside import BESIDE
from contestants import Contestant, Target
from tools import Tool


@dataclass(frozen=True)
class Cell:
    """One load: events a request, connections, Content-Encoding, and what else goes on."""

    size: int
    connections: int = 32
    encoding: str = ""
    beside: str = ""

    @property
    def name(self) -> str:
        return f"{self.size}/{self.connections}/{self.encoding}/{self.beside}"


CELLS = (
    *(Cell(size) for size in (1, 10, 100, 1000)),
    *(Cell(size, connections) for size in (1, 100) for connections in (1, 256)),
    Cell(100, encoding="gzip"),
    Cell(100, encoding="zstd"),
)
BEHIND = (Cell(1, beside="behind"), Cell(100, beside="behind"))
REPORTING = (Cell(1, beside="report"), Cell(100, beside="report"))
QUICK = (Cell(1), Cell(100))


class Mismatch(Exception):
    """A contestant has not stored what it said it had, or has refused what it should have taken."""


@dataclass
class Drive:
    """How the loads are put on, and what came of them: by contestant and cell, the figures of each run."""

    program: Tool
    seconds: float
    found: dict[str, dict[str, list[dict[str, float]]]] = field(default_factory=dict)

    def turns(self, contestants: Sequence[Contestant], cells: Sequence[Cell], runs: int, work: Path) -> None:
        """Turn by turn: A B C D, A B C D, ... Raises Mismatch."""
        for turn in range(1, runs + 1):
            for contestant in contestants:
                print(f"run {turn} of {runs}: {contestant.name}", flush=True)
                own = [cell for cell in cells if contestant.thorough or (cell.connections, cell.encoding) == (32, "")]
                with contestant.start(work / "turn") as target:
                    self.turn(contestant.name, target, [cell for cell in own if cell.beside in target.beside])
                shutil.rmtree(work / "turn", ignore_errors=True)

    def turn(self, name: str, target: Target, cells: Sequence[Cell]) -> None:
        """All loads on one contestant. Raises Mismatch."""
        before, accepted = target.stored() or 0, target.accepted()
        warm = wrk.run(self.program.path, target.load(1, 32, "", 1), self.program.environment)
        answered, unsure = warm.answered, 32
        for cell in cells:
            load = target.load(cell.size, cell.connections, cell.encoding, self.seconds)
            with BESIDE[cell.beside](target):
                figures = wrk.run(self.program.path, load, self.program.environment)
            settle_s = target.settle()
            answered += figures.answered * cell.size
            unsure += cell.connections * cell.size
            if figures.refused or figures.broken:
                raise Mismatch(f"{name}, {cell.name}: {figures.refused} not 200, {figures.broken} broken")
            seen = {**asdict(figures), "rate": figures.rate, "events": figures.rate * cell.size, "settle": settle_s}
            self.found.setdefault(name, {}).setdefault(cell.name, []).append(seen)
            print(f"  {cell.name:16} {figures.rate:10,.0f}/s {seen['events']:11,.0f} events/s", flush=True)
        check(name, target, (answered, answered + unsure), before, accepted)


def check(name: str, target: Target, bounds: tuple[int, int], before: int, accepted: int | None) -> None:
    """Hold what is stored against what was answered. Raises Mismatch.

    When wrk ends it does not wait for the answers to what it sent last, so that up to a request a connection may be
    stored that it did not count. footfall counts its answers itself, and those are exact.
    """
    stored = target.stored()
    if stored is None:
        return
    stored -= before
    if not bounds[0] <= stored <= bounds[1]:
        raise Mismatch(f"{name}: {stored} events are stored, and {bounds[0]} to {bounds[1]} should be")
    counted = target.accepted()
    if counted is not None and accepted is not None and counted - accepted != stored:
        raise Mismatch(f"{name}: {stored} events are stored, and {counted - accepted} were accepted")
    print(f"  {stored:,} events stored, at least {bounds[0]:,} seen answered", flush=True)
