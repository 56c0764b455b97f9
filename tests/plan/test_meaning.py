"""A plan says who acts, and what its products, types and keys are."""

import pytest

from footfall.plan import PlanInvalid, describe_plan, load_plan

GOOD = """\
[products.SHOP]
columns = ["userId", "orderId"]

[products.SHOP.types]
OPENED = ["userId"]
PLACED = ["userId", "orderId"]
CLOSED = []
"""

# What is replaced in the good plan, by what, and the problems that this makes: (line, where, a part of why).
MISTAKES = {
    "actor that is no column": (
        "[products.SHOP.types]",
        'actor = "userID"\n[products.SHOP.types]',
        [(4, "products.SHOP.actor", "userID is not a column of SHOP; did you mean userId?")],
    ),
    "empty actor": (
        "[products.SHOP.types]",
        'actor = ""\n[products.SHOP.types]',
        [(4, "products.SHOP.actor", "is empty")],
    ),
    "long description": (
        "[products.SHOP.types]",
        f'description = "{"x" * 1001}"\n[products.SHOP.types]',
        [(4, "products.SHOP.description", "has 1001 characters: 1000 are the most")],
    ),
    "description of lines": (
        "[products.SHOP.types]",
        'description = "a\\nb"\n[products.SHOP.types]',
        [(4, "products.SHOP.description", "write one line")],
    ),
    "description of an unknown key": (
        "[products.SHOP.types]",
        '[products.SHOP.keys]\nuserID = "Who."\n[products.SHOP.types]',
        [(5, "products.SHOP.keys.userID", "did you mean userId?")],
    ),
    "deprecated is only true": (
        'OPENED = ["userId"]',
        'OPENED = {keys = ["userId"], deprecated = false}',
        [(5, "products.SHOP.types.OPENED.deprecated", "leave it out")],
    ),
}


def test_a_plan_says_who_acts_and_what_things_are(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(
        GOOD.replace(
            "[products.SHOP.types]",
            'actor = "userId"\ndescription = "The shop."\n\n[products.SHOP.keys]\norderId = "The number on the bill."'
            "\n\n[products.SHOP.types]",
        ).replace(
            'OPENED = ["userId"]', 'OPENED = { keys = ["userId"], description = "Somebody came.", deprecated = true }'
        )
    )
    plan = load_plan(path)
    (product,) = plan.products
    assert (product.actor, product.description) == ("userId", "The shop.")
    assert product.key_descriptions == {"orderId": "The number on the bill."}
    opened, placed, _ = product.types
    assert (opened.description, opened.deprecated, placed.description, placed.deprecated) == (
        *("Somebody came.", True),
        *("", False),
    )
    assert [str(key) for key in opened.keys] == ["userId"]
    text = describe_plan(plan)
    assert "SHOP: The shop." in text
    assert "userId; deprecated: Somebody came." in text


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_reported_with_their_lines(tmp_path, mistake):
    old, new, expected = MISTAKES[mistake]
    assert GOOD.count(old) == 1
    (tmp_path / "plan.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(PlanInvalid) as caught:
        load_plan(tmp_path / "plan.toml")
    (problem,), ((line, where, why),) = caught.value.problems, expected
    assert (problem.line, problem.where) == (line, where)
    assert why in problem.why
