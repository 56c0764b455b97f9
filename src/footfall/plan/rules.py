"""Rules as tests: what a value must be, compiled once, with the words for whoever sends another."""

import re
from collections.abc import Callable, Iterator

import re2
from msgspec import Struct

from footfall.plan.model import EventType, Key, Rule

# The usual spelling with hyphens, of any version and in either case: a key that joins tables elsewhere has this form.
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Choices beyond these are not written out in a message.
_CHOICES_SHOWN = 10


class Test(Struct, frozen=True):
    """`passes` gives something true for a good value; `why` says what the value must be."""

    passes: Callable[[str], object]
    why: str


def keys_for(kind: EventType, customer: str | None, rules: tuple[Rule, ...]) -> tuple[Key, ...]:
    """The context keys of a type as a customer must send them; `customer` None stands for one that no rule names."""
    return tuple(
        Key(key.name, _is_optional(key, [rule for rule in rules if rule.covers(customer, kind.product, key.name)]))
        for key in kind.keys
    )


def tests_for(product: str, key: Key, customer: str | None, rules: tuple[Rule, ...]) -> Iterator[Test]:
    """The tests of one value; at an optional key the empty string passes all of them."""
    for rule in rules:
        if rule.covers(customer, product, key.name):
            for test in _tests(rule):
                yield Test(_or_empty(test.passes), test.why) if key.optional else test


def _is_optional(key: Key, rules: list[Rule]) -> bool:
    """The last rule that says so decides, but what must not be empty cannot be left out."""
    if any(rule.non_empty for rule in rules):
        return False
    said = [rule.optional for rule in rules if rule.optional is not None]
    return said[-1] if said else key.optional


def _tests(rule: Rule) -> Iterator[Test]:
    if rule.non_empty:
        yield Test(bool, "must not be empty")
    if rule.uuid:
        yield Test(_UUID.fullmatch, "must be a UUID such as 3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b")
    if rule.one_of:
        shown = ", ".join(choice or "the empty string" for choice in rule.one_of[:_CHOICES_SHOWN])
        more = ", ..." if len(rule.one_of) > _CHOICES_SHOWN else ""
        yield Test(frozenset(rule.one_of).__contains__, f"must be one of {shown}{more}")
    if rule.regex is not None:
        yield Test(_regex(rule.regex), f"must match the regular expression {rule.regex}")


def _regex(pattern: str) -> Callable[[str], object]:
    """A test by RE2, whose time grows with the length of the value alone, whatever the pattern: strangers send values.

    A set of one pattern answers in 3 us where its expression takes 17, but may give up for want of memory: then, and
    for a value that does not match, the expression decides.
    """
    one = re2.Set.FullMatchSet()
    one.Add(pattern)
    one.Compile()
    expression = re2.compile(pattern)
    return lambda value: one.Match(value) or expression.fullmatch(value)


def _or_empty(passes: Callable[[str], object]) -> Callable[[str], object]:
    return lambda value: not value or passes(value)
