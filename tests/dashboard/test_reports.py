"""Reports and schedules as pages: the form from the plan, the estimate, starting, one report, and whose they are."""

import html
import re
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from page_reports import CHOSEN, complete, started

from footfall.dashboard.views.choice import DELIMITERS, FORMATS, Choice
from footfall.state import JobStatus

LIST, NEW = "/dashboard/reports", "/dashboard/reports/new"


def words(page: str) -> str:
    """The page's text."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_the_form_is_drawn_from_the_plan_for_the_customers_of_the_user(site):
    async with site() as opened:
        anna, root = await opened.signed_in("anna"), await opened.signed_in("root")
        page = (await anna.get(f"{NEW}?product=ALERT")).text
        assert re.findall(r'name="types" value="([^"]+)"', page)[:2] == [
            "ALERT-APPLICATION-LOADED",
            "ALERT-STARTED-ALL",
        ]
        assert "TGAM" not in page
        assert '<option value="TGAM">TGAM</option>' in (await root.get(NEW)).text
        assert "Start the report" not in page


async def test_an_estimate_is_shown_before_a_report_starts_and_the_address_has_the_whole_form(site):
    async with site() as opened:
        opened.load({}, {}, {"type": "PORTFOLIO-CREATED"}, {"customer": "TGAM"})
        anna = await opened.signed_in("anna")
        answer = await anna.client.get(NEW, params={**CHOSEN, "types": "PORTFOLIO-ACCESSED", "format": "jsonl"})
        assert "This report would have 2 rows" in words(answer.text)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', answer.text))
        assert (hidden["types"], hidden["format"]) == ("PORTFOLIO-ACCESSED", "jsonl")
        where = started(await anna.client.post(NEW, data=hidden))
        job = opened.state.jobs.get(where.removeprefix(f"{LIST}/JOB-"))
        assert (job.filter.types, job.format, job.times) == (("PORTFOLIO-ACCESSED",), "jsonl", "rfc3339")


async def test_what_is_wrong_is_told_beside_the_form_as_it_was_filled(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        theirs = await anna.client.get(NEW, params={**CHOSEN, "customer": "TGAM"})
        assert (theirs.status_code, "TGAM" in words(theirs.text)) == (403, True)
        wrong = await anna.client.get(NEW, params={**CHOSEN, "start": "yesterday", "timezone": "Nowhere/At"})
        assert wrong.status_code == 400
        assert "filter.start" in words(wrong.text)
        assert 'value="Nowhere/At"' in wrong.text
        refused = await anna.post(NEW, NEW, **{**CHOSEN, "customer": "TGAM"})
        assert refused.status_code == 403


async def test_a_report_is_watched_downloaded_and_its_manifest_told_in_words(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        where = started(await anna.post(NEW, NEW, **CHOSEN))
        running = (await anna.get(where)).text
        assert 'data-live="running"' in running
        assert "The report is being made" in words(running)
        assert (await anna.get(f"{where}/file")).status_code == 409
        complete(opened, where.rsplit("/", 1)[1])
        page = (await anna.get(where)).text
        assert 'data-live="running"' not in page
        for said in (
            "The report is ready 3 rows, 18 bytes",
            "accepted up to 2023-11-14 22:13 is in it once",
            "Duplicates in the file: 1",
            "unknown type <b>X</b>",
        ):
            assert said in words(page), said
        assert "<b>X</b>" not in page
        assert [row.split("|")[2] for row in (await download(anna, where)).splitlines()] == ["x"] * 3
        listed = words((await anna.get(LIST)).text)
        assert "PORTFOLIO of BARCHART , all types ready 3 18 bytes" in listed


async def download(person, where: str) -> str:
    link = await person.get(f"{where}/file")
    assert link.status_code == 303
    return (await person.client.get(link.headers["location"])).text


async def test_what_came_since_is_another_report_of_the_same_selection(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        where = started(await anna.post(NEW, NEW, **CHOSEN, types="PORTFOLIO-ACCESSED", format="jsonl"))
        complete(opened, where.rsplit("/", 1)[1])
        later = started(await anna.post(f"{where}/since", where))
        job = opened.state.jobs.get(later.removeprefix(f"{LIST}/JOB-"))
        assert (job.since_ms, job.filter.types, job.format) == (opened.clock.ms, ("PORTFOLIO-ACCESSED",), "jsonl")


async def test_a_report_is_cancelled_removed_and_asked_for_again(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        where = started(await anna.post(NEW, NEW, **CHOSEN))
        assert started(await anna.post(f"{where}/end", where)) == f"{LIST}?done=cancelled"
        assert "cancelled" in words((await anna.get(where)).text)
        opened.clock.ms += 1000
        where = started(await anna.post(NEW, NEW, **CHOSEN))
        complete(opened, where.rsplit("/", 1)[1])
        assert started(await anna.post(f"{where}/end", where)) == f"{LIST}?done=removed"
        page = (await anna.get(where)).text
        assert "The report was ready" in words(page)
        assert "The file is not there any more" in words(page)
        again = html.unescape(re.search(r'href="(/dashboard/reports/new\?[^"]+)"', page)[1])
        assert dict(parse_qsl(urlsplit(again).query))["customer"] == "BARCHART"
        assert (await anna.get(again)).status_code == 200
        opened.state.jobs.mark_erased(where.rsplit("/", 1)[1].removeprefix("JOB-"), opened.clock.ms)
        assert "The file had events of a person who was erased: it was removed" in words((await anna.get(where)).text)


async def test_a_report_is_nobody_elses_not_even_an_admins(site):
    async with site() as opened:
        anna, root = await opened.signed_in("anna"), await opened.signed_in("root")
        where = started(await anna.post(NEW, NEW, **CHOSEN))
        assert (await root.get(where)).status_code == 404
        assert (await root.get(f"{where}/file")).status_code == 404
        assert (await root.post(f"{where}/end", LIST)).status_code == 404
        assert (await root.post(f"{where}/since", LIST)).status_code == 404
        assert where.rsplit("/", 1)[1] not in (await root.get(LIST)).text
        assert opened.state.jobs.get(where.removeprefix(f"{LIST}/JOB-")).status is JobStatus.RUNNING


FORM = "/dashboard/schedules/new"


async def test_a_schedule_comes_from_the_form_and_is_paused_resumed_and_removed(site):
    async with site() as opened:
        anna, root = await opened.signed_in("anna"), await opened.signed_in("root")
        fields = {
            **CHOSEN,
            "types": "PORTFOLIO-ACCESSED",
            "every": "week",
            "name": "Ada <i>",
            "timezone": "Europe/Berlin",
        }
        where = started(await anna.post("/dashboard/schedules", NEW, **fields))
        page = words((await anna.get(where)).text)
        assert page.startswith("Ada <i> ")
        assert "One for each week, by the clock of Europe/Berlin." in page
        where = where.partition("?")[0]
        for change, done in (("pause", "paused"), ("resume", "resumed")):
            assert started(await anna.post(f"{where}/{change}", where)) == f"{where}?done={done}"
        assert "Ada &lt;i&gt;" in (await root.get("/dashboard/schedules")).text
        assert started(await anna.post(f"{where}/remove", where)) == "/dashboard/schedules?done=removed"
        assert (await anna.get(where)).status_code == 404


async def test_the_form_of_a_schedule_begins_with_the_selection_of_its_address(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        asked = "customer=BARCHART&product=PORTFOLIO&types=PORTFOLIO-ACCESSED&where=userId%3Ais%3Aada&start=2023-11-01"
        page = (await anna.get(f"{FORM}?{asked}")).text
        assert 'value="PORTFOLIO-ACCESSED" checked' in page
        assert 'name="where" value="userId:is:ada"' in page
        assert 'name="grace" inputmode="numeric" pattern="[0-9]*" size="8" value="60"' in page
        fields = {**CHOSEN, "chosen": "yes", "every": "month", "from": "2023-10-05", "grace": "90", "days": "0"}
        where = started(await anna.post("/dashboard/schedules", FORM, **fields))
        (found,) = opened.parts.schedules.page(opened.parts.accounts.get("anna"), "").schedules
        assert where == f"/dashboard/schedules/{found.id}?done=added"
        assert (found.every, found.grace_seconds, found.correction_days) == ("month", 5_400, 0)
        assert found.next.start == 1_696_118_400_000
        wrong = await anna.post("/dashboard/schedules", FORM, **{**fields, "grace": "soon"})
        assert (wrong.status_code, "are whole numbers" in wrong.text) == (400, True)
        assert 'name="from" value="2023-10-05"' in wrong.text
        late = await anna.post("/dashboard/schedules", FORM, **{**fields, "from": "2223-10-05"})
        assert (late.status_code, "from: must be from" in late.text) == (400, True)


async def test_a_schedule_of_a_saved_view_keeps_what_it_selects_now(site):
    async with site() as opened:
        anna, root = await opened.signed_in("anna"), await opened.signed_in("root")
        parameters = "customer=BARCHART&product=PORTFOLIO&types=PORTFOLIO-ACCESSED&duplicates=drop&range=7d"
        saved = {"call": "counts", "name": "Opened", "parameters": parameters}
        await anna.post("/dashboard/views/save", "/dashboard/views", **saved)
        user = opened.parts.accounts.get("anna")
        (view,) = opened.parts.views.all(user)
        page = words((await anna.get(f"{FORM}?view=Opened")).text)
        assert "PORTFOLIO of BARCHART , PORTFOLIO-ACCESSED. The schedule keeps the events" in page
        started(await anna.post("/dashboard/schedules", FORM, view=view.id, chosen="yes", every="day"))
        (found,) = opened.parts.schedules.page(user, "").schedules
        assert found.filter == {"customer": "BARCHART", "product": "PORTFOLIO", "types": ["PORTFOLIO-ACCESSED"]}
        assert found.duplicates == "drop"
        # Of a view that is nobody's any more, or not the user's, there is no schedule.
        gone = await root.post("/dashboard/schedules", FORM, view="Nowhere", chosen="yes", every="day")
        assert (gone.status_code, "the name or the id of a saved view" in gone.text) == (400, True)


async def test_a_schedule_of_another_customer_or_user_is_refused(site):
    async with site() as opened:
        anna, root = await opened.signed_in("anna"), await opened.signed_in("root")
        refused = await anna.post("/dashboard/schedules", NEW, **{**CHOSEN, "customer": "TGAM", "every": "day"})
        assert refused.status_code == 403
        where = started(await root.post("/dashboard/schedules", NEW, **CHOSEN, every="day")).partition("?")[0]
        assert (await anna.get(where)).status_code == 404
        assert (await anna.post(f"{where}/remove", LIST)).status_code == 404
        assert (await root.post(f"{where}/burn", where)).status_code == 404


@pytest.mark.parametrize("format_", FORMATS)
async def test_each_format_of_the_form_makes_a_body_that_starts_a_report(site, format_):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        for delimiter in DELIMITERS if format_ == "csv" else ("pipe",):
            chosen = {**CHOSEN, "format": format_, "delimiter": delimiter, "safe": "yes", "times": "excel"}
            if format_ == "jsonl":
                chosen["times"] = "ms"
            where = started(await anna.post(NEW, NEW, **chosen))
            job = opened.state.jobs.get(where.removeprefix(f"{LIST}/JOB-"))
            assert job.format == format_
            # The choice that is read from the report is the one that made it.
            assert (await anna.get(where)).status_code == 200


def test_a_choice_and_its_pairs_are_the_same():
    choice = Choice(
        customers=("A",),
        products=("P",),
        types=("X", "Y"),
        start="2026-01-01",
        end="",
        timezone="UTC",
        basis="received",
        duplicates="drop",
        format="csv",
        compression="gzip",
        delimiter="tab",
        header=False,
        times="ms",
        safe=True,
        as_of="1700000000000",
    )
    body = msgspec.json.decode(choice.body())
    assert body["filter"] == {
        "customer": "A",
        "product": "P",
        "types": ["X", "Y"],
        "basis": "received",
        "start": "2026-01-01",
        "timezone": "UTC",
    }
    assert body["output"]["delimiter"] == "\t"
    assert ("types", "Y") in choice.pairs()
    assert not [pair for pair in choice.pairs() if pair[0] == "header"]


async def test_a_selection_of_several_with_conditions_comes_from_a_link_of_a_statistic(site):
    async with site() as opened:
        opened.load(
            {}, {"context": ["bob", "p"]}, {"customer": "TGAM"}, {"product": "ALERT", "type": "ALERT-STARTED-ALL"}
        )
        root = await opened.signed_in("root")
        asked = {"customer": "*", "product": ["PORTFOLIO", "ALERT"], "where": "userId:is:ada", "chosen": "yes"}
        asked |= {"types": "PORTFOLIO-*", "start": "2023-11-01", "end": "2023-11-30"}
        page = (await root.client.get(NEW, params=asked)).text
        assert "This report would have 2 rows" in words(page)
        hidden = re.findall(
            r'<input type="hidden" name="(\w+)" value="([^"]*)">',
            page.partition('id="estimate"')[2].partition("</form>")[0],
        )
        body = {name: [html.unescape(v) for n, v in hidden if n == name] for name, _ in hidden}
        body["every"] = ["day"]
        where = started(await root.client.post(NEW, data=body))
        job = opened.state.jobs.get(where.removeprefix(f"{LIST}/JOB-"))
        assert (job.filter.customers, job.filter.products) == (("*",), ("PORTFOLIO", "ALERT"))
        assert job.filter.where == ("userId:is:ada",)
        assert "PORTFOLIO, ALERT of all customers , PORTFOLIO-*, userId:is:ada, from" in words(
            (await root.get(where)).text
        )
        schedule = started(await root.client.post("/dashboard/schedules", data=body)).partition("?")[0]
        assert "PORTFOLIO, ALERT of all customers" in words((await root.get("/dashboard/schedules")).text)
        assert (await root.get(schedule)).status_code == 200
