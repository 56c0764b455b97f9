"""The shape of a type's context for a customer: how many values, which may be empty, what each must be."""

from msgspec import Struct

from footfall.plan.model import EventType, Key, Product, Rule
from footfall.plan.rules import Test, keys_for, tests_for
from footfall.plan.work import Work


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
