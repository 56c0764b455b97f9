"""Counts over time and by type: the service that the API asks, and what it answers."""

import logging
import math
import time
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType

from footfall import windows
from footfall.accounts import may_see
from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings
from footfall.state import State, StateUnavailable, User
from footfall.store import Store, StoreFailed, StoreRejected, StoreTimeout, StoreUnavailable, query
from footfall.system.clock import Clock
from footfall.system.executor import BoundedExecutor
from footfall.usage.duplicates import COMPARED_ROWS_MAX, Limit, compare
from footfall.usage.few import EventCount, count_few
from footfall.usage.intervals import Intervals, TimeSpan, intervals, join_spans
from footfall.usage.request import CountsRequest

# What a count says, in the key order of the wire.


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


# The desk that the API asks for counts.


_log = logging.getLogger(__name__)

# How short an interval may be, but for hours that a change of the clock cuts, of which there is one in a month or two.
_SHORTEST_MS = {"hour": windows.HOUR_MS * 9 // 10, "day": 20 * windows.HOUR_MS, "month": 27 * windows.DAY_MS}
# Seconds after which a store that is away may be back.
RETRY_AFTER_S = 5

# Numbers by the begin of their interval, in ms, and by type.
Numbers = dict[tuple[int, str], int]


class Usage:
    """Counts events, exactly as many as a report of the same has rows; `close` ends its threads."""

    def __init__(self, state: State, store: Store, settings: Settings, clock: Clock) -> None:
        self._state = state
        self._store = store
        self._settings = settings
        self._clock = clock
        waiting = settings.calls_waiting_max, settings.calls_waiting_each_max
        self._executor = BoundedExecutor("usage", settings.usage_at_once_max, *waiting)

    def close(self) -> None:
        self._executor.close()

    async def count(self, user: User, wanted: CountsRequest) -> Counts:
        """Count by interval and type.

        Raises RequestRefused: the customer is not the user's, there is no such time zone, the answer would be longer
        than it may be, or it cannot be counted now.
        """
        if not may_see(user, wanted.customer):
            text = f"you may not see the customer {wanted.customer!r}"
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)
        return await self._executor.run(partial(self._count, wanted), user.account)

    def _count(self, wanted: CountsRequest) -> Counts:
        limit = _limit(self._settings.usage_timeout_s)
        timezone = _zone(wanted)
        try:
            as_of, complete = self._watermark(wanted.as_of)
            selection = wanted.selection(as_of)
            few = count_few(self._store, selection, limit)
            if few is None:
                numbers, duplicates = self._many(wanted, timezone, selection, limit)
            else:
                numbers, duplicates = self._few(wanted, timezone, few)
        except StoreTimeout as error:
            raise _not_now(f"it took longer than {self._settings.usage_timeout_s} s: narrow start and end") from error
        except StoreRejected as error:
            _log.exception("events cannot be counted")
            text = "the events cannot be counted: the events store refused the request for it, as it would again"
            raise RequestRefused(Code.REQUEST_GENERAL_FAILURE, text) from error
        except (StoreUnavailable, StoreFailed, StateUnavailable) as error:
            raise _not_now("what they are kept in is away") from error
        counts = [_row(wanted, key, number, duplicates.get(key, 0)) for key, number in numbers.items()]
        total = Total(sum(count.events for count in counts), sum(count.duplicates for count in counts))
        return Counts(as_of, complete, wanted.interval, wanted.timezone, wanted.duplicates, total, counts)

    def _few(
        self, wanted: CountsRequest, timezone: ZoneInfo, few: dict[tuple[int, str], EventCount]
    ) -> tuple[Numbers, Numbers]:
        """Events and duplicates by interval and type, of those that were counted by their times."""
        times = [time_ms for time_ms, _ in few]
        by = intervals(wanted.interval, timezone, min(times, default=0), max(times, default=0))
        numbers: Numbers = {}
        duplicates: Numbers = {}
        for (time_ms, kind), tally in few.items():
            key = by.begin(time_ms), kind
            numbers[key] = numbers.get(key, 0) + tally.events
            duplicates[key] = duplicates.get(key, 0) + tally.duplicates
        self._check_length(len(numbers))
        return dict(sorted(numbers.items())), duplicates

    def _many(
        self, wanted: CountsRequest, timezone: ZoneInfo, selection: dict[str, Any], limit: Limit
    ) -> tuple[Numbers, Numbers]:
        """The same of any events: the months that have some first, which bound the work on them."""
        months = self._store.rows(query("report_months"), selection, limit())
        spans = [TimeSpan(first_ms, last_ms, rows) for first_ms, last_ms, rows, *_ in months]
        if not spans:
            return {}, {}
        # What comes in between, outside of them, is not counted, as if it had come later still.
        selection |= {"start": spans[0].first_ms, "end": spans[-1].last_ms}
        by = intervals(wanted.interval, timezone, spans[0].first_ms, spans[-1].last_ms)
        if _rows_most(wanted.interval, months) > self._settings.usage_rows_max:
            # As far as it takes to know that: what follows is ten times the work.
            self._numbers(selection, by, limit)
        # In this order, because events may come in between, where it is not complete: there can then be events whose
        # duplicates are not known yet, but never more duplicates than events.
        duplicates = self._duplicates(selection, spans, by, limit)
        return self._numbers(selection, by, limit), duplicates

    def _watermark(self, as_of: int | UnsetType) -> tuple[int, bool]:
        """Up to which time of admission to count, by default all that is loaded; and whether that is all loaded."""
        loaded_ms = min((node.loaded_through_ms for node in self._state.nodes.all()), default=0)
        if as_of is UNSET:
            # Where nobody knows how far the nodes are, what there is can be counted all the same.
            as_of = loaded_ms or self._clock.now_ms()
        return as_of, as_of <= loaded_ms

    def _numbers(self, selection: dict[str, Any], by: Intervals, limit: Limit) -> Numbers:
        rows_max = self._settings.usage_rows_max
        parameters = {**selection, **by.parameters(), "limit": rows_max + 1}
        # When there are too many rows, the store need not look for the others.
        enough = {"max_rows_to_group_by": rows_max + 1, "group_by_overflow_mode": "break"}
        found = self._store.rows(query("usage_counts"), parameters, {**limit(), **enough})
        self._check_length(len(found))
        return {(begin, kind): number for begin, kind, number in found}

    def _check_length(self, rows: int) -> None:
        rows_max = self._settings.usage_rows_max
        if rows > rows_max:
            why = f"must be coarser, or start and end nearer: the answer would have more than {rows_max} rows"
            problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "interval", why)
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the answer would be too long", (problem,))

    def _duplicates(self, selection: dict[str, Any], spans: list[TimeSpan], by: Intervals, limit: Limit) -> Numbers:
        found: Numbers = {}
        for compared in compare(self._store, selection, join_spans(spans, COMPARED_ROWS_MAX), limit, by):
            for key, number in compared.counts.items():
                found[key] = found.get(key, 0) + number
        return found


def _row(wanted: CountsRequest, key: tuple[int, str], number: int, duplicates: int) -> Count:
    begin, kind = key
    return Count(
        start=UNSET if wanted.interval == "all" else begin,
        type=kind,
        events=number - duplicates if wanted.duplicates == "drop" else number,
        duplicates=duplicates,
    )


def _rows_most(interval: str, months: list[tuple[Any, ...]]) -> int:
    """How many rows the answer can have: each needs an event, and an interval has one for a type at the most."""
    shortest_ms = _SHORTEST_MS.get(interval)
    if shortest_ms is None:
        return 0
    return sum(
        min(rows, ((last_ms - first_ms) // shortest_ms + 2) * len(types))
        for first_ms, last_ms, rows, _, types in months
    )


def _zone(wanted: CountsRequest) -> ZoneInfo:
    """Whose clocks the events are counted by; raises RequestRefused when there is no such time zone."""
    timezone = windows.zone(wanted.timezone)
    if timezone is None:
        problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "timezone", "must be the name of a time zone")
        raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "there is no such time zone", (problem,))
    return timezone


def _limit(timeout_s: int) -> Limit:
    """What is left of the time, for one statement after the other; raises StoreTimeout when it is over."""
    end_s = time.monotonic() + timeout_s

    def left() -> dict[str, Any]:
        left_s = math.ceil(end_s - time.monotonic())
        if left_s <= 0:
            raise StoreTimeout("the time was over between two statements")
        return {"max_execution_time": left_s}

    return left


def _not_now(why: str) -> RequestRefused:
    return RequestRefused(
        Code.SERVICE_UNAVAILABLE, f"the events cannot be counted now: {why}", retry_after_s=RETRY_AFTER_S
    )
