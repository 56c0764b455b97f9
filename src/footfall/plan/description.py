"""A plan in words, as a person reads it on a terminal."""

from footfall.plan.model import Plan, Product, Rule


def describe(plan: Plan) -> str:
    """The whole plan as text: customers, products with columns and types, rules."""
    head = [
        f"plan       {plan.source}, fingerprint {plan.fingerprint}",
        f"customers  {', '.join(plan.customers) or 'any'}",
        f"products   {len(plan.products)}, with {len(plan.types)} types",
    ]
    return "\n".join([*head, *(line for product in plan.products for line in _product(product)), *_rules(plan), ""])


def _product(product: Product) -> list[str]:
    rows = [("columns", ", ".join(product.columns))]
    rows += [(kind.name, ", ".join(map(str, kind.keys)) or "(no keys)") for kind in product.types]
    width = max(len(name) for name, _ in rows)
    return ["", product.name, *(f"  {name:{width}}  {keys}" for name, keys in rows)]


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
