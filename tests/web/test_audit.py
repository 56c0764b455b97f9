"""The audit log of calls: which have an entry, what is in it, and what is not."""

import json
import re
from typing import Any

import pytest

from footfall.privacy import ValueConcealer
from footfall.state import StateUnavailable
from footfall.web import ROUTES

FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}
# Calls of signed-in users that have no entry, each with its reason.
UNAUDITED = {
    "GET /events/{batch}": "tells that events arrived, and nothing that they hold",
    "GET /reports": "lists the user's own reports, without their content",
    "POST /reports/estimate": "a count",
    "GET /reports/{source}/availability": "polled; tells how far a report is",
    "GET /schedules": "lists the user's own",
    "GET /schedules/{schedule}": "the same",
    "GET /second-factor": "tells whether there is one",
    "GET /keys": "lists the user's own, without their text",
    "GET /usage/definitions": "a text for everyone",
    "GET /views": "lists what the user may see",
    "GET /views/{view}": "the same",
    "GET /shares": "the same",
    "GET /plan": "a file for all users",
    "GET /erasures": "tells no value of anybody",
    "GET /erasures/{erasure}": "the same",
    "GET /service/authenticate": "a sign-in, which has its own entry",
    "GET /metrics": "polled, and of nobody",
    **{f"GET /usage/{name}": "a count" for name in ("counts", "uniques", "retention", "funnel", "paths", "top")},
    **{f"GET /usage/{name}": "a count" for name in ("compare", "summary", "types")},
}


def found(opened: Any) -> list[dict[str, Any]]:
    """The entries so far but for sign-ins, the oldest first."""
    entries = opened.state.audit.following(0, 1_000)
    fields = ("who", "action", "target", "outcome", "address", "key")
    told = [{name: getattr(each, name) for name in fields} | {"details": json.loads(each.details)} for each in entries]
    return [each for each in told if each["action"] != "sign-in"]


def test_every_call_of_a_user_has_an_entry_or_a_reason_for_none() -> None:
    without = [route.name for route in ROUTES if route.signed_in and not route.audit]
    assert sorted(without) == sorted(UNAUDITED)
    assert not next(route for route in ROUTES if route.name == "POST /events").audit


async def test_a_report_from_its_start_to_its_download(service: Any) -> None:
    async with service(trusted_proxies="127.0.0.1") as opened:
        job = await opened.complete()
        headers = {"x-forwarded-for": "203.0.113.9"}
        link = (await opened.anna.get(f"/reports/JOB-{job.id}", headers=headers)).json()["link"]
        for _ in range(3):
            assert (await opened.client.get(link, headers=headers | {"range": "bytes=0-0"})).status_code == 206
        assert (await opened.anna.get("/reports/JOB-none")).status_code == 404
        start, linked, downloaded = found(opened)
        assert (start["who"], start["action"], start["target"]) == ("anna", "report.start", f"JOB-{job.id}")
        assert start["details"] == {"asked": {"filter": FILTER}}
        assert (linked["who"], linked["action"], linked["address"]) == ("anna", "report.link", "203.0.113.9")
        assert (downloaded["who"], downloaded["action"]) == ("", "report.download")
        assert downloaded["target"] == f"JOB-{job.id}/{job.file}"
        # The part of the link that opens it is nowhere.
        token = link.split("/")[-2]
        assert token not in str(found(opened))


async def test_changes_have_what_was_asked_for_and_who_asked_with_which_key(service: Any) -> None:
    async with service() as opened:
        made = (await opened.anna.post("/keys", json={"name": "x", "scopes": ["report", "admin"]})).json()
        bearer = {"authorization": f"Bearer {made['key']}"}
        schedule = {"every": "day", "filter": FILTER}
        added = (await opened.client.post("/schedules", json=schedule, headers=bearer)).json()
        await opened.client.delete(f"/schedules/{added['id']}", headers=bearer)
        await opened.anna.delete(f"/keys/{made['id']}")
        told = [(each["action"], each["target"], each["who"], each["key"]) for each in found(opened)]
        assert told == [
            ("key.add", made["id"], "anna", ""),
            ("schedule.add", added["id"], "anna", made["id"]),
            ("schedule.remove", added["id"], "anna", made["id"]),
            ("key.revoke", made["id"], "anna", ""),
        ]
        assert found(opened)[1]["details"]["asked"] == schedule
        assert made["key"].rpartition("_")[2] not in str(found(opened))


async def test_sign_ins_and_their_failures(service: Any) -> None:
    async with service() as opened:
        for _ in range(3):
            await opened.anna.get("/service/authenticate")
            await opened.client.get("/service/authenticate")
            await opened.client.get("/service/authenticate", auth=("anna", "open sesame"))
            await opened.client.get("/service/authenticate", auth=("my password", "open sesame"))
        await opened.root.get("/audit")
        entries = opened.state.audit.following(0, 100)
        told = [(each.who, each.outcome, each.details) for each in entries if each.action == "sign-in"]
        assert told == [
            ("anna", "ok", "{}"),
            ("anna", "failed", '{"times":1}'),
            ("", "failed", '{"times":1}'),
            ("root", "ok", "{}"),
        ]
        assert "my password" not in str(entries)
        assert "open sesame" not in str(entries)


async def test_what_a_user_may_not_have_is_noted_once_a_minute(service: Any) -> None:
    async with service() as opened:
        for _ in range(3):
            await opened.anna.get("/quarantine")
            await opened.anna.get("/usage/counts?customer=TGAM&product=ALERT")
        await opened.root.get("/audit")
        told = [(each["who"], each["outcome"], each["target"], each["details"]["why"]) for each in found(opened)[:-1]]
        assert told == [
            ("anna", "denied", "GET /quarantine", "quarantine is for admins only"),
            ("anna", "denied", "GET /usage/counts", "you may not see the customer 'TGAM'"),
        ]


async def test_admins_read_it_page_by_page_and_that_is_noted(service: Any) -> None:
    async with service() as opened:
        for number in range(3):
            await opened.anna.post("/views", json={"name": f"v{number}", "call": "counts", "parameters": FILTER})
        assert (await opened.anna.get("/audit")).status_code == 403
        first = (await opened.root.get("/audit?action=view.save&limit=2")).json()
        assert [each["details"]["asked"]["name"] for each in first["entries"]] == ["v2", "v1"]
        rest = (await opened.root.get(f"/audit?action=view.save&limit=2&before={first['next']}")).json()
        assert ([each["who"] for each in rest["entries"]], "next" in rest) == (["anna"], False)
        read = (await opened.root.get("/audit?action=audit.read")).json()["entries"]
        assert read[-1]["details"] == {"query": {"action": ["view.save"], "limit": ["2"]}}
        for query in ("limit=0", "limit=1001", "before=x", "since=-1", "before=99999999999999999999", "whom=x"):
            assert (await opened.root.get(f"/audit?{query}")).status_code == 400, query
        for value in ("%00", "%C2%86", "root%07"):
            assert (await opened.root.get(f"/audit?who={value}")).json() == {"entries": []}, value


async def test_without_its_entry_nothing_is_shown(service: Any, monkeypatch: Any) -> None:
    def fail(_: object) -> None:
        raise StateUnavailable("the disk is full")

    async with service() as opened:
        job = await opened.complete()
        link = await opened.link(job)
        monkeypatch.setattr(opened.state.audit, "append", fail)
        key = {"name": "x", "scopes": ["read"]}
        for answer in (await opened.client.get(link), await opened.anna.post("/keys", json=key)):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
            assert "footfall_" not in answer.text
        # What is not written down goes on.
        assert (await opened.anna.get(f"/reports/JOB-{job.id}/availability")).status_code == 200


async def test_values_of_contexts_are_in_no_entry_but_the_same_one_has_the_same_digest(service: Any) -> None:
    where = "userId:is:zebra"
    async with service() as opened:
        # A long body, of which the entry has a part.
        parameters = FILTER | {"types": ["A" * 190] * 20, "where": [where, "portfolioId:one of:zebra|a"]}
        await opened.anna.post("/views", json={"name": "v", "call": "counts", "parameters": parameters})
        await opened.anna.post("/reports", json={"filter": FILTER | {"where": [where]}})
        await opened.anna.get("/usage/events", params=FILTER | {"where": where})
        view, report = found(opened)[:2]
        (asked,) = report["details"]["asked"]["filter"]["where"]
        first, several = view["details"]["asked"]["parameters"]["where"]
        digest = asked.removeprefix("userId:is:#")
        assert (first, len(digest)) == (asked, 20)
        assert several.startswith(f"portfolioId:one of:#{digest}|#")
        assert "zebra" not in str(opened.state.audit.following(0, 100))


def test_a_query_string_within_a_form_has_no_value_and_other_texts_stay() -> None:
    conceal = ValueConcealer("salt").conceal
    (written,) = conceal({"parameters": "range=7d&where=userId%3Ais%3Azebra+%26+co"}).values()
    assert re.fullmatch(r"range=7d&where=userId%3Ais%3A%23[0-9a-f]{20}", written)
    plain = {"parameters": "range=7d&x=", "why": "a = b", "times": 3, "note": "at 10:30: all is well", "none": None}
    assert conceal(plain) == plain


@pytest.mark.parametrize(
    "written",
    [
        "where=userId%3Ais%3AemVicmE%3D",
        "where=userId:is:emVicmE=",
        "range=7d&where=userId%3Ais%3Acn%3DemVicmE%2Cou%3Dzoo",
        "next=%2Fdashboard%2Fexplore%3Fwhere%3DuserId%253Ais%253AemVicmE",
        "next=%2Fdashboard%3Fnext%3D%252Fdashboard%253Fwhere%253DuserId%25253Ais%25253AemVicmE%25253D",
    ],
)
def test_no_value_stays_that_has_an_equals_sign_or_stands_in_a_query_string_of_a_query_string(written: str) -> None:
    assert "emVicmE" not in str(ValueConcealer("salt").conceal({"parameters": written, "each": [written]}))


def test_a_text_of_equals_signs_alone_is_no_long_work() -> None:
    long = {"parameters": "a=" * 100_000}
    assert ValueConcealer("salt").conceal(long) == long
