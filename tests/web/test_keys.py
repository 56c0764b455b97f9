"""The calls about keys, and what a key of some customers and products sees."""

from typing import Any

import pytest

from footfall.accounts.keys import DAY_MS


def code(answer: Any) -> str:
    return str(answer.json()[0]["value"]["code"])


async def make(client: Any, **body: Any) -> dict[str, Any]:
    answer = await client.post("/keys", json={"name": "some", "scopes": ["read"], **body})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return dict(answer.json())


def bearer(issued: dict[str, Any]) -> dict[str, Any]:
    return {"headers": {"authorization": f"Bearer {issued['key']}"}}


async def test_a_key_from_its_making_to_its_end(service: Any) -> None:
    async with service() as opened:
        anna, client = opened.anna, opened.client
        made = await make(anna, scopes=["report", "read"], customers=["BARCHART"], products=["PORTFOLIO"], days=90)
        shown = {name: value for name, value in made.items() if name != "key"}
        assert list(shown) == ["id", "user", "name", "scopes", "customers", "products", "created", "expires"]
        assert (made["scopes"], made["expires"]) == (["read", "report"], opened.clock.ms + 90 * DAY_MS)
        assert (await anna.get("/keys")).json() == {"keys": [shown]}
        wanted = {"filter": {"customer": "BARCHART", "product": "PORTFOLIO"}}
        assert (await client.post("/reports", json=wanted, **bearer(made))).status_code == 200
        assert len((await client.get("/reports", auth=("anna", made["key"]))).json()) == 1
        assert (await anna.get("/keys")).json() == {"keys": [{**shown, "lastUsed": opened.clock.ms}]}
        rotated = (await anna.post(f"/keys/{made['id']}/rotate", json={"overlapSeconds": 60})).json()
        assert (rotated["replaces"], rotated["scopes"]) == (made["id"], made["scopes"])
        for each in (made, rotated):
            assert (await client.get("/reports", **bearer(each))).status_code == 200
        opened.clock.ms += 60_000
        assert (await client.get("/reports", **bearer(made))).status_code == 401
        assert (await anna.delete(f"/keys/{rotated['id']}")).json()["id"] == rotated["id"]
        assert (await client.get("/reports", **bearer(rotated))).status_code == 401
        assert (await anna.delete(f"/keys/{rotated['id']}")).status_code == 404


async def test_the_published_calls_answer_a_key_and_a_password_alike(service: Any) -> None:
    async with service() as opened:
        job = await opened.complete()
        made = await make(opened.anna, scopes=["report"])
        for path in (f"/reports/JOB-{job.id}/availability", f"/reports/JOB-{job.id}", "/service/authenticate"):
            by_password = await opened.anna.get(path)
            for options in (bearer(made), {"auth": ("anna", made["key"])}):
                by_key = await opened.client.get(path, **options)
                assert (by_key.status_code, by_key.content) == (by_password.status_code, by_password.content)


async def test_a_key_without_the_scope_is_told_so(service: Any) -> None:
    async with service() as opened:
        made = await make(opened.anna, scopes=["read"])
        answer = await opened.client.post("/reports", json={}, **bearer(made))
        assert (answer.status_code, code(answer)) == (403, "REQUEST_AUTHORIZATION_FAILURE")
        assert "takes one with the scope report" in answer.text


async def test_a_key_for_a_product_sees_nothing_of_others(service: Any) -> None:
    async with service() as opened:
        anna, client = opened.anna, opened.client
        portfolio, alert = ({"customer": "BARCHART", "product": product} for product in ("PORTFOLIO", "ALERT"))
        made = await make(anna, scopes=["read", "report"], products=["PORTFOLIO"])
        reports = [(await anna.post("/reports", json={"filter": each})).json() for each in (portfolio, alert)]
        schedules = [
            (await anna.post("/schedules", json={"every": "day", "filter": each})).json() for each in (portfolio, alert)
        ]
        listed = (await client.get("/reports", **bearer(made))).json()
        assert [each["source"] for each in listed] == [reports[0]["source"]]
        listed = (await client.get("/schedules", **bearer(made))).json()
        assert [each["id"] for each in listed["schedules"]] == [schedules[0]["id"]]
        for path, status in (
            (f"/reports/{reports[1]['source']}/availability", 404),
            (f"/reports/{reports[0]['source']}/availability", 200),
            (f"/schedules/{schedules[1]['id']}", 404),
            ("/usage/counts?customer=*&product=ALERT", 403),
            ("/usage/counts?customer=*&product=PORTFOLIO&product=ALERT", 403),
            ("/usage/counts?customer=BARCHART&product=*", 503),
        ):
            assert (await client.get(path, **bearer(made))).status_code == status, path
        refused = await client.post("/reports", json={"filter": alert}, **bearer(made))
        assert (refused.status_code, "product 'ALERT'" in refused.text) == (403, True)
        refused = await client.post("/schedules", json={"every": "day", "filter": alert}, **bearer(made))
        assert (refused.status_code, "product 'ALERT'" in refused.text) == (403, True)


async def test_admins_manage_the_keys_of_all(service: Any) -> None:
    async with service() as opened:
        anna, root = opened.anna, opened.root
        of_root, of_anna = await make(root), await make(root, user="anna")
        assert of_anna["user"] == "anna"
        assert [each["id"] for each in (await anna.get("/keys")).json()["keys"]] == [of_anna["id"]]
        found = (await root.get("/keys")).json()["keys"]
        assert sorted(each["id"] for each in found) == sorted([of_root["id"], of_anna["id"]])
        assert (await anna.delete(f"/keys/{of_root['id']}")).status_code == 404
        assert (await anna.post("/keys", json={"name": "x", "scopes": ["read"], "user": "root"})).status_code == 403
        assert (await root.post("/keys", json={"name": "x", "scopes": ["read"], "user": "x"})).status_code == 404
        assert (await root.delete(f"/keys/{of_anna['id']}")).status_code == 200


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "missing required field `name`"),
        ({"name": "x", "scopes": []}, "of length >= 1"),
        ({"name": "x", "scopes": ["write"]}, "Invalid enum value"),
        ({"name": "x", "scopes": ["read"], "days": 0}, ">= 1"),
        ({"name": "x", "scopes": ["read"], "customer": "BARCHART"}, "unknown field `customer`"),
        ({"name": "x", "scopes": ["read"], "customers": ["TGAM"]}, "does not see TGAM"),
        ({"name": "x", "scopes": ["admin"], "customers": ["BARCHART"]}, "for all customers"),
    ],
)
async def test_what_is_no_key_is_refused(service: Any, body: dict[str, Any], why: str) -> None:
    async with service() as opened:
        answer = await opened.anna.post("/keys", json=body)
        assert (answer.status_code, code(answer)) == (400, "REQUEST_INPUT_MALFORMED")
        assert why in answer.text


async def test_settings_bound_keys(service: Any) -> None:
    async with service(keys_max=1, key_days_max=30) as opened:
        forever = await opened.anna.post("/keys", json={"name": "x", "scopes": ["read"]})
        assert (forever.status_code, "30 days" in forever.text) == (400, True)
        await make(opened.anna, days=30)
        second = await opened.anna.post("/keys", json={"name": "x", "scopes": ["read"], "days": 30})
        assert (second.status_code, code(second)) == (429, "REQUEST_RATE_LIMITED")
