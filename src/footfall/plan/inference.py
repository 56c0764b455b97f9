"""A plan inferred from events: the types seen, a column for each place of their contexts, rules that all values keep.

Made in two steps, so that memory depends on the number of types and not of events: `Inference.add` counts, and
`Inference.result` decides. The result accepts every event that was added, but for those of names that no plan can have.
"""

from collections.abc import Sequence

from msgspec import Struct

from footfall.plan.model import Plan
from footfall.plan.node import name_fault
from footfall.plan.value_statistics import ValueKind, ValueStatistics
from footfall.settings import Settings
from footfall.settings.limits import CONTEXT_VALUES_MAX
from footfall.wire import ReceivedEvent


class TooManyTypes(Exception):
    """More types than the settings allow: their names probably hold values."""


class InferredColumn(Struct, frozen=True):
    """A column with the values of all its places. `may_be_empty`: some type requires it, and has empty values there."""

    name: str
    statistics: ValueStatistics
    required: bool
    may_be_empty: bool


class InferredType(Struct, frozen=True):
    """A type with its keys, `?` behind optional ones, and how many events it had."""

    name: str
    keys: tuple[str, ...]
    events: int


class InferredProduct(Struct, frozen=True):
    name: str
    columns: tuple[InferredColumn, ...]
    types: tuple[InferredType, ...]


class Inferred(Struct, frozen=True):
    """What was found. `customers` are with their events; None when there are too many to list, or one has no good name.

    `left_out` names, with their events, the types that no plan can have, each as product, type and the reason.
    `first` and `last` are timestamps in ms.
    """

    events: int
    first: int
    last: int
    customers: dict[str, int] | None
    products: tuple[InferredProduct, ...]
    left_out: tuple[tuple[str, str, str, int], ...]


class _Seen:
    """Events of one type: how many, the shortest context, and the values of each place."""

    def __init__(self) -> None:
        self.events = 0
        self.shortest = CONTEXT_VALUES_MAX + 1
        self.places: list[ValueStatistics] = []
        self.is_too_long = False

    def keys_optional(self) -> list[bool]:
        """Whether each key is optional: it was left out, or empty, and so were all that follow it."""
        found = [place.empty > 0 or at >= self.shortest for at, place in enumerate(self.places)]
        for at in range(len(found) - 2, -1, -1):
            found[at] = found[at] and found[at + 1]
        return found


class Inference:
    """Counts events. `known` is a plan whose keys name the columns of the types that it has."""

    def __init__(self, settings: Settings, known: Plan) -> None:
        self._types_max = settings.infer_types_max
        self._choices_max = settings.infer_choices_max
        self._known = {(kind.product, kind.name): [key.name for key in kind.keys] for kind in known.types}
        self._columns = {product.name: product.columns for product in known.products}
        self._customers: dict[str, int] | None = {}
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._events = 0
        self._first = self._last = 0

    def add(self, events: Sequence[ReceivedEvent]) -> None:
        """Count some events. Raises TooManyTypes."""
        for event in events:
            seen = self._seen.get((event.product, event.type)) or self._begin(event)
            seen.events += 1
            seen.shortest = min(seen.shortest, len(event.context))
            self._count_customer(event.customer)
            self._first = min(self._first or event.timestamp, event.timestamp)
            self._last = max(self._last, event.timestamp)
            if len(event.context) > CONTEXT_VALUES_MAX:
                seen.is_too_long = True
                continue
            while len(seen.places) < len(event.context):
                seen.places.append(ValueStatistics(self._choices_max))
            for place, value in zip(seen.places, event.context, strict=False):
                place.add(value or "")
        self._events += len(events)

    def result(self) -> Inferred:
        """The plan that accepts what was added."""
        customers = self._customers
        if customers is not None and any(map(name_fault, customers)):
            customers = None
        good: dict[str, dict[str, _Seen]] = {}
        left_out: list[tuple[str, str, str, int]] = []
        for (product, kind), seen in sorted(self._seen.items()):
            if fault := _fault(product, kind, seen):
                left_out.append((product, kind, fault, seen.events))
            else:
                good.setdefault(product, {})[kind] = seen
        products = tuple(self._product(name, types) for name, types in good.items())
        return Inferred(self._events, self._first, self._last, customers, products, tuple(left_out))

    def _begin(self, event: ReceivedEvent) -> _Seen:
        if len(self._seen) == self._types_max:
            raise TooManyTypes(
                f"more than {self._types_max} types of events (infer_types_max), such as {event.type}: "
                "choose products or a shorter time, or see whether the names of types hold values"
            )
        return self._seen.setdefault((event.product, event.type), _Seen())

    def _count_customer(self, customer: str) -> None:
        if self._customers is None:
            return
        if customer not in self._customers and len(self._customers) == self._types_max:
            self._customers = None
            return
        self._customers[customer] = self._customers.get(customer, 0) + 1

    def _product(self, product: str, types: dict[str, _Seen]) -> InferredProduct:
        names = self._names(product, types)
        columns: dict[str, InferredColumn] = {}
        listed = []
        for kind, seen in types.items():
            # Keys that the known plan has beyond what was seen stay, as optional ones.
            beyond = len(names[kind]) - len(seen.places)
            optional = [*seen.keys_optional(), *[True] * beyond]
            places = [*seen.places, *[ValueStatistics(self._choices_max)] * beyond]
            keys = tuple(f"{name}?" if may else name for name, may in zip(names[kind], optional, strict=True))
            listed.append(InferredType(kind, keys, seen.events))
            for name, place, may in zip(names[kind], places, optional, strict=True):
                columns[name] = self._widened(columns.get(name), name, place, may=may)
        order = [name for name in self._columns.get(product, ()) if name in columns]
        first: dict[str, int] = {}
        for context in names.values():
            for at, name in enumerate(context):
                first[name] = min(at, first.get(name, at))
        rest = sorted(columns.keys() - set(order), key=lambda name: (first[name], name))
        return InferredProduct(product, tuple(columns[name] for name in [*order, *rest]), tuple(listed))

    def _widened(
        self, column: InferredColumn | None, name: str, place: ValueStatistics, *, may: bool
    ) -> InferredColumn:
        statistics = column.statistics if column else ValueStatistics(self._choices_max)
        statistics.merge(place)
        required = not may and (column is None or column.required)
        empty = not may and place.empty > 0
        return InferredColumn(name, statistics, required, empty or (column is not None and column.may_be_empty))

    def _names(self, product: str, types: dict[str, _Seen]) -> dict[str, list[str]]:
        """The name of each key of each type: those that the known plan gives, else the kind of its values and place.

        Types share a column where both agree, as they do in most products at the first places.
        """
        found = {
            kind: self._known[product, kind]
            for kind, seen in types.items()
            if len(self._known.get((product, kind), ())) >= max(len(seen.places), 1)
        }
        taken = {name for names in found.values() for name in names}
        others = {kind: seen for kind, seen in types.items() if kind not in found}
        for kind in others:
            found[kind] = []
        longest = max((len(seen.places) for seen in others.values()), default=0)
        for at in range(longest):
            there = {kind: seen.places[at] for kind, seen in others.items() if at < len(seen.places)}
            for kind, value_kind in self._kinds(there).items():
                name = f"{value_kind}{at + 1}"
                found[kind].append(f"{name}-seen" if name in taken else name)
        return found

    def _kinds(self, places: dict[str, ValueStatistics]) -> dict[str, ValueKind]:
        """The kind of each type's values at one place; choices are text when together they are too many."""
        together = ValueStatistics(self._choices_max)
        for place in places.values():
            if place.kind is ValueKind.CHOICE:
                together.merge(place)
        is_text = together.kind is not ValueKind.CHOICE
        return {
            name: ValueKind.TEXT if is_text and place.kind is ValueKind.CHOICE else place.kind
            for name, place in places.items()
        }


def _fault(product: str, kind: str, seen: _Seen) -> str | None:
    if seen.is_too_long:
        return f"has a context of more than {CONTEXT_VALUES_MAX} values"
    fault = name_fault(product) or name_fault(kind)
    return fault and fault.partition(":")[0]
