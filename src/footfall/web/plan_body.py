"""The tracking plan in force as JSON: the keys of the plan's file, and the customers that its reader may see."""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from footfall.accounts import may_see
from footfall.plan import Checker, LivePlan, Product, Rule
from footfall.settings import Settings
from footfall.state import User

# Hex digits of an entity tag: as many as tell any two bodies apart.
_TAG_DIGITS = 32


class PlanProduct(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A product: its report columns in order, and the context keys of each type, `?` behind optional ones."""

    columns: tuple[str, ...]
    types: dict[str, tuple[str, ...]]
    actor: Annotated[str, Meta(description="The context key whose value says who acted.")] = ""
    description: str = ""
    typeDescriptions: dict[str, str] = {}  # noqa: N815 - the wire's own name
    keyDescriptions: dict[str, str] = {}  # noqa: N815 - the wire's own name
    deprecated: Annotated[list[str], Meta(description="Types that still come, and are not to be built on.")] = []


class PlanRule(Struct, frozen=True, omit_defaults=True):
    """What must hold for values; a scope that is left out means all."""

    customers: list[str] = []
    products: list[str] = []
    keys: list[str] = []
    optional: bool | UnsetType = UNSET
    non_empty: bool = False
    uuid: bool = False
    one_of: list[str] = []
    regex: str | UnsetType = UNSET


class PlanShown(Struct, frozen=True, kw_only=True):
    """The tracking plan in force. `customers` is left out where every customer may send events."""

    fingerprint: Annotated[str, Meta(description="The first hex digits of the SHA-256 of the plan's file.")]
    mode: Annotated[
        Literal["strict", "quarantine", "open"],
        Meta(description="Events that break the plan are refused, held, or, when only their codes are new, accepted."),
    ]
    customers: Annotated[tuple[str, ...], Meta(description="Those that the user may see.")] | UnsetType = UNSET
    products: dict[str, PlanProduct]
    rules: tuple[PlanRule, ...]


class PlanBody:
    """Makes the answer of `GET /plan`; the products, which are most of it, once for each plan."""

    def __init__(self, plan: LivePlan, settings: Settings) -> None:
        self._plan = plan
        self._mode = settings.plan_mode
        self._made: tuple[Checker, Raw] | None = None

    def make(self, user: User) -> tuple[bytes, str]:
        """The body for a user, and its entity tag. Takes some 100 ms for the first user of a very large plan."""
        checker = self._plan.checker
        plan = checker.plan
        customers = tuple(each for each in plan.customers if may_see(user, each))
        shown = {
            "fingerprint": plan.fingerprint,
            "mode": self._mode,
            "customers": customers if plan.customers else UNSET,
            "products": self._products(checker),
            "rules": tuple(rule for each in plan.rules if (rule := _rule(each, user))),
        }
        body = msgspec.json.encode({key: value for key, value in shown.items() if value is not UNSET})
        return body, f'"{hashlib.sha256(body).hexdigest()[:_TAG_DIGITS]}"'

    def _products(self, checker: Checker) -> Raw:
        made = self._made
        if made is None or made[0] is not checker:
            products = {product.name: _product(product) for product in checker.plan.products}
            self._made = made = (checker, Raw(msgspec.json.encode(products)))
        return made[1]


def _product(product: Product) -> PlanProduct:
    return PlanProduct(
        columns=product.columns,
        types={kind.name: tuple(map(str, kind.keys)) for kind in product.types},
        actor=product.actor,
        description=product.description,
        typeDescriptions={kind.name: kind.description for kind in product.types if kind.description},
        keyDescriptions=product.key_descriptions,
        deprecated=[kind.name for kind in product.types if kind.deprecated],
    )


def _rule(rule: Rule, user: User) -> PlanRule | None:
    """A rule with the customers that the user may see; None when it is about none of them."""
    customers = [each for each in rule.customers if may_see(user, each)]
    if rule.customers and not customers:
        return None
    return PlanRule(
        customers=customers,
        products=list(rule.products),
        keys=list(rule.keys),
        optional=UNSET if rule.optional is None else rule.optional,
        non_empty=rule.non_empty,
        uuid=rule.uuid,
        one_of=list(rule.one_of),
        regex=UNSET if rule.regex is None else rule.regex,
    )
