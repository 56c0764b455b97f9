"""The SQL that finds what the store has of erased persons. Every value is a native parameter."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from footfall.state import Erasure, ErasurePlace, ErasureRule

# Before any event.
_NEVER = "toInt64(-9223372036854775808)"


class RowCondition(Struct, frozen=True):
    """Which rows are to go, or gone: the condition in the place of `{{gone}}` of a statement, with its parameters."""

    text: str
    parameters: dict[str, Any]

    def fill(self, statement: str) -> str:
        """The statement with the condition."""
        return statement.replace("{{gone}}", self.text)


# The condition that takes no row.
NOTHING = RowCondition("false", {})


def event_condition(salt: str, rule: ErasureRule, erasures: Sequence[Erasure]) -> RowCondition:
    """The condition that an event is one of the persons of erasures, all of the same rule."""
    parameters = _parameters(salt, rule, erasures)
    tests = [_test(at, place, parameters, rule.planned) for at, place in enumerate(rule.places)]
    return RowCondition(_customers(rule) + f"({' OR '.join(tests) or '0'})", parameters)


def quarantine_condition(salt: str, rule: ErasureRule, erasures: Sequence[Erasure]) -> RowCondition:
    """The same for quarantine, where the value may stand anywhere in the context."""
    parameters = _parameters(salt, rule, erasures)
    found = f"arrayExists(value -> {_is_person(_hash('value'))}, arrayMap(each -> ifNull(each, ''), context))"
    if rule.products:
        parameters["person_products"] = list(rule.products)
        found = f"product IN {{person_products:Array(String)}} AND {found}"
    return RowCondition(_customers(rule) + found, parameters)


def _parameters(salt: str, rule: ErasureRule, erasures: Sequence[Erasure]) -> dict[str, Any]:
    # One who was erased twice has the later times: the function that looks them up takes the first of equal digests.
    cuts: dict[str, int] = {}
    orders: dict[str, int] = {}
    for one in erasures:
        cuts[one.digest] = max(cuts.get(one.digest, one.cut_ms), one.cut_ms)
        orders[one.digest] = max(orders.get(one.digest, one.ordered_ms), one.ordered_ms)
    parameters: dict[str, Any] = {
        "person_salt": salt,
        "person_digests": list(cuts),
        "person_cuts": list(cuts.values()),
        "person_orders": list(orders.values()),
    }
    if rule.customers:
        parameters["person_customers"] = list(rule.customers)
    return parameters


def _customers(rule: ErasureRule) -> str:
    return "customer IN {person_customers:Array(String)} AND " if rule.customers else ""


def _test(at: int, place: ErasurePlace, parameters: dict[str, Any], planned: Sequence[str]) -> str:
    found = _is_person(_hash(f"context[{int(place.position):d}]"))
    if not place.product:
        parameters["person_planned"] = list(planned)
        return f"(product NOT IN {{person_planned:Array(String)}} AND {found})"
    parameters[f"person_product{at}"] = place.product
    if not place.types:
        return f"(product = {{person_product{at}:String}} AND {found})"
    parameters[f"person_types{at}"] = list(place.types)
    return f"(product = {{person_product{at}:String}} AND type IN {{person_types{at}:Array(String)}} AND {found})"


def _hash(value: str) -> str:
    return f"hex(SHA256(concat({{person_salt:String}}, {value})))"


def _is_person(digest: str) -> str:
    """That a digest is one of an erasure whose cut the event's times are not after."""
    cut, ordered = (
        f"transform({digest}, {{person_digests:Array(String)}}, {{person_{name}:Array(Int64)}}, {_NEVER})"
        for name in ("cuts", "orders")
    )
    return f"(timestamp <= {cut} OR received <= {ordered})"
