"""The manual's examples in the words of the tracking plan in force.

The manual is written for the packaged plan. For another plan, an event that it accepts takes the place of the manual's
event, so that examples work as they are copied. Only the customer is left to the reader where the plan lists customers:
the description is for everyone, and whom a service has as customers is not.
"""

import re
from typing import Any, Final

from msgspec import Struct, structs

from footfall.plan import Plan, make_sample
from footfall.settings import Settings
from footfall.web.openapi.texts import Documentation
from footfall.wording import count_of

# What the reader replaces with a customer's code.
CUSTOMER: Final = "CUSTOMER"
_TYPE: Final = "PORTFOLIO-APPLICATION-LOADED"
_ROW: Final = f"{_TYPE}|1234567|||||||||"
_REASONS: Final = (
    "context: 1 value where PORTFOLIO-ACCESSED takes 2: userId, portfolioId",
    "context: 2 values where PORTFOLIO-APPLICATION-LOADED takes 1: userId",
)


class Examples(Struct, frozen=True):
    """Replaces the codes of the manual's examples with those of a plan.

    `context` is that of the event, `surplus` has a value more than its type takes, and `plan` stands for a whole plan.
    """

    context: tuple[str, ...] = ()
    codes: dict[str, str] = {}
    surplus: tuple[str, ...] = ()
    plan: dict[str, Any] = {}

    def adapt(self, example: Any) -> Any:
        """An example of the manual with the plan's codes."""
        if not self.codes:
            return example
        match example:
            case {"fingerprint": _, "products": _}:
                return self.plan
            case {"context": list(), "reason": _}:
                return {**self._members(example), "context": list(self.surplus)}
            case dict():
                return self._members(example)
            case list():
                return [self.adapt(item) for item in example]
            case str():
                found = re.compile("|".join(map(re.escape, self.codes)))
                return found.sub(lambda match: self.codes[match[0]], example)
            case _:
                return example

    def adapt_page(self, page: Documentation) -> Documentation:
        """A page of the manual with the plan's codes in its examples."""
        request, answer = self.adapt(page.request_example), self.adapt(page.answer_example)
        return structs.replace(page, request_example=request, answer_example=answer)

    def _members(self, example: dict[str, Any]) -> dict[str, Any]:
        return {self.adapt(key): self._member(key, value) for key, value in example.items()}

    def _member(self, key: str, value: Any) -> Any:
        # Every context of an event in the manual's examples is that of its one type.
        return list(self.context) if key == "context" and isinstance(value, list) else self.adapt(value)


# The manual's own, which are of the packaged plan.
PACKAGED: Final = Examples()


def make_examples(plan: Plan, settings: Settings) -> Examples:
    """The examples for a plan."""
    if plan.is_packaged:
        return PACKAGED
    sample = make_sample(plan, settings)
    customer = CUSTOMER if plan.customers else sample.customer
    keys = next(kind.keys for kind in plan.types if (kind.product, kind.name) == (sample.product, sample.type))
    values = dict(zip((key.name for key in keys), sample.context, strict=False))
    product = next(each for each in plan.products if each.name == sample.product)
    surplus = (*(values.get(key.name, f"{key.name}-1") for key in keys), "one more")
    names = f" {len(keys)}: {', '.join(map(str, keys))}" if keys else " none"
    reason = f"context: {count_of(len(surplus), 'value')} where {sample.type} takes{names}"
    codes = {
        **dict.fromkeys(_REASONS, reason),
        _ROW: "|".join([sample.type, *(values.get(column, "") for column in product.columns)]),
        _TYPE: sample.type,
        "PORTFOLIO-ACCESSED": sample.type,
        "PORTFOLIO": sample.product,
        "Portfolio": sample.product,
        "BARCHART": customer,
        "userId": product.columns[0],
    }
    shown = {
        "fingerprint": plan.fingerprint,
        "mode": settings.plan_mode,
        **({"customers": [customer]} if plan.customers else {}),
        "products": {product.name: {"columns": list(product.columns), "types": {sample.type: list(map(str, keys))}}},
        "rules": [],
    }
    return Examples(sample.context, codes, surplus, shown)
