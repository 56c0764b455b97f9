"""The event of a plan's examples is one that the plan accepts, where it can be guessed."""

import pytest

from footfall.plan import compile_plan, load_plan, make_sample, parse_plan
from footfall.settings import Settings
from footfall.wire import ReceivedEvent

SETTINGS = Settings()
PLAN = """
[products.SHOP]
columns = ["user", "order", "coupon"]
[products.SHOP.types]
ORDERED = ["user", "order", "coupon?"]
OPENED = ["user"]
"""


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", ("ACME", "ORDERED", ("user-1", "order-1"))),
        ('customers = ["GLOBEX", "ACME"]', ("GLOBEX", "ORDERED", ("user-1", "order-1"))),
        (
            'rules = [{keys = ["order"], uuid = true}]',
            ("ACME", "ORDERED", ("user-1", "3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b")),
        ),
        ('rules = [{keys = ["order"], one_of = ["", "A"]}]', ("ACME", "ORDERED", ("user-1", "A"))),
        ('rules = [{keys = ["order"], regex = "[0-9]+"}]', ("ACME", "ORDERED", ("user-1", "1"))),
        ('rules = [{keys = ["order"], regex = "zz.*q"}]', ("ACME", "OPENED", ("user-1",))),
        ('rules = [{keys = ["coupon"], optional = false}]', ("ACME", "ORDERED", ("user-1", "order-1", "coupon-1"))),
        ('rules = [{keys = ["order"], optional = true}]', ("ACME", "ORDERED", ("user-1",))),
    ],
)
def test_the_sample_is_an_event_that_the_plan_accepts(rules, expected):
    plan = parse_plan((rules + PLAN).encode(), "plan.toml")
    found = make_sample(plan, SETTINGS)
    assert (found.customer, found.type, found.context) == expected
    event = ReceivedEvent(
        customer=found.customer, product=found.product, type=found.type, timestamp=1, context=list(found.context)
    )
    assert compile_plan(plan, SETTINGS).check([event]) == []


def test_where_no_value_can_be_guessed_the_keys_stand_for_theirs():
    plan = parse_plan(('rules = [{keys = ["user"], regex = "zz.*q"}]' + PLAN).encode(), "plan.toml")
    assert make_sample(plan, SETTINGS).context == ("user", "order", "coupon")


def test_the_packaged_plan_has_one_too():
    assert make_sample(load_plan(None), SETTINGS).type == "PORTFOLIO-APPLICATION-LOADED"
