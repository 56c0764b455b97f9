"""An event that a plan accepts, for examples that work when they are copied."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec import Struct

from footfall.plan.model import EventType, Key, Plan
from footfall.plan.rules import checks_for, keys_for
from footfall.settings import Settings

# A plan without customers accepts this one like any other.
_ANY_CUSTOMER: Final = "ACME"
# Types that are tried: values for a regular expression are guessed, and most types need none.
_TYPES_TRIED_MAX: Final = 100
_GUESSES: Final = ("1", "a", "A", "3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b", "2026-10-01", "0.5", "true", "a1", "a-1")


class Sample(Struct, frozen=True):
    """The codes and context of an event."""

    customer: str
    product: str
    type: str
    context: tuple[str, ...]


def make_sample(plan: Plan, settings: Settings) -> Sample:
    """An event of the first type for which good values are found.

    Where the rules of all types are beyond guessing, the event is of the first type, with the names of its keys.
    """
    customer = plan.customers[0] if plan.customers else _ANY_CUSTOMER
    for kind in islice(plan.types, _TYPES_TRIED_MAX):
        context = _context(kind, customer, plan, settings)
        if context is not None:
            return Sample(customer, kind.product, kind.name, context)
    first = plan.types[0]
    return Sample(customer, first.product, first.name, tuple(key.name for key in first.keys))


def _context(kind: EventType, customer: str, plan: Plan, settings: Settings) -> tuple[str, ...] | None:
    """Good values for a type's keys, without optional ones at the end; None when some cannot be guessed."""
    keys = list(keys_for(kind, customer, plan.rules))
    while keys and keys[-1].optional:
        keys.pop()
    values = [_value(kind.product, key, customer, plan, settings) for key in keys]
    good = tuple(value for value in values if value is not None)
    return good if len(good) == len(values) else None


def _value(product: str, key: Key, customer: str, plan: Plan, settings: Settings) -> str | None:
    checks = list(checks_for(product, key, customer, plan.rules, settings.regex_steps_max))
    candidates = _candidates(product, key, customer, plan)
    return next((value for value in candidates if all(check.passes(value) for check in checks)), None)


def _candidates(product: str, key: Key, customer: str, plan: Plan) -> Iterator[str]:
    for rule in plan.rules:
        if rule.covers(customer, product, key.name):
            yield from filter(None, rule.one_of)
    yield f"{key.name}-1"
    yield from _GUESSES
