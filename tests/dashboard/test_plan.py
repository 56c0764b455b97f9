"""The plan and the system as pages: the dictionary with what was seen, and each part in words with what to do."""

import html
import re

import pytest
from parts import NOW_MS

from footfall.dashboard.views.system import tell_parts
from footfall.errors import Code
from footfall.state import RefusedKind


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_the_dictionary_has_every_type_with_what_was_seen_of_the_users_customers(site):
    async with site() as opened:
        opened.load({}, {}, {"type": "PORTFOLIO-CREATED"}, {"customer": "TGAM", "type": "PORTFOLIO-DELETED"})
        anna, root = await opened.signed_in("anna"), await opened.signed_in("root")
        page = words((await anna.get("/dashboard/plan")).text)
        assert "PORTFOLIO types: 25 · events: 3 · never seen in this time: 23" in page
        assert "PORTFOLIO-ACCESSED userId, portfolioId 2 2023-11-14 2023-11-14" in page
        assert "PORTFOLIO-DELETED userId, portfolioId never" in page
        assert "PORTFOLIO-DELETED userId, portfolioId 1 " in words((await root.get("/dashboard/plan")).text)
        assert "Customers BARCHART From" in page
        assert "What broke the plan" not in page


async def test_the_page_may_be_as_of_a_time_that_no_clock_shows(site):
    async with site() as opened:
        page = await (await opened.signed_in("anna")).get("/dashboard/plan?asOf=-62135596800001")
    assert page.status_code == 200
    assert "-62135596800001 ms" in page.text


async def test_a_number_leads_to_the_overview_of_its_type_and_time(site):
    # In Tokyo the newest two events are of the next day.
    custom = "range=custom&start=2023-07-01&end=2023-11-14&timezone=Asia/Tokyo"
    async with site() as opened:
        opened.load({}, {}, {"timestamp": 1_690_000_000_000})
        anna = await opened.signed_in("anna")
        for times, events in (("range=90d", "2"), (custom, "1"), ("start=2023-07-01", "3")):
            page = (await anna.get(f"/dashboard/plan?{times}")).text
            ((link, number),) = re.findall(r'href="(/\?[^"]*types=[^"]*)"[^>]*><data value="(\d+)">', page)
            overview = (await anna.get(html.unescape(link))).text
            shown = re.search(r'data-number="events" data-value="(\d+)"', overview)
            assert (number, shown and shown[1]) == (events, events), link


async def test_descriptions_deprecated_types_and_those_outside_the_plan_are_told(site, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'customers = ["BARCHART"]\n[products.SHOP]\ndescription = "The <shop>."\nactor = "user"\n'
        'columns = ["user", "sku"]\n[products.SHOP.keys]\nsku = "What was bought."\n[products.SHOP.types]\n'
        'OPENED = ["user"]\nBOUGHT = { keys = ["user", "sku"], description = "It was paid.", deprecated = true }\n'
    )
    async with site(plan=str(plan)) as opened:
        opened.load({"product": "SHOP", "type": "STOLEN", "context": ["x"]}, {"product": "WEB", "type": "SEEN"})
        page = words((await (await opened.signed_in("anna")).get("/dashboard/plan")).text)
    for said in ("The <shop>.", "BOUGHT deprecated It was paid.", "sku What was bought.", "STOLEN not in the plan"):
        assert said in page, said
    assert "WEB types: 1 · events: 1 not in the plan" in page


async def test_admins_see_how_many_requests_broke_the_plan(site):
    async with site() as opened:
        opened.parts.refused[Code.EVENT_NOT_IN_PLAN] = 17
        kind = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-ACESSED", "place": "type"}
        kind |= {"code": Code.EVENT_NOT_IN_PLAN.value, "reason": "is not in the plan", "events": 7}
        opened.state.refusals.add([RefusedKind(**kind, first_ms=NOW_MS, last_ms=NOW_MS)], NOW_MS, 10)
        root = await opened.signed_in("root")
        page = words((await root.get("/dashboard/plan")).text)
        assert "an event of theirs broke the plan: 17 ." in page
        assert "PORTFOLIO-ACESSED BARCHART · PORTFOLIO type is not in the plan 7" in page
        anna = await opened.signed_in("anna")
        assert "ACESSED" not in (await anna.get("/dashboard/plan")).text


async def test_the_system_is_told_in_words_with_its_nodes(site):
    async with site() as opened:
        opened.load(*[{}] * 3)
        opened.state.nodes.put("gone", 1_699_000_000_000, 1_699_000_000_000)
        root = await opened.signed_in("root")
        page = words((await root.get("/dashboard/system")).text)
        assert "Events are accepted." in page
        assert "No backup was made from this node yet. footfall backup PLACE" in page
        assert re.search(r"gone missing 12 days ago", page)


def test_what_does_not_work_says_so():
    told = next(tell_parts(WELL, None, 1, is_healthy=False))
    assert (told.name, told.level) == ("collecting", "bad")
    assert told.facts[0].startswith("Events are refused now: they cannot be made durable.")
    assert told.advice


WELL = {
    ("footfall_loaded_through_age_seconds",): 1.0,
    ("footfall_disk_free_bytes",): 10**12,
    ("footfall_backup_age_seconds",): 60.0,
}


@pytest.mark.parametrize(
    ("value", "part", "level"),
    [
        ({}, "", "well"),
        ({("footfall_loaded_through_age_seconds",): 61.0}, "journal", "bad"),
        ({("footfall_store_away",): 1}, "store", "bad"),
        ({("footfall_disk_free_bytes",): 3 * 268_435_456}, "disk", "watch"),
        ({("footfall_disk_free_bytes",): 268_435_456}, "disk", "bad"),
        ({("footfall_segments_aside",): 1}, "aside", "bad"),
        ({("footfall_quarantine_events",): 5}, "quarantine", "watch"),
        ({("footfall_schedules_failed",): 1}, "reports", "watch"),
        ({("footfall_rollup_age_seconds",): 3601}, "statistics", "watch"),
        ({("footfall_backup_age_seconds",): 3 * 86_400}, "backup", "watch"),
    ],
)
def test_what_is_not_well_has_its_advice(value, part, level):
    found = {each.name: each for each in tell_parts(WELL | value, 600, 268_435_456, is_healthy=True)}
    assert {name: each.level for name, each in found.items() if each.level != "well"} == ({part: level} if part else {})
    assert all(bool(each.advice) == (each.level != "well") for each in found.values())
    assert "Events in the last 10 minutes: 600, 1.0 a second." in found["collecting"].facts


async def test_who_sees_no_customer_sees_the_dictionary_without_numbers(site):
    async with site() as opened:
        opened.load({})
        opened.parts.accounts.add("eve", "a few more words")
        eve = opened.person()
        await eve.sign_in("eve", "a few more words")
        page = words((await eve.get("/dashboard/plan")).text)
    assert "PORTFOLIO-ACCESSED userId, portfolioId PORTFOLIO-CREATED" in page
    assert "never" not in page
    assert "You see no customer of the plan yet." in page
