"""Proof that erased persons are nowhere: every kept segment and every table is searched for them."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

from msgspec import Struct

from footfall.integrity.guard import ProgressCallback, retry
from footfall.integrity.segments import SegmentFile, SegmentFolders
from footfall.integrity.verdict import Absence
from footfall.journal import kind_of
from footfall.state import Erasure, ErasurePhase, ErasureRule, State
from footfall.store import Store, query
from footfall.tombstones import LineFilter, event_condition, quarantine_condition, salt_of

_UNLIMITED = {"max_execution_time": 0}
_EVENT_TABLES = ("events", "events_old")
_QUARANTINE = "quarantine"


class ErasedPersons(Struct, frozen=True):
    """The erasures of an installation, with the secret of their digests; `waiting` are not done on this node yet."""

    salt: str
    erasures: tuple[Erasure, ...]
    waiting: frozenset[str]

    @property
    def gone(self) -> list[Erasure]:
        """Those of whom nothing may be left."""
        return [one for one in self.erasures if one.phase is ErasurePhase.DONE and one.id not in self.waiting]


def erased_persons(state: State, node: str) -> ErasedPersons:
    """Who was erased. Raises StateUnavailable."""
    return ErasedPersons(salt_of(state), tuple(state.erasures.all()), frozenset(state.erasures.without_share(node)))


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
        with progress("looking for the erased", sum(one.size for one in chosen)) as advance:
            for segment in chosen:
                cleaned = None
                with contextlib.suppress(FileNotFoundError):
                    cleaned = lines.clean(kind_of(segment.path), segment.path.read_bytes())
                if cleaned is not None:
                    found[folders.names([segment])[0]] += cleaned.events.total()
                advance(segment.size)
        for table, count in _stored(persons.salt, gone, store):
            found[f"table {table}"] += count
    left = {place: count for place, count in found.items() if count}
    return Absence(len(gone), left, len(persons.erasures) - len(gone))


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
