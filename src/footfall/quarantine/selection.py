"""Which events are meant: by what they are, or by their names."""

import re
import uuid
from typing import Any, Self

from msgspec import Struct

TIME_MS_LEAST = -(2**63)
TIME_MS_MOST = 2**63 - 1
SEQUENCE_MAX = 2**32 - 1

_CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{1,10})")


class Selection(Struct, frozen=True, kw_only=True):
    """What is said must hold of each event; an empty string, None or an empty tuple says nothing.

    `reason` is a part of the reason's text, in either case; `since` and `until` are times of receipt in ms since the
    epoch, both inclusive; `ids` are names as `identify` gives them.
    """

    customer: str = ""
    product: str = ""
    type: str = ""
    reason: str = ""
    state: str = ""
    since: int | None = None
    until: int | None = None
    ids: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Any]:
        """The native parameters that the statements on quarantine share."""
        return {
            "customer": self.customer,
            "product": self.product,
            "type": self.type,
            "reason": self.reason,
            "state": self.state,
            "since": TIME_MS_LEAST if self.since is None else self.since,
            "until": TIME_MS_MOST if self.until is None else self.until,
            "ids": list(self.ids),
        }


class Cursor(Struct, frozen=True):
    """The last event of a page: the next one begins behind it."""

    received: int
    batch: str
    sequence: int

    @classmethod
    def read(cls, text: str) -> Self:
        """The cursor that `str` made; raises ValueError."""
        found = _CURSOR.fullmatch(text)
        if found is None or int(found[3]) > SEQUENCE_MAX:
            raise ValueError("is no `next` of an earlier page")
        return cls(int(found[1]), found[2], int(found[3]))

    def __str__(self) -> str:
        return f"{self.received}-{self.batch}-{self.sequence}"

    def parameters(self) -> dict[str, Any]:
        """The native parameters of a page."""
        return {"after_received": self.received, "after_batch": self.batch, "after_sequence": self.sequence}


# Before the first event of all.
START = Cursor(TIME_MS_MOST, str(uuid.UUID(int=0)), 0)


def identify(text: str) -> str:
    """The name of an event, BATCH/SEQUENCE, in its one spelling; raises ValueError."""
    batch, _, sequence = text.partition("/")
    if not (re.fullmatch(r"[1-9]\d{0,9}", sequence, re.ASCII) and int(sequence) <= SEQUENCE_MAX):
        raise ValueError(f"{text!r} is not BATCH/SEQUENCE: a UUID, a slash and a number from 1")
    try:
        return f"{uuid.UUID(batch)}/{sequence}"
    except ValueError as error:
        raise ValueError(f"{text!r} is not BATCH/SEQUENCE: the batch is a UUID") from error
