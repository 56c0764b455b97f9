"""What a statistic asks the store with: the filter of its events, its watermark, and the time that is left.

`Query` is made for each answer. It holds what all statistics share: the total of the selected events, with those that
came late and the duplicates among them, as of one watermark.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct

from footfall import windows
from footfall.errors import Code, Problem, RequestRefused
from footfall.plan import Plan
from footfall.settings import Settings
from footfall.store import Store, query
from footfall.usage.duplicates import Limit, without_duplicates
from footfall.usage.grouping import Grouping, fill
from footfall.usage.reading import LARGE_EVENTS_MIN, WITH_FINAL, EventReader, EventSource
from footfall.usage.rollups import Rollups, Scope, ScopeState
from footfall.usage.selection import EVERY, EventSelection, actor_value, compile_selection, key_value

# Of longer times, which one event with an odd timestamp makes, the bounds of all weeks would be in each statement.
_LIKELY_DAYS_MAX = 100 * 366


class ReportBody(Struct, frozen=True):
    """The body for `POST /reports` whose file has exactly the events of an answer."""

    filter: dict[str, Any]
    output: dict[str, Any]
    duplicates: str


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every answer says of itself.

    It is about events that were admitted up to `asOf`; `complete` says that no other can ever be among them. `exact`
    says that its numbers are no estimates. `link` gives the same answer again, relative to the API's own URL.
    """

    asOf: int  # noqa: N815 - the wire's own name
    complete: bool
    exact: bool
    duplicates: str
    link: str
    report: ReportBody


class Watermark(Struct, frozen=True):
    """Up to when events count, in ms, and whether all of them are loaded."""

    as_of: int
    complete: bool


class Reach(Struct, frozen=True):
    """What the store has of all events that an answer may be about, and how to read those of them."""

    scope: Scope
    state: ScopeState
    reader: EventReader

    def covers(self, selection: EventSelection) -> bool:
        """Whether no event of the selection is at another time."""
        inner = Scope.around(selection)
        return self.scope.start_ms <= inner.start_ms and inner.end_ms <= self.scope.end_ms


class Query:
    """The store, asked about the events of a selection up to a watermark. Its calls raise what the store raises."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        plan: Plan | None,
        selection: EventSelection,
        watermark: Watermark,
        limit: Limit,
        link: str = "",
        *,
        drops: bool = True,
        is_large: bool = False,
        reach: "Reach | None" = None,
    ) -> None:
        self.store = store
        self.settings = settings
        self.plan = plan
        self.selection = selection
        self.watermark = watermark
        self.as_of = watermark.as_of
        self.limit = limit
        late_after_s = settings.late_after_s if selection.late_after_s is UNSET else selection.late_after_s
        self.late_ms = late_after_s * 1000
        self.filter = compile_selection(selection, self.as_of, plan)
        self._link = link
        self._drops = drops and selection.duplicates == "drop"
        self.is_large = is_large
        self._reach = reach
        self._reader = self._find_reader() if is_large else None

    def _find_reader(self) -> EventReader:
        if self._reach is not None:
            return self._reach.reader
        return EventReader(Rollups(self.store, self.late_ms), Scope.around(self.selection), self.limit)

    def within(self, scope: Scope, state: ScopeState) -> "Query":
        """The same question, where it is known what a scope has, which further ones may stay in."""
        reader = EventReader(Rollups(self.store, self.late_ms), scope, self.limit)
        # Rows may be copies. Where they are not so many events, it takes longer, and the numbers are the same.
        is_large = Scope.of(self.selection) == scope and state.rows >= LARGE_EVENTS_MIN
        return self._like(self.selection, drops=self._drops, is_large=is_large, reach=Reach(scope, state, reader))

    def days(self) -> tuple[int, int] | None:
        """The first and the last UTC day that may have selected events, since 1970; None where that is not known."""
        return None if self._reach is None else (self._reach.state.first_day, self._reach.state.last_day)

    def of(self, selection: EventSelection) -> "Query":
        """The same question about other events, as many, at the same watermark and within the same time."""
        reach = self._reach if self._reach and self._reach.covers(selection) else None
        return self._like(selection, drops=True, is_large=self.is_large, reach=reach)

    def knowing(self, events: int, duplicates: int | None = None) -> "Query":
        """The same question, asked in a cheaper way, where so many events and duplicates are selected.

        Where there are no duplicates, none are looked for; the answer says what was asked. Where there are many events,
        those that stand in the table once are read without FINAL.
        """
        is_large = events >= LARGE_EVENTS_MIN
        return self._like(self.selection, drops=self._drops and duplicates != 0, is_large=is_large, reach=self._reach)

    def _like(self, selection: EventSelection, *, drops: bool, is_large: bool, reach: "Reach | None") -> "Query":
        common = self.store, self.settings, self.plan, selection, self.watermark, self.limit, self._link
        return Query(*common, drops=drops, is_large=is_large, reach=reach)

    def about(self, *, exact: bool = True) -> dict[str, Any]:
        """The fields of an `Answer`."""
        return {
            "asOf": self.as_of,
            "complete": self.watermark.complete,
            "exact": exact,
            "duplicates": self.selection.duplicates,
            "link": self._link,
            "report": report_body(self.selection, self.as_of, self.settings.usage_scope_max),
        }

    def rows(
        self, name: str, parameters: Mapping[str, Any], texts: Mapping[str, str] | None = None, **settings: Any
    ) -> list[tuple[Any, ...]]:
        """The rows of queries/NAME.sql; `texts` fill further places of its text."""
        text = fill(query(name), texts or {})
        text = text.replace("{{without_duplicates}}", without_duplicates(drop=self._drops))
        common = {"late": self.late_ms, **self.filter.parameters, **parameters}

        def run(source: EventSource) -> list[tuple[Any, ...]]:
            statement = self.filter.fill(source.fill(text))
            return self.store.rows(statement, {**common, **source.parameters}, {**self.limit(), **settings})

        return self._reader.read(run) if self._reader and "{{events}}" in text else run(WITH_FINAL)

    def grouped_rows(
        self, name: str, grouping: Grouping, parameters: Mapping[str, Any] | None = None, **settings: Any
    ) -> list[tuple[Any, ...]]:
        """The rows of queries/NAME.sql by intervals and dimensions, of which it has one more than an answer may have.

        Raises RequestRefused where there are more.
        """
        rows_max = self.settings.usage_rows_max
        stop_early = {"max_rows_to_group_by": rows_max + 1, "group_by_overflow_mode": "break"}
        limits = {**grouping.parameters, "limit": rows_max + 1, **(parameters or {})}
        rows = self.rows(name, limits, grouping.texts, **{**stop_early, **settings})
        self.check_length(len(rows))
        return rows

    def check_length(self, rows: int) -> None:
        """Refuse an answer that is too long."""
        if rows > self.settings.usage_rows_max:
            raise self.too_long()

    def too_long(self) -> RequestRefused:
        """The refusal of an answer that would be too long."""
        rows_max = self.settings.usage_rows_max
        why = f"must be coarser, or start and end nearer: the answer would have more than {rows_max} rows"
        problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "interval", why)
        return RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the answer would be too long", (problem,))

    def actor(self, name: str, parameters: dict[str, Any]) -> str:
        """The expression of who acted; where several customers are selected, each has actors of its own."""
        value = actor_value(self.plan, self.selection.products, name, parameters)
        return self._of_customer(value)

    def value(self, key: str, name: str, parameters: dict[str, Any]) -> str:
        """The expression of a context key's value."""
        return key_value(key, self.plan, self.selection.products, name, parameters)

    def _of_customer(self, value: str) -> str:
        if len(self.selection.customers) == 1:
            return value
        # A length in front keeps two customers apart whatever their names have in them.
        return f"if({value} = '', '', concat(toString(length(customer)), ':', toString(customer), {value}))"


def report_body(selection: EventSelection, as_of: int, scope_max: int) -> ReportBody:
    """The report of a selection.

    More customers than a filter may name, `scope_max`, are all that a user may see, and are named so.
    """
    customers, products = selection.customers, selection.products
    if len(customers) == len(products) == 1:
        scope: dict[str, Any] = {"customer": customers[0], "product": products[0]}
    else:
        named = customers if 0 < len(customers) <= scope_max else (EVERY,)
        scope = {"customers": list(named), "products": list(products or (EVERY,))}
    wanted = {
        **scope,
        "types": list(selection.types),
        "versions": list(selection.versions),
        "where": list(map(str, selection.where)),
        "start": selection.start,
        "end": selection.end,
        "basis": selection.basis if selection.basis != "event" else UNSET,
    }
    given = {key: value for key, value in wanted.items() if value is not UNSET and value != []}
    return ReportBody(given, {"asOf": as_of}, selection.duplicates)


class Span(Struct, frozen=True):
    """From the first to the last time of the selected events, in ms, both inclusive; none are selected where None."""

    first_ms: int
    last_ms: int


def likely_span(asked: Query) -> Span | None:
    """Times between which all selected events are, without looking for the first and the last where days are known."""
    days = asked.days()
    if days is None or days[1] - days[0] > _LIKELY_DAYS_MAX:
        return event_span(asked)
    first_ms, last_ms = (days[0] - 1) * windows.DAY_MS, (days[1] + 1) * windows.DAY_MS
    if asked.selection.basis == "event":
        first_ms, last_ms = max(first_ms, asked.selection.first_ms), min(last_ms, asked.selection.last_ms)
    return Span(first_ms, max(first_ms, last_ms))


def event_span(asked: Query) -> Span | None:
    """The times of the first and the last event of the selection."""
    # Copies of one event differ in their times of receipt alone.
    texts = {"final": "FINAL" if asked.selection.basis == "received" else ""}
    rows, first_ms, last_ms = asked.rows("usage_span", {}, texts)[0]
    return Span(first_ms, last_ms) if rows else None


def interval_end(interval: str, timezone: ZoneInfo, start_ms: int) -> int:
    """The end of the interval that begins at a time, in ms."""
    if interval == "minute":
        return start_ms + windows.MINUTE_MS
    return windows.window(interval, timezone, start_ms).end_ms
