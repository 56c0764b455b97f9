"""Counts of events over time and by type: the service that the API calls, and its answers."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType

from footfall import windows
from footfall.accounts import may_see
from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings
from footfall.state import State, StateUnavailable, User
from footfall.store import Store, StoreFailed, StoreRejected, StoreTimeout, StoreUnavailable, query, refuse_rejected
from footfall.system.clock import Clock
from footfall.system.executor import BoundedExecutor
from footfall.usage.duplicates import COMPARED_ROWS_MAX, Limit, compare, time_limit
from footfall.usage.intervals import Intervals, TimeSpan, intervals, join_spans
from footfall.usage.request import CountsRequest


class Total(Struct, frozen=True):
    """So many events, and so many duplicates: among them, or left out of them, as was asked for."""

    events: int
    duplicates: int


class Count(Struct, frozen=True, kw_only=True):
    """The same for one type in one interval, which begins at `start`, in ms since 1970; all in one have no start."""

    start: int | UnsetType = UNSET
    type: str
    events: int
    duplicates: int


class Counts(Struct, frozen=True):
    """Events that were admitted up to `asOf`. `complete` says that no other can ever be among them."""

    asOf: int  # noqa: N815 - the wire's own name
    complete: bool
    interval: str
    timezone: str
    duplicates: str
    total: Total
    counts: list[Count]


class EventCount(Struct, frozen=True):
    """A number of events, and how many of them are duplicates."""

    events: int
    duplicates: int


# The shortest interval of each kind, except hours that a change of the clocks cuts: a few a year.
_SHORTEST_MS = {"hour": windows.HOUR_MS * 9 // 10, "day": 20 * windows.HOUR_MS, "month": 27 * windows.DAY_MS}
# At most so many events are few. Each can be a row of the result, and the engine makes 10,000 rows in 20 ms. Finding
# that there are more takes a hundredth of the count of five million events that follows.
FEW_MAX = 10_000
# Rows in a block: with larger blocks the engine would read ten times FEW_MAX rows before it stops.
_BLOCK_ROWS = 8192
# The Retry-After of an answer without the store, in seconds.
RETRY_AFTER_S = 5

# Numbers of events by the start of their interval, in ms, and by type.
Numbers = dict[tuple[int, str], int]


class Usage:
    """Counts events, exactly as many as a report of the same selection has rows; `close` ends its threads."""

    def __init__(self, state: State, store: Store, settings: Settings, clock: Clock) -> None:
        self._state = state
        self._store = store
        self._settings = settings
        self._clock = clock
        waiting = settings.calls_waiting_max, settings.calls_waiting_each_max
        self._executor = BoundedExecutor("usage", settings.usage_at_once_max, *waiting)

    def close(self) -> None:
        """End the threads; what waits is cancelled."""
        self._executor.close()

    async def count(self, user: User, wanted: CountsRequest) -> Counts:
        """Count by interval and type.

        Raises RequestRefused when the customer is not the user's, the time zone does not exist, the answer would be too
        long, or the store or the state does not answer.
        """
        if not may_see(user, wanted.customer):
            text = f"you may not see the customer {wanted.customer!r}"
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)
        return await self._executor.run(partial(self._count, wanted), user.account)

    def _count(self, wanted: CountsRequest) -> Counts:
        limit = time_limit(self._settings.usage_timeout_s)
        timezone = _zone(wanted)
        try:
            as_of, complete = self._watermark(wanted.as_of)
            selection = wanted.selection(as_of)
            few = count_few(self._store, selection, limit)
            if few is None:
                numbers, duplicates = self._count_many(wanted, timezone, selection, limit)
            else:
                numbers, duplicates = self._group(wanted, timezone, few)
        except StoreTimeout as error:
            raise _not_now(f"it took longer than {self._settings.usage_timeout_s} s: narrow start and end") from error
        except StoreRejected as error:
            raise refuse_rejected("the events cannot be counted", error) from error
        except (StoreUnavailable, StoreFailed, StateUnavailable) as error:
            raise _not_now("what they are kept in is away") from error
        counts = [_row(wanted, key, number, duplicates.get(key, 0)) for key, number in numbers.items()]
        total = Total(sum(count.events for count in counts), sum(count.duplicates for count in counts))
        return Counts(as_of, complete, wanted.interval, wanted.timezone, wanted.duplicates, total, counts)

    def _group(
        self, wanted: CountsRequest, timezone: ZoneInfo, few: dict[tuple[int, str], EventCount]
    ) -> tuple[Numbers, Numbers]:
        """Group events that were counted by timestamp: events and duplicates by interval and type."""
        times = [time_ms for time_ms, _ in few]
        found = intervals(wanted.interval, timezone, min(times, default=0), max(times, default=0))
        numbers: Numbers = {}
        duplicates: Numbers = {}
        for (time_ms, name), count in few.items():
            key = found.start_of(time_ms), name
            numbers[key] = numbers.get(key, 0) + count.events
            duplicates[key] = duplicates.get(key, 0) + count.duplicates
        self._check_length(len(numbers))
        return dict(sorted(numbers.items())), duplicates

    def _count_many(
        self, wanted: CountsRequest, timezone: ZoneInfo, selection: dict[str, Any], limit: Limit
    ) -> tuple[Numbers, Numbers]:
        """Count any number of events: first find the months that have some, which bound the work."""
        months = self._store.rows(query("report_months"), selection, limit())
        spans = [TimeSpan(first_ms, last_ms, rows) for first_ms, last_ms, rows, *_ in months]
        if not spans:
            return {}, {}
        # Events that arrive meanwhile outside of these months are not counted, as if they had arrived later.
        selection |= {"start": spans[0].first_ms, "end": spans[-1].last_ms}
        found = intervals(wanted.interval, timezone, spans[0].first_ms, spans[-1].last_ms)
        if _answer_rows_max(wanted.interval, months) > self._settings.usage_rows_max:
            # The count refuses an answer that is too long; finding duplicates first would take ten times as long.
            self._count_events(selection, found, limit)
        # Duplicates first: where events arrive between the two, there are never more duplicates than events.
        duplicates = self._count_duplicates(selection, spans, found, limit)
        return self._count_events(selection, found, limit), duplicates

    def _watermark(self, as_of: int | UnsetType) -> tuple[int, bool]:
        """The watermark of the count, by default of all loaded events; and whether all events up to it are loaded."""
        loaded_ms = min((node.loaded_through_ms for node in self._state.nodes.all()), default=0)
        if as_of is UNSET:
            # Where no node has recorded what it loaded, count what is there.
            as_of = loaded_ms or self._clock.now_ms()
        return as_of, as_of <= loaded_ms

    def _count_events(self, selection: dict[str, Any], found: Intervals, limit: Limit) -> Numbers:
        rows_max = self._settings.usage_rows_max
        parameters = {**selection, **found.parameters(), "limit": rows_max + 1}
        # The store stops when there are too many rows.
        stop_early = {"max_rows_to_group_by": rows_max + 1, "group_by_overflow_mode": "break"}
        rows = self._store.rows(query("usage_counts"), parameters, {**limit(), **stop_early})
        self._check_length(len(rows))
        return {(start, name): number for start, name, number in rows}

    def _check_length(self, rows: int) -> None:
        rows_max = self._settings.usage_rows_max
        if rows > rows_max:
            why = f"must be coarser, or start and end nearer: the answer would have more than {rows_max} rows"
            problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "interval", why)
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the answer would be too long", (problem,))

    def _count_duplicates(
        self, selection: dict[str, Any], spans: list[TimeSpan], found: Intervals, limit: Limit
    ) -> Numbers:
        numbers: Numbers = {}
        for part in compare(self._store, selection, join_spans(spans, COMPARED_ROWS_MAX), limit, found):
            for key, number in part.counts.items():
                numbers[key] = numbers.get(key, 0) + number
        return numbers


def _row(wanted: CountsRequest, key: tuple[int, str], number: int, duplicates: int) -> Count:
    start, name = key
    return Count(
        start=UNSET if wanted.interval == "all" else start,
        type=name,
        events=number - duplicates if wanted.duplicates == "drop" else number,
        duplicates=duplicates,
    )


def _answer_rows_max(interval: str, months: list[tuple[Any, ...]]) -> int:
    """The most rows that the answer can have: one for an event at most, and one for a type and an interval."""
    shortest_ms = _SHORTEST_MS.get(interval)
    if shortest_ms is None:
        return 0
    return sum(
        min(rows, ((last_ms - first_ms) // shortest_ms + 2) * len(types))
        for first_ms, last_ms, rows, _, types in months
    )


def _zone(wanted: CountsRequest) -> ZoneInfo:
    """The time zone of the intervals; raises RequestRefused when it does not exist."""
    timezone = windows.zone(wanted.timezone)
    if timezone is None:
        problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "timezone", "must be the name of a time zone")
        raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "there is no such time zone", (problem,))
    return timezone


def _not_now(why: str) -> RequestRefused:
    return RequestRefused(
        Code.SERVICE_UNAVAILABLE, f"the events cannot be counted now: {why}", retry_after_s=RETRY_AFTER_S
    )


def count_few(store: Store, selection: Mapping[str, Any], limit: Limit) -> dict[tuple[int, str], EventCount] | None:
    """The selected events by timestamp in ms and by type; None when there are more than `FEW_MAX`.

    A faster count of few events. Every statement opens each part of the table that may have the events, and each month
    has at least one part: 251 parts take 0.1 to 0.2 s, however few events are in them. So one statement counts few
    events by their timestamps. A second one counts duplicates, only for timestamps that several batches share.

    There are never more duplicates than events, even if events arrive between the two statements. Raises what the store
    and `limit` raise.
    """
    # Each group has at least one event: a result that was cut short has more than FEW_MAX.
    stop_early = {"max_rows_to_group_by": FEW_MAX, "group_by_overflow_mode": "break", "max_block_size": _BLOCK_ROWS}
    rows = store.rows(query("usage_few_events"), {**selection, "limit": FEW_MAX + 1}, {**limit(), **stop_early})
    if sum(events for _, _, events, _ in rows) > FEW_MAX:
        return None
    found = {(time_ms, name): EventCount(events, 0) for time_ms, name, events, _ in rows}
    if times := sorted({time_ms for time_ms, _, _, is_shared in rows if is_shared}):
        # Events and duplicates of these timestamps come from one statement, so that they agree.
        shared = store.rows(query("usage_shared_times"), {**selection, "times": times}, limit())
        found |= {(time_ms, name): EventCount(*numbers) for time_ms, name, *numbers in shared}
    return found
