"""The overview: its numbers are those of the statistics, and everything on it leads on."""

import asyncio
import html
import json
import re
import shlex

import pytest
from parts import NOW_MS

DAY_MS = 86_400_000


def days(*counts, **event):
    """So many events on each of the days up to today, of other users each time."""
    return [
        {"timestamp": NOW_MS - 3_600_000 - DAY_MS * (len(counts) - 1 - at), "context": [f"u{each}", "p"], **event}
        for at, number in enumerate(counts)
        for each in range(number)
    ]


def tiles(page):
    """The name, number, change and number before of each tile."""
    found = re.findall(r"<li(?: class=\"chosen\")?>\s*<(?:a|span) class=\"label\".*?</li>", page, re.DOTALL)
    return [re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", each))).strip() for each in found]


def rows(page, name):
    """The labels and numbers of a list."""
    (table,) = re.findall(rf"<h2>{name}</h2>.*?</table>", page, re.DOTALL)
    return re.findall(r'title="[^"]*">([^<]*)</a>.*?<data value="(\d+)"', table, re.DOTALL)


async def test_numbers_are_compared_with_the_same_days_before(site):
    async with site() as opened:
        opened.load(*days(1, 2, 0, 0, 0, 0, 0, 3, 4, 5, 0, 0, 0, 2))
        page = (await (await opened.signed_in()).get("/?range=7d")).text
    assert tiles(page) == [
        "Events 14 +367 % 3 before",
        "Actors 5 +150 % 2 before",
        "Visits 14 +367 % 3 before",
        "Events per actor 2.8 +87 % 1.5 before",
    ]
    # A row of the chart's table: the day, its events, and those a week before.
    table = re.findall(r'<time data-local="\d+" data-interval="day">(.*?)</time></th>(.*?)</tr>', page, re.DOTALL)
    assert [(day, re.findall(r'value="(\d+)"', cells)) for day, cells in table[:3]] == [
        ("8 Nov 2023", ["3", "1"]),
        ("9 Nov 2023", ["4", "2"]),
        ("10 Nov 2023", ["5", "0"]),
    ]


async def test_actors_that_take_long_to_count_follow_the_events(site):
    async with site() as opened:
        opened.load(*days(1, 2, 0, 0, 0, 0, 0, 3, 4, 5, 0, 0, 0, 2))
        person = await opened.signed_in()
        page = (await person.client.get("/?range=7d&wait=no", headers={"accept": "text/html"})).text
        later = "… being counted"
        counted = ["Events 14 +367 % 3 before", f"Actors {later}", f"Visits {later}", f"Events per actor {later}"]
        assert tiles(page) == counted
        assert rows(page, "Types") == [("PORTFOLIO-ACCESSED", "14")]
        # Without a script the link leads to all of it; the script asks for the same address, and says that it waits.
        (link, *_) = re.findall(r'href="([^"]*)" data-later', page)
        whole = (await person.client.get(html.unescape(link), headers={"accept": "text/html"})).text
        assert tiles(whole)[1] == "Actors 5 +150 % 2 before"
        assert "data-later" not in whole
        assert tiles((await person.get("/?range=7d&wait=no")).text)[1:] == tiles(whole)[1:]


async def test_a_click_filters_and_another_takes_the_filter_away(site):
    async with site() as opened:
        opened.load(*days(2, 3), *days(1, 1, type="PORTFOLIO-CREATED", customer="TGAM"))
        person = await opened.signed_in()
        page = (await person.get("/?range=7d")).text
        assert rows(page, "Types") == [("PORTFOLIO-ACCESSED", "5"), ("PORTFOLIO-CREATED", "2")]
        assert rows(page, "Customers") == [("BARCHART", "5"), ("TGAM", "2")]
        (link,) = re.findall(r'href="([^"]*)" title="Only TGAM"', page)
        filtered = (await person.get(html.unescape(link))).text
        assert rows(filtered, "Types") == [("PORTFOLIO-CREATED", "2")]
        assert tiles(filtered)[0].startswith("Events 2")
        assert "Customer: <b>TGAM</b>" in filtered
        (back,) = re.findall(r'href="([^"]*)" title="Not only TGAM"', filtered)
        assert html.unescape(back) == "/?range=7d"


async def test_each_number_says_what_it_stands_on(site):
    async with site() as opened:
        opened.load(
            *days(3), *days(2, type="PORTFOLIO-CREATED", received=NOW_MS, batch="00000000-0000-0000-0000-00000000000a")
        )
        opened.load({**days(1)[0], "batch": "ffffffff-0000-0000-0000-000000000000"})
        person = await opened.signed_in()
        page = (await person.get("/?range=today&customer=BARCHART&product=PORTFOLIO")).text
        (notes,) = re.findall(r'<details class="notes"[^>]*>', page)
        assert f'data-asof="{NOW_MS}" data-exact="yes" data-complete="yes"' in notes
        report = json.loads(html.unescape(re.findall(r'data-report="([^"]*)"', notes)[0]))
        assert report["output"] == {"asOf": NOW_MS}
        assert report["filter"]["customer"] == "BARCHART"
        (accessed,) = re.findall(r'title="Only PORTFOLIO-ACCESSED".*?<button ([^>]*)>', page, re.DOTALL)
        assert 'data-number="events" data-duplicates="1" data-late="0"' in accessed
        own = json.loads(html.unescape(re.findall(r'data-report="([^"]*)"', accessed)[0]))
        assert own["filter"]["types"] == ["PORTFOLIO-ACCESSED"]
        # It is a body that the API takes.
        started = await person.client.post("/reports", json=own, auth=("root", "correct horse battery"))
        assert started.status_code == 200
        for name in re.findall(r'data-number="(\w+)"', page):
            assert f'data-definition="{name}"' in page


async def test_of_several_customers_each_number_names_the_report_of_its_events(site):
    async with site() as opened:
        opened.load(*days(1))
        person = await opened.signed_in()
        page = (await person.get("/")).text
        reports = [json.loads(html.unescape(found)) for found in re.findall(r'data-report="([^"]*)"', page)]
        # Of all, and of the rows of the lists.
        scopes = [{key: report["filter"].get(key) for key in ("customers", "products", "types")} for report in reports]
        every = {"customers": ["*"], "products": ["*"], "types": None}
        for found in ({}, {"customers": ["BARCHART"]}, {"products": ["PORTFOLIO"]}, {"types": ["PORTFOLIO-ACCESSED"]}):
            assert every | found in scopes
        for report in reports:
            started = await person.client.post("/reports", json=report, auth=("root", "correct horse battery"))
            assert started.status_code == 200


async def test_users_see_their_customers_alone(site):
    async with site() as opened:
        opened.load(*days(2), *days(5, customer="TGAM"))
        pages = [(await (await opened.signed_in(user)).get("/?range=today")).text for user in ("anna", "root")]
    assert [tiles(page)[0].split()[1] for page in pages] == ["2", "7"]
    assert "TGAM" not in pages[0]


async def test_all_numbers_are_of_one_time_which_stays_when_it_is_in_the_address(site):
    async with site() as opened:
        opened.load(*days(2))
        person = await opened.signed_in()
        opened.load(*days(3, admitted=NOW_MS + 1))
        opened.state.nodes.put("node", NOW_MS + 5, NOW_MS + 5)
        pages = [(await person.get(f"/?range=today{more}")).text for more in ("", f"&asOf={NOW_MS}")]
    assert [tiles(page)[0].split()[1] for page in pages] == ["5", "2"]
    assert "Show the newest" in pages[1]


async def test_the_first_visitor_is_told_what_to_send(site):
    async with site() as opened:
        opened.state.nodes.put("node", NOW_MS, NOW_MS)
        person = await opened.signed_in()
        page = (await person.get("/")).text
        (command,) = re.findall(r"<pre tabindex=\"0\"><code>(.*?)</code>", page)
        words = shlex.split(html.unescape(command))
        assert words[:2] == ["curl", "http://events.example/events"]
        assert json.loads(words[-1])["events"][0]["timestamp"] == NOW_MS
        opened.load(*days(1))
        page = (await person.get("/?types=X")).text
        assert "No event matches all filters." in page
        assert "curl" not in page


@pytest.mark.parametrize(
    ("query", "said"),
    [("range=30d", "4 Nov"), ("range=90d&timezone=Asia/Tokyo", "Asia/Tokyo"), ("range=year&interval=month", "Nov")],
)
async def test_ranges_zones_and_intervals(site, query, said):
    async with site() as opened:
        opened.load(*days(1, 1, 1))
        answer = await (await opened.signed_in()).get(f"/?{query}")
    assert answer.status_code == 200
    assert said in answer.text


async def test_the_zone_of_the_browser_is_the_zone_of_the_page(site):
    async with site() as opened:
        opened.load(*days(1))
        person = opened.person()
        await person.sign_in("root", timezone="Europe/Berlin")
        assert 'name="timezone" value="Europe/Berlin"' in (await person.get("/")).text
        assert 'name="timezone" value="UTC"' in (await person.get("/?timezone=UTC")).text


async def test_a_page_that_is_left_gives_its_question_up(site):
    """The browser has gone before the answer: nothing is asked to the end."""
    async with site() as opened:
        opened.load(*days(1))
        person = await opened.signed_in()
        asked, ended = asyncio.Event(), asyncio.Event()

        async def ask_for_ever(user, question, asked_s):
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        opened.parts.usage.ask = ask_for_ever
        cookies = "; ".join(f"{name}={value}" for name, value in person.client.cookies.items())
        headers = [(b"host", b"events.example"), (b"accept", b"text/html"), (b"cookie", cookies.encode())]
        path = {"path": "/", "raw_path": b"/", "query_string": b"", "root_path": ""}
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            **path,
        }
        sent = []

        async def receive():
            await asked.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await asyncio.wait_for(opened.app(scope, receive, send), 20)
        await asyncio.wait_for(ended.wait(), 20)
        assert sent[0]["status"] == 408
