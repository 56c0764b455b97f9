"""Conditions that name an erased person: in the filters of reports and schedules, in views and in shared links.

They are what somebody asked for, and stay as they are, so that the receipt has to name them.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from footfall.state import Erasure, State
from footfall.tombstones import digest_of
from footfall.usage import parse_condition
from footfall.wording import count_of

# Mentions that a receipt names; more are counted.
_NAMED_MAX = 100


def name_mentions(state: State, salt: str, erasure: Erasure) -> list[str]:
    """What names the value, for the receipt, NAMED_MAX at the most. Raises StateUnavailable."""
    found = (
        f"the condition of {what}, which names the value"
        for what, text in state.erasures.conditions()
        if erasure.digest in {digest_of(salt, value) for value in _values(msgspec.json.decode(text))}
    )
    named = list(islice(found, _NAMED_MAX))
    more = sum(1 for _ in found)
    return [*named, f"{count_of(more, 'more condition')} that name the value"] if more else named


def _values(decoded: Any) -> Iterator[str]:
    """The texts of a decoded JSON value, and the values of those that are conditions."""
    match decoded:
        case str():
            yield decoded
            if condition := parse_condition(decoded):
                yield from condition.values
        case dict():
            for value in decoded.values():
                yield from _values(value)
        case list():
            for value in decoded:
                yield from _values(value)
