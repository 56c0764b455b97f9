"""Rules as tests: what a value must be, compiled once, with the words for whoever sends another."""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct, structs

from footfall.plan.expressions import expression
from footfall.plan.model import EventType, Key, Rule

# The usual spelling with hyphens, of any version and in either case: a key that joins tables elsewhere has this form.
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Choices beyond these are not written out in a message.
_CHOICES_SHOWN = 10
# Bytes of a character in UTF-8.
_CHAR_BYTES_MAX = 4


class Test(Struct, frozen=True):
    """`passes` gives something true for a good value; `why` says what the value must be.

    `steps` is what it may take for each byte of the value; 0 where that is next to nothing.
    """

    passes: Callable[[str], object]
    why: str
    steps: int = 0


def keys_for(kind: EventType, customer: str | None, rules: tuple[Rule, ...]) -> tuple[Key, ...]:
    """The context keys of a type as a customer must send them; `customer` None stands for one that no rule names."""
    return tuple(
        Key(key.name, _is_optional(key, [rule for rule in rules if rule.covers(customer, kind.product, key.name)]))
        for key in kind.keys
    )


def tests_for(product: str, key: Key, customer: str | None, rules: tuple[Rule, ...], steps_max: int) -> Iterator[Test]:
    """The tests of one value; at an optional key the empty string passes all of them.

    A value for which an expression might take more than `steps_max` steps does not pass.
    """
    for rule in rules:
        if rule.covers(customer, product, key.name):
            for test in _tests(rule, steps_max):
                yield structs.replace(test, passes=_or_empty(test.passes)) if key.optional else test


def _is_optional(key: Key, rules: list[Rule]) -> bool:
    """The last rule that says so decides, but what must not be empty cannot be left out."""
    if any(rule.non_empty for rule in rules):
        return False
    said = [rule.optional for rule in rules if rule.optional is not None]
    return said[-1] if said else key.optional


def _tests(rule: Rule, steps_max: int) -> Iterator[Test]:
    if rule.non_empty:
        yield Test(bool, "must not be empty")
    if rule.uuid:
        yield Test(_UUID.fullmatch, "must be a UUID such as 3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b")
    if rule.one_of:
        shown = ", ".join(choice or "the empty string" for choice in rule.one_of[:_CHOICES_SHOWN])
        more = ", ..." if len(rule.one_of) > _CHOICES_SHOWN else ""
        yield Test(frozenset(rule.one_of).__contains__, f"must be one of {shown}{more}")
    if rule.regex is not None:
        yield from _regex(rule.regex, steps_max)


def _regex(pattern: str, steps_max: int) -> Iterator[Test]:
    """Two tests, of which the first tells what the second does not look at: strangers send values."""
    found = expression(pattern)
    bytes_max = steps_max // found.size

    def fits(value: str) -> bool:
        return len(value) * _CHAR_BYTES_MAX <= bytes_max or len(value.encode()) <= bytes_max

    def passes(value: str) -> object:
        return not fits(value) or found.matches(value)

    yield Test(fits, f"must have {bytes_max} bytes at the most to be held against the regular expression {pattern}")
    yield Test(passes, f"must match the regular expression {pattern}", found.size)


def _or_empty(passes: Callable[[str], object]) -> Callable[[str], object]:
    return lambda value: not value or passes(value)
