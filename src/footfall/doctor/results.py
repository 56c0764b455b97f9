"""What checks take and what they tell."""

import enum
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from footfall.settings import Settings
from footfall.system.clock import Clock


class Severity(enum.Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class CheckResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a check found in one area, and for warnings and faults how to mend it."""

    severity: Severity
    area: str
    text: str
    remedy: str = ""


class NodeToCheck(Struct, frozen=True, kw_only=True):
    """The node that is looked at.

    `config` is the file of its settings, where there is one; `withheld` names settings with a password that the running
    service has and this look was not told; `is_served` says whether a service runs on the data folder.
    """

    settings: Settings
    clock: Clock
    is_served: bool
    config: Path | None = None
    withheld: tuple[str, ...] = ()


Check = Callable[[NodeToCheck], Iterator[CheckResult]]


def ok(area: str, text: str) -> CheckResult:
    """Something that is as it should be."""
    return CheckResult(severity=Severity.OK, area=area, text=text)


def warning(area: str, text: str, remedy: str) -> CheckResult:
    """Something that goes well so far."""
    return CheckResult(severity=Severity.WARNING, area=area, text=text, remedy=remedy)


def fault(area: str, text: str, remedy: str) -> CheckResult:
    """Something that keeps events, reports or a start from going well."""
    return CheckResult(severity=Severity.FAULT, area=area, text=text, remedy=remedy)
