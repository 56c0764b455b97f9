"""Slips in a request that reads well: unknown keys, seconds for milliseconds.

Customers and products that nobody knows.
"""

import asyncio
import string
from collections.abc import Iterable, Mapping
from functools import cache, partial
from itertools import chain
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from footfall.errors import Code, Problem, RequestRefused
from footfall.plan import Hints, LivePlan
from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query
from footfall.system.executor import BoundedExecutor

# Slips in a request that reads well: a key that no call knows, a time in seconds, a product that nobody has heard of.
#
# Published calls answer all the same, and say so in the header `Footfall-Warning`; calls of footfall's own refuse.


HEADER: Final = "Footfall-Warning"
# Proxies bound the size of headers, most at 8 KB for all of them.
HEADER_CHARS_MAX = 2_000
# Of a name that is told back: enough to find it again in the request.
NAME_CHARS_MAX = 60
# Seconds from 2001 to 2286; as milliseconds they would all lie in the first months of 1970.
_SECONDS = range(10**9, 10**10)
# Microseconds from 2001 to 2096; the largest safe integer, which programs send for "no end", lies behind them.
_MICROSECONDS = range(10**15, 4 * 10**15)
# A comma sets one warning apart from the next, and a percent sign stands before what was encoded.
_PLAIN: Final = " " + string.punctuation.replace(",", "").replace("%", "")


class Slip(Struct, frozen=True):
    """`where` names the place, `why` says for a refusal what is wrong with it, `text` says both for the header."""

    where: str
    why: str
    text: str

    def problem(self, code: Code = Code.REQUEST_PARAMETER_MALFORMED) -> Problem:
        """The slip where it refuses the request."""
        return Problem(code, self.where, self.why)


def unknown_keys(
    given: Iterable[str], known: tuple[str, ...], most: int, prefix: str = "", others: Mapping[str, str] | None = None
) -> list[Slip]:
    """The keys that are none of the known ones, `most` of them at the most.

    `prefix` names what they stand in. `others` are keys of other places, which a key may have been meant for.
    """
    found: list[Slip] = []
    for key in given:
        if key in known:
            continue
        if len(found) >= most:
            break
        near = (others or {}).get(key) or _hints(known).near(key)
        found.append(_unknown("key", f"{prefix}{_cut(key)}", near))
    return found


def unknown_code(kind: str, where: str, code: str, near: str | None) -> Slip:
    """A customer or product that neither the tracking plan nor the store knows, or a type that is not in the plan."""
    hint = f"; did you mean {near}?" if near else ""
    why = f"neither the tracking plan nor the store knows the {kind} {_cut(code)}{hint}"
    return Slip(where, why, f"unknown {kind} {_cut(code)}{hint}")


def unit(where: str, time_ms: int) -> Slip | None:
    """Whether a time that should be in milliseconds looks like seconds or microseconds."""
    name = "seconds" if time_ms in _SECONDS else "microseconds" if time_ms in _MICROSECONDS else ""
    if not name:
        return None
    why = f"looks like {name}: times are in milliseconds"
    return Slip(where, why, f"{where} {why}")


def warning_header(texts: Iterable[str]) -> str:
    """The value of the header: plain ASCII, a comma between two warnings; past the bounds, how many more there are."""
    shown: list[str] = []
    size = left = 0
    for text in texts:
        plain = quote(text, safe=_PLAIN, errors="replace")
        if left or size + len(plain) > HEADER_CHARS_MAX:
            left += 1
            continue
        size += len(plain) + 2
        shown.append(plain)
    return ", ".join([*shown, f"and {left} more"] if left else shown)


def warning_headers(texts: Iterable[str]) -> dict[str, str]:
    """The header where there is something to say."""
    value = warning_header(texts)
    return {HEADER: value} if value else {}


def _unknown(kind: str, where: str, near: str | None) -> Slip:
    hint = f"; did you mean {near}?" if near else ""
    return Slip(where, f"is no {kind} of this call{hint}", f"unknown {kind} {where}{hint}")


def _cut(name: str) -> str:
    return name if len(name) <= NAME_CHARS_MAX else f"{name[:NAME_CHARS_MAX]}..."


@cache
def _hints(known: tuple[str, ...]) -> Hints:
    return Hints(known)


# Which customers and products there are: those of the tracking plan, and those of which the store has events.


# Looks at once: each is two lookups by the key's first columns.
LOOKS_AT_ONCE_MAX = 2


class Codes:
    """Tells codes that nobody knows from those of the plan and of the store; `close` ends its threads.

    The store is asked only where the plan does not know a code. What was accepted a second ago may not be in it yet.
    """

    def __init__(self, plan: LivePlan, store: Store, settings: Settings) -> None:
        self._plan = plan
        self._store = store
        self._timeout_s = settings.codes_timeout_s
        self._problems_max = settings.problems_max
        self._executor = BoundedExecutor("codes", LOOKS_AT_ONCE_MAX, settings.calls_waiting_max)

    def close(self) -> None:
        self._executor.close()

    async def look(self, customer: str, product: str, types: tuple[str, ...] = (), *, account: str = "") -> list[Slip]:
        """The codes that neither the plan nor the store knows, and the types that the plan's product does not have.

        Waits for the store for `codes_timeout_s` at the most; what it does not say in time counts as known.
        """
        checker = self._plan.checker
        strange = [
            unknown_code("type", f"filter.types[{at}]", types[at], near)
            for at, near in checker.strange_types(product, types, self._problems_max)
        ]
        if not checker.strange_codes(customer, product):
            return strange
        try:
            async with asyncio.timeout(self._timeout_s):
                return [*await self._executor.run(partial(self.unknown, customer, product), account), *strange]
        except (TimeoutError, RequestRefused):
            return strange

    def unknown(self, customer: str, product: str | None, *, doubt: bool = False) -> list[Slip]:
        """Those of the codes that neither the plan nor the store knows; without a product, the customer alone. Blocks.

        Where the store cannot be asked, what the plan does not know counts as known, or with `doubt` as unknown.
        """
        strange = self._plan.checker.strange_codes(customer, product)
        if not strange:
            return []
        stored = self._stored(customer, product or "", doubt=doubt)
        return [unknown_code(kind, f"filter.{kind}", code, near) for kind, code, near in strange if not stored[kind]]

    def _stored(self, customer: str, product: str, *, doubt: bool) -> dict[str, bool]:
        """Whether the store has events of the customer, and of its product."""
        wanted = {"customer": customer, "product": product}
        try:
            found = self._store.rows(query("codes_known"), wanted, {"max_execution_time": self._timeout_s})
        except (StoreUnavailable, StoreTimeout, StoreFailed):
            return dict.fromkeys(wanted, not doubt)
        return dict(zip(wanted, map(bool, chain(*found)), strict=True))
