"""The statistics: the service that the API, the page and the commands call.

Each statistic is a module of its own, with the parameters that it reads and the answer that it makes. This one decides
who may see what, up to which watermark events count, and how long and how many at once may be asked.
"""

import asyncio
import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal
from urllib.parse import urlencode

from msgspec import UNSET, Struct, structs

from footfall import windows
from footfall.accounts import may_see, sees_all_customers, visible_products
from footfall.errors import Code, Problem, RequestRefused
from footfall.plan import LivePlan, Plan
from footfall.settings import Settings
from footfall.state import State, StateUnavailable, User
from footfall.store import (
    Store,
    StoreFailed,
    StoreLarge,
    StoreMemory,
    StoreRejected,
    StoreTimeout,
    StoreUnavailable,
    refuse_rejected,
)
from footfall.system.clock import Clock
from footfall.system.executor import BoundedExecutor
from footfall.usage.cache import AnswerCache, KeptAnswer
from footfall.usage.counts import count, earlier_period, parse_counts
from footfall.usage.duplicates import Limit, time_limit
from footfall.usage.event_list import list_events, list_types, parse_events, parse_types
from footfall.usage.funnel import count_funnel, parse_funnel
from footfall.usage.looks import SharedLooks
from footfall.usage.paths import find_paths, find_top, parse_paths, parse_top
from footfall.usage.query import Answer, Query, Watermark
from footfall.usage.request import ParameterReader
from footfall.usage.retention import count_retention, parse_retention
from footfall.usage.rollups import Rollups, Scope, ScopeState
from footfall.usage.selection import EVERY, EventSelection
from footfall.usage.summary import compare_periods, parse_comparison, parse_summary, summarise
from footfall.usage.uniques import count_uniques, parse_uniques, rolling_selection

# Seconds between two tries to end the statements of a question that was given up: one may just have begun.
KILL_PERIOD_S = 0.5
# The Retry-After of an answer without the store, in seconds.
RETRY_AFTER_S = 5

Given = Mapping[str, Sequence[str]]


class Statistic(Struct, frozen=True):
    """How the parameters of a call are read, and how the answer is computed from them."""

    parse: Callable[[ParameterReader], Any]
    compute: Callable[[Query, Any], Answer]


Statistics = Literal[
    "counts", "uniques", "retention", "funnel", "paths", "top", "compare", "summary", "events", "types"
]
STATISTICS: dict[str, Statistic] = {
    "counts": Statistic(parse_counts, count),
    "uniques": Statistic(parse_uniques, count_uniques),
    "retention": Statistic(parse_retention, count_retention),
    "funnel": Statistic(parse_funnel, count_funnel),
    "paths": Statistic(parse_paths, find_paths),
    "top": Statistic(parse_top, find_top),
    "compare": Statistic(parse_comparison, compare_periods),
    "summary": Statistic(parse_summary, summarise),
    "events": Statistic(parse_events, list_events),
    "types": Statistic(parse_types, list_types),
}


class Question(Struct, frozen=True):
    """A statistic by its name, its parameters as they were given and as they were read, and the plan of its keys.

    `given` has no parameter that the statistic does not know, and instead of a range by name the times for which that
    stands; `names` are those of all parameters that it knows.
    """

    name: str
    given: Given
    wanted: Any
    plan: Plan
    names: frozenset[str] = frozenset()

    @property
    def selection(self) -> EventSelection:
        """The events that it is about."""
        found: EventSelection = self.wanted.selection
        return found


class _Work:
    """A question: when it was asked, the mark of its statements, whether work began and ended, and was given up."""

    def __init__(self, asked_s: float) -> None:
        self.asked_s = asked_s
        self.mark = f"usage-{uuid.uuid4()}"
        self.has_begun = False
        self.given_up = threading.Event()
        self.ended = threading.Event()


class Usage:
    """Computes statistics of exactly the events that a report of the same selection has; `close` ends its threads."""

    def __init__(self, state: State, store: Store, settings: Settings, clock: Clock, plan: LivePlan) -> None:
        self._state = state
        self._store = store
        self._settings = settings
        self._clock = clock
        self._plan = plan
        waiting = settings.calls_waiting_max, settings.calls_waiting_each_max
        self._executor = BoundedExecutor("usage", settings.usage_at_once_max, *waiting)
        # One for each question at once. The event loop's own threads are few, and everything else waits for them.
        self._enders = ThreadPoolExecutor(settings.usage_at_once_max, "usage-end")
        self._cache = AnswerCache(settings.usage_cache_bytes_max)
        self._looks = SharedLooks()

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._executor.waiting

    def close(self) -> None:
        """End the threads; what waits is cancelled."""
        self._executor.close()
        self._enders.shutdown(wait=False, cancel_futures=True)

    def parse(self, name: str, given: Given) -> Question:
        """The question of a call under `/usage/`, whose query string has the parameters `given`.

        Raises RequestRefused, which names everything that is wrong with them.
        """
        plan = self._plan.plan
        reader = ParameterReader(given, self._settings, plan, self._clock.now_ms())
        wanted = STATISTICS[name].parse(reader)
        reader.refuse()
        known = {key: values for key, values in given.items() if key in reader.names_read}
        if reader.range is not None:
            # The same days whenever it is asked again.
            times = {"start": [str(reader.range[0])], "end": [str(reader.range[1])]}
            known = {**{key: values for key, values in known.items() if key != "range"}, **times}
        return Question(name, known, wanted, plan, frozenset(reader.names_read))

    async def ask(self, user: User, question: Question, queue: str = "", asked_s: float | None = None) -> Answer:
        """The answer to a question, which waits behind others of the same `queue`; that is the user's, if not told.

        The questions of a page have the time when the page was asked for, by the monotonic clock: they share looks.

        Raises RequestRefused when a customer is not the user's, the answer would be too long, or the store or the state
        does not answer.
        """
        selection = visible_selection(user, question.selection)
        wanted = structs.replace(question.wanted, selection=selection)
        work = _Work(time.monotonic() if asked_s is None else asked_s)
        try:
            return await self._executor.run(partial(self._answer, question, wanted, work), queue or user.account)
        except asyncio.CancelledError:
            work.given_up.set()
            # The thread comes to its end when its statement does. What has not begun never asks the store.
            if work.has_begun:
                self._enders.submit(self._end_statements, work)
            raise

    def _end_statements(self, work: _Work) -> None:
        """Have the store end the statements of a question that was given up, until its thread has noticed."""
        for _ in range(self._settings.usage_timeout_s * 2):
            with contextlib.suppress(StoreTimeout, StoreFailed, StoreUnavailable):
                self._store.kill(work.mark)
            if work.ended.wait(KILL_PERIOD_S):
                return

    def _answer(self, question: Question, wanted: Any, work: _Work) -> Answer:
        work.has_begun = True
        timed = time_limit(
            self._settings.usage_timeout_s,
            max_memory_usage=self._settings.usage_memory_bytes_max,
            max_result_bytes=self._settings.usage_answer_bytes_max,
            result_overflow_mode="throw",
            log_comment=work.mark,
        )
        try:
            watermark = self._watermark(wanted.selection)
            link = _link(question, watermark.as_of)
            limit = partial(_unless_given_up, timed, work)
            asked = Query(self._store, self._settings, question.plan, wanted.selection, watermark, limit, link)
            return self._cached(question, wanted, asked, work.asked_s)
        except StoreMemory as error:
            raise _too_much(f"take more than {self._settings.usage_memory_bytes_max} bytes of memory") from error
        except StoreLarge as error:
            raise _too_much(f"have more than {self._settings.usage_answer_bytes_max} bytes") from error
        except StoreTimeout as error:
            raise _not_now(f"it took longer than {self._settings.usage_timeout_s} s: narrow start and end") from error
        except StoreRejected as error:
            raise refuse_rejected("the events cannot be counted", error) from error
        except (StoreUnavailable, StoreFailed, StateUnavailable) as error:
            raise _not_now("what they are kept in is away") from error
        finally:
            work.ended.set()

    def _cached(self, question: Question, wanted: Any, asked: Query, asked_s: float) -> Answer:
        """The answer, from the cache where nothing has changed since it was given."""
        chosen, rollups = asked.selection, Rollups(self._store, asked.late_ms)
        timeless = structs.replace(wanted, selection=structs.replace(chosen, as_of=UNSET))
        # Some answers tell which intervals have begun and which are over: these begin and end with a minute.
        tells_time = question.name == "retention" or getattr(wanted, "fill", False) or getattr(wanted, "rolling", ())
        minutes = {time_ms // windows.MINUTE_MS for time_ms in (asked.as_of, asked.as_of + 1) if tells_time}
        key = question.name, timeless, question.plan.fingerprint, frozenset(minutes)
        kept, contents = self._cache.find(key), self._contents(rollups, asked, asked_s)
        is_as_then = kept is not None and kept.contents == contents != ""
        reach = _reach(wanted)
        state = kept.state if kept and is_as_then else self._scope_state(rollups, reach, asked, asked_s)
        if state.admitted_ms > asked.as_of:
            # Some events are not among these: the answer holds at this watermark alone.
            return STATISTICS[question.name].compute(asked.within(reach, state), wanted)
        if kept is None or kept.state != state:
            found = STATISTICS[question.name].compute(asked.within(reach, state), wanted)
            is_same = contents == self._contents(rollups, asked, time.monotonic())
            self._cache.keep(key, KeptAnswer(found, state, contents if is_same else ""))
            return found
        if not is_as_then:
            self._cache.keep(key, structs.replace(kept, contents=contents))
        return structs.replace(kept.answer, **asked.about(exact=kept.answer.exact))

    def _contents(self, rollups: Rollups, asked: Query, asked_s: float) -> str:
        return self._looks.find("contents", asked_s, asked.watermark, lambda: rollups.contents(asked.limit))

    def _scope_state(self, rollups: Rollups, scope: Scope, asked: Query, asked_s: float) -> ScopeState:
        return self._looks.find(scope, asked_s, asked.watermark, lambda: rollups.state(scope, asked.limit))

    def _watermark(self, selection: EventSelection) -> Watermark:
        """The watermark of an answer, by default of all loaded events; and whether all events up to it are loaded."""
        loaded_ms = min((node.loaded_through_ms for node in self._state.nodes.all()), default=0)
        as_of = selection.as_of
        if as_of is UNSET:
            # Where no node has recorded what it loaded, count what is there.
            as_of = loaded_ms or self._clock.now_ms()
        return Watermark(as_of, as_of <= loaded_ms)


def _reach(wanted: Any) -> Scope:
    """All events that an answer depends on, of any type.

    A comparison looks at the period before too, distinct actors of the last days at the days before the first.
    """
    chosen: EventSelection = wanted.selection
    scope = Scope.around(chosen)
    if chosen.basis != "event":
        return scope
    first_ms = chosen.first_ms
    if getattr(wanted, "compare", "none") != "none":
        first_ms = min(first_ms, earlier_period(chosen, wanted.compare, wanted.timezone).first_ms)
    for days in getattr(wanted, "rolling", ()):
        first_ms = min(first_ms, rolling_selection(chosen, days).first_ms)
    return structs.replace(scope, start_ms=first_ms)


def _link(question: Question, as_of: int) -> str:
    """The address of the same answer: the same parameters, in one order, and those that change with time or settings.

    These are the watermark, and past which delay an event is late.
    """
    given = question.given
    pinned = {"lateAfter": question.selection.late_after_s, "asOf": as_of}
    pairs = [(key, value) for key in sorted(given) if key not in pinned for value in given[key] if value]
    return f"usage/{question.name}?{urlencode([*pairs, *pinned.items()])}"


def visible_selection(user: User, selection: EventSelection) -> EventSelection:
    """The selection with the customers and products that the user may see for `*`.

    Raises RequestRefused for any other.
    """
    if EVERY in selection.customers:
        if not (sees_all_customers(user) or user.customers):
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "there is no customer that you may see")
        found = () if sees_all_customers(user) else tuple(sorted(user.customers))
        selection = structs.replace(selection, customers=found)
    else:
        for customer in selection.customers:
            if not may_see(user, customer):
                text = f"you may not see the customer {customer!r}"
                raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)
    return _with_visible_products(user, selection)


def _with_visible_products(user: User, selection: EventSelection) -> EventSelection:
    """The selection with the products that the user's key is for, where it names none. Raises RequestRefused."""
    visible = visible_products(user)
    if visible and not selection.products:
        return structs.replace(selection, products=tuple(sorted(visible)))
    if visible and (unseen := [product for product in selection.products if product not in visible]):
        text = f"you may not see the product {unseen[0]!r}"
        raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)
    return selection


def _unless_given_up(timed: Limit, work: _Work) -> dict[str, Any]:
    """The engine's settings for the next statement; raises StoreUnavailable when nobody waits for the answer."""
    if work.given_up.is_set():
        raise StoreUnavailable("nobody waits for the answer any more")
    return timed()


def _too_much(what: str) -> RequestRefused:
    """The refusal of an answer that takes or has too much."""
    why = "must be later, or end earlier, or the conditions narrower, or limit and top smaller"
    problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "start", why)
    return RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, f"the answer would {what}", (problem,))


def _not_now(why: str) -> RequestRefused:
    return RequestRefused(
        Code.SERVICE_UNAVAILABLE, f"the events cannot be counted now: {why}", retry_after_s=RETRY_AFTER_S
    )
