"""What is wrong with a body: gathered place by place, and no longer than an error tells it."""

from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings


class Faults:
    """The problems of one request that cannot be read; each place is told once, in the order of the body."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.problems_max
        self._problems: list[Problem] = []

    def add(self, where: str, why: str) -> None:
        """Note a problem. Raises RequestRefused when there are more than an error names: the rest is not looked at."""
        if len(self._problems) == self._most:
            raise self._refusal("at least ")
        self._problems.append(Problem(Code.REQUEST_INPUT_MALFORMED, where, why))

    def refuse(self) -> None:
        """Raise RequestRefused when anything is wrong."""
        if self._problems:
            raise self._refusal()

    def _refusal(self, least: str = "") -> RequestRefused:
        noun = "one thing is" if len(self._problems) == 1 else f"{len(self._problems)} things are"
        text = f"the request cannot be read: {least}{noun} wrong"
        return RequestRefused(Code.REQUEST_INPUT_MALFORMED, text, tuple(self._problems))


def too_many(found: str, settings: Settings) -> RequestRefused:
    """The refusal of so many events."""
    problem = Problem(Code.REQUEST_TOO_LARGE, "events", f"{found}: send them in several requests")
    text = f"a request takes {settings.batch_events_max} events at the most"
    return RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,))
