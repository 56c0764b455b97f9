"""The tracking plan in force as JSON: as each user may see it, and 304 while it is the same."""

import json

import pytest
from jsonschema import Draft202012Validator

from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.state import User
from footfall.web import ROUTES
from footfall.web.openapi.document import make_document
from footfall.web.plan_body import PlanBody
from footfall.wire import Service

PLAN = """
customers = ["ACME", "GLOBEX"]
[products.SHOP]
columns = ["user", "coupon"]
[products.SHOP.types]
OPENED = []
ORDERED = ["user", "coupon?"]
[[rules]]
customers = ["GLOBEX"]
keys = ["user"]
uuid = true
[[rules]]
customers = ["ACME", "GLOBEX"]
keys = ["coupon"]
one_of = ["A", "B"]
"""
SHOP = {"columns": ["user", "coupon"], "types": {"OPENED": [], "ORDERED": ["user", "coupon?"]}}
EVERYONE = {"customers": ["ACME", "GLOBEX"], "keys": ["coupon"], "one_of": ["A", "B"]}


def user(*customers: str, admin: bool = False) -> User:
    return User(id="u", password_hash="", admin=admin, customers=customers, created_ms=1)


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return LivePlan(path, Settings())


def shown(plan, who, mode="strict"):
    return json.loads(PlanBody(plan, Settings(plan_mode=mode)).make(who)[0])


def test_an_admin_sees_the_whole_plan_in_the_keys_of_its_file(plan):
    rules = [{"customers": ["GLOBEX"], "keys": ["user"], "uuid": True}, EVERYONE]
    assert shown(plan, user(admin=True), "open") == {
        "fingerprint": plan.plan.fingerprint,
        "mode": "open",
        "customers": ["ACME", "GLOBEX"],
        "products": {"SHOP": SHOP},
        "rules": rules,
    }


def test_others_see_only_their_customers_in_lists_and_rules(plan):
    found = shown(plan, user("ACME", "OTHER"))
    assert (found["customers"], found["products"]) == (["ACME"], {"SHOP": SHOP})
    assert found["rules"] == [{**EVERYONE, "customers": ["ACME"]}]
    assert "GLOBEX" not in json.dumps(shown(plan, user("OTHER")))


def test_a_plan_for_every_customer_has_no_list_of_them(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN.partition("[[rules]]")[0].replace('customers = ["ACME", "GLOBEX"]', ""))
    assert "customers" not in shown(LivePlan(tmp_path / "plan.toml", Settings()), user("ACME"))


def test_a_plan_that_is_taken_up_is_shown_with_another_tag(plan, tmp_path):
    bodies = PlanBody(plan, Settings())
    before, tag = bodies.make(user("ACME"))
    assert bodies.make(user("ACME")) == (before, tag)
    (tmp_path / "plan.toml").write_text(PLAN.replace("OPENED", "LOADED"))
    assert plan.reload() is None
    after, other = bodies.make(user("ACME"))
    assert (b"LOADED" in after, other != tag) == (True, True)


async def test_the_call_needs_a_user_and_answers_304_while_nothing_changed(service):
    document = make_document(ROUTES, Service("1", "footfall", "", "test"))
    schema = document["paths"]["/plan"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    async with service() as opened:
        assert (await opened.client.get("/plan")).status_code == 401
        answer = await opened.anna.get("/plan")
        assert answer.headers.get_list("content-type") == ["application/json"]
        assert answer.headers["cache-control"] == "private, no-cache"
        Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())
        assert answer.json()["customers"] == ["BARCHART"]
        tag = answer.headers["etag"]
        again = await opened.anna.get("/plan", headers={"if-none-match": f'"x", W/{tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await opened.root.get("/plan", headers={"if-none-match": tag})).status_code == 200
        head = await opened.anna.head("/plan")
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
        assert (await opened.anna.get("/plan?mode=x")).status_code == 400
