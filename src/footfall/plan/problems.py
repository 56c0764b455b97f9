"""Problems of a plan's file, in words that tell what to do, and hints at the name that was probably meant."""

import json
import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from footfall.plan.lines import LineIndex, Path
from footfall.settings.limits import CODE_CHARS_MAX

# Finding what was meant among a thousand columns takes some 10 ms, and a plan may be wrong in 640,000 places.
_HINTS_MAX = 100
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class PlanProblem(Struct, frozen=True):
    """One thing that is wrong: `where` names the key (`rules[0].keys[1]`), `why` says what to do.

    `line` counts from 1; it is 0 where the file could not be read.
    """

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
        return "\n".join(f"{self._place(one)}: {one.why}" for one in self.problems)

    def _place(self, one: PlanProblem) -> str:
        """Where the problem is; a file that cannot be read has no lines."""
        return f"{self.source}:{one.line}: {one.where}" if one.line else self.source


class Findings:
    """The problems found so far in one text.

    Its lines are looked up when there are problems: doing so takes as long as parsing the text, and more memory.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: list[tuple[Path, str]] = []
        self._hints = 0

    def add(self, path: Path, why: str) -> None:
        """Report what is wrong at `path`."""
        self._found.append((path, why))

    def may_hint(self) -> bool:
        """Whether one more problem may be told with what was meant, for which all known names are gone through."""
        self._hints += 1
        return self._hints <= _HINTS_MAX

    def listed(self) -> tuple[PlanProblem, ...]:
        """All problems by line; those of one line as they were found."""
        if not self._found:
            return ()
        lines = LineIndex(self._text)
        problems = (PlanProblem(lines.at(path), spell(path), why) for path, why in self._found)
        return tuple(sorted(problems, key=lambda problem: problem.line))


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


# In a name this short, another letter makes another name and not a slip.
_SHORT_CHARS = 2


class Hints:
    """Finds a known name by a misspelt one: a letter too many, too few, wrong or swapped; case; _ for -.

    A lookup takes microseconds however many names are known, because misspelt names come by the thousand. Two names
    within one letter of each other share a form when each is taken whole and with any one letter cut out; the forms of
    all known names are made beforehand.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._forms: dict[str, str] = {}
        self._chars_max = 0
        for name in names:
            self._chars_max = max(self._chars_max, len(name))
            for form in _forms(name):
                self._forms.setdefault(form, name)

    def near(self, name: str) -> str | None:
        """A known name that `name` was likely meant to be."""
        if len(name) > self._chars_max + 1:
            return None
        known = self._forms
        for form in _forms(name):
            if form in known:
                return known[form]
        return None


def _forms(name: str) -> Iterator[str]:
    plain = name.casefold().replace("_", "-")
    yield plain
    if len(plain) > _SHORT_CHARS:
        for index in range(len(plain)):
            yield plain[:index] + plain[index + 1 :]
