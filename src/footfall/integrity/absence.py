"""Proof that what is gone is nowhere, erased persons and what is past: every kept segment and table is searched."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

from msgspec import Struct, structs

from footfall.integrity.guard import ProgressCallback, retry
from footfall.integrity.segments import SegmentFile, SegmentFolders
from footfall.integrity.verdict import Absence, Expiry
from footfall.journal import kind_of
from footfall.state import NEVER_MS, Erasure, ErasurePhase, ErasureRule, RetentionCutoff, State
from footfall.store import Store, query
from footfall.tombstones import (
    CleanedFrames,
    LineFilter,
    event_condition,
    past_condition,
    quarantine_condition,
    salt_of,
)

_UNLIMITED = {"max_execution_time": 0}
_EVENT_TABLES = ("events", "events_old")
_QUARANTINE = "quarantine"


class ErasedPersons(Struct, frozen=True):
    """The erasures of an installation, with the secret of their digests; `waiting` are not done on this node yet.

    With the cutoffs of retention, and up to when, by cutoff, this node's files have nothing that is past.
    """

    salt: str
    erasures: tuple[Erasure, ...]
    waiting: frozenset[str]
    cutoffs: tuple[RetentionCutoff, ...] = ()
    share: dict[str, int] = {}

    @property
    def gone(self) -> list[Erasure]:
        """Those of whom nothing may be left."""
        return [one for one in self.erasures if one.phase is ErasurePhase.DONE and one.id not in self.waiting]


def erased_persons(state: State, node: str) -> ErasedPersons:
    """Who was erased, and what is past. Raises StateUnavailable."""
    waiting = frozenset(state.erasures.without_share(node))
    cutoffs, share = tuple(state.retention.all()), state.retention.share(node)
    return ErasedPersons(salt_of(state), tuple(state.erasures.all()), waiting, cutoffs, share)


def prove_absence(
    persons: ErasedPersons,
    folders: SegmentFolders,
    segments: Iterable[SegmentFile],
    store: Store,
    progress: ProgressCallback,
) -> Absence:
    """Search segments, and the tables of the store; what waits in the journal is left out when it is loaded.

    Raises OSError, and what the store raises.
    """
    gone = persons.gone
    found: Counter[str] = Counter()
    if gone:
        lines, chosen = LineFilter(persons.salt, gone), list(segments)
        for name, cleaned in _search("looking for the erased", lines, chosen, folders, progress):
            found[name] += cleaned.events.total()
        for table, count in _stored(persons.salt, gone, store):
            found[f"table {table}"] += count
    left = {place: count for place, count in found.items() if count}
    return Absence(len(gone), left, len(persons.erasures) - len(gone))


def prove_expiry(
    persons: ErasedPersons,
    folders: SegmentFolders,
    segments: Iterable[SegmentFile],
    store: Store,
    progress: ProgressCallback,
) -> Expiry:
    """Search for what is past, as far as it should be gone: from this node's files, and from the store.

    Raises OSError, and what the store raises.
    """
    found: Counter[str] = Counter()
    cleaned_here = [
        structs.replace(one, until_ms=persons.share[one.id]) for one in persons.cutoffs if one.id in persons.share
    ]
    if cleaned_here:
        lines = LineFilter("", (), cleaned_here)
        for name, cleaned in _search("looking for what is past", lines, list(segments), folders, progress):
            found[name] += cleaned.past.total()
    stored = [structs.replace(one, until_ms=one.stored_ms) for one in persons.cutoffs if one.stored_ms > NEVER_MS]
    present = {str(name) for name, _ in retry(lambda: store.rows(query("rebuild_tables"), {}))} if stored else set()
    for table in (*_EVENT_TABLES, _QUARANTINE) if present else ():
        if table in present or table == _QUARANTINE:
            gone = past_condition(stored, quarantined=table == _QUARANTINE)
            text, given = gone.fill(query("erase_left")), {**gone.parameters, "table": table}
            ((count,),) = retry(partial(store.rows, text, given, _UNLIMITED))
            found[f"table {table}"] += int(count)
    waiting = sum(min(persons.share.get(one.id, NEVER_MS), one.stored_ms) < one.until_ms for one in persons.cutoffs)
    return Expiry(len(persons.cutoffs), {place: count for place, count in found.items() if count}, waiting)


def _search(
    label: str, lines: LineFilter, segments: list[SegmentFile], folders: SegmentFolders, progress: ProgressCallback
) -> Iterator[tuple[str, CleanedFrames]]:
    """The segments that have something that is gone, by their names."""
    with progress(label, sum(one.size for one in segments)) as advance:
        for segment in segments:
            cleaned = None
            with contextlib.suppress(FileNotFoundError):
                cleaned = lines.clean(kind_of(segment.path), segment.path.read_bytes())
            if cleaned is not None:
                yield folders.names([segment])[0], cleaned
            advance(segment.size)


def _stored(salt: str, gone: list[Erasure], store: Store) -> Iterator[tuple[str, int]]:
    present = {str(name) for name, _ in retry(lambda: store.rows(query("rebuild_tables"), {}))}
    by_rule: dict[ErasureRule, list[Erasure]] = {}
    for one in gone:
        by_rule.setdefault(one.rule, []).append(one)
    for rule, erasures in by_rule.items():
        searched = [(table, event_condition(salt, rule, erasures)) for table in _EVENT_TABLES if table in present]
        if present:
            searched.append((_QUARANTINE, quarantine_condition(salt, rule, erasures)))
        for table, person in searched:
            text, given = person.fill(query("erase_left")), {**person.parameters, "table": table}
            ((count,),) = retry(partial(store.rows, text, given, _UNLIMITED))
            yield table, int(count)
