"""Reads a plan from the parsed values of its file, and reports every problem through the nodes.

The plan may be used only if nothing was reported.
"""

from footfall.plan.expressions import compile_expression
from footfall.plan.model import EventType, Key, Plan, Product, Rule
from footfall.plan.node import PlanNode
from footfall.settings.limits import CONTEXT_VALUES_MAX

# Columns and types of a product: the statement of a report names each column, and each type once, within its memory.
COLUMNS_MAX = 1_000
TYPES_MAX = 10_000
# A description is read in a list or beside a number, not as a page.
DESCRIPTION_CHARS_MAX = 1_000
_PLAN = ("customers", "products", "rules")
_REQUIRED = ("columns", "types")
_PRODUCT = (*_REQUIRED, "actor", "description", "keys")
_TYPE = ("keys", "description", "deprecated")
_DEMANDS = ("optional", "non_empty", "uuid", "one_of", "regex")
_RULE = ("customers", "products", "keys", *_DEMANDS)
_WANTED = {
    "columns": "list the product's context keys in the order of its reports",
    "types": 'add a table of types with a line TYPE = ["key", "key?"] for each',
}
_ADVICE = {"types": "types stand under their product: write [products.NAME.types]"}

Names = list[tuple[str, PlanNode]]


def read_plan(root: PlanNode, source: str, fingerprint: str) -> Plan:
    """The plan at `root`."""
    fields = root.fields(_PLAN, _ADVICE)
    customers = _names(fields.get("customers"), "customers")
    products = _products(root, fields.get("products"))
    rules = _rules(fields.get("rules"), customers, products)
    return Plan(fingerprint=fingerprint, source=source, customers=customers, products=products, rules=rules)


def _products(root: PlanNode, node: PlanNode | None) -> tuple[Product, ...]:
    if node is None:
        root.wrong("has no products: add a table [products.NAME] with columns and types")
        return ()
    found = tuple(_product(name, each) for name, each in node.members("products"))
    if node.value == {}:
        node.wrong("is empty: add a table [products.NAME] with columns and types")
    return found


def _product(name: str, node: PlanNode) -> Product:
    fields = node.fields(_PRODUCT)
    if isinstance(node.value, dict):
        for missing in (field for field in _REQUIRED if field not in node.value):
            node.wrong(f"has no {missing}: {_WANTED[missing]}")
    columns = _columns(fields.get("columns"))
    return Product(
        name,
        columns,
        _types(name, columns, fields.get("types")),
        actor=_actor(name, columns, fields.get("actor")),
        description=_description(fields.get("description")),
        key_descriptions=_key_descriptions(name, columns, fields.get("keys")),
    )


def _actor(product: str, columns: tuple[str, ...], node: PlanNode | None) -> str:
    found = (node.text() if node else None) or ""
    if node is not None and node.value == "":
        node.wrong("is empty: name the context key that says who acted, or leave it out")
    elif node is not None and found and columns and found not in columns:
        node.report_unknown(found, f"is not a column of {product}", columns)
    return found


def _description(node: PlanNode | None) -> str:
    text = node.text() if node else None
    if node is None or text is None:
        return ""
    if len(text) > DESCRIPTION_CHARS_MAX:
        node.wrong(f"has {len(text)} characters: {DESCRIPTION_CHARS_MAX} are the most")
    elif not text.isprintable():
        node.wrong("has line ends or other characters that cannot be printed: write one line")
    return text


def _key_descriptions(product: str, columns: tuple[str, ...], node: PlanNode | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if node is None or not _has_room(node, COLUMNS_MAX, "context keys"):
        return found
    known = frozenset(columns)
    for name, each in node.members("context keys with a description each"):
        if known and name not in known:
            each.report_unknown(name, f"is not a column of {product}", columns)
        found[name] = _description(each)
    return found


def _has_room(node: PlanNode, most: int, of_what: str) -> bool:
    """Whether a list or table is within a bound of the format; one that is not is read no further."""
    if isinstance(node.value, list | dict) and len(node.value) > most:
        node.wrong(f"has {len(node.value)} {of_what}: {most} are the most")
        return False
    return True


def _columns(node: PlanNode | None) -> tuple[str, ...]:
    if node is None or not _has_room(node, COLUMNS_MAX, "columns"):
        return ()
    found = node.names("context keys")
    for name, item in found:
        if name.endswith("?"):
            item.wrong("is a column: the question mark belongs to the context of a type")
    return tuple(name.removesuffix("?") for name, _ in found)


def _types(product: str, columns: tuple[str, ...], node: PlanNode | None) -> tuple[EventType, ...]:
    if node is None or not _has_room(node, TYPES_MAX, "types"):
        return ()
    if node.value == {}:
        node.wrong(f"is empty: {_WANTED['types']}")
    known = dict.fromkeys(columns)
    return tuple(_type(product, known, name, each) for name, each in node.members("types"))


def _type(product: str, columns: dict[str, None], name: str, node: PlanNode) -> EventType:
    """A type is the list of its keys, or a table of that list and what else is to be said of the type."""
    if not isinstance(node.value, dict):
        return EventType(product, name, _keys(product, columns, node))
    fields = node.fields(_TYPE)
    if "keys" not in fields:
        node.wrong("has no keys: list the keys of its context, or [] for none")
    keys = _keys(product, columns, fields["keys"]) if "keys" in fields else ()
    deprecated = _true(fields.get("deprecated"))
    return EventType(product, name, keys, _description(fields.get("description")), deprecated)


def _keys(product: str, columns: dict[str, None], node: PlanNode) -> tuple[Key, ...]:
    keys: list[Key] = []
    names: set[str] = set()
    if not _has_room(node, CONTEXT_VALUES_MAX, "context keys"):
        return ()
    # A type may have no keys: the event itself says all.
    for text, item in node.names("context keys", may_be_empty=True):
        key = Key(text.removesuffix("?"), text.endswith("?"))
        # A product whose columns could not be read is reported once, not again for each of its types.
        if columns and key.name not in columns:
            item.report_unknown(key.name, f"is not a column of {product}", tuple(columns))
        if key.name in names:
            item.wrong(f"{key.name} is in this context already: remove one")
        if keys and keys[-1].optional and not key.optional:
            item.wrong(f"{key} is required but stands after the optional {keys[-1]}: optional keys come last")
        keys.append(key)
        names.add(key.name)
    return tuple(keys)


def _rules(node: PlanNode | None, customers: tuple[str, ...], products: tuple[Product, ...]) -> tuple[Rule, ...]:
    if node is None:
        return ()
    if isinstance(node.value, dict):
        node.wrong("must be a list of tables: write [[rules]]")
        return ()
    return tuple(_rule(each, customers, products) for each in node.items("rules"))


def _rule(node: PlanNode, customers: tuple[str, ...], products: tuple[Product, ...]) -> Rule:
    fields = node.fields(_RULE)
    if isinstance(node.value, dict) and not any(demand in node.value for demand in _DEMANDS):
        node.wrong(f"asks for nothing: add one of {', '.join(_DEMANDS)}")
    for_customers = _known(fields.get("customers"), "customers", customers)
    for_products = _known(fields.get("products"), "products", tuple(product.name for product in products))
    for_keys = fields["keys"].names("context keys") if "keys" in fields else []
    _check_keys(for_keys, for_products, products)
    rule = Rule(
        customers=tuple(name for name, _ in for_customers),
        products=tuple(name for name, _ in for_products),
        keys=tuple(name for name, _ in for_keys),
        optional=fields["optional"].flag() if "optional" in fields else None,
        non_empty=_true(fields.get("non_empty")),
        uuid=_true(fields.get("uuid")),
        one_of=fields["one_of"].texts("values") if "one_of" in fields else (),
        regex=_regex(fields.get("regex")),
    )
    if rule.optional and rule.non_empty:
        fields["optional"].wrong("contradicts non_empty: an optional value may be empty; remove one of the two")
    return rule


def _known(node: PlanNode | None, what: str, known: tuple[str, ...]) -> Names:
    """Names that the plan itself lists; without a list of customers, any customer may be named."""
    found, listed = node.names(what) if node else [], frozenset(known)
    for name, item in found:
        if known and name not in listed:
            item.report_unknown(name, f"is not among the plan's {what}", known)
    return [(name, item) for name, item in found if name in listed or not known]


def _check_keys(keys: Names, scope: Names, products: tuple[Product, ...]) -> None:
    """Report keys that none of the rule's products has, and products that have none of the rule's keys."""
    named = dict(scope)
    columns = {product.name: product.columns for product in products if not named or product.name in named}
    every = dict.fromkeys(column for each in columns.values() for column in each)
    for key, item in keys:
        if every and key not in every:
            item.report_unknown(key, f"is not a column of {' or '.join(named) or 'any product'}", tuple(every))
    good = {key for key, _ in keys if key in every}
    for name, item in scope:
        if good and not good.intersection(columns.get(name, good)):
            item.wrong(f"{name} has none of this rule's keys: remove it, or add one of its keys")


def _names(node: PlanNode | None, what: str) -> tuple[str, ...]:
    return tuple(name for name, _ in node.names(what)) if node else ()


def _true(node: PlanNode | None) -> bool:
    if node is None or node.flag() is None:
        return False
    if node.value is False:
        node.wrong("is only ever true: leave it out instead")
    return node.value is True


def _regex(node: PlanNode | None) -> str | None:
    pattern = node.text() if node else None
    if node is None or pattern is None:
        return None
    try:
        compile_expression(pattern)
    except ValueError as error:
        node.wrong(str(error))
        return None
    return pattern
