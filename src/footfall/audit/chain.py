"""Checks the chain: that no entry is changed, missing between others, or gone from the beginning without a trace."""

import time
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from footfall.state import PRUNED, AuditEntry, State, entry_hash

# Entries that are in memory at once, and problems that are told.
_AT_ONCE: Final = 2_000
_PROBLEMS_MAX: Final = 20


class Verdict(Struct, frozen=True, kw_only=True):
    """What a check found; the chain holds when there are no `problems`.

    `number` and `hash` are those of the last entry: kept elsewhere, they prove later that nothing up to there was
    changed, and that the end was not cut off.
    """

    entries: int
    first: int
    number: int
    hash: str
    problems: list[str]


class _Anchor(Struct):
    """What an entry says of those that were dropped before it."""

    through: int
    hash: str


def entries(state: State, after: int = 0, pause_s: float = 0) -> Iterator[AuditEntry]:
    """All entries behind a number, in order, with a pause after each few of them."""
    while found := state.audit.following(after, _AT_ONCE):
        yield from found
        after = found[-1].number
        if pause_s:
            time.sleep(pause_s)


def verify(state: State, heads: Mapping[int, str] | None = None, pause_s: float = 0) -> Verdict:
    """Read the whole chain; `heads` are hashes of entries, by number, that were kept elsewhere.

    A process that has other work too pauses after every 2,000 entries.
    """
    missing = dict(heads or {})
    problems: list[str] = []
    first = last = anchor = None
    count = 0
    for entry in entries(state, pause_s=pause_s):
        count += 1
        if first is None:
            first = entry
        elif last is not None and (entry.number != last.number + 1 or entry.previous != last.hash):
            problems.append(f"entry {entry.number} does not follow entry {last.number}: something between is gone")
        if entry_hash(entry) != entry.hash:
            problems.append(f"entry {entry.number} was changed")
        if missing.pop(entry.number, entry.hash) != entry.hash:
            problems.append(f"entry {entry.number} is another than the one whose hash was kept")
        if entry.action == PRUNED:
            anchor = entry
        last = entry
        if len(problems) >= _PROBLEMS_MAX:
            break
    else:
        problems += _check_start(first, anchor)
        problems += [f"entry {number}, whose hash was kept, is not there" for number in sorted(missing)]
    return Verdict(
        entries=count,
        first=first.number if first else 0,
        number=last.number if last else 0,
        hash=last.hash if last else "",
        problems=problems,
    )


def _check_start(first: AuditEntry | None, anchor: AuditEntry | None) -> list[str]:
    """What is wrong with the beginning: it must be the first of all entries, or follow those that were dropped."""
    if first is None:
        return []
    if anchor is None:
        is_whole = first.number == 1 and not first.previous
        return [] if is_whole else [f"the entries before {first.number} are gone, and no entry says so"]
    try:
        told = msgspec.json.decode(anchor.details, type=_Anchor)
    except msgspec.DecodeError:
        return [f"entry {anchor.number} does not say which entries were dropped"]
    if (first.number, first.previous) != (told.through + 1, told.hash):
        return [f"the chain begins with entry {first.number}, and entry {anchor.number} says {told.through + 1}"]
    return []
