"""Which events a statistic or a report is about, and the SQL that selects them.

The text of a condition is put together from the closed set of pieces here; every value is a native parameter. So each
number, each file and each comparison of duplicates selects its events in the same way.

A value of a context key is found by the tracking plan: which place it has depends on the product and the type. An
event whose type has no such key, or whose context is shorter, has the empty value. Where the plan does not know a
product, its keys are `context1`, `context2` and so on, as in reports.
"""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Literal, get_args

from msgspec import UNSET, Struct, UnsetType

from footfall.plan import Plan, Product

BASES = ("event", "received")
Duplicates = Literal["keep", "drop"]
DUPLICATES: tuple[Duplicates, ...] = get_args(Duplicates)
OPERATIONS = ("is", "is not", "one of", "contains", "empty", "not empty")
Operation = Literal["is", "is not", "one of", "contains", "empty", "not empty"]
# Stands for all customers that a user may see, and for all products.
EVERY = "*"
TIME_MS_LEAST, TIME_MS_MOST = -(2**63), 2**63 - 1
# So many products have their own branch in the expression of a key's place. Each branch is worked out for each event;
# past some, looking for product and type together is cheaper.
BRANCHES_MAX = 8
# The column of events that has the first values of their contexts.
FIRST_VALUE = "context1"
# The keys of a product that the plan does not know.
_PLANLESS_KEY = re.compile(r"context([1-9][0-9]{0,2})")
# The colon after it stays, because it may be the one before the next.
_OPERATION = re.compile(r":([a-z]+(?:[ _-][a-z]+)?)(?=:|$)")
_TESTS: Mapping[Operation, str] = {
    "is": "{value} = {{{name}:String}}",
    "is not": "{value} != {{{name}:String}}",
    "one of": "{value} IN {{{name}:Array(String)}}",
    "contains": "position({value}, {{{name}:String}}) > 0",
    "empty": "{value} = ''",
    "not empty": "{value} != ''",
}


class Condition(Struct, frozen=True):
    """What the value of a context key must be. `values` has one, several for `one of`, and none for `empty`."""

    key: str
    operation: Operation
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        texts = (
            "|".join(_escape(value) for value in self.values) if self.operation == "one of" else "".join(self.values)
        )
        return f"{self.key}:{self.operation}:{texts}" if self.values else f"{self.key}:{self.operation}"


class EventSelection(Struct, frozen=True, kw_only=True):
    """Events of customers and products (none: of all), whose times in ms lie from `start` to `end`, both inclusive.

    `types` are exact, or begin with what stands before a `*` at their end; no types and no versions mean all. By
    `basis`, the times are those of the events or those of their receipt. `as_of` is the watermark; UNSET means the
    newest. An event is late that was received more than `late_after_s` after its time; UNSET means the setting.
    """

    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    start: int | UnsetType = UNSET
    end: int | UnsetType = UNSET
    basis: str = "event"
    duplicates: str = "keep"
    as_of: int | UnsetType = UNSET
    late_after_s: int | UnsetType = UNSET

    @property
    def first_ms(self) -> int:
        """The first time that is selected."""
        return TIME_MS_LEAST if self.start is UNSET else self.start

    @property
    def last_ms(self) -> int:
        """The last time that is selected."""
        return TIME_MS_MOST if self.end is UNSET else self.end


class EventFilter(Struct, frozen=True):
    """The SQL of a selection up to a watermark: a condition, and the native parameters of all statements with it.

    `scope` is the condition without the watermark. The parameters `start` and `end` bound the timestamps, and may be
    replaced by nearer ones.
    """

    scope: str
    parameters: dict[str, Any]

    @property
    def is_narrow(self) -> bool:
        """Whether the first of equal events may be outside of the selection, by its time of receipt or of admission."""
        return bool(self.parameters["basis"] != "event" or self.parameters["since"] >= 0)

    def fill(self, text: str) -> str:
        """The statement with the condition in the place of `{{selection}}`, or the scope in that of `{{scope}}`."""
        condition = f"{self.scope}\n    AND admitted <= {{watermark:Int64}}"
        return text.replace("{{selection}}", condition).replace("{{scope}}", self.scope)


def compile_selection(
    selection: EventSelection, watermark_ms: int, plan: Plan | None = None, since_ms: int = -1
) -> EventFilter:
    """The filter of a selection; only one with `where` needs the plan."""
    by_event = selection.basis == "event"
    parameters: dict[str, Any] = {
        "start": selection.first_ms if by_event else TIME_MS_LEAST,
        "end": selection.last_ms if by_event else TIME_MS_MOST,
        "basis": selection.basis,
        "received_start": selection.first_ms,
        "received_end": selection.last_ms,
        "since": since_ms,
        "watermark": watermark_ms,
    }
    pieces = [
        *_scope("customer", selection.customers, parameters),
        *_scope("product", selection.products, parameters),
        "timestamp BETWEEN {start:Int64} AND {end:Int64}",
    ]
    if selection.types:
        pieces.append(type_condition(selection.types, "types", parameters))
    if selection.versions:
        parameters["versions"] = list(selection.versions)
        pieces.append("version IN {versions:Array(String)}")
    for at, condition in enumerate(selection.where):
        pieces.append(condition_text(condition, plan, selection.products, f"where{at}", parameters))
    return EventFilter("\n    AND ".join(pieces), parameters)


def type_condition(types: tuple[str, ...], name: str, parameters: dict[str, Any]) -> str:
    """The condition that an event is of one of these types, of any that begins as one with a `*`; none mean any."""
    if not types:
        return "1"
    parameters[name] = [each for each in types if not each.endswith(EVERY)]
    tests = [f"type IN {{{name}:Array(String)}}"] if parameters[name] else []
    for at, each in enumerate(each for each in types if each.endswith(EVERY)):
        parameters[f"{name}_prefix{at}"] = each.removesuffix(EVERY)
        tests.append(f"startsWith(type, {{{name}_prefix{at}:String}})")
    return tests[0] if len(tests) == 1 else f"({' OR '.join(tests)})"


def condition_text(
    condition: Condition, plan: Plan | None, products: tuple[str, ...], name: str, parameters: dict[str, Any]
) -> str:
    """The SQL of a condition. `name` begins the names of the parameters that it adds."""
    if condition.operation == "one of":
        parameters[name] = list(condition.values)
    elif condition.values:
        parameters[name] = condition.values[0]
    value = key_value(condition.key, plan, products, f"{name}_key", parameters)
    return _TESTS[condition.operation].format(value=value, name=name)


def key_value(key: str, plan: Plan | None, products: Iterable[str], name: str, parameters: dict[str, Any]) -> str:
    """The expression of a context key's value. `name` begins the names of the parameters that it adds.

    `products` are those that can occur; none means all.
    """
    return value_by_product(dict.fromkeys(_planned(plan, products), key), key, plan, products, name, parameters)


def value_by_product(
    keys: Mapping[str, str],
    other_key: str,
    plan: Plan | None,
    products: Iterable[str],
    name: str,
    parameters: dict[str, Any],
    first: str = "",
) -> str:
    """The expression of the value of another key for each product; `other_key` for products without a plan.

    `first` is the column of the contexts' first values, where a statement has it.
    """
    known = {product.name: product for product in plan.products} if plan else {}
    places = {product: _places(known[product], key) for product, key in keys.items()}
    places = {product: found for product, found in places.items() if found}
    other = "0"
    scope = tuple(products)
    all_places = {place for found in places.values() for place in found.values()}
    if (found := _PLANLESS_KEY.fullmatch(other_key)) and (not scope or any(each not in known for each in scope)):
        parameters[f"{name}_planned"] = list(known)
        other = f"if(product IN {{{name}_planned:Array(String)}}, 0, {int(found[1]):d})"
        all_places.add(int(found[1]))
    value_at = partial(_value_at, first if all_places == {1} else "")
    if not places:
        return value_at(other) if other != "0" else "''"
    if len(places) > BRANCHES_MAX:
        return value_at(f"{_place_of_all(places, name, parameters)} + {other}")
    branches = _branches(places, name, parameters)
    if len(branches) == 1 and len(scope) == 1 and other == "0":
        return value_at(branches[0][1])
    choices = ", ".join(f"{condition}, {place}" for condition, place in branches)
    return value_at(f"multiIf({choices}, {other})")


def _value_at(first: str, place: str) -> str:
    """The expression of the value at a place of the context, which is 0 for none; `first` is its column if it is 1."""
    return f"if(({place}) = 1, {first}, '')" if first else f"context[{place}]"


def _places(product: Product, key: str) -> dict[str, int]:
    """The place of a key in the context of each type that has it, from 1."""
    return {
        kind.name: position
        for kind in product.types
        for position, each in enumerate(kind.keys, start=1)
        if each.name == key
    }


def _branches(places: Mapping[str, dict[str, int]], name: str, parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """For each product its condition, and the expression of the place."""
    branches = []
    for at, (product, found) in enumerate(places.items()):
        mine = f"{name}_{at}"
        parameters |= {f"{mine}_types": list(found), f"{mine}_places": list(found.values())}
        parameters[f"{mine}_product"] = product
        lists = f"{{{mine}_types:Array(String)}}, {{{mine}_places:Array(UInt8)}}, toUInt8(0)"
        branches.append((f"product = {{{mine}_product:String}}", f"transform(type, {lists})"))
    return branches


def _place_of_all(places: Mapping[str, dict[str, int]], name: str, parameters: dict[str, Any]) -> str:
    """The expression of the place by product and type together, which looks at each event once."""
    found = {
        f"{len(product.encode())}:{product}{kind}": place
        for product, types in places.items()
        for kind, place in types.items()
    }
    parameters |= {f"{name}_types": list(found), f"{name}_places": list(found.values())}
    both = "concat(toString(length(product)), ':', product, type)"
    return f"transform({both}, {{{name}_types:Array(String)}}, {{{name}_places:Array(UInt8)}}, toUInt8(0))"


def actor_value(plan: Plan | None, products: Iterable[str], name: str, parameters: dict[str, Any]) -> str:
    """The expression of who acted: the value of the product's actor key; empty where the plan names none."""
    actors = {product.name: product.actor for product in (plan.products if plan else ()) if product.actor}
    scope = tuple(products)
    keys = {product: key for product, key in actors.items() if not scope or product in scope}
    return value_by_product(keys, "", plan, scope, name, parameters, FIRST_VALUE)


def parse_condition(text: str) -> Condition | None:
    """The condition in `KEY:is:VALUE`; None where the text is none. Operations may be written with hyphens too."""
    for found in _OPERATION.finditer(text):
        operation = re.sub("[_-]", " ", found[1])
        if operation not in OPERATIONS or not found.start():
            continue
        key, rest, has_value = text[: found.start()], text[found.end() + 1 :], found.end() < len(text)
        if operation in ("empty", "not empty"):
            return Condition(key, operation) if not rest else None  # type: ignore[arg-type]
        if not has_value:
            return None
        values = tuple(_split(rest)) if operation == "one of" else (rest,)
        return Condition(key, operation, values)  # type: ignore[arg-type]
    return None


def planless_place(key: str) -> int | None:
    """The place, from 0, of a key of the products that the plan does not know; None where it is no such key."""
    found = _PLANLESS_KEY.fullmatch(key)
    return int(found[1]) - 1 if found else None


def _scope(column: str, names: tuple[str, ...], parameters: dict[str, Any]) -> list[str]:
    if not names:
        return []
    if len(names) == 1:
        parameters[column] = names[0]
        return [f"{column} = {{{column}:String}}"]
    parameters[f"{column}s"] = list(names)
    return [f"{column} IN {{{column}s:Array(String)}}"]


def _planned(plan: Plan | None, products: Iterable[str]) -> list[str]:
    scope = tuple(products)
    return [product.name for product in (plan.products if plan else ()) if not scope or product.name in scope]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _split(text: str) -> list[str]:
    """The values between bars; a backslash takes the next character as it is."""
    values = [""]
    characters = iter(text)
    for character in characters:
        if character == "|":
            values.append("")
        else:
            values[-1] += next(characters, "\\") if character == "\\" else character
    return values
