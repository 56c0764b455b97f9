"""What is wrong with events that break a plan: in words for one event, and counted for many."""

from collections.abc import Sequence

from footfall.errors import Problem
from footfall.quarantine.records import Broken
from footfall.wire import StoredEvent

# Characters of one event's reasons: each key of a long context can be wrong, and a reader needs the first few.
REASON_CHARS_MAX = 2_000
# Kinds of problems that are told apart. Names in them are the senders' choice, so that there may be any number.
GROUPS_MAX = 1_000


def explain_problems(problems: Sequence[Problem]) -> str:
    """All problems of one event, a line for each, without the event's index in its request."""
    return "\n".join(f"{problem_place(problem)}: {problem.why}" for problem in problems)[:REASON_CHARS_MAX]


def problem_place(problem: Problem) -> str:
    """The place of a problem within its event, such as `context[1]`."""
    return problem.where.partition(".")[2] or problem.where


class ProblemCounts:
    """Events by product, type and reason, with an example of each; past GROUPS_MAX groups only the total grows."""

    def __init__(self) -> None:
        self.events = 0
        self._groups: dict[tuple[str, str, str], Broken] = {}

    def add(self, event: StoredEvent, problems: tuple[Problem, ...]) -> None:
        """Count one event and its problems."""
        self.events += 1
        key = (event.product, event.type, explain_problems(problems))
        known = self._groups.get(key)
        if known is not None:
            self._groups[key] = Broken(*key, known.events + 1, known.example)
        elif len(self._groups) < GROUPS_MAX:
            self._groups[key] = Broken(*key, 1, f"{event.batch}/{event.sequence}")

    def broken(self) -> list[Broken]:
        """The groups, the most frequent first."""
        return sorted(self._groups.values(), key=lambda group: -group.events)
