"""The records of quarantine: held events, groups of them, outcomes of changes; reading them; problems in words."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct, json

from footfall.errors import Problem
from footfall.store import Store
from footfall.wire import Standing, StoredEvent

# Characters of one event's reasons: each key of a long context can be wrong, and a reader needs the first few.
REASON_CHARS_MAX = 2_000
# Kinds of problems that are told apart. Names in them are the senders' choice, so that there may be any number.
GROUPS_MAX = 1_000

Record = TypeVar("Record")


class Held(Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """An event that broke the plan, as it came.

    `received` and `changed` are in ms since the epoch; `where` is the first place that was wrong, and `reason` has a
    line for each; `plan` is the fingerprint of the plan that it broke. `address`, `origin` and `user_agent` describe
    the sender. `set_type` is the type under which it was released, when that was not its own. An event that was
    released or dropped has no context, version and sender any more.
    """

    customer: str
    product: str
    type: str
    version: str = ""
    timestamp: int
    context: list[str | None]
    sequence: int
    batch: str
    state: Standing
    received: int
    code: str
    where: str
    reason: str
    plan: str
    address: str = ""
    origin: str = ""
    user_agent: str = ""
    changed: int = 0
    changed_by: str = ""
    set_type: str = ""

    @property
    def id(self) -> str:
        """The name of the event in calls and commands: BATCH/SEQUENCE."""
        return f"{self.batch}/{self.sequence}"


class Page(Struct, frozen=True, omit_defaults=True):
    """Some events, the newest first; `next` is the cursor of the following page, and is missing on the last."""

    events: list[Held]
    next: str = ""


class HeldGroup(Struct, frozen=True):
    """Events of one type with the same reason; `first` and `last` are times of receipt in ms since the epoch."""

    product: str
    type: str
    reason: str
    events: int
    first: int
    last: int
    example: str


class Broken(Struct, frozen=True):
    """So many events of a type break the plan in the same way, such as `example`."""

    product: str
    type: str
    reason: str
    events: int
    example: str


class ChangeOutcome(Struct, kw_only=True, omit_defaults=True):
    """The outcome of a release or a drop.

    `changed` counts the events that were released or dropped (in a dry run: would be). `stayed` counts those that
    still break the plan, for the reasons in `broken`, the most frequent first. `stopped` says why the change ended
    early. `last` is the last event that was changed.
    """

    changed: int
    stayed: int = 0
    broken: list[Broken] = []
    stopped: str = ""
    last: Held | None = None


def read_records(
    store: Store,
    statement: str,
    parameters: Mapping[str, Any],
    decoder: json.Decoder[Record],
    settings: Mapping[str, Any] | None = None,
) -> Generator[list[Record]]:
    """The rows of a statement with FORMAT JSONEachRow, some thousand at once, so that memory stays bounded.

    Raises what `Store.stream` raises. Leaving early, or closing the iterator, cancels the statement.
    """
    with store.stream(statement, parameters, settings) as blocks:
        rest = b""
        for block in blocks:
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                yield decoder.decode_lines(whole)
        assert not rest, "a row without its end"  # noqa: S101 - JSONEachRow ends each row


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
