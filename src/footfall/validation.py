"""Likely mistakes in a valid request: unknown keys, seconds for milliseconds, unknown customers and products.

Published calls answer all the same and name the mistake in the header `Footfall-Warning`; footfall's own calls refuse.
"""

import asyncio
import re
import string
from collections.abc import Iterable, Mapping
from functools import cache, partial
from itertools import chain, islice
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from footfall.errors import Code, Problem, RequestRefused
from footfall.plan import Hints, LivePlan, Plan
from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query
from footfall.system.executor import BoundedExecutor

HEADER: Final = "Footfall-Warning"
# Proxies bound the size of headers, most at 8 KB for all of them.
HEADER_CHARS_MAX = 2_000
# Characters of a name that a message repeats: enough to find it in the request.
NAME_CHARS_MAX = 60
# Seconds from 2001 to 2286; as milliseconds they would all lie in the first months of 1970.
_SECONDS = range(10**9, 10**10)
# Microseconds from 2001 to 2096; the largest safe integer, which programs send for "no end", lies behind them.
_MICROSECONDS = range(10**15, 4 * 10**15)
# A date of this century or the last without its hyphens; as milliseconds they would all be one evening of 1970.
_COMPACT_DATE: Final = re.compile(r"((?:19|20)[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
# Not the comma, which separates warnings, and not the percent sign, which begins an escape.
_SAFE: Final = " " + string.punctuation.replace(",", "").replace("%", "")


class Mistake(Struct, frozen=True):
    """A likely mistake: `where` is its place, `why` the reason in a refusal, `text` both in words for the header."""

    where: str
    why: str
    text: str

    def problem(self, code: Code = Code.REQUEST_PARAMETER_MALFORMED) -> Problem:
        """The mistake as a problem that refuses the request."""
        return Problem(code, self.where, self.why)


class AskedCodes(Struct, frozen=True):
    """The codes of a request by their places in it, such as `filter.customer`; none mean all, or are not asked for."""

    customers: dict[str, str]
    products: dict[str, str] = {}
    types: tuple[str, ...] = ()


def unknown_keys(
    given: Iterable[str],
    known: tuple[str, ...],
    most: int,
    prefix: str = "",
    others: Mapping[str, str] | None = None,
    kind: str = "key",
) -> list[Mistake]:
    """The given keys that are not known, at most `most` of them.

    `prefix` is the path of the object that has them. `others` maps keys of other objects to the key that was probably
    meant.
    """
    found: list[Mistake] = []
    for key in given:
        if key in known:
            continue
        if len(found) >= most:
            break
        near = (others or {}).get(key) or _hints(known).near(key)
        found.append(_unknown(kind, f"{prefix}{_cut(key)}", near))
    return found


def unknown_code(kind: str, where: str, code: str, near: str | None) -> Mistake:
    """A customer or product that neither the tracking plan nor the store knows, or a type that the plan does not."""
    hint = f"; did you mean {near}?" if near else ""
    why = f"neither the tracking plan nor the store knows the {kind} {_cut(code)}{hint}"
    return Mistake(where, why, f"unknown {kind} {_cut(code)}{hint}")


def unit_mistake(where: str, time_ms: int) -> Mistake | None:
    """A mistake when a time that should be in milliseconds looks like seconds, microseconds or a date."""
    if time_ms in _SECONDS:
        why = "looks like seconds: times are in milliseconds"
    elif time_ms in _MICROSECONDS:
        why = "looks like microseconds: times are in milliseconds"
    elif found := _COMPACT_DATE.fullmatch(str(time_ms)):
        why = f"looks like a date, and is read as milliseconds: write {'-'.join(found.groups())}"
    else:
        return None
    return Mistake(where, why, f"{where} {why}")


def warning_header(texts: Iterable[str]) -> str:
    """The value of the header: ASCII, a comma between two warnings; past the bound, the number of further ones."""
    shown: list[str] = []
    size = left = 0
    for text in texts:
        plain = quote(text, safe=_SAFE, errors="replace")
        if left or size + len(plain) > HEADER_CHARS_MAX:
            left += 1
            continue
        size += len(plain) + 2
        shown.append(plain)
    return ", ".join([*shown, f"and {left} more"] if left else shown)


def warning_headers(texts: Iterable[str]) -> dict[str, str]:
    """The header by its name; empty without warnings."""
    value = warning_header(texts)
    return {HEADER: value} if value else {}


def _unknown(kind: str, where: str, near: str | None) -> Mistake:
    hint = f"; did you mean {near}?" if near else ""
    return Mistake(where, f"is no {kind} of this call{hint}", f"unknown {kind} {where}{hint}")


def _cut(name: str) -> str:
    return name if len(name) <= NAME_CHARS_MAX else f"{name[:NAME_CHARS_MAX]}..."


@cache
def _hints(known: tuple[str, ...]) -> Hints:
    return Hints(known)


# Lookups in the store at once: each runs two short reads by the first columns of the sorting key.
LOOKUPS_AT_ONCE_MAX = 2


class CodeLookup:
    """Finds customers, products and types that neither the plan nor the store has; `close` ends its threads.

    The store is asked only when the plan does not have a code. It may lack events of the last second.
    """

    def __init__(self, plan: LivePlan, store: Store, settings: Settings) -> None:
        self._plan = plan
        self._store = store
        self._timeout_s = settings.codes_timeout_s
        self._problems_max = settings.problems_max
        self._executor = BoundedExecutor("codes", LOOKUPS_AT_ONCE_MAX, settings.calls_waiting_max)

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._executor.waiting

    def close(self) -> None:
        self._executor.close()

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self._plan.plan

    async def find_unknown(self, asked: AskedCodes, *, account: str = "") -> list[Mistake]:
        """The codes that neither the plan nor the store has, and the types that no product of the plan has.

        Waits at most `codes_timeout_s` for the store; without an answer in time, codes count as known.
        """
        checker = self._plan.checker
        unknown = [
            unknown_code("type", f"filter.types[{at}]", asked.types[at], near)
            for at, near in checker.unknown_types(tuple(asked.products.values()), asked.types, self._problems_max)
        ]
        if not self._not_in_plan(asked):
            return unknown
        try:
            async with asyncio.timeout(self._timeout_s):
                return [*await self._executor.run(partial(self.find_unknown_blocking, asked), account), *unknown]
        except (TimeoutError, RequestRefused):
            return unknown

    def find_unknown_blocking(self, asked: AskedCodes, *, assume_unknown: bool = False) -> list[Mistake]:
        """The customers and products that neither the plan nor the store has. Blocks.

        When the store does not answer, codes that are not in the plan count as known, or with `assume_unknown` as not.
        """
        checker = self._plan.checker
        near = {"customer": checker.similar_customer, "product": checker.similar_product}
        return [
            unknown_code(kind, where, code, near[kind](code))
            for kind, where, code in self._not_in_plan(asked)
            if not self._is_stored(kind, code, asked, unless_told=not assume_unknown)
        ]

    def _not_in_plan(self, asked: AskedCodes) -> list[tuple[str, str, str]]:
        """Kind, place and code of those that the plan does not list, as many as are told."""
        checker = self._plan.checker
        customers = (("customer", *each) for each in asked.customers.items() if not checker.lists_customer(each[1]))
        products = (("product", *each) for each in asked.products.items() if not checker.lists_product(each[1]))
        return list(islice(chain(customers, products), self._problems_max))

    def _is_stored(self, kind: str, code: str, asked: AskedCodes, *, unless_told: bool) -> bool:
        """Whether the store has events of a customer, or of a product of the customers that are asked for."""
        scope, wanted = f"{kind} = {{code:String}}", {"code": code, "customers": list(asked.customers.values())}
        if kind == "product" and asked.customers:
            scope += " AND customer IN {customers:Array(String)}"
        text = query("code_known").replace("{{scope}}", scope)
        try:
            ((found,),) = self._store.rows(text, wanted, {"max_execution_time": self._timeout_s})
        except (StoreUnavailable, StoreTimeout, StoreFailed):
            return unless_told
        return bool(found)
