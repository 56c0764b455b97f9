"""Slips in a request that reads well: a key that no call knows, a time in seconds, a product that nobody has heard of.

Published calls answer all the same, and say so in the header `Footfall-Warning`; calls of footfall's own refuse.
"""

import string
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from footfall.errors import Code, Problem
from footfall.plan import Hints

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


def header(texts: Iterable[str]) -> str:
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


def headers(texts: Iterable[str]) -> dict[str, str]:
    """The header where there is something to say."""
    value = header(texts)
    return {HEADER: value} if value else {}


def _unknown(kind: str, where: str, near: str | None) -> Slip:
    hint = f"; did you mean {near}?" if near else ""
    return Slip(where, f"is no {kind} of this call{hint}", f"unknown {kind} {where}{hint}")


def _cut(name: str) -> str:
    return name if len(name) <= NAME_CHARS_MAX else f"{name[:NAME_CHARS_MAX]}..."


@cache
def _hints(known: tuple[str, ...]) -> Hints:
    return Hints(known)
