"""Erasures over HTTP: the dry run, an order that is sent twice, the receipt; the value is in no answer and no log."""

import contextlib
import dataclasses
import logging
from typing import Any

import httpx
import pytest
from erased import OTHER, VALUE
from parts import PASSWORD, Collector, TurnedClock, open_parts

from footfall import web
from footfall.erasure import ErasureRequests


@pytest.fixture
async def opened(node: Any) -> Any:
    """A node with events of the person, and the API on it."""
    here = node()
    async with here.open(), contextlib.AsyncExitStack() as stack:
        await here.fill()
        parts, state, _, _ = open_parts(stack, here.settings, TurnedClock(), Collector())
        parts = dataclasses.replace(parts, erasures=ErasureRequests(here.erasures, here.settings))
        transport = httpx.ASGITransport(web.build(parts), client=("127.0.0.1", 4711))

        def client(name: str) -> httpx.AsyncClient:
            return httpx.AsyncClient(transport=transport, base_url="http://events.example", auth=(name, PASSWORD))

        async with client("root") as root, client("anna") as anna:
            yield here, root, anna, state


async def test_an_admin_tries_orders_and_reads_the_receipt(opened: Any, caplog: Any) -> None:
    here, root, anna, state = opened
    caplog.set_level(logging.DEBUG)
    asked = {"key": "user", "value": VALUE}
    tried = await root.post("/erasures/dry-run", json=asked)
    assert [(one["customer"], one["events"]) for one in tried.json()["events"]] == [("C", 6)]
    assert (tried.json()["quarantined"][0]["events"], state.erasures.all()) == (1, [])
    # An order that is sent again is the same one, and another with its key is none.
    headers = {"idempotency-key": "letter 7"}
    first = await root.post("/erasures", json=asked, headers=headers)
    again = await root.post("/erasures", json=asked, headers=headers)
    assert (first.status_code, again.json(), first.json()["orderedBy"]) == (200, first.json(), "root")
    another = await root.post("/erasures", json=asked | {"pseudonymise": True}, headers=headers)
    assert (another.status_code, len(state.erasures.all())) == (400, 1)
    done = await here.finish(first.json()["id"])
    shown = await root.get(f"/erasures/{done.id}")
    assert (shown.json()["status"], shown.json()["receipt"]["events"][0]["events"]) == ("done", 6)
    assert (await root.get("/erasures")).json() == {"erasures": [shown.json()]}
    assert (here.stored_people(), here.places(VALUE)) == ([OTHER] * 6, [])
    # What was asked for is written down without the value, and nobody else may ask.
    for method, path in (("POST", ""), ("POST", "/dry-run"), ("GET", ""), ("GET", f"/{done.id}")):
        refused = await anna.request(method, f"/erasures{path}", json=asked if method == "POST" else None)
        assert refused.status_code == 403
    entries = [entry for entry in state.audit.following(0, 100) if entry.action.startswith("erasure.")]
    assert [(entry.who, entry.action, entry.target) for entry in entries] == [
        ("root", "erasure.try", ""),
        *[("root", "erasure.order", done.id)] * 2,
    ]
    assert '"key":"user"' in entries[0].details
    assert VALUE not in str(state.audit.following(0, 100)) + caplog.text + shown.text


async def test_what_is_no_order_is_refused_without_the_value(opened: Any) -> None:
    _, root, _, state = opened
    for body, said in (
        ({"key": "person", "value": VALUE}, "no product has the key 'person'"),
        ({"key": "user", "value": ""}, "length >= 1"),
        ({"key": "user"}, "value"),
        ({"key": "user", "value": VALUE, "customer": "C"}, "customer"),
    ):
        for path in ("/erasures", "/erasures/dry-run"):
            answer = await root.post(path, json=body)
            assert (answer.status_code, said in answer.text, VALUE in answer.text) == (400, True, False)
    for key in ("x" * 201, "", "\xe4"):
        headers = {"idempotency-key": key.encode("latin-1")}
        assert (await root.post("/erasures", json={"key": "user", "value": VALUE}, headers=headers)).status_code == 400
    assert (await root.get("/erasures/none")).status_code == 404
    assert state.erasures.all() == []
