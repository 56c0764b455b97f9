"""What a plan says, as frozen values: customers, products with report columns, types with context keys, rules."""

from msgspec import Struct


class Key(Struct, frozen=True):
    """One place of a type's context; an optional one may be null, and at the end of the context left out."""

    name: str
    optional: bool = False

    def __str__(self) -> str:
        return f"{self.name}?" if self.optional else self.name


class EventType(Struct, frozen=True):
    """A type of one product: `keys` says what stands at each place of the context.

    Events of a `deprecated` type are accepted as any others; readers are told not to build on it.
    """

    product: str
    name: str
    keys: tuple[Key, ...]
    description: str = ""
    deprecated: bool = False


class Product(Struct, frozen=True):
    """`columns` holds every context key of the product, in the order in which a report lists them.

    `actor` is the key whose value says who acted; empty where the plan does not tell. `key_descriptions` has the keys
    that the plan describes.
    """

    name: str
    columns: tuple[str, ...]
    types: tuple[EventType, ...]
    actor: str = ""
    description: str = ""
    key_descriptions: dict[str, str] = {}


class Rule(Struct, frozen=True, kw_only=True):
    """What values must be, beyond text; an empty `customers`, `products` or `keys` means every one."""

    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    optional: bool | None = None
    non_empty: bool = False
    uuid: bool = False
    one_of: tuple[str, ...] = ()
    regex: str | None = None

    def covers(self, customer: str | None, product: str, key: str) -> bool:
        """Whether the rule speaks of this key; `customer` None stands for one that no rule names."""
        return (
            (not self.customers or customer in self.customers)
            and (not self.products or product in self.products)
            and (not self.keys or key in self.keys)
        )


class Source(Struct, frozen=True):
    """Where a report column comes from: for events of `types`, from the context's place `position`, counted from 1."""

    position: int
    types: tuple[str, ...]


class Column(Struct, frozen=True):
    """A column of a product's reports; with no sources it is always empty."""

    name: str
    sources: tuple[Source, ...]


class Plan(Struct, frozen=True, kw_only=True):
    """A tracking plan. `fingerprint` is the start of its file's SHA-256; no `customers` means that all are welcome.

    `is_packaged` says whether it is the one that counts where the settings name none.
    """

    fingerprint: str
    source: str
    customers: tuple[str, ...]
    products: tuple[Product, ...]
    rules: tuple[Rule, ...]
    is_packaged: bool = False

    @property
    def types(self) -> tuple[EventType, ...]:
        """The types of all products, in the order of the file."""
        return tuple(kind for product in self.products for kind in product.types)

    def columns(self, product: str) -> tuple[Column, ...] | None:
        """The columns of a product's reports in their order; None for a product that the plan does not know."""
        for known in self.products:
            if known.name == product:
                return _columns(known)
        return None


def _columns(product: Product) -> tuple[Column, ...]:
    """Visits every key once: a plan may have ten thousand types, each with dozens of keys."""
    found: dict[str, dict[int, list[str]]] = {name: {} for name in product.columns}
    for kind in product.types:
        for position, key in enumerate(kind.keys, start=1):
            found[key.name].setdefault(position, []).append(kind.name)
    return tuple(
        Column(name, tuple(Source(position, tuple(kinds)) for position, kinds in sorted(places.items())))
        for name, places in found.items()
    )


def describe_plan(plan: Plan) -> str:
    """The whole plan as text for a terminal: customers, products with columns and types, rules."""
    head = [
        f"plan       {plan.source}, fingerprint {plan.fingerprint}",
        f"customers  {', '.join(plan.customers) or 'any'}",
        f"products   {len(plan.products)}; types: {len(plan.types)}",
    ]
    return "\n".join([*head, *(line for product in plan.products for line in _product(product)), *_rules(plan), ""])


def _product(product: Product) -> list[str]:
    rows = [("columns", ", ".join(product.columns))]
    rows += [("actor", product.actor)] * bool(product.actor)
    rows += [(kind.name, _describe_type(kind)) for kind in product.types]
    rows += product.key_descriptions.items()
    width = max(len(name) for name, _ in rows)
    head = f"{product.name}: {product.description}" if product.description else product.name
    return ["", head, *(f"  {name:{width}}  {text}" for name, text in rows)]


def _describe_type(kind: EventType) -> str:
    keys = ", ".join(map(str, kind.keys)) or "(no keys)"
    said = [*["deprecated"] * kind.deprecated, *[kind.description] * bool(kind.description)]
    return f"{keys}; {': '.join(said)}" if said else keys


def _rules(plan: Plan) -> list[str]:
    return ["", "rules", *(f"  {_rule(rule)}" for rule in plan.rules)] if plan.rules else []


def _rule(rule: Rule) -> str:
    scope = (
        ", ".join(rule.customers) or "every customer",
        ", ".join(rule.products) or "every product",
        ", ".join(rule.keys) or "every key",
    )
    return f"{' / '.join(scope)}: {', '.join(_demands(rule))}"


def _demands(rule: Rule) -> list[str]:
    said = [] if rule.optional is None else ["optional" if rule.optional else "required"]
    said += ["non-empty"] * rule.non_empty + ["a UUID"] * rule.uuid
    said += [f"one of {', '.join(choice or '(empty)' for choice in rule.one_of)}"] * bool(rule.one_of)
    return said + [f"matches {rule.regex}"] * (rule.regex is not None)
