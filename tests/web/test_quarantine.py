"""Quarantine over HTTP: for admins, with a real engine and journal behind it."""

import asyncio
import contextlib
import itertools
import uuid
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from footfall.loading import Archive, Loader
from footfall.store import Store, StoreRejected
from footfall.web import ROUTES
from footfall.web.openapi.document import make_document
from footfall.wire import Service

TIME = 1_568_381_886_060
BATCH = str(uuid.UUID(int=7))
CALLS = [
    ("GET", "/quarantine"),
    ("GET", f"/quarantine/{BATCH}/1"),
    ("POST", "/quarantine/release"),
    ("POST", "/quarantine/drop"),
]
DOCUMENT = make_document(ROUTES, Service("1", "footfall", "", "test"))


def held(sequence: int, *context: str | None, **changes: Any) -> dict[str, Any]:
    """A line of quarantine: with two values, the plan in force takes it by now."""
    event = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-ACCESSED", "timestamp": TIME}
    reasons = {"code": "EVENT_NOT_IN_PLAN", "place": "type", "reason": "type: no", "plan": "0123456789ab"}
    stamps = {"sequence": sequence, "batch": BATCH, "received": 1000 + sequence}
    return event | {"context": list(context)} | reasons | stamps | changes


LINES = [held(1, "u", "p"), held(2, "u", None), held(3, "u"), held(4, "u", "p", customer="TGAM", address="1.2.3.4")]


@pytest.fixture
def quarantined(service, engine, make_segment, tmp_path, monkeypatch):
    """Opens the API on a store that has LINES in quarantine, with its journal running."""
    monkeypatch.setattr("footfall.web.calls.quarantine.SETTLE_S", 0.05)

    @contextlib.asynccontextmanager
    async def opened(**changes):
        settings = engine.settings()
        store = Store(settings)
        store.load(make_segment(tmp_path / "lines", LINES), "quarantine")
        url = {"events_url": settings.events_url}
        async with service(disk_free_bytes_min=0, segment_bytes_max=1, **url | changes) as found:
            task = asyncio.create_task(found.journal.run())
            try:
                yield found, store
            finally:
                found.journal.close()
                await task
                store.close()

    return opened


def check_schema(answer, path, method):
    schema = DOCUMENT["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(answer.json())
    assert answer.headers.get_list("content-type") == ["application/json"]
    assert answer.headers["cache-control"] == "no-store"


async def test_only_admins_may(service):
    async with service() as opened:
        for method, path in CALLS:
            answer = await opened.anna.request(method, path, json={} if method == "POST" else None)
            assert answer.status_code == 403
            assert answer.content == (
                b'[{"value":{"code":"REQUEST_AUTHORIZATION_FAILURE","message":"quarantine is for admins only"},'
                b'"children":[]}]\n'
            )
            assert (await opened.client.request(method, path)).status_code == 401


async def test_the_list_is_filtered_and_paged(quarantined):
    async with quarantined() as (opened, _):

        async def sequences(**wanted: Any) -> list[int]:
            answer = await opened.root.get("/quarantine", params=wanted)
            check_schema(answer, "/quarantine", "get")
            return [event["sequence"] for event in answer.json()["events"]]

        assert await sequences() == [4, 3, 2, 1]
        assert await sequences(customer="TGAM") == [4]
        assert await sequences(since="1002", until="1003") == [3, 2]
        assert await sequences(since="1970-01-01T00:00:01.002Z", until="1970-01-01T01:00:01.003 01:00") == [3, 2]
        assert await sequences(until="1970-01-01") == [4, 3, 2, 1]
        assert await sequences(state="released") == []
        assert await sequences(state="all", reason="TYPE", product="PORTFOLIO") == [4, 3, 2, 1]
        first = (await opened.root.get("/quarantine", params={"limit": 3})).json()
        assert list(first) == ["events", "next"]
        assert await sequences(limit="3", after=first["next"]) == [1]


async def test_an_event_is_shown_with_the_keys_that_have_a_value(quarantined):
    async with quarantined() as (opened, _):
        answer = await opened.root.get(f"/quarantine/{BATCH.upper()}/2")
        check_schema(answer, "/quarantine/{batch}/{sequence}", "get")
        assert answer.content == (
            b'{"customer":"BARCHART","product":"PORTFOLIO","type":"PORTFOLIO-ACCESSED","timestamp":1568381886060,'
            b'"context":["u",null],"sequence":2,"batch":"' + BATCH.encode() + b'","state":"held","received":1002,'
            b'"code":"EVENT_NOT_IN_PLAN","where":"type","reason":"type: no","plan":"0123456789ab"}\n'
        )
        for path in (f"{BATCH}/9", f"{BATCH}/0", f"{BATCH}/x", "x/1", f"{BATCH}/99999999999999999999"):
            answer = await opened.root.get(f"/quarantine/{path}")
            assert (answer.status_code, answer.json()[0]["value"]["code"]) == (404, "REQUEST_NOT_FOUND")


async def test_a_release_says_what_stays_and_why_and_a_dry_run_says_the_same(quarantined, tmp_path):
    async with quarantined() as (opened, store):
        expected = (
            b'{"released":2,"stayed":2,"broken":[{"product":"PORTFOLIO","type":"PORTFOLIO-ACCESSED",'
            b'"reason":"context[1]: portfolioId must be a string: only an optional key may be null","events":1,'
            b'"example":"%b/2"},{"product":"PORTFOLIO","type":"PORTFOLIO-ACCESSED",'
            b'"reason":"context: 1 value where PORTFOLIO-ACCESSED takes 2: userId, portfolioId","events":1,'
            b'"example":"%b/3"}],"loaded":%b}\n'
        )
        tried = await opened.root.post("/quarantine/release", json={"dryRun": True})
        assert tried.content == expected % (BATCH.encode(), BATCH.encode(), b"true")
        assert opened.journal._folder.names() == []
        done = await opened.root.post("/quarantine/release", json={"all": True})
        assert done.content == expected % (BATCH.encode(), BATCH.encode(), b"false")
        for answer in (tried, done):
            check_schema(answer, "/quarantine/release", "post")
        await asyncio.to_thread(load, opened, store, tmp_path)
        assert store.rows("SELECT sequence, received, admitted FROM events FINAL ORDER BY sequence", {}) == [
            (1, 1001, opened.clock.ms),
            (4, 1004, opened.clock.ms),
        ]
        shown = (await opened.root.get(f"/quarantine/{BATCH}/4")).json()
        assert (shown["state"], shown["context"], shown["changedBy"]) == ("released", [], "root")
        assert (shown["changed"], "address" in shown) == (opened.clock.ms, False)


def load(opened, store, tmp_path) -> None:
    """What a worker does with the journal."""
    archive = Archive(tmp_path / "archive", 30)
    loader = Loader(opened.journal._folder, store, archive, tmp_path / "aside", opened.journal._settings, opened.clock)
    while opened.journal._folder.names():
        loader.tick()


async def test_a_release_of_named_events_under_another_type(quarantined):
    async with quarantined() as (opened, _):
        wanted = {"ids": [f"{BATCH}/3"], "setType": "PORTFOLIO-APPLICATION-LOADED"}
        answer = await opened.root.post("/quarantine/release", json=wanted)
        assert (answer.json()["released"], answer.json()["stayed"]) == (1, 0)


async def test_a_change_must_say_which_events_it_means(quarantined):
    bodies = [
        b"",
        b"{}",
        b'{"all":false}',
        b'{"filter":{}}',
        b'{"filter":{"customer":"","since":null}}',
        b'{"all":true,"filter":{"customer":"TGAM"}}',
        b'{"all":true,"ids":["%b/2"]}' % BATCH.encode(),
    ]
    async with quarantined() as (opened, _):
        for call, body in itertools.product(("release", "drop"), bodies):
            answer = await opened.root.post(f"/quarantine/{call}", content=body)
            value, (child,) = answer.json()[0]["value"], answer.json()[0]["children"]
            assert (answer.status_code, value["code"]) == (400, "REQUEST_INPUT_MALFORMED"), (call, body)
            assert '{"all": true}' in child["value"]["message"], (call, body)
        assert opened.journal._folder.names() == []


async def test_a_drop_of_all_says_so(quarantined):
    async with quarantined() as (opened, _):
        assert (await opened.root.post("/quarantine/drop", json={"all": True})).json()["dropped"] == 4


async def test_a_drop_of_what_is_chosen_leaves_records(quarantined, tmp_path):
    async with quarantined() as (opened, store):
        answer = await opened.root.post("/quarantine/drop", json={"filter": {"customer": "TGAM"}})
        check_schema(answer, "/quarantine/drop", "post")
        assert answer.content == b'{"dropped":1,"loaded":false}\n'
        await asyncio.to_thread(load, opened, store, tmp_path)
        assert (await opened.root.post("/quarantine/drop", json={"ids": [f"{BATCH}/2"]})).json()["dropped"] == 1
        await asyncio.to_thread(load, opened, store, tmp_path)
        page = (await opened.root.get("/quarantine", params={"state": "dropped"})).json()["events"]
        assert [(event["sequence"], event["context"]) for event in page] == [(4, []), (2, [])]


async def test_a_query_that_cannot_be_read_is_refused_saying_where(service):
    cases = [
        ("limit=0", "limit: must be an integer of at least 1"),
        ("limit=1001", "limit: must be an integer of at most 1000"),
        ("limit=x", "limit: must be an integer"),
        ("since=yesterday", "since"),
        ("until=2026-02-30", "until"),
        ("until=99999999999999999999", "until"),
        ("state=gone", "state: must be one of: held, released, dropped, all"),
        ("after=x", "after"),
        ("costumer=TGAM", "costumer"),
    ]
    async with service() as opened:
        for query, where in cases:
            answer = await opened.root.get(f"/quarantine?{query}")
            value, (child,) = answer.json()[0]["value"], answer.json()[0]["children"]
            assert (answer.status_code, value["code"]) == (400, "REQUEST_PARAMETER_MALFORMED"), query
            message = child["value"]["message"]
            assert message.startswith(f"{where}: ") or message == where


@pytest.mark.parametrize("call", ["release", "drop"])
async def test_a_body_that_cannot_be_read_is_refused_saying_where(service, call):
    cases = [
        (b"{", "body: is not JSON in UTF-8: it ends within a value"),
        (b"[]", "body: must be an object, not an array"),
        (b"\xff", "body"),
        (b"[" * 100_000, "body"),
        (b'{"filters":{}}', "filters"),
        (b'{"filter":{"costumer":"TGAM"}}', "filter.costumer"),
        # Keys that have their place elsewhere.
        (b'{"customer":"TGAM"}', "customer"),
        (b'{"filter":{"ids":[]}}', "filter.ids"),
        (b'{"filter":{"since":"1"}}', "filter.since"),
        (b'{"filter":null}', "filter"),
        (b'{"ids":[]}', "ids: must be an array of length at least 1"),
        (b'{"ids":["x"]}', "ids[0]"),
        (b'{"ids":[1]}', "ids[0]: must be a string, not an integer"),
        (b'{"ids":["%b"]}' % b'x","'.join([b""] * 1002), "ids"),
    ]
    async with service() as opened:
        for body, where in cases:
            answer = await opened.root.post(f"/quarantine/{call}", content=body)
            value, (child,) = answer.json()[0]["value"], answer.json()[0]["children"]
            assert (answer.status_code, value["code"]) == (400, "REQUEST_INPUT_MALFORMED"), body[:40]
            message = child["value"]["message"]
            assert message.startswith(f"{where}: ") or message == where


async def test_a_type_that_cannot_be_one_is_refused(quarantined):
    async with quarantined() as (opened, _):
        answer = await opened.root.post("/quarantine/release", json={"all": True, "setType": "x" * 201})
        assert (answer.status_code, answer.json()[0]["value"]["code"]) == (400, "REQUEST_PARAMETER_MALFORMED")


def check_unavailable(answer):
    assert (answer.status_code, answer.json()[0]["value"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"


async def test_without_the_store_the_client_is_asked_to_come_back(service):
    async with service() as opened:
        for method, path in CALLS:
            body = {"filter": {"customer": "C"}} if method == "POST" else None
            check_unavailable(await opened.root.request(method, path, json=body))


async def test_while_statements_fail_the_client_is_asked_to_come_back(quarantined):
    async with quarantined() as (opened, store):
        assert (await opened.root.get("/quarantine")).status_code == 200
        store.write("RENAME TABLE events TO away", {})
        for method, path in CALLS:
            body = {"filter": {"customer": "BARCHART"}} if method == "POST" else None
            check_unavailable(await opened.root.request(method, path, json=body))


async def test_a_request_that_the_store_rejects_is_not_put_off(service, monkeypatch):
    def reject(_: Store) -> None:
        raise StoreRejected("HTTP driver received HTTP status 414")

    monkeypatch.setattr(Store, "migrate", reject)
    async with service() as opened:
        for method, path in CALLS:
            body = {"filter": {"customer": "C"}} if method == "POST" else None
            answer = await opened.root.request(method, path, json=body)
            assert (answer.status_code, answer.json()[0]["value"]["code"]) == (500, "REQUEST_GENERAL_FAILURE")
            assert "retry-after" not in answer.headers


async def test_without_room_in_the_journal_the_client_is_asked_to_come_back(quarantined):
    async with quarantined(journal_waiting_bytes_max=1) as (opened, _):
        check_unavailable(await opened.root.post("/quarantine/release", json={"all": True}))
        body = {"filter": {"customer": "TGAM"}}
        check_unavailable(await opened.root.post("/quarantine/drop", json=body))


@pytest.mark.parametrize("call", ["release", "drop"])
async def test_a_change_by_a_time_in_seconds_is_refused(service, call):
    async with service() as opened:
        answer = await opened.root.post(f"/quarantine/{call}", json={"filter": {"since": 1_795_903_365}})
        assert (answer.status_code, "filter.since: looks like seconds" in answer.text) == (400, True)
        answer = await opened.root.get("/quarantine", params={"until": 1_795_903_365})
        assert (answer.status_code, "until: looks like seconds" in answer.text) == (400, True)
