"""A value of the plan file with its path, so that a method that reads it can report what is wrong with it.

Each method returns what is good. It reports the rest, so that one run finds all problems.
"""

from collections.abc import Iterator
from difflib import get_close_matches

from footfall.plan.lines import Path
from footfall.plan.problems import Findings
from footfall.settings.limits import CODE_CHARS_MAX


class PlanNode:
    """One value at `path`."""

    def __init__(self, value: object, path: Path, findings: Findings) -> None:
        self.value = value
        self.path = path
        self._findings = findings

    def wrong(self, why: str) -> None:
        """Report this value."""
        self._findings.add(self.path, why)

    def fields(self, known: tuple[str, ...], advice: dict[str, str] | None = None) -> dict[str, "PlanNode"]:
        """The known keys that this table has. Reports any other key, with `advice` for likely mistakes."""
        found = {}
        for name, node in self._members(f"must be a table with {_listed(known)}"):
            if name in known:
                found[name] = node
            else:
                node.wrong((advice or {}).get(name) or f"is not a key that is known here{self._hint(name, known)}")
        return found

    def members(self, what: str) -> list[tuple[str, "PlanNode"]]:
        """All keys of this table, whose names the plan's author chose; `what` names their kind."""
        found = []
        for name, node in self._members(f"must be a table of {what}"):
            if fault := name_fault(name):
                node.wrong(fault)
            else:
                found.append((name, node))
        return found

    def items(self, what: str, *, may_be_empty: bool = False) -> list["PlanNode"]:
        """The items of this list; `what` names their kind."""
        if not isinstance(self.value, list):
            self.wrong(f"must be a list of {what}, not {_kind(self.value)}")
            return []
        if not self.value and not may_be_empty:
            self.wrong(f"is an empty list: put at least one of the {what} into it")
        return [PlanNode(value, (*self.path, index), self._findings) for index, value in enumerate(self.value)]

    def names(self, what: str, *, may_be_empty: bool = False) -> list[tuple[str, "PlanNode"]]:
        """The names in this list, each given once."""
        found: dict[str, PlanNode] = {}
        for node in self.items(what, may_be_empty=may_be_empty):
            if not isinstance(node.value, str):
                node.wrong(f"must be a string, not {_kind(node.value)}")
            elif fault := name_fault(node.value):
                node.wrong(fault)
            elif node.value in found:
                node.wrong(f"{node.value} is in this list already: remove one")
            else:
                found[node.value] = node
        return list(found.items())

    def texts(self, what: str) -> tuple[str, ...]:
        """The strings in this list, whatever they hold."""
        found = []
        for node in self.items(what):
            if not isinstance(node.value, str):
                node.wrong(f"must be a string, not {_kind(node.value)}")
            else:
                found.append(node.value)
        return tuple(found)

    def text(self) -> str | None:
        """This string."""
        if isinstance(self.value, str):
            return self.value
        self.wrong(f"must be a string, not {_kind(self.value)}")
        return None

    def flag(self) -> bool | None:
        """This truth value."""
        if isinstance(self.value, bool):
            return self.value
        self.wrong(f"must be true or false, not {_kind(self.value)}")
        return None

    def report_unknown(self, name: str, why: str, known: tuple[str, ...]) -> None:
        """Report a name that is not among the known ones."""
        self.wrong(f"{name} {why}{self._hint(name, known)}")

    def _hint(self, name: str, known: tuple[str, ...]) -> str:
        near = get_close_matches(name, known, n=1) if self._findings.may_hint() else []
        return f"; did you mean {near[0]}?" if near else f"; known are {_listed(known)}" if 0 < len(known) <= 10 else ""

    def _members(self, why: str) -> Iterator[tuple[str, "PlanNode"]]:
        if not isinstance(self.value, dict):
            self.wrong(f"{why}, not {_kind(self.value)}")
            return
        for name, value in self.value.items():
            yield name, PlanNode(value, (*self.path, name), self._findings)


def name_fault(name: str) -> str | None:
    """Why this cannot be a name in a plan; None for a good one."""
    if not name:
        return "is an empty name: give it one"
    if len(name) > CODE_CHARS_MAX:
        return f"is a name of {len(name)} characters: {CODE_CHARS_MAX} are the most"
    if not name.isprintable() or name != name.strip():
        return "has blanks around it, or characters that cannot be printed: remove them"
    return None


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
