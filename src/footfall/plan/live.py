"""The plan in force: loaded at start, and loaded again when the operator asks for it."""

from pathlib import Path

from footfall.plan.checker import Checker, compile  # noqa: A004 - the room's own word for it
from footfall.plan.file import load
from footfall.plan.model import Plan
from footfall.plan.problems import PlanInvalid
from footfall.settings import Settings


class LivePlan:
    """Holds the plan of a file, or the packaged one for None. Raises PlanInvalid when the first plan is not good.

    Plan and checker always belong together, because there is one reference only. Whoever needs both for one piece of
    work takes `checker` once and asks it for its `plan`.
    """

    def __init__(self, path: Path | None, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self._checker = compile(load(path), settings)

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self._checker.plan

    @property
    def checker(self) -> Checker:
        """The checker of the plan in force."""
        return self._checker

    def reload(self) -> PlanInvalid | None:
        """Put the file's plan in force; when it is not good, the old one stays and what is wrong is given back."""
        try:
            self._checker = compile(load(self._path), self._settings)
        except PlanInvalid as error:
            return error
        return None
