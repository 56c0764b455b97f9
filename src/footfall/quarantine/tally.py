"""Events that break a plan, counted by what they are and what is wrong, in bounded memory."""

from footfall.errors import Problem
from footfall.quarantine.lines import explain
from footfall.quarantine.records import Broken
from footfall.wire import StoredEvent

# Ways to be wrong that are told apart; names are the senders' choice, and so there may be any number of them.
GROUPS_MAX = 1_000


class Tally:
    """Counts; of each way to be wrong it keeps one example. Past GROUPS_MAX ways only the total grows."""

    def __init__(self) -> None:
        self.events = 0
        self._groups: dict[tuple[str, str, str], Broken] = {}

    def add(self, event: StoredEvent, problems: tuple[Problem, ...]) -> None:
        """Count one event."""
        self.events += 1
        key = (event.product, event.type, explain(problems))
        known = self._groups.get(key)
        if known is not None:
            self._groups[key] = Broken(*key, known.events + 1, known.example)
        elif len(self._groups) < GROUPS_MAX:
            self._groups[key] = Broken(*key, 1, f"{event.batch}/{event.sequence}")

    def broken(self) -> list[Broken]:
        """The ways to be wrong, the most frequent first."""
        return sorted(self._groups.values(), key=lambda group: -group.events)
