"""Rules and types compiled into tests: what a value must be, and which context a type has for a customer."""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct, structs

from footfall.plan.expressions import Work, expression
from footfall.plan.model import EventType, Key, Product, Rule

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


class Fault(Struct, frozen=True):
    """What is wrong with a context; `position` counts from 0, None stands for the context as a whole."""

    position: int | None
    why: str


class Shape(Struct, frozen=True):
    """A type's context: at least `least` values, at most one for each key, and `tests` by position."""

    name: str
    keys: tuple[Key, ...]
    least: int
    tests: tuple[tuple[int, Test], ...]

    @property
    def steps(self) -> int:
        """What the tests of one value may take for each of its bytes, at the most."""
        found = [0] * len(self.keys)
        for position, test in self.tests:
            found[position] += test.steps
        return max(found, default=0)

    def faults(self, context: list[str | None], work: Work | None = None) -> list[Fault]:
        """What is wrong with a context; nulls at optional keys become the empty string in place, if that is nothing."""
        if not self.least <= len(context) <= len(self.keys):
            return [Fault(None, self._count(len(context)))]
        found = []
        values = context
        if None in context:
            found = [
                Fault(position, f"{self.keys[position].name} must be a string: only an optional key may be null")
                for position, value in enumerate(context)
                if value is None and not self.keys[position].optional
            ]
            values = [
                "" if value is None and self.keys[position].optional else value
                for position, value in enumerate(context)
            ]
        for position, test in self.tests:
            if position < len(values):
                value = values[position]
                if value is None:
                    continue
                if work is not None and test.steps:
                    work.spend(test.steps * len(value))
                if not test.passes(value):
                    found.append(Fault(position, f"{self.keys[position].name} {test.why}"))
        if values is not context and not found:
            context[:] = values
        return found

    def _count(self, given: int) -> str:
        most = len(self.keys)
        takes = f"{most}" if self.least == most else f"{self.least} to {most}"
        keys = f"{takes}: {', '.join(map(str, self.keys))}" if most else "none"
        return f"{given} value{'s' * (given != 1)} where {self.name} takes {keys}"


class Table:
    """The shapes of one product's types.

    `lengths` is for the hot path: the full length of each context on which there are no tests, so that a context of
    that length without nulls is good as it is. `steps` is what the tests of one value may take for each of its bytes.
    """

    def __init__(self, shapes: dict[str, Shape]) -> None:
        self.shapes = shapes
        self.lengths = {name: len(shape.keys) for name, shape in shapes.items() if not shape.tests}
        self.steps = max((shape.steps for shape in shapes.values()), default=0)


def tabulate(product: Product, customer: str | None, rules: tuple[Rule, ...], steps_max: int) -> Table:
    """The shapes of a product for a customer; None stands for every customer that no rule names."""
    return Table({kind.name: _shape(kind, customer, rules, steps_max) for kind in product.types})


def _shape(kind: EventType, customer: str | None, rules: tuple[Rule, ...], steps_max: int) -> Shape:
    keys = keys_for(kind, customer, rules)
    tests = (
        (position, test)
        for position, key in enumerate(keys)
        for test in tests_for(kind.product, key, customer, rules, steps_max)
    )
    least = max((position for position, key in enumerate(keys, start=1) if not key.optional), default=0)
    return Shape(kind.name, keys, least, tuple(tests))
