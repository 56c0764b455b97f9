"""Rules and types compiled into schemas: which context a type has for a customer, and the checks of its values."""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct, structs

from footfall.plan.expressions import RegexBudget, compile_expression
from footfall.plan.model import EventType, Key, Product, Rule
from footfall.wording import count_of

# The usual spelling with hyphens, of any version and in either case: a key that joins tables elsewhere has this form.
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Choices beyond these are not written out in a message.
_CHOICES_SHOWN = 10
# Bytes of a character in UTF-8.
_CHAR_BYTES_MAX = 4


class ValueCheck(Struct, frozen=True):
    """`passes` gives something true for a good value; `why` says what the value must be.

    `steps` is the most that a regular expression takes for each byte of the value; 0 for a check without one.
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


def checks_for(
    product: str, key: Key, customer: str | None, rules: tuple[Rule, ...], steps_max: int
) -> Iterator[ValueCheck]:
    """The checks of one value; at an optional key the empty string passes all of them.

    A value for which an expression might take more than `steps_max` steps does not pass.
    """
    for rule in rules:
        if rule.covers(customer, product, key.name):
            for check in _checks(rule, steps_max):
                yield structs.replace(check, passes=_or_empty(check.passes)) if key.optional else check


def _is_optional(key: Key, rules: list[Rule]) -> bool:
    """The last rule with `optional` decides, but a value that must not be empty cannot be left out."""
    if any(rule.non_empty for rule in rules):
        return False
    said = [rule.optional for rule in rules if rule.optional is not None]
    return said[-1] if said else key.optional


def _checks(rule: Rule, steps_max: int) -> Iterator[ValueCheck]:
    if rule.non_empty:
        yield ValueCheck(bool, "must not be empty")
    if rule.uuid:
        yield ValueCheck(UUID.fullmatch, "must be a UUID such as 3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b")
    if rule.one_of:
        shown = ", ".join(choice or "the empty string" for choice in rule.one_of[:_CHOICES_SHOWN])
        more = ", ..." if len(rule.one_of) > _CHOICES_SHOWN else ""
        yield ValueCheck(frozenset(rule.one_of).__contains__, f"must be one of {shown}{more}")
    if rule.regex is not None:
        yield from _regex(rule.regex, steps_max)


def _regex(pattern: str, steps_max: int) -> Iterator[ValueCheck]:
    """Two checks: the first refuses a value that is too long to be matched, and the second matches the others."""
    found = compile_expression(pattern)
    bytes_max = steps_max // found.size

    def fits(value: str) -> bool:
        return len(value) * _CHAR_BYTES_MAX <= bytes_max or len(value.encode()) <= bytes_max

    def passes(value: str) -> object:
        return not fits(value) or found.matches(value)

    yield ValueCheck(
        fits, f"must have {bytes_max} bytes at the most to be held against the regular expression {pattern}"
    )
    yield ValueCheck(passes, f"must match the regular expression {pattern}", found.size)


def _or_empty(passes: Callable[[str], object]) -> Callable[[str], object]:
    return lambda value: not value or passes(value)


class ContextProblem(Struct, frozen=True):
    """One thing that is wrong with a context; `position` counts from 0, None stands for the context as a whole."""

    position: int | None
    why: str


class ContextSchema(Struct, frozen=True):
    """A type's context: at least `values_min` values, at most one for each key, and the checks by their positions."""

    name: str
    keys: tuple[Key, ...]
    values_min: int
    checks: tuple[tuple[int, ValueCheck], ...]

    @property
    def steps(self) -> int:
        """The most steps that the checks of one value take for each of its bytes."""
        found = [0] * len(self.keys)
        for position, check in self.checks:
            found[position] += check.steps
        return max(found, default=0)

    def problems(self, context: list[str | None], budget: RegexBudget | None = None) -> list[ContextProblem]:
        """What is wrong with a context. Of a good one, nulls at optional keys become the empty string in place."""
        if not self.values_min <= len(context) <= len(self.keys):
            return [ContextProblem(None, self._count(len(context)))]
        found = []
        values = context
        if None in context:
            found = [
                ContextProblem(
                    position, f"{self.keys[position].name} must be a string: only an optional key may be null"
                )
                for position, value in enumerate(context)
                if value is None and not self.keys[position].optional
            ]
            values = [
                "" if value is None and self.keys[position].optional else value
                for position, value in enumerate(context)
            ]
        for position, check in self.checks:
            if position < len(values):
                value = values[position]
                if value is None:
                    continue
                if budget is not None and check.steps:
                    budget.spend(check.steps * len(value))
                if not check.passes(value):
                    found.append(ContextProblem(position, f"{self.keys[position].name} {check.why}"))
        if values is not context and not found:
            context[:] = values
        return found

    def _count(self, given: int) -> str:
        most = len(self.keys)
        takes = f"{most}" if self.values_min == most else f"{self.values_min} to {most}"
        keys = f"{takes}: {', '.join(map(str, self.keys))}" if most else "none"
        return f"{count_of(given, 'value')} where {self.name} takes {keys}"


class ProductSchemas:
    """The schemas of one product's types.

    `lengths` is for the hot path: the full length of each context whose values have no checks, so that a context of
    that length without nulls is good. `steps` is the most that the checks of one value take for each of its bytes.
    """

    def __init__(self, schemas: dict[str, ContextSchema]) -> None:
        self.schemas = schemas
        self.lengths = {name: len(schema.keys) for name, schema in schemas.items() if not schema.checks}
        self.steps = max((schema.steps for schema in schemas.values()), default=0)


def compile_product(product: Product, customer: str | None, rules: tuple[Rule, ...], steps_max: int) -> ProductSchemas:
    """The schemas of a product for a customer; None stands for every customer that no rule names."""
    return ProductSchemas({kind.name: _context_schema(kind, customer, rules, steps_max) for kind in product.types})


def _context_schema(kind: EventType, customer: str | None, rules: tuple[Rule, ...], steps_max: int) -> ContextSchema:
    keys = keys_for(kind, customer, rules)
    checks = (
        (position, check)
        for position, key in enumerate(keys)
        for check in checks_for(kind.product, key, customer, rules, steps_max)
    )
    values_min = max((position for position, key in enumerate(keys, start=1) if not key.optional), default=0)
    return ContextSchema(kind.name, keys, values_min, tuple(checks))
