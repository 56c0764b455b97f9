"""Funnels, retention and paths: the statistics' own answers, with what makes the next question one click away."""

import html
import re

import pytest
from parts import NOW_MS

DAY_MS, MINUTE_MS = 86_400_000, 60_000


def chain(who, *kinds, day=0):
    """Events of one actor, a minute after each other."""
    begin = NOW_MS - day * DAY_MS - 3_600_000
    return [
        {"timestamp": begin + at * MINUTE_MS, "type": f"PORTFOLIO-{kind}", "context": [who, "p"]}
        for at, kind in enumerate(kinds)
    ]


async def ask(site, path, *events):
    async with site() as opened:
        opened.load(*events)
        answer = await (await opened.signed_in()).get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


def rows(page, kind):
    (table,) = re.findall(rf'<table class="{kind}">(.*?)</table>', page, re.DOTALL)
    found = re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)[1:]
    return [[plain(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in found]


def plain(cell):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", cell))).strip()


TAKEN = (*chain("a", "ACCESSED", "CREATED"), *chain("b", "ACCESSED"), *chain("c", "CREATED", "ACCESSED"))


async def test_a_funnel_says_how_many_take_each_step_and_how_long_it_takes(site):
    page = await ask(site, "/dashboard/funnels?step=PORTFOLIO-ACCESSED&step=PORTFOLIO-CREATED&by=customer", *TAKEN)
    assert rows(page, "funnel") == [
        ["1 PORTFOLIO-ACCESSED", "3", "100 %", "", ""],
        ["2 PORTFOLIO-CREATED", "1", "33.3 %", "33.3 %", "1 min"],
    ]
    assert "1 of 3 actors" in re.sub(r"<[^>]*>", "", page)
    assert rows(page, "numbers") == [["BARCHART", "3 100 %", "1 33.3 %"]]


async def test_a_funnel_begins_with_the_types_that_there_are(site):
    page = await ask(site, "/dashboard/funnels?range=7d", *TAKEN)
    links = re.findall(r'<a class="button" href="([^"]*)"[^>]*>(PORTFOLIO-\w+)', page)
    assert [name for _, name in links] == ["PORTFOLIO-ACCESSED", "PORTFOLIO-CREATED"]
    assert html.unescape(links[0][0]) == "/dashboard/funnels?range=7d&step=PORTFOLIO-ACCESSED"


async def test_steps_are_moved_and_removed_by_links(site):
    page = await ask(site, "/dashboard/funnels?step=PORTFOLIO-ACCESSED&step=PORTFOLIO-CREATED", *TAKEN)
    (earlier,) = re.findall(r'href="([^"]*)" aria-label="Move PORTFOLIO-CREATED', page)
    assert html.unescape(earlier).endswith("?step=PORTFOLIO-CREATED&step=PORTFOLIO-ACCESSED")
    (without,) = re.findall(r'href="([^"]*)" aria-label="Remove the step PORTFOLIO-ACCESSED', page)
    assert html.unescape(without).endswith("?step=PORTFOLIO-CREATED")


async def test_retention_tells_what_is_over_and_what_is_not(site):
    twice = [*chain("a", "ACCESSED", day=2), *chain("a", "ACCESSED", day=1)]
    events = [*twice, *chain("b", "ACCESSED", day=2), *chain("c", "ACCESSED")]
    path = "/dashboard/retention?range=7d&interval=day&periods=4"
    page = await ask(site, path, *events)
    assert rows(page, "cohorts") == [
        ["All together", "3", "100 %", "50.0 %"],
        ["2023-11-12", "2", "100 %", "50.0 %", "0 %"],
        ["2023-11-14", "1", "100 %"],
    ]
    assert re.findall(r'class="heat heat-(\d+) open"', page) == ["0", "10"]
    actors = await ask(site, f"{path}&show=actors", *events)
    assert rows(actors, "cohorts")[1] == ["2023-11-12", "2", "2", "1", "0"]


async def test_paths_lead_from_type_to_type(site):
    page = await ask(site, "/dashboard/paths?type=PORTFOLIO-ACCESSED&levels=1", *TAKEN)
    assert rows(page, "numbers") == [["(nothing more)", "2", "66.7 %", "2"], ["PORTFOLIO-CREATED", "1", "33.3 %", "1"]]
    assert "/dashboard/paths?levels=1&amp;type=PORTFOLIO-CREATED" in page
    before = await ask(site, "/dashboard/paths?type=PORTFOLIO-ACCESSED&levels=1&direction=before", *TAKEN)
    assert ["PORTFOLIO-CREATED", "1", "33.3 %", "1"] in rows(before, "numbers")
    offered = await ask(site, "/dashboard/paths", *TAKEN)
    assert "/dashboard/paths?type=PORTFOLIO-ACCESSED" in offered


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("funnels?step=A&step=B&window=x", "window: must be a length of time"),
        ("retention?periods=0", "periods: must be a number"),
        ("paths?type=A&levels=9", "levels: must be a number"),
        ("funnels?step=A&step=B&where=nokey:is:x", "nokey is not a context key"),
    ],
)
async def test_what_is_wrong_is_told_beside_the_form(site, path, said):
    async with site() as opened:
        answer = await (await opened.signed_in()).get(f"/dashboard/{path}")
    assert answer.status_code == 400
    assert said in answer.text
    assert 'id="question"' in answer.text


@pytest.mark.parametrize("page", ["funnels?step=A&step=B", "retention", "paths?type=A"])
async def test_without_events_there_is_a_way_on(site, page):
    text = await ask(site, f"/dashboard/{page}", *chain("a", "ACCESSED", day=200))
    assert "Take filters away" in text or "0 of 0 actors" in re.sub(r"<[^>]*>", "", text)
