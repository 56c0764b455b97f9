"""What quarantine tells: events that are held, groups of them, what a release or a drop came to.

And how they are read.
"""

from collections.abc import Generator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from msgspec import Struct, json

from footfall.store import Store

# What quarantine tells: events that are held, groups of them, and what a release or a drop came to.


class Standing(StrEnum):
    """Where a quarantined event stands; the two last are for ever."""

    HELD = "held"
    DROPPED = "dropped"
    RELEASED = "released"


class Held(Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """An event that broke the plan, as it came.

    `received` and `changed` are in ms since the epoch; `where` is the first place that was wrong, `reason` has a line
    for each; `plan` is the fingerprint of the plan that it broke. `address`, `origin` and `user_agent` tell who sent
    it. `set_type` is the type under which it was released, where that was not its own. Of one that was released or
    dropped, the context, the version and the sender are gone.
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
        """How the calls and commands name it."""
        return f"{self.batch}/{self.sequence}"


class Page(Struct, frozen=True, omit_defaults=True):
    """Some events, the newest first; `next` names where the following page begins, and is missing on the last."""

    events: list[Held]
    next: str = ""


class Group(Struct, frozen=True):
    """Events of one type that broke the plan in the same way; `first` and `last` are times of receipt in ms."""

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


class Outcome(Struct, kw_only=True, omit_defaults=True):
    """What a release or a drop came to.

    `changed` were released or dropped (or would be), `stayed` still break the plan, for the reasons in `broken`, the
    most frequent first. `stopped` says why it ended before all were looked at. `last` is the last event that was
    changed.
    """

    changed: int
    stayed: int = 0
    broken: list[Broken] = []
    stopped: str = ""
    last: Held | None = None


# Results of the store as records, in blocks, so that memory does not grow with the result.


Record = TypeVar("Record")


def read_records(
    store: Store,
    statement: str,
    parameters: Mapping[str, Any],
    decoder: json.Decoder[Record],
    settings: Mapping[str, Any] | None = None,
) -> Generator[list[Record]]:
    """The rows of a statement with FORMAT JSONEachRow, some thousand at once.

    Raises what `Store.stream` raises. Leaving early, or closing the iterator, cancels the statement.
    """
    with store.stream(statement, parameters, settings) as blocks:
        rest = b""
        for block in blocks:
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                yield decoder.decode_lines(whole)
        assert not rest, "a row without its end"  # noqa: S101 - JSONEachRow ends each row
