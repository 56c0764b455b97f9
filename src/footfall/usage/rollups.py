"""Rollups: counts of past days that were made in the background, and when a day must be counted from its events.

The store keeps two small tables. `rollup_days` has the counts of a (customer, product, UTC day) in one row, so that a
day is replaced as a whole. `rollup_changes` has every day that has events, with the latest load of them.

Each row of events has the time of its load (`loaded`), which no archived line has: whatever reaches the table has a new
one, be it late, repaired, restored, released from quarantine, or of a node whose clock is slow. A look notes what was
loaded between the last look and some minutes ago, longer than a load may take; an index finds those few rows. So the
counts of a day hold, as long as neither a look nor the rows that no look has seen have a later load of that day than
the counts. Besides, nothing of the day may have been admitted after the watermark of an answer. Every other day is
counted from its events. Nothing of the tracking plan is in the counts.

One statement finds which days the rollup may answer for, and their counts: no day is counted twice, and none is left
out. What is noted is bound to the identity of the table of events. After a rebuild nothing of it is of use, and all
days are counted anew.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct

from footfall.store import Store, query
from footfall.usage.duplicates import COMPARED_ROWS_MAX, Limit, cut
from footfall.usage.grouping import fill
from footfall.usage.intervals import ALL, Intervals, TimeSpan
from footfall.usage.rollup_days import TYPES, Day, counts_statement, day_parameters, gather_days
from footfall.usage.selection import EVERY, EventSelection, compile_selection
from footfall.windows import DAY_MS, HOUR_MS

QUARTER_MS: Final = HOUR_MS // 4
# By what counts may be grouped beside the interval.
DIMENSIONS: Final = ("customer", "product", "type", "version")
# Days of one answer that are counted from events; more are years of thousands of customers, just after an upgrade.
DAYS_MAX: Final = 1_000_000
# The first and the last day of all events that may be, since 1970.
EVERY_DAY: Final = (-(2**31), 2**31)
# Days that a statement reads with FINAL beside others: with more, FINAL for all costs little more.
UNMERGED_DAYS_MAX: Final = 1_000


class Scope(Struct, frozen=True, kw_only=True):
    """Events of customers and products (empty: of all) from one timestamp to another, in ms, both inclusive.

    A type is one of `types`, or begins with one of `prefixes`; without both, it may be any. The same for `versions`.
    """

    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    start_ms: int = -(2**63)
    end_ms: int = 2**63 - 1

    @classmethod
    def of(cls, selection: EventSelection) -> "Scope | None":
        """The scope that selects the same events; None where there is none, because contexts or receipts matter."""
        if selection.where or selection.basis != "event":
            return None
        return cls(
            customers=selection.customers,
            products=selection.products,
            types=tuple(name for name in selection.types if not name.endswith(EVERY)),
            prefixes=tuple(name.removesuffix(EVERY) for name in selection.types if name.endswith(EVERY)),
            versions=selection.versions,
            start_ms=selection.first_ms,
            end_ms=selection.last_ms,
        )

    @classmethod
    def around(cls, selection: EventSelection) -> "Scope":
        """The customers, products and times of a selection; events of any type, context and receipt."""
        is_by_event = selection.basis == "event"
        return cls(
            customers=selection.customers,
            products=selection.products,
            start_ms=selection.first_ms if is_by_event else cls().start_ms,
            end_ms=selection.last_ms if is_by_event else cls().end_ms,
        )

    def parameters(self) -> dict[str, Any]:
        """The native parameters of a statement."""
        lists = ("customers", "products", "types", "prefixes", "versions")
        named = {name: list(getattr(self, name)) for name in lists}
        return {**named, "start": self.start_ms, "end": self.end_ms}


class ScopeState(Struct, frozen=True):
    """What a scope has, whatever the types: the latest load and admission, the first and the last UTC day, the rows.

    Two equal states say that nothing has reached the scope in between, and that nothing of it is gone. An answer at a
    watermark of `admitted_ms` or later is then the same as at any later one. `epoch` is the identity of the table.
    Copies count as rows until they are merged; the last rows that were loaded may be counted twice. Without events, all
    is 0.
    """

    epoch: str
    loaded_ms: int
    admitted_ms: int
    first_day: int
    last_day: int
    rows: int


class UnmergedDays(Struct, frozen=True):
    """UTC days of a scope that may have events twice, and how many days it has in all.

    This is said of the table `epoch`, of a MergeTree `engine`, and of what was loaded up to `looked_ms`. More than
    UNMERGED_DAYS_MAX days are not all there.
    """

    epoch: str
    engine: str
    looked_ms: int
    days: tuple[int, ...]
    known: int


class GroupKey(NamedTuple):
    """The start of an interval in ms, and the values of the dimensions; empty where it was not grouped by one."""

    start_ms: int
    customer: str = ""
    product: str = ""
    type: str = ""
    version: str = ""


class GroupCount(NamedTuple):
    """Events, the duplicates among them, those that came late, and the duplicates among these."""

    events: int = 0
    duplicates: int = 0
    late: int = 0
    late_duplicates: int = 0

    def join(self, other: "GroupCount") -> "GroupCount":
        """The counts of both."""
        return GroupCount(*map(sum, zip(self, other, strict=True)))


class TooManyGroups(Exception):
    """The answer would have more groups than it may."""


Groups = dict[GroupKey, GroupCount]


class Rollups:
    """Counts of events, from the rollup where it holds and from the events elsewhere: always those of the events.

    The calls raise what the store and `limit` raise; `limit` gives the engine's settings for the next statement.
    """

    def __init__(self, store: Store, late_ms: int) -> None:
        """An event is late that was received more than `late_ms` after its timestamp."""
        self._store = store
        self._late_ms = late_ms

    def state(self, scope: Scope, limit: Limit) -> ScopeState:
        """What the scope has, in some ms."""
        ((epoch, *numbers),) = self._store.rows(query("rollup_scope"), scope.parameters(), limit())
        return ScopeState(epoch, *numbers)

    def contents(self, limit: Limit) -> str:
        """What the store holds: equal texts say that nothing has changed. It is empty where that is not known."""
        ((contents,),) = self._store.rows(query("rollup_contents"), {}, limit())
        return str(contents)

    def count(
        self,
        scope: Scope,
        watermark_ms: int,
        limit: Limit,
        *,
        intervals: Intervals = ALL,
        by: Sequence[str] = (),
        groups_max: int = 1_000_000,
    ) -> Groups:
        """Count the scope's events that were admitted up to the watermark, by interval and by some of DIMENSIONS.

        Raises TooManyGroups when there are more than `groups_max` groups.
        """
        groups, days = self.rolled_up(scope, watermark_ms, limit, intervals=intervals, by=by, groups_max=groups_max)
        for key, count in self.count_days(days, scope, watermark_ms, limit, intervals=intervals, by=by):
            groups[key] = groups[key].join(count) if key in groups else count
            if len(groups) > groups_max:
                raise TooManyGroups
        return groups

    def rolled_up(
        self,
        scope: Scope,
        watermark_ms: int,
        limit: Limit,
        *,
        intervals: Intervals = ALL,
        by: Sequence[str] = (),
        groups_max: int = 1_000_000,
    ) -> tuple[Groups, list[Day]]:
        """The counts of the days that the rollup answers for, and the other days that have events, from one look.

        Raises TooManyGroups.
        """
        unit_ms = unit_of(intervals)
        first_day, last_day = _whole_days(scope, unit_ms)
        texts = {
            "begin": intervals.expression,
            "units": "hours" if unit_ms == HOUR_MS else "quarters",
            "width": str(unit_ms or QUARTER_MS),
            "types": TYPES,
        }
        parameters = {
            **self._parameters(scope, watermark_ms, intervals, by),
            "first_day": first_day,
            "last_day": last_day,
            "limit": groups_max + DAYS_MAX + 1,
        }
        rows = self._store.rows(fill(query("rollup_answer"), texts), parameters, limit())
        days = [
            Day(customer, product, day, events)
            for counted, day, customer, product, _, _, events, *_ in rows
            if not counted
        ]
        groups = {GroupKey(*row[1:6]): GroupCount(*row[6:]) for row in rows if row[0]}
        if len(groups) > groups_max or len(days) > DAYS_MAX:
            raise TooManyGroups
        return groups, days

    def count_days(
        self,
        days: Iterable[Day],
        scope: Scope,
        watermark_ms: int,
        limit: Limit,
        *,
        intervals: Intervals = ALL,
        by: Sequence[str] = (),
    ) -> Iterator[tuple[GroupKey, GroupCount]]:
        """Count the scope's events of some days from the events themselves; a group may come several times."""
        parameters = self._parameters(scope, watermark_ms, intervals, by)
        for together in gather_days(days, COMPARED_ROWS_MAX):
            text = fill(query("rollup_events"), {"counts": counts_statement(intervals, together)})
            for start_ms, end_ms in self._pieces(together, scope, watermark_ms, limit):
                wanted = {**parameters, **day_parameters(together), "start": start_ms, "end": end_ms}
                for row in self._store.rows(text, wanted, limit()):
                    yield GroupKey(*row[:5]), GroupCount(*row[5:])

    def unmerged_days(self, scope: Scope, limit: Limit) -> UnmergedDays:
        """The scope's days that must be read with FINAL: of all others, no event stands in the table twice.

        See `footfall.usage.reading` for how long this is true.
        """
        wanted = {**scope.parameters(), "limit": UNMERGED_DAYS_MAX + 1}
        ((epoch, engine, looked_ms, days, known),) = self._store.rows(query("rollup_unmerged"), wanted, limit())
        return UnmergedDays(epoch, engine, looked_ms, tuple(days), known)

    def epoch(self, limit: Limit) -> str:
        """The identity of the table of events that is in use now."""
        ((epoch, *_),) = self._store.rows(query("rollup_state"), {}, limit())
        return str(epoch)

    def forget(self, of: Sequence[tuple[str, str]], now_ms: int, days: tuple[int, int] = EVERY_DAY) -> None:
        """Have the days of customers' products, all or from a first to a last, counted anew; until then, from events.

        Call it after events were deleted, whose absence no load tells of; `now_ms` is the time after that. Raises
        StoreTimeout, StoreUnavailable or StoreFailed.
        """
        first_day, last_day = days
        customers, products = [one[0] for one in of], [one[1] for one in of]
        wanted = {"customers": customers, "products": products, "first_day": first_day, "last_day": last_day}
        self._store.write(query("rollup_forget"), {**wanted, "now": now_ms})

    def _pieces(self, days: Sequence[Day], scope: Scope, watermark_ms: int, limit: Limit) -> Iterator[tuple[int, int]]:
        """The spans, in ms, in which these days are counted: one, unless a day has too many rows for one statement."""
        start_ms = max(scope.start_ms, _day_start(min(one.day for one in days)))
        end_ms = min(scope.end_ms, _day_end(max(one.day for one in days)))
        if len(days) > 1 or days[0].rows <= COMPARED_ROWS_MAX:
            yield start_ms, end_ms
            return
        one = EventSelection(customers=(days[0].customer,), products=(days[0].product,))
        selection = compile_selection(one, watermark_ms)
        span = TimeSpan(start_ms, end_ms, days[0].rows)
        for piece in cut(self._store, selection, span, COMPARED_ROWS_MAX, limit):
            yield piece.first_ms, piece.last_ms

    def _parameters(self, scope: Scope, watermark_ms: int, intervals: Intervals, by: Sequence[str]) -> dict[str, Any]:
        return {
            **scope.parameters(),
            **(intervals.parameters() if intervals != ALL else {}),
            **{f"by_{name}": name in by for name in DIMENSIONS},
            "watermark": watermark_ms,
            "late": self._late_ms,
            "limit": 2**62,
        }


def unit_of(intervals: Intervals) -> int:
    """The longest unit of the rollup, in ms, of which each is within one interval; 0 where none is."""
    edges = [
        *intervals.starts,
        *intervals.widths,
        *(offset for offset, width in zip(intervals.offsets, intervals.widths, strict=True) if width),
    ]
    return next((unit for unit in (HOUR_MS, QUARTER_MS) if not any(edge % unit for edge in edges)), 0)


def _whole_days(scope: Scope, unit_ms: int) -> tuple[int, int]:
    """The first and the last day that the rollup may answer for; the first is later where it may for none.

    A bound of the scope that is within a unit cuts its day. Days before 1970 are not rolled up.
    """
    if not unit_ms:
        return 1, 0
    first_day, last_day = scope.start_ms // DAY_MS, scope.end_ms // DAY_MS
    if scope.start_ms % unit_ms:
        first_day += 1
    if (scope.end_ms + 1) % unit_ms:
        last_day -= 1
    return max(first_day, 1), last_day


def _day_start(day: int) -> int:
    """The first ms that counts to a day: day 0 has the day before, too."""
    return day * DAY_MS if day > 0 else (day - 1) * DAY_MS + 1


def _day_end(day: int) -> int:
    return (day + 1) * DAY_MS - 1 if day >= 0 else day * DAY_MS
