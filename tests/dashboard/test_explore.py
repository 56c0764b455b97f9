"""Explore: what is asked for is what the statistics answer, as lines, bars, a table, a number or a file."""

import html
import re
import shlex

import pytest
from parts import NOW_MS

DAY_MS = 86_400_000
PATH = "/dashboard/explore"


def events(number, **event):
    """So many events of today, of other users each, and of yesterday as many."""
    return [
        {"timestamp": NOW_MS - day * DAY_MS - 3_600_000, "context": [f"u{each}", "p"], **event}
        for day in (0, 1)
        for each in range(number)
    ]


async def explore(site, query, user="root", *loaded):
    async with site() as opened:
        opened.load(*(loaded or (*events(3), *events(1, type="PORTFOLIO-CREATED", customer="TGAM", version="2"))))
        answer = await (await opened.signed_in(user)).get(f"{PATH}?{query}")
        assert answer.status_code == 200, answer.text
        return answer.text


def cells(page, kind):
    """The cells of each row of a table of this class."""
    (table,) = re.findall(rf'<table class="{kind}[^>]*>(.*?)</table>', page, re.DOTALL)
    (body,) = re.findall(r"<tbody>(.*?)</tbody>", table, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


async def test_a_table_by_two_keys_adds_up(site):
    page = await explore(site, "by=type&by=customer&chart=table")
    assert cells(page, "numbers") == [
        ["PORTFOLIO-ACCESSED", "BARCHART", "6", "75.0 %", "0", "0"],
        ["PORTFOLIO-CREATED", "TGAM", "2", "25.0 %", "0", "0"],
    ]
    (link,) = re.findall(r'<a href="([^"]*)">TGAM</a>', page)
    assert html.unescape(link).endswith("types=PORTFOLIO-CREATED&customer=TGAM")


async def test_lines_have_one_for_each_value_and_the_others_together(site):
    kinds = [event for at in range(12) for event in events(1 + (at == 3), type=f"PORTFOLIO-K{at:02}")]
    page = await explore(site, "by=type&range=7d&chart=line", "root", *kinds)
    names = re.findall(r'<th scope="col">(PORTFOLIO-K..|All others)</th>', page)
    assert names == ["PORTFOLIO-K03", *(f"PORTFOLIO-K0{at}" for at in (0, 1, 2, 4, 5, 6, 7)), "All others"]
    assert len(re.findall(r'<ul class="legend">.*?</ul>', page, re.DOTALL)[0].split("<li>")) == 10
    assert "All others</span>" in page


async def test_bars_of_a_context_key_lead_to_its_events(site):
    page = await explore(site, "by=userId&chart=bar&product=PORTFOLIO")
    assert cells(page, "bars") == [["u0", "4", "50.0 %"], ["u1", "2", "25.0 %"], ["u2", "2", "25.0 %"]]
    page = await explore(site, "by=userId&chart=table&product=PORTFOLIO")
    assert "where=userId%3Ais%3Au1" in page


async def test_a_number_stands_beside_that_of_the_time_before(site):
    page = await explore(site, "chart=number&range=today")
    assert '<data value="4">4</data>' in page
    assert "4 before" in re.sub(r"<[^>]*>", "", page)
    page = await explore(site, "chart=number&call=uniques&range=7d")
    # Two customers have each a user of the same name.
    assert '<data value="4">4</data>' in page


async def test_fields_of_the_form_become_the_parameters_of_the_statistics(site):
    async with site() as opened:
        person = await opened.signed_in()
        answer = await person.get(
            f"{PATH}?range=7d&types=A&add_types=B&add_customer=TGAM&where_key=userId&where_is=is+not&where_value=x"
        )
        assert answer.status_code == 303
        place = answer.headers["location"]
        assert place.startswith(f"{PATH}?range=7d&types=A&")
        assert set(place.partition("?")[2].split("&")) == {
            *("range=7d", "types=A", "types=B", "customer=TGAM", "where=userId%3Ais+not%3Ax")
        }
        empty = await person.get(f"{PATH}?where_key=userId&where_is=empty")
        assert empty.headers["location"] == f"{PATH}?where=userId%3Aempty"
        # The condition alone, which every form sends, says nothing.
        assert (await person.get(f"{PATH}?where_is=is")).headers["location"] == PATH


async def test_the_answer_can_be_taken_away(site):
    async with site() as opened:
        opened.load(*events(3))
        person = await opened.signed_in()
        page = (await person.get(f"{PATH}?by=type&range=7d&customer=BARCHART")).text
        command, own = re.findall(r'data-copy="([^"]*)"', page)
        assert own.startswith("footfall stats counts --url http://events.example --by type --customer BARCHART ")
        (schedule,) = re.findall(r'href="(/dashboard/schedules/new[^"]*)"', page)
        form = (await person.get(html.unescape(schedule))).text
        assert 'name="customer" value="BARCHART"' in form
        (report,) = re.findall(r'href="(/dashboard/reports/new[^"]*)"', page)
        form = await person.get(html.unescape(report))
        assert form.status_code == 200
        assert "BARCHART" in form.text
        words = shlex.split(html.unescape(command))
        assert words[:3] == ["curl", "-u", "root"]
        asked = await person.client.get(words[3], auth=("root", "correct horse battery"))
        assert asked.json()["total"]["events"] == 6
        assert asked.json()["asOf"] == NOW_MS
        (file,) = re.findall(r'href="([^"]*counts\.csv[^"]*)"', page)
        table = await person.get(html.unescape(file))
        assert table.headers["content-disposition"] == 'attachment; filename="counts.csv"'
        assert table.headers["cache-control"] == "no-store"
        assert "PORTFOLIO-ACCESSED,3,0,0" in table.text
        assert (await person.get("/dashboard/usage/nothing.csv?customer=*")).status_code == 404
        assert (await person.get("/dashboard/usage/counts.exe?customer=*")).status_code == 404
        anna = await opened.signed_in("anna")
        assert (await anna.get("/dashboard/usage/counts.csv?customer=TGAM&product=*")).status_code == 403


async def test_users_are_offered_their_customers_alone(site):
    page = await explore(site, "", "anna")
    (options,) = re.findall(r'<datalist id="known-customer">(.*?)</datalist>', page)
    assert re.findall(r'value="(.*?)"', options) == ["BARCHART"]
    assert "TGAM" not in page


@pytest.mark.parametrize("query", ["chart=pie&call=x&top=9999", "by=none", "chart=bar", "chart=stacked&by=type"])
async def test_what_is_unknown_is_left_out(site, query):
    await explore(site, query)


async def test_a_condition_that_is_wrong_is_told_beside_the_form(site):
    async with site() as opened:
        answer = await (await opened.signed_in()).get(f"{PATH}?where=nokey:is:x&product=PORTFOLIO")
    assert answer.status_code == 400
    assert "nokey is not a context key of PORTFOLIO" in answer.text
    assert 'name="where_key"' in answer.text
