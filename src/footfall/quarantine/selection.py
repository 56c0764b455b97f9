"""Which events a call is about: by what they are, or by their names; and the cursor of a page."""

import re
import uuid
from typing import Any, Self

from msgspec import Struct

TIME_MIN_MS = -(2**63)
TIME_MAX_MS = 2**63 - 1
SEQUENCE_MAX = 2**32 - 1

_CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{1,10})")


class Selection(Struct, frozen=True, kw_only=True):
    """Conditions that each event must meet; an empty string, None or an empty tuple is no condition.

    `reason` is a part of the reason's text, in upper or lower case; `since` and `until` are times of receipt in ms
    since the epoch, both inclusive; `ids` are names as `event_id` returns them.
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
            "since": TIME_MIN_MS if self.since is None else self.since,
            "until": TIME_MAX_MS if self.until is None else self.until,
            "ids": list(self.ids),
        }


class Cursor(Struct, frozen=True):
    """The last event of a page; the next page begins after it."""

    received: int
    batch: str
    sequence: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor of a text that `str` made. Raises ValueError."""
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
START = Cursor(TIME_MAX_MS, str(uuid.UUID(int=0)), 0)


def event_id(text: str) -> str:
    """The canonical name of an event, BATCH/SEQUENCE. Raises ValueError."""
    batch, _, sequence = text.partition("/")
    if not (re.fullmatch(r"[1-9]\d{0,9}", sequence, re.ASCII) and int(sequence) <= SEQUENCE_MAX):
        raise ValueError(f"{text!r} is not BATCH/SEQUENCE: a UUID, a slash and a number from 1")
    try:
        return f"{uuid.UUID(batch)}/{sequence}"
    except ValueError as error:
        raise ValueError(f"{text!r} is not BATCH/SEQUENCE: the batch is a UUID") from error
