"""When late events are looked for, and what is done about those that came; pure functions."""

from msgspec import Struct

from footfall.windows import DAY_MS

# Looks grow rarer with the window's age: late events do too, and a worker has many windows to look at.
_AGE_PART = 20
# Events that trickle in for ever are corrected all the same, this long after the first of them.
PATIENCE_MS = DAY_MS


class Late(Struct, frozen=True):
    """Events that a report lacks: how many, and when the first and the last of them were admitted."""

    events: int
    first_ms: int
    last_ms: int


class Correct(Struct, frozen=True):
    """The report is to be corrected now."""


class Look(Struct, frozen=True):
    """Look again then."""

    at_ms: int


class Done(Struct, frozen=True):
    """Look no more."""


def first_look(end_ms: int, now_ms: int, until_ms: int, pause_ms: int) -> int | None:
    """When to look for the first time after a report of a window that ended at `end_ms`; None for never."""
    if now_ms >= until_ms:
        return None
    return min(now_ms + max(pause_ms, (now_ms - end_ms) // _AGE_PART), until_ms)


def decide(late: Late, end_ms: int, now_ms: int, grace_ms: int, until_ms: int, pause_ms: int) -> Correct | Look | Done:
    """What to do after a look: correct when no more came for the time of grace, or at the end."""
    if not late.events:
        at_ms = first_look(end_ms, now_ms, until_ms, pause_ms)
        return Done() if at_ms is None else Look(at_ms)
    settled_ms = min(late.last_ms + grace_ms, late.first_ms + max(grace_ms, PATIENCE_MS), until_ms)
    if now_ms >= settled_ms:
        return Correct()
    return Look(min(max(now_ms + pause_ms, settled_ms), until_ms))
