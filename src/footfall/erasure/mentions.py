"""Conditions that name an erased person: in the filters of reports and schedules, in views and in shared links.

The value in them gives way to a text that is nobody's, so that whatever asked for the person asks for nobody from then
on. What is not surely about the person stays, and the receipt names it: the value under another key, or a condition
for more customers or products than the erasure.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from footfall.state import Erasure, KeptCondition, State
from footfall.tombstones import digest_of
from footfall.usage import EVERY, Condition, parse_condition
from footfall.wording import count_of

# Stands where a condition had the value of an erased person.
REDACTED: Final = "(erased)"
# Mentions that a receipt names; more are counted.
_NAMED_MAX: Final = 100


class Redaction(Struct):
    """What was redacted, by the id of the erasure; and the erasures that wait for a report which is being made."""

    done: dict[str, list[str]]
    waiting: set[str]


def redact_mentions(state: State, salt: str, erasures: Iterable[Erasure]) -> Redaction:
    """Take the values of erased persons out of all conditions. It may be repeated. Raises StateUnavailable."""
    persons: dict[str, list[Erasure]] = {}
    for one in erasures:
        persons.setdefault(one.digest, []).append(one)
    redaction = Redaction({}, set())
    # They are few, and changed only when all were read: a database with one writer waits for no reader.
    for kept in [kept for kept in state.erasures.conditions() if _mentioned(kept, salt, persons)]:
        decoded = msgspec.json.decode(kept.text)
        found: set[str] = set()
        mended = _redacted(decoded, _Scope.of(decoded), salt, persons, found)
        if not found:
            continue
        if kept.is_at_work:
            # Whoever makes the report has its filter in memory, and will write it down in the end.
            redaction.waiting |= found
        elif state.erasures.rewrite(kept, msgspec.json.encode(mended).decode()):
            for erasure in found:
                names = redaction.done.setdefault(erasure, [])
                if kept.name not in names:
                    names.append(kept.name)
    return redaction


def name_mentions(state: State, salt: str, erasure: Erasure) -> list[str]:
    """What still names the value, for the receipt, NAMED_MAX at the most. Raises StateUnavailable."""
    persons = {erasure.digest: [erasure]}
    names = dict.fromkeys(kept.name for kept in state.erasures.conditions() if _mentioned(kept, salt, persons))
    found = (f"the condition of {name}, which names the value" for name in names)
    named = list(islice(found, _NAMED_MAX))
    more = sum(1 for _ in found)
    return [*named, f"{count_of(more, 'more condition')} that name the value"] if more else named


class _Scope(Struct, frozen=True):
    """The customers and products that a filter or parameters are about; none are all."""

    customers: frozenset[str]
    products: frozenset[str]

    @classmethod
    def of(cls, decoded: Any) -> "_Scope":
        inner = decoded.get("filter", decoded) if isinstance(decoded, dict) else {}
        return cls(_names(inner, "customer", "customers"), _names(inner, "product", "products"))

    def is_within(self, erasure: Erasure) -> bool:
        """Whether the erasure is for all that the condition is about."""
        return _is_within(self.customers, erasure.rule.customers) and _is_within(self.products, erasure.rule.products)


def _names(inner: Any, *keys: str) -> frozenset[str]:
    found = [inner.get(key) or () for key in keys] if isinstance(inner, dict) else []
    names = frozenset(name for each in found for name in ([each] if isinstance(each, str) else each))
    return frozenset() if EVERY in names else names


def _is_within(asked: frozenset[str], erased: tuple[str, ...]) -> bool:
    return not erased or bool(asked and asked <= set(erased))


def _mentioned(kept: KeptCondition, salt: str, persons: dict[str, list[Erasure]]) -> bool:
    return any(digest_of(salt, value) in persons for value in _values(msgspec.json.decode(kept.text)))


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


def _redacted(decoded: Any, scope: _Scope, salt: str, persons: dict[str, list[Erasure]], found: set[str]) -> Any:
    """The decoded JSON without the persons; `found` gets the ids of their erasures."""
    match decoded:
        case str():
            condition = parse_condition(decoded)
            return decoded if condition is None else _without(decoded, condition, scope, salt, persons, found)
        case dict():
            return {name: _redacted(value, scope, salt, persons, found) for name, value in decoded.items()}
        case list():
            return [_redacted(value, scope, salt, persons, found) for value in decoded]
    return decoded


def _without(
    text: str, condition: Condition, scope: _Scope, salt: str, persons: dict[str, list[Erasure]], found: set[str]
) -> str:
    values = []
    for value in condition.values:
        meant = [
            one
            for one in persons.get(digest_of(salt, value), ())
            if scope.is_within(one) and _is_key(condition.key, one)
        ]
        found.update(one.id for one in meant)
        values.append(REDACTED if meant else value)
    return text if tuple(values) == condition.values else str(structs.replace(condition, values=tuple(values)))


def _is_key(key: str, erasure: Erasure) -> bool:
    """Whether a condition's key is that of the person; a step of a funnel has its type before it."""
    name = key.rpartition(":")[2]
    return name == erasure.rule.key or name in {f"context{place.position}" for place in erasure.rule.places}
