"""Events by the names of the tracking plan: values are given by their keys, and checked before they are sent."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class EventInvalid(ValueError):
    """The tracking plan has no such event."""


@dataclass(frozen=True)
class _Type:
    product: str
    name: str
    keys: tuple[str, ...]
    required: int  # so many keys, the first, have to be given


class EventFactory:
    """Makes events of a tracking plan, as `UsageClient.plan` gives it, for `Outbox.track` and `EventClient.send`.

    `customer` and `version` are those of events that name no other. Regular expressions of the plan are left to the
    service.
    """

    def __init__(self, plan: Mapping[str, Any], *, customer: str | None = None, version: str | None = None) -> None:
        self._customers = plan.get("customers")
        self._rules = plan.get("rules", ())
        self._customer = customer
        self._version = version
        self._types: dict[str, list[_Type]] = {}
        for product, described in plan["products"].items():
            for name, keys in described["types"].items():
                plain = tuple(key.removesuffix("?") for key in keys)
                required = sum(1 for key in keys if not key.endswith("?"))
                self._types.setdefault(name, []).append(_Type(product, name, plain, required))

    def make(
        self,
        type: str,  # noqa: A002 - the API's name
        values: Mapping[str, str | None] | None = None,
        *,
        product: str | None = None,
        customer: str | None = None,
        timestamp: float | datetime | None = None,
        version: str | None = None,
        **more: str | None,
    ) -> dict[str, Any]:
        """An event of a type. Values are named by the plan's keys, as keywords or in a mapping.

        Raises EventInvalid, which says what would be right.
        """
        found = self._find(type, product)
        customer = customer or self._customer
        if customer is None:
            message = "an event needs a customer"
            raise EventInvalid(message)
        if self._customers is not None and customer not in self._customers:
            raise EventInvalid(_unknown("customer", customer, self._customers))
        event: dict[str, Any] = {
            "customer": customer,
            "product": found.product,
            "type": type,
            "context": self._context(found, customer, {**(values or {}), **more}),
        }
        version = version or self._version
        return {
            **event,
            **({} if timestamp is None else {"timestamp": timestamp}),
            **({} if version is None else {"version": version}),
        }

    def _find(self, name: str, product: str | None) -> _Type:
        found = self._types.get(name)
        if not found:
            raise EventInvalid(_unknown("type", name, self._types))
        chosen = [each for each in found if product in (None, each.product)]
        if len(chosen) != 1:
            message = f"{name} is a type of {' and '.join(each.product for each in found)}: say which product"
            raise EventInvalid(message)
        return chosen[0]

    def _context(self, found: _Type, customer: str, values: Mapping[str, str | None]) -> list[str | None]:
        for name in values:
            if name not in found.keys:
                raise EventInvalid(_unknown(f"key of {found.name}", name, found.keys))
        missing = [key for key in found.keys[: found.required] if values.get(key) is None]
        if missing:
            message = f"{found.name} lacks {', '.join(missing)}"
            raise EventInvalid(message)
        for key, value in values.items():
            if value is not None:
                self._check(found, customer, key, value)
        context = [values.get(key) for key in found.keys]
        while len(context) > found.required and context[-1] is None:
            context.pop()
        return context

    def _check(self, found: _Type, customer: str, key: str, value: object) -> None:
        if not isinstance(value, str):
            message = f"{key} of {found.name} is a string, not {value!r}"
            raise EventInvalid(message)
        for rule in self._rules:
            scopes = (("customers", customer), ("products", found.product), ("keys", key))
            if all(not rule.get(scope) or one in rule[scope] for scope, one in scopes):
                _check_rule(rule, key, value)


def _check_rule(rule: Mapping[str, Any], key: str, value: str) -> None:
    """What a rule says of a value; an empty one is only held against `non_empty`."""
    if value == "":
        if rule.get("non_empty"):
            message = f"{key} must not be empty"
            raise EventInvalid(message)
        return
    if rule.get("one_of") and value not in rule["one_of"]:
        raise EventInvalid(_unknown(key, value, rule["one_of"]))
    if rule.get("uuid"):
        try:
            uuid.UUID(value)
        except ValueError as error:
            message = f"{key} must be a UUID, not {value!r}"
            raise EventInvalid(message) from error


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"there is no {what} {name!r} in the plan" + (f"; did you mean {near[0]}?" if near else "")
