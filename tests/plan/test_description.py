"""A plan reads as a table on a terminal."""

from pathlib import Path

from footfall.plan import describe_plan, load_plan

EXPECTED = """\
plan       {path}, fingerprint {fingerprint}
customers  any
products   2; types: 4

SHOP
  columns  userId, order Id, coupon
  OPENED   userId
  PLACED   userId, order Id, coupon?

B
  columns  x
  T        x
  EMPTY    (no keys)

rules
  every customer / SHOP / order Id: required, a UUID
  GLOBEX / every product / coupon, x: optional, one of a, (empty), matches [a-z]+
  every customer / every product / every key: non-empty
"""


def test_plan_is_described_in_full(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text("""
        products.SHOP.columns = ["userId", "order Id", "coupon"]
        products.SHOP.types = { OPENED = ["userId"], PLACED = ["userId", "order Id", "coupon?"] }
        products.B = { columns = ["x"], types = { T = ["x"], EMPTY = [] } }
        rules = [
            { products = ["SHOP"], keys = ["order Id"], uuid = true, optional = false },
            { customers = ["GLOBEX"], keys = ["coupon", "x"], optional = true, one_of = ["a", ""], regex = "[a-z]+" },
            { non_empty = true },
        ]
    """)
    plan = load_plan(path)
    assert describe_plan(plan) == EXPECTED.format(path=path, fingerprint=plan.fingerprint)


def test_plan_without_rules_says_nothing_of_them():
    plan = load_plan(Path(__file__).with_name("git.toml"))
    assert "rules" not in describe_plan(plan)
    assert "  FILE-RENAMED     authorId, commit, path, previousPath\n" in describe_plan(plan)
