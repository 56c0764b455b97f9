"""The plan's file: read, decoded and parsed; and the current plan, reloaded when the operator asks for it."""

import hashlib
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from msgspec import structs

from footfall.plan.checker import Checker, compile_plan
from footfall.plan.lines import LineIndex
from footfall.plan.model import Plan
from footfall.plan.node import PlanNode
from footfall.plan.problems import Findings, PlanInvalid, PlanProblem, spell
from footfall.plan.reader import read_plan
from footfall.settings import Settings
from footfall.wording import unclosed_line

# Twelve hex digits tell any two plans of one installation apart, and still fit a line of a log.
_FINGERPRINT_DIGITS = 12
_SYNTAX = re.compile(r"(?P<why>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)


def load_plan(path: Path | None) -> Plan:
    """The plan in a file, or the packaged one for None. Raises PlanInvalid with everything that is wrong."""
    if path is None:
        data = files("footfall.plan").joinpath("default.toml").read_bytes()
        return structs.replace(parse_plan(data, "default.toml"), is_packaged=True)
    source = str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise _invalid(source, "file", "there is no such file: give the path of a plan in TOML", 0) from error
    except IsADirectoryError as error:
        raise _invalid(source, "file", "is a folder: give the path of a plan in TOML", 0) from error
    except OSError as error:
        raise _invalid(source, "file", f"cannot be read: {error.strerror}", 0) from error
    except ValueError as error:  # Python itself refuses a path with a null character
        raise _invalid(source, "file", f"cannot be read: {error}", 0) from error
    return parse_plan(data, source)


def parse_plan(data: bytes, source: str) -> Plan:
    """The plan in a file's bytes; `source` names the file in problems. Raises PlanInvalid."""
    text = _decode(data, source)
    try:
        findings = Findings(text)
        values = _parse(text, source)
        digest = hashlib.sha256(data).hexdigest()
        plan = read_plan(PlanNode(values, (), findings), source, digest[:_FINGERPRINT_DIGITS])
        problems = findings.listed()
    except RecursionError as error:
        raise _invalid(source, "file", "lists or tables are nested too deeply: a plan needs four levels") from error
    if problems:
        raise PlanInvalid(source, problems)
    return plan


def _decode(data: bytes, source: str) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = f"the byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise _invalid(source, "file", why, line) from error
    # Editors on Windows put a mark at the start and write other line ends; neither changes what the file says.
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        # The parser stops at the first key that is given twice, and does not say which one it is.
        if repeats := LineIndex(text).repeats:
            problems = (
                PlanProblem(one.line, spell(one.path), f"is given before, in line {one.first}: remove one of the two")
                for one in repeats
            )
            raise PlanInvalid(source, tuple(problems)) from error
        raise _syntax(source, text, str(error)) from error


def _syntax(source: str, text: str, message: str) -> PlanInvalid:
    found = _SYNTAX.fullmatch(message)
    if found is None:
        return _invalid(source, "file", f"is no TOML: {message}")
    line = int(found["line"]) if found["line"] else None
    opened = unclosed_line(text, line)
    why = f"is no TOML: {found['why']}" + (f"; the bracket of line {opened} is not closed" if opened else "")
    if line is None:
        return _invalid(source, "end of file", why, len(text.splitlines()) or 1)
    return _invalid(source, f"column {found['column']}", why, line)


def _invalid(source: str, where: str, why: str, line: int = 1) -> PlanInvalid:
    return PlanInvalid(source, (PlanProblem(line, where, why),))


class LivePlan:
    """Holds the plan of a file, or the packaged one for None. Raises PlanInvalid when the first plan is not good.

    Plan and checker always belong together, because there is one reference only. Whoever needs both for one piece of
    work takes `checker` once and asks it for its `plan`. It is an attribute, because each request reads it.
    """

    def __init__(self, path: Path | None, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self.checker: Checker = compile_plan(load_plan(path), settings)

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self.checker.plan

    def reload(self) -> PlanInvalid | None:
        """Put the file's plan in force; when it is not good, the old one stays and what is wrong is given back."""
        try:
            self.checker = compile_plan(load_plan(self._path), self._settings)
        except PlanInvalid as error:
            return error
        return None
