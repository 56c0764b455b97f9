"""By what events are grouped in a statement: intervals of time, and up to two dimensions.

A dimension is one of the event's own columns, or a context key. Its value is the same for all equal events, so that
events and duplicates are grouped alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from footfall.plan import Plan
from footfall.usage.intervals import ALL, Intervals
from footfall.usage.selection import key_value

# The columns of an event that are dimensions; a context key of such a name is written with CONTEXT in front.
COLUMNS: Final[Mapping[str, str]] = {
    "type": "toString(type)",
    "product": "toString(product)",
    "customer": "toString(customer)",
    "version": "version",
}
CONTEXT: Final = "context."


class Dimension(Struct, frozen=True):
    """A column of the event, or a context key."""

    name: str
    is_key: bool = False


class Grouping(Struct, frozen=True):
    """The SQL of a grouping: the expression of each dimension, and the native parameters of all."""

    intervals: Intervals
    expressions: tuple[str, ...]
    values: dict[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        """The native parameters of a statement with the grouping."""
        return {**self.intervals.parameters(), **self.values}

    @property
    def texts(self) -> dict[str, str]:
        """What stands in the places of `{{begin}}`, `{{dimensions}}` and `{{groups}}` of a statement."""
        columns = (f"{expression} AS dimension{at},\n    " for at, expression in enumerate(self.expressions))
        groups = (f", dimension{at}" for at in range(len(self.expressions)))
        return {"begin": self.intervals.expression, "dimensions": "".join(columns), "groups": "".join(groups)}


def group_by(
    dimensions: Iterable[Dimension],
    intervals: Intervals = ALL,
    plan: Plan | None = None,
    products: tuple[str, ...] = (),
) -> Grouping:
    """The grouping by some dimensions; `products` are those that are selected, none means all."""
    values: dict[str, Any] = {}
    expressions = tuple(
        dimension_value(dimension, plan, products, f"by{at}", values) for at, dimension in enumerate(dimensions)
    )
    return Grouping(intervals, expressions, values)


def limit_to_top(grouping: Grouping, tops: Sequence[list[str]]) -> Grouping:
    """The grouping with a `=` in front of the top values of each dimension; all others are the empty text."""
    expressions = tuple(
        f"if({expression} IN {{top{at}:Array(String)}}, concat('=', {expression}), '')"
        for at, expression in enumerate(grouping.expressions)
    )
    values = {f"top{at}": list(top) for at, top in enumerate(tops)}
    return Grouping(grouping.intervals, expressions, {**grouping.values, **values})


def fill(text: str, pieces: Mapping[str, str]) -> str:
    """A statement with a piece in each place `{{name}}` of its text."""
    for name, piece in pieces.items():
        text = text.replace("{{" + name + "}}", piece)
    return text


def dimension_value(
    dimension: Dimension, plan: Plan | None, products: tuple[str, ...], name: str, parameters: dict[str, Any]
) -> str:
    """The expression of a dimension's value. `name` begins the names of the parameters that it adds."""
    if dimension.is_key:
        return key_value(dimension.name, plan, products, name, parameters)
    return COLUMNS[dimension.name]


BY_TYPE: Final = group_by([Dimension("type")])
