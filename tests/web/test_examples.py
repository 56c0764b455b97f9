"""The description speaks of the plan in force, and names no customer of it."""

import json

from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.web.openapi.document import Description
from footfall.web.openapi.page import render_page
from footfall.wire import Service

PLAN = """
customers = ["SECRETLY"]
[products.SHOP]
columns = ["sku", "user"]
[products.SHOP.types]
ORDERED = ["user", "sku"]
"""
URL = "http://usage.example"
SERVICE = Service("1.2.3", "footfall", "Usage", "test")


def describe(tmp_path, plan, mode="strict"):
    path = tmp_path / "plan.toml"
    path.write_text(plan)
    live = LivePlan(path, Settings())
    return live, Description(SERVICE, live, Settings(plan_mode=mode))


def example(document, path, method="post"):
    return document["paths"][path][method]["requestBody"]["content"]["application/json"]["example"]


def test_examples_are_of_the_plan_in_force(tmp_path):
    _, description = describe(tmp_path, PLAN)
    document = description.document(URL)
    (event,) = example(document, "/events")["events"]
    assert (event["product"], event["type"], event["context"]) == ("SHOP", "ORDERED", ["user-1", "sku-1"])
    assert example(document, "/reports")["filter"]["types"] == ["ORDERED"]
    files = document["paths"]["/files/{source}/{token}/{name}"]["get"]["responses"]["200"]["content"]["text/csv"]
    assert files["example"] == "1571073977001|ORDERED|sku-1|user-1\n"
    examples = json.dumps(document["paths"])
    assert "BARCHART" not in examples
    assert "PORTFOLIO" not in examples


def test_no_example_mixes_the_plan_with_the_packaged_one(tmp_path):
    live, description = describe(tmp_path, PLAN, "quarantine")
    paths = description.document(URL)["paths"]
    examples = json.dumps(paths)
    assert not [word for word in ("portfolioId", "watchlistId", "userId") if word in examples.replace("userIds", "")]
    shown = paths["/plan"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert shown == {
        "fingerprint": live.plan.fingerprint,
        "mode": "quarantine",
        "customers": ["CUSTOMER"],
        "products": {"SHOP": {"columns": ["sku", "user"], "types": {"ORDERED": ["user", "sku"]}}},
        "rules": [],
    }
    held = paths["/quarantine/{batch}/{sequence}"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert held["reason"] == "context: 3 values where ORDERED takes 2: user, sku"
    assert held["context"] == ["user-1", "sku-1", "one more"]
    refused = paths["/events"]["post"]["responses"]["400"]["content"]["application/json"]["examples"]
    (child,) = refused["EVENT_NOT_IN_PLAN"]["value"][0]["children"]
    assert child["value"]["message"] == "events[3].type: SHOP-OPENED is not in the tracking plan for product SHOP"


def test_the_page_says_which_plan_and_mode_hold(tmp_path):
    live, description = describe(tmp_path, PLAN, "open")
    page = render_page(description.document(URL), URL)
    assert f"tracking plan <code>{live.plan.fingerprint}</code> in the mode open" in page
    assert "Put your customer's code for <code>CUSTOMER</code>" in page


def test_no_customer_of_a_plan_is_told_to_everyone(tmp_path):
    _, description = describe(tmp_path, PLAN)
    assert "SECRETLY" not in json.dumps(description.document(URL))
    assert example(description.document(URL), "/events")["events"][0]["customer"] == "CUSTOMER"


def test_a_plan_for_every_customer_needs_no_code_put_in(tmp_path):
    _, description = describe(tmp_path, PLAN.replace('customers = ["SECRETLY"]', ""))
    assert example(description.document(URL), "/events")["events"][0]["customer"] == "ACME"
    assert "CUSTOMER" not in render_page(description.document(URL), URL)


def test_a_plan_that_is_taken_up_is_described_from_then_on(tmp_path):
    live, description = describe(tmp_path, PLAN)
    before = description.document(URL)
    assert description.document(URL)["paths"] is before["paths"]
    (tmp_path / "plan.toml").write_text(PLAN.replace("ORDERED", "BOUGHT"))
    assert live.reload() is None
    assert example(description.document(URL), "/events")["events"][0]["type"] == "BOUGHT"


def test_the_packaged_plan_keeps_the_examples_of_the_reference():
    description = Description(SERVICE, LivePlan(None, Settings()), Settings())
    (event,) = example(description.document(URL), "/events")["events"]
    assert (event["customer"], event["context"]) == ("BARCHART", ["string"])
