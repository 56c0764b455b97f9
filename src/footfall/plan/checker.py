"""Events against the plan: everything is looked up in tables that are made once, when the plan is loaded."""

import sys
from collections.abc import Sequence
from itertools import islice

from msgspec import Struct

from footfall.errors import Code, Problem
from footfall.plan.expressions import Work
from footfall.plan.model import Plan, Product
from footfall.plan.problems import Hints
from footfall.plan.rules import Table, tabulate
from footfall.settings import Settings
from footfall.wire import ReceivedEvent

_NOTHING = Table({})


class Refused(Struct, frozen=True):
    """An event that breaks the plan: its index in the request, and what is wrong with it."""

    index: int
    problems: tuple[Problem, ...]


class Checker:
    """Checks requests against one plan; made by `compile`, never changed, safe to share.

    `inline_bytes_max` is the length of a body that is worked on in the event loop itself, at the most.
    """

    def __init__(
        self, plan: Plan, settings: Settings, *, problems_max: int, event_problems_max: int = sys.maxsize
    ) -> None:
        self.plan = plan
        self.is_open = settings.plan_mode == "open"
        self._problems_max = problems_max
        self._event_problems_max = event_problems_max
        steps_max = settings.regex_steps_max
        self._customers = frozenset(plan.customers)
        self._shared = {product.name: tabulate(product, None, plan.rules, steps_max) for product in plan.products}
        self._own = {
            (customer, product.name): tabulate(product, customer, plan.rules, steps_max)
            for product in plan.products
            for customer in _named(plan, product)
        }
        steps = max((table.steps for table in (*self._shared.values(), *self._own.values())), default=0)
        self.inline_bytes_max = min(settings.body_inline_bytes_max, settings.regex_inline_steps_max // max(steps, 1))
        self._near_customers = Hints(plan.customers)
        self._near_products = Hints(self._shared)
        self._near_types = {name: Hints(table.shapes) for name, table in self._shared.items()}
        self._products_of: dict[str, list[str]] = {}
        for kind in plan.types:
            self._products_of.setdefault(kind.name, []).append(kind.product)

    def check(self, events: Sequence[ReceivedEvent], work: Work | None = None) -> list[Refused]:
        """The events that break the plan, by index; none when all are good.

        Nulls become the empty string in place where the plan allows them; an event that breaks it stays as it came.
        Once `problems_max` problems are found the rest is not looked at: the request is refused already. Of one event
        `event_problems_max` are kept. Raises what `work` raises when expressions take too long.
        """
        refused: list[Refused] = []
        room = self._problems_max
        # A request's events mostly are of one customer and product, so their table is looked up when one changes.
        customer = product = ""
        lengths: dict[str, int] = {}
        for index, event in enumerate(events):
            if event.product != product or event.customer != customer:
                customer, product = event.customer, event.product
                lengths = self._table(customer, product).lengths if self._admits(customer) else {}
            context = event.context
            if lengths.get(event.type) == len(context) and None not in context:
                continue
            if problems := self._problems(event, f"events[{index}]", work):
                refused.append(Refused(index, tuple(problems[: min(room, self._event_problems_max)])))
                room -= len(problems)
                if room <= 0:
                    break
        return refused

    def lengths(self, customer: str | None = None) -> dict[str, dict[str, int]]:
        """By product and type, the full length of each context that is good as it is at that length, without nulls.

        Of a customer whom rules name, or of all others. Types whose values are tested are not there.
        """
        return {product: self._table(customer or "", product).lengths for product in self._shared}

    @property
    def named(self) -> frozenset[str]:
        """The customers whom rules name."""
        return frozenset(customer for customer, _ in self._own)

    def is_good(self, event: ReceivedEvent, work: Work | None = None) -> bool:
        """Whether an event keeps to the plan; nulls in it may become the empty string. Raises as `check` does."""
        return not self._problems(event, "", work)

    def strange_codes(self, customer: str, product: str | None) -> list[tuple[str, str, str | None]]:
        """Of a customer and a product, what the plan does not list: kind, code, and what it may be meant for.

        For those who may see customers' names: what is near tells them.
        """
        found = []
        if self._customers and customer not in self._customers:
            found.append(("customer", customer, self._near_customers.near(customer)))
        if product is not None and product not in self._shared:
            found.append(("product", product, self._near_products.near(product)))
        return found

    def strange_types(self, product: str, types: Sequence[str], most: int) -> list[tuple[int, str | None]]:
        """Up to `most` places of types that the plan's product does not have, and what each may be meant for.

        None where the plan does not know the product, or takes types as they come.
        """
        table = self._shared.get(product)
        if table is None or self.is_open:
            return []
        near = self._near_types[product].near
        strange = ((at, kind) for at, kind in enumerate(types) if kind not in table.shapes)
        return [(at, near(kind)) for at, kind in islice(strange, most)]

    def _problems(self, event: ReceivedEvent, where: str, work: Work | None) -> list[Problem]:
        """What is wrong with one event, which the hot path could not wave through."""
        shape = self._table(event.customer, event.product).shapes.get(event.type)
        found: list[Problem] = []
        if not self.is_open and (shape is None or not self._admits(event.customer)):
            found = self._strangers(event, where)
        if shape is None:
            if not found:
                event.context[:] = ["" if value is None else value for value in event.context]
            return found
        for fault in shape.faults(list(event.context) if found else event.context, work):
            place = "context" if fault.position is None else f"context[{fault.position}]"
            found.append(_problem(f"{where}.{place}", fault.why))
        return found

    def _table(self, customer: str, product: str) -> Table:
        return self._own.get((customer, product)) or self._shared.get(product) or _NOTHING

    def _admits(self, customer: str) -> bool:
        return self.is_open or not self._customers or customer in self._customers

    def _strangers(self, event: ReceivedEvent, where: str) -> list[Problem]:
        """The codes of an event that the plan does not know."""
        found = []
        if not self._admits(event.customer):
            why = f"{event.customer or 'an empty name'} is not a customer of the tracking plan"
            # Without what it may be meant for: events come from anyone, who would learn the names of customers so.
            found.append(_problem(f"{where}.customer", why))
        if event.product not in self._shared:
            why = f"{event.product or 'an empty name'} is not a product of the tracking plan"
            found.append(_problem(f"{where}.product", why, self._near_products.near(event.product)))
        elif event.type not in self._shared[event.product].shapes:
            why = f"{event.type or 'an empty name'} is not in the tracking plan for product {event.product}"
            if elsewhere := self._products_of.get(event.type):
                why = f"{event.type} is a type of product {' and '.join(elsewhere)}, not of {event.product}"
            near = None if elsewhere else self._near_types[event.product].near(event.type)
            found.append(_problem(f"{where}.type", why, near))
        return found


def compile_plan(plan: Plan, settings: Settings, *, thorough: bool = False) -> Checker:
    """A checker for the plan in the mode of the settings; a thorough one names every bad event, however many."""
    # Quarantine parts the good events from the bad ones, and so must know every one of them.
    is_thorough = thorough or settings.plan_mode == "quarantine"
    if is_thorough:
        most = settings.event_problems_max
        return Checker(plan, settings, problems_max=sys.maxsize, event_problems_max=most)
    return Checker(plan, settings, problems_max=settings.problems_max)


def _named(plan: Plan, product: Product) -> list[str]:
    """The customers that a rule on this product names: only they need tables of their own."""
    rules = (rule for rule in plan.rules if not rule.products or product.name in rule.products)
    return list(dict.fromkeys(customer for rule in rules for customer in rule.customers))


def _problem(where: str, why: str, near: str | None = None) -> Problem:
    return Problem(Code.EVENT_NOT_IN_PLAN, where, f"{why}; did you mean {near}?" if near else why)
