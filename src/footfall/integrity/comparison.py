"""Compares the archive with the store, event by event, in steps whose memory does not grow with either.

The archive's events are loaded into a table of their own. The engine hashes identity and content of each event on both
sides, groups by identity, and returns counts by day with a few samples of the bad ones. A step is a range of time with
about a million events. Ranges without archived events are only counted, so that a check of the last month of many years
costs a month.

Quarantine is compared record by record; batch and sequence identify a record. Each change of its state is another line,
and the table keeps the furthest state, in whatever order and however often the lines are loaded. So this table is never
rebuilt: loading all archived lines again restores records that are missing, behind or changed, and removes nothing. A
record that is further than its archived lines is counted as unarchived, and stays.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Self

from msgspec import Struct

from footfall.integrity.guard import ProgressCallback, retry
from footfall.integrity.inspection import ArchiveTable, Cutoffs, Inspection, fill_table
from footfall.integrity.segments import SegmentFile
from footfall.integrity.verdict import BAD_VERDICTS, CheckCount, ComparisonResult, Finding, count_by_day
from footfall.journal import SegmentKind
from footfall.settings import Settings
from footfall.store import Store, query
from footfall.tombstones import NOTHING, RowCondition, past_condition
from footfall.windows import HOUR_MS

# Events of one step: what the engine groups by identity at once.
STEP_EVENTS = 1_000_000
# Bad events that are listed: a few show what happened, and the counts show how much.
FINDINGS_MAX = 20


class ComparisonRange(Struct, frozen=True):
    """What to compare: two tables, and the first and last time of admission in ms that the archive covers.

    Rows that are `gone`, although they may be there still, count on neither side.
    """

    archived: str
    stored: str
    begin_ms: int
    through_ms: int
    gone: RowCondition = NOTHING

    def statement(self, name: str) -> str:
        """The text of a statement that leaves out what is gone."""
        return self.gone.fill(query(name))

    def parameters(self) -> dict[str, Any]:
        """The range as parameters of the statements."""
        return {
            **self.gone.parameters,
            "archived": self.archived,
            "stored": self.stored,
            "begin": self.begin_ms,
            "through": self.through_ms,
        }


class HourCounts(Struct, frozen=True):
    """Counts of one hour (by timestamp). The `older` and `newer` of the `stored` events are not in the archive."""

    start_ms: int
    archived: int
    stored: int
    older: int
    newer: int

    @property
    def is_due(self) -> bool:
        """Whether archive and store have events to compare."""
        return self.archived > 0 or self.stored > self.older + self.newer

    @property
    def day(self) -> str:
        """The hour's day, in UTC."""
        return datetime.fromtimestamp(self.start_ms / 1000, UTC).strftime("%Y-%m-%d")


def count_hours(store: Store, span: ComparisonRange) -> list[HourCounts]:
    """The hours in which archive or store have events, in order."""
    return [HourCounts(*row) for row in retry(lambda: store.rows(span.statement("check_hours"), span.parameters()))]


def split_steps(found: list[HourCounts]) -> Iterator[list[HourCounts]]:
    """Consecutive hours in groups of about STEP_EVENTS events each."""
    step: list[HourCounts] = []
    events = 0
    for hour in found:
        step.append(hour)
        events += max(hour.archived, hour.stored)
        if events >= STEP_EVENTS:
            yield step
            step, events = [], 0
    if step:
        yield step


def step_bounds(step: list[HourCounts]) -> dict[str, int]:
    """The start and the end of a step as parameters of the statements; the end is exclusive."""
    return {"start": step[0].start_ms, "end": step[-1].start_ms + HOUR_MS}


class Comparison:
    """One comparison; a statement that needs more than `memory_bytes` goes on on the disk."""

    def __init__(self, store: Store, span: ComparisonRange, memory_bytes: int) -> None:
        self._store = store
        self._span = span
        self._settings = {"max_bytes_before_external_group_by": memory_bytes}
        self._days: dict[str, dict[str, int]] = {}
        self._samples: list[tuple[str, int, str]] = []

    def run(self, progress: ProgressCallback) -> ComparisonResult:
        """Compare everything; raises StoreUnavailable, StoreTimeout or StoreFailed."""
        found = count_hours(self._store, self._span)
        with progress("comparing", sum(max(hour.archived, hour.stored) for hour in found)) as advance:
            for step in split_steps(found):
                if any(hour.is_due for hour in step):
                    self._compare(step)
                else:
                    self._count_uncompared(step)
                advance(sum(max(hour.archived, hour.stored) for hour in step))
        return ComparisonResult(
            begin_ms=self._span.begin_ms,
            through_ms=self._span.through_ms,
            days=count_by_day(self._days),
            findings=tuple(self._find_samples()),
        )

    def _compare(self, step: list[HourCounts]) -> None:
        wanted = {**self._span.parameters(), **step_bounds(step), "samples": FINDINGS_MAX}
        text = self._span.statement("check_compare")
        rows = retry(lambda: self._store.rows(text, wanted, self._settings))
        for day, verdict, count, samples in rows:
            self._count(day, verdict, count)
            if verdict in BAD_VERDICTS:
                self._samples += [(verdict, time, event) for time, event in samples]

    def _count_uncompared(self, step: list[HourCounts]) -> None:
        for hour in step:
            self._count(hour.day, "older", hour.older)
            self._count(hour.day, "newer", hour.newer)

    def _count(self, day: str, verdict: str, count: int) -> None:
        counts = self._days.setdefault(day, {})
        counts[verdict] = counts.get(verdict, 0) + count

    def _find_samples(self) -> Iterator[Finding]:
        samples = self._samples[:FINDINGS_MAX]
        if not samples:
            return
        wanted = {
            **self._span.parameters(),
            "times": [time for _, time, _ in samples],
            "events": [event for _, _, event in samples],
        }
        verdicts = {event: verdict for verdict, _, event in samples}
        for event, *identity in retry(lambda: self._store.rows(query("check_sample"), wanted)):
            yield Finding(verdicts[event], *identity)


TABLE = "quarantine"


class QuarantineCheck:
    """Compares the quarantine table with a node's archived lines, in steps whose memory does not grow with either."""

    def __init__(
        self, settings: Settings, store: Store, node: str, progress: ProgressCallback, cutoffs: Cutoffs = ()
    ) -> None:
        self._store = store
        self._progress = progress
        self._gone = past_condition(cutoffs, quarantined=True)
        self._shared = settings.events_url != "embedded"
        self._memory = {"max_bytes_before_external_group_by": settings.engine_memory_bytes_max // 4}
        self._copy = ArchiveTable(store, node, settings.segment_bytes_max, SegmentKind.QUARANTINE, cutoffs=cutoffs)

    def __enter__(self) -> Self:
        self._copy.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._copy.__exit__(*raised)

    def fill(self, segments: list[SegmentFile], inspection: Inspection) -> CheckCount:
        """Read the archived segments; raises StoreUnavailable."""
        return fill_table(self._copy, segments, inspection, self._progress)

    def compare(self, begin_ms: int, through_ms: int, edge_ms: int) -> ComparisonResult:
        """Compare the table with the lines; the archive covers times of receipt from `begin_ms` to `through_ms`.

        It covers `edge_ms` less when the table has older records. Raises StoreUnavailable, StoreTimeout or
        StoreFailed.
        """
        ((archived, stored, older),) = self._rows("check_quarantine_rows", {"begin": begin_ms})
        begin_ms += edge_ms * (older > 0)
        span = ComparisonRange(self._copy.name, TABLE, begin_ms, through_ms, self._gone)
        steps = 1 + max(archived, stored) // STEP_EVENTS
        days: dict[str, dict[str, int]] = {}
        findings: list[Finding] = []
        with self._progress("comparing quarantine", steps) as advance:
            for step in range(steps):
                wanted = {**span.parameters(), "shared": self._shared, "steps": steps, "step": step}
                for day, verdict, count, records in self._rows("check_quarantine", wanted | {"samples": FINDINGS_MAX}):
                    counts = days.setdefault(day, {})
                    counts[verdict] = counts.get(verdict, 0) + count
                    if verdict in BAD_VERDICTS:
                        findings += [Finding(verdict, *record) for record in records]
                advance(1)
        return ComparisonResult(
            begin_ms=span.begin_ms,
            through_ms=span.through_ms,
            days=count_by_day(days),
            findings=tuple(findings[:FINDINGS_MAX]),
        )

    def load(self) -> None:
        """Load all archived lines into the table again; loading twice changes nothing."""
        retry(lambda: self._store.write(query("rebuild_quarantine"), {"archived": self._copy.name}))

    def _rows(self, name: str, wanted: dict[str, Any]) -> list[tuple[Any, ...]]:
        wanted = {"archived": self._copy.name, **wanted}
        return retry(lambda: self._store.rows(self._gone.fill(query(name)), wanted, self._memory))
