"""Quarantine's archived lines and its table side by side, record by record, and the table made whole from the lines.

Batch and sequence name a record. Every change of its state is a line of its own, and of all lines the table keeps the
furthest, however often and in whatever order they are loaded. So the table needs no rebuilding beside the present one:
loading all archived lines again brings back what is missing, what is behind, and what is not as archived, and takes
nothing away. A record that is further than its archived lines is counted as unarchived, and stays.
"""

from typing import Any, Self

from footfall.checking.comparison import FINDINGS_MAX, STEP_EVENTS, Span
from footfall.checking.copy import Copy
from footfall.checking.guard import patiently
from footfall.checking.inspection import Inspection, fill
from footfall.checking.places import Segment
from footfall.checking.progress import Progress
from footfall.checking.verdict import BAD, Compared, Count, Finding, tally
from footfall.journal import Kind
from footfall.settings import Settings
from footfall.store import Store, query

TABLE = "quarantine"


class QuarantineCheck:
    """Quarantine's table held against a node's archived lines, in steps whose memory does not grow with either."""

    def __init__(self, settings: Settings, store: Store, node: str, progress: Progress) -> None:
        self._store = store
        self._progress = progress
        self._shared = settings.events_url != "embedded"
        self._memory = {"max_bytes_before_external_group_by": settings.engine_memory_bytes_max // 4}
        self._copy = Copy(store, node, settings.segment_bytes_max, Kind.QUARANTINE)

    def __enter__(self) -> Self:
        self._copy.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._copy.__exit__(*raised)

    def fill(self, segments: list[Segment], inspection: Inspection) -> Count:
        """Read the archived segments; raises StoreUnavailable."""
        return fill(self._copy, segments, inspection, self._progress)

    def compare(self, begin_ms: int, through_ms: int, edge_ms: int) -> Compared:
        """Hold the table against the lines; the archive covers these times of receipt, both inclusive.

        Where the table has older records, it covers `edge_ms` less. Raises StoreUnavailable, StoreTimeout or
        StoreFailed.
        """
        ((archived, stored, older),) = self._rows("check_quarantine_rows", {"begin": begin_ms})
        span = Span(self._copy.name, TABLE, begin_ms + edge_ms * (older > 0), through_ms)
        steps = 1 + max(archived, stored) // STEP_EVENTS
        days: dict[str, dict[str, int]] = {}
        findings: list[Finding] = []
        with self._progress("comparing quarantine", steps) as advance:
            for step in range(steps):
                wanted = {**span.parameters(), "shared": self._shared, "steps": steps, "step": step}
                for day, verdict, count, records in self._rows("check_quarantine", wanted | {"samples": FINDINGS_MAX}):
                    counts = days.setdefault(day, {})
                    counts[verdict] = counts.get(verdict, 0) + count
                    if verdict in BAD:
                        findings += [Finding(verdict, *record) for record in records]
                advance(1)
        return Compared(
            begin_ms=span.begin_ms,
            through_ms=span.through_ms,
            days=tally(days),
            findings=tuple(findings[:FINDINGS_MAX]),
        )

    def load(self) -> None:
        """Load all archived lines into the table once more; doing it twice does no harm."""
        patiently(lambda: self._store.write(query("rebuild_quarantine"), {"archived": self._copy.name}))

    def _rows(self, name: str, wanted: dict[str, Any]) -> list[tuple[Any, ...]]:
        wanted = {"archived": self._copy.name, **wanted}
        return patiently(lambda: self._store.rows(query(name), wanted, self._memory))
