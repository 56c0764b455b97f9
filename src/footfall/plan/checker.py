"""Checks events against the plan. The schemas are compiled once, when the plan is loaded."""

import sys
from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice

from msgspec import Struct

from footfall.errors import Code, Problem
from footfall.plan.expressions import RegexBudget
from footfall.plan.model import Plan, Product
from footfall.plan.problems import Hints
from footfall.plan.rules import ProductSchemas, compile_product
from footfall.settings import Settings
from footfall.wire import ReceivedEvent

_NO_SCHEMAS = ProductSchemas({})


class RefusedEvent(Struct, frozen=True):
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
        self._shared = {
            product.name: compile_product(product, None, plan.rules, steps_max) for product in plan.products
        }
        self._own = {
            (customer, product.name): compile_product(product, customer, plan.rules, steps_max)
            for product in plan.products
            for customer in _named(plan, product)
        }
        steps = max((schemas.steps for schemas in (*self._shared.values(), *self._own.values())), default=0)
        self.inline_bytes_max = min(settings.body_inline_bytes_max, settings.regex_inline_steps_max // max(steps, 1))
        self._customer_hints = Hints(plan.customers)
        self._product_hints = Hints(self._shared)
        self._type_hints = {name: Hints(known.schemas) for name, known in self._shared.items()}
        self._products_of: dict[str, list[str]] = {}
        for kind in plan.types:
            self._products_of.setdefault(kind.name, []).append(kind.product)

    def check(self, events: Sequence[ReceivedEvent], budget: RegexBudget | None = None) -> list[RefusedEvent]:
        """The events that break the plan, by index; none when all are good.

        Nulls become the empty string in place where the plan allows them; an event that breaks it stays as it came.
        The check ends once `problems_max` problems are found: the request is refused already. Of one event
        `event_problems_max` are kept. Raises what `budget` raises when it is spent.
        """
        refused: list[RefusedEvent] = []
        room = self._problems_max
        # Most requests have one customer and product, so their lengths are looked up when one of these changes.
        customer = product = ""
        lengths: dict[str, int] = {}
        for index, event in enumerate(events):
            if event.product != product or event.customer != customer:
                customer, product = event.customer, event.product
                lengths = self._schemas(customer, product).lengths if self._admits(customer) else {}
            context = event.context
            if lengths.get(event.type) == len(context) and None not in context:
                continue
            if problems := self._problems(event, f"events[{index}]", budget):
                refused.append(RefusedEvent(index, tuple(problems[: min(room, self._event_problems_max)])))
                room -= len(problems)
                if room <= 0:
                    break
        return refused

    def lengths(self, customer: str | None = None) -> dict[str, dict[str, int]]:
        """By product and type, the full length of each context that is good at that length if it has no nulls.

        For a customer whom rules name, or for all others. Types whose values are checked are left out.
        """
        return {product: self._schemas(customer or "", product).lengths for product in self._shared}

    @property
    def named(self) -> frozenset[str]:
        """The customers whom rules name."""
        return frozenset(customer for customer, _ in self._own)

    def knows(self, customer: str, product: str) -> bool:
        """Whether the plan names this customer and this product."""
        return customer in self._customers and product in self._shared

    def is_good(self, event: ReceivedEvent, budget: RegexBudget | None = None) -> bool:
        """Whether an event keeps to the plan; nulls in it may become the empty string. Raises as `check` does."""
        return not self._problems(event, "", budget)

    def lists_customer(self, code: str) -> bool:
        """Whether the plan lists a customer, or takes all."""
        return not self._customers or code in self._customers

    def lists_product(self, code: str) -> bool:
        """Whether the plan lists a product."""
        return code in self._shared

    def similar_customer(self, code: str) -> str | None:
        """A customer of the plan that is similar; only for callers who may see customers' names."""
        return self._customer_hints.near(code)

    def similar_product(self, code: str) -> str | None:
        """A product of the plan that is similar."""
        return self._product_hints.near(code)

    def unknown_types(self, products: Sequence[str], types: Sequence[str], most: int) -> list[tuple[int, str | None]]:
        """Up to `most` indexes of types that no product in the plan has, each with a known type that is similar.

        No products mean all. A `*` behind a type stands for all that begin so. None where the plan does not know a
        product, or takes types as they come.
        """
        names = products or tuple(self._shared)
        known = [self._shared[name].schemas for name in names if name in self._shared]
        if not types or self.is_open or len(known) != len(names):
            return []
        found = sorted({name for schemas in known for name in schemas})
        unknown = ((at, kind) for at, kind in enumerate(types) if not _is_known(kind, found))
        return [(at, self._near_type(names, kind)) for at, kind in islice(unknown, most)]

    def _near_type(self, products: Sequence[str], kind: str) -> str | None:
        if len(products) == 1:
            return self._type_hints[products[0]].near(kind)
        return None

    def _problems(self, event: ReceivedEvent, where: str, budget: RegexBudget | None) -> list[Problem]:
        """What is wrong with one event that the comparison of lengths did not accept."""
        schema = self._schemas(event.customer, event.product).schemas.get(event.type)
        found: list[Problem] = []
        if not self.is_open and (schema is None or not self._admits(event.customer)):
            found = self._unknown_names(event, where)
        if schema is None:
            if not found:
                event.context[:] = ["" if value is None else value for value in event.context]
            return found
        for problem in schema.problems(list(event.context) if found else event.context, budget):
            place = "context" if problem.position is None else f"context[{problem.position}]"
            found.append(_problem(f"{where}.{place}", problem.why))
        return found

    def _schemas(self, customer: str, product: str) -> ProductSchemas:
        return self._own.get((customer, product)) or self._shared.get(product) or _NO_SCHEMAS

    def _admits(self, customer: str) -> bool:
        return self.is_open or not self._customers or customer in self._customers

    def _unknown_names(self, event: ReceivedEvent, where: str) -> list[Problem]:
        """The codes of an event that the plan does not know."""
        found = []
        if not self._admits(event.customer):
            why = f"{event.customer or 'an empty name'} is not a customer of the tracking plan"
            # Without a similar name: events come from anybody, who would learn the names of customers.
            found.append(_problem(f"{where}.customer", why))
        if event.product not in self._shared:
            why = f"{event.product or 'an empty name'} is not a product of the tracking plan"
            found.append(_problem(f"{where}.product", why, self._product_hints.near(event.product)))
        elif event.type not in self._shared[event.product].schemas:
            why = f"{event.type or 'an empty name'} is not in the tracking plan for product {event.product}"
            if elsewhere := self._products_of.get(event.type):
                why = f"{event.type} is a type of product {' and '.join(elsewhere)}, not of {event.product}"
            near = None if elsewhere else self._type_hints[event.product].near(event.type)
            found.append(_problem(f"{where}.type", why, near))
        return found


def compile_plan(plan: Plan, settings: Settings, *, thorough: bool = False) -> Checker:
    """A checker for the plan in the mode of the settings; a thorough one names every bad event, however many."""
    # Quarantine must find every bad event, to keep it apart from the good ones.
    is_thorough = thorough or settings.plan_mode == "quarantine"
    if is_thorough:
        most = settings.event_problems_max
        return Checker(plan, settings, problems_max=sys.maxsize, event_problems_max=most)
    return Checker(plan, settings, problems_max=settings.problems_max)


def _named(plan: Plan, product: Product) -> list[str]:
    """The customers that a rule on this product names: only they need schemas of their own."""
    rules = (rule for rule in plan.rules if not rule.products or product.name in rule.products)
    return list(dict.fromkeys(customer for rule in rules for customer in rule.customers))


def _problem(where: str, why: str, near: str | None = None) -> Problem:
    return Problem(Code.EVENT_NOT_IN_PLAN, where, f"{why}; did you mean {near}?" if near else why)


def _is_known(kind: str, names: Sequence[str]) -> bool:
    """Whether a type, or one that begins so, is among sorted names."""
    beginning = kind.removesuffix("*")
    at = bisect_left(names, beginning)
    if at == len(names):
        return False
    return names[at].startswith(beginning) if kind.endswith("*") else names[at] == kind
