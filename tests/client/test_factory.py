"""Events by the names of a plan."""

from typing import Any

import pytest
from footfall_client import EventFactory, EventInvalid

PLAN = {
    "customers": ["ACME", "TGAM"],
    "products": {
        "SHOP": {
            "columns": ["user", "sku", "coupon"],
            "types": {"OPENED": ["user"], "ORDERED": ["user", "sku", "coupon?"]},
        },
        "BLOG": {"columns": ["user"], "types": {"OPENED": ["user"]}},
    },
    "rules": [
        {"customers": ["TGAM"], "keys": ["user"], "uuid": True},
        {"products": ["SHOP"], "keys": ["sku"], "non_empty": True, "one_of": ["A-1", "A-2"]},
    ],
}
FACTORY = EventFactory(PLAN, customer="ACME", version="2.0")


def test_values_come_into_the_plans_order() -> None:
    event = FACTORY.make("ORDERED", sku="A-1", user="ada", timestamp=5)
    assert event == {
        "customer": "ACME",
        "product": "SHOP",
        "type": "ORDERED",
        "context": ["ada", "A-1"],
        "timestamp": 5,
        "version": "2.0",
    }
    assert FACTORY.make("ORDERED", {"user": "ada"}, sku="A-2", coupon="c")["context"] == ["ada", "A-2", "c"]
    assert FACTORY.make("OPENED", product="BLOG", user="ada")["product"] == "BLOG"


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("ORDERD", {}, "did you mean ORDERED"),
        ("OPENED", {"user": "ada"}, "SHOP and BLOG: say which"),
        ("ORDERED", {"user": "ada"}, "lacks sku"),
        ("ORDERED", {"user": None, "sku": "A-1"}, "lacks user"),
        ("ORDERED", {"usr": "ada", "sku": "A-1"}, "did you mean user"),
        ("ORDERED", {"user": 7, "sku": "A-1"}, "is a string"),
        ("ORDERED", {"user": "ada", "sku": ""}, "must not be empty"),
        ("ORDERED", {"user": "ada", "sku": "A-3"}, "no sku 'A-3'"),
        ("ORDERED", {"user": "ada", "sku": "A-1", "customer": "TGAM"}, "must be a UUID"),
        ("ORDERED", {"user": "ada", "sku": "A-1", "customer": "ACNE"}, "did you mean ACME"),
    ],
)
def test_what_the_plan_does_not_have_is_told(name: str, given: dict[str, Any], told: str) -> None:
    with pytest.raises(EventInvalid, match=told):
        FACTORY.make(name, **given)
