"""What is wrong with a plan file: every problem with its line, in words that tell what to do."""

import json
import re

from msgspec import Struct

from footfall.limits import CODE_CHARS_MAX
from footfall.plan.lines import Lines, Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class PlanProblem(Struct, frozen=True):
    """One thing that is wrong: `line` counts from 1, `where` names the key (`rules[0].keys[1]`), `why` what to do."""

    line: int
    where: str
    why: str


class PlanInvalid(Exception):
    """A plan file that cannot be used; `problems` holds all that is wrong with it, in the order of its lines."""

    def __init__(self, source: str, problems: tuple[PlanProblem, ...]) -> None:
        super().__init__(source, problems)
        self.source = source
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(f"{self.source}:{one.line}: {one.where}: {one.why}" for one in self.problems)


class Findings:
    """The problems found so far in one text."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._problems: list[PlanProblem] = []

    def add(self, path: Path, why: str) -> None:
        """Report what is wrong at `path`."""
        self._problems.append(PlanProblem(self._lines.at(path), spell(path), why))

    def listed(self) -> tuple[PlanProblem, ...]:
        """All problems by line; those of one line as they were found."""
        return tuple(sorted(self._problems, key=lambda problem: problem.line))


def spell(path: Path) -> str:
    """A path as a person writes it: `products.GIT.types.FILE-ADDED[2]`."""
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else "." * bool(words) + _spell_name(part)
    return words or "file"


def _spell_name(name: str) -> str:
    if len(name) > CODE_CHARS_MAX:
        name = f"{name[:CODE_CHARS_MAX]}..."
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
