"""Saved views and shared links on pages: saved from what a page shows, opened again, shared with whoever has a link."""

import datetime as dt
import html
import re
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec
from msgspec import structs
from parts import NOW_MS

from footfall.usage import Statistics

SHARE = "/dashboard/views/share"
EVENT = {"customer": "BARCHART", "product": "PORTFOLIO", "timestamp": NOW_MS - 1000}


def saved_from(page: str) -> dict[str, str]:
    """The hidden fields of the form that saves a page."""
    form = page[page.index("/dashboard/views/save") :]
    fields = re.findall(r'<input type="hidden" name="(call|parameters)" value="([^"]*)"', form[: form.index("</form>")])
    return {name: value.replace("&amp;", "&") for name, value in fields}


def view_id(page: str) -> str:
    return re.findall(r'name="view" value="([0-9a-f-]{36})"', page)[0]


async def test_what_a_page_shows_is_saved_and_opened_again(site: Any) -> None:
    async with site() as opened:
        anna = await opened.signed_in("anna")
        shown = "/?customer=BARCHART&range=7d&interval=day&metric=actors&types=A%26B"
        fields = saved_from((await anna.get(shown)).text)
        answer = await anna.post("/dashboard/views/save", shown, name="Week & more", **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/views")
        (view,) = opened.parts.views.all(opened.state.users.get("anna"))
        assert view.parameters == {
            "customer": ["BARCHART"],
            "product": ["*"],
            "timezone": ["UTC"],
            "range": ["7d"],
            "interval": ["day"],
            "types": ["A&B"],
        }
        page = (await anna.get("/dashboard/views")).text
        (link,) = re.findall(r'<th scope="row"><a href="([^"]*)">Week &amp; more</a>', page)
        again = link.replace("&amp;", "&")
        assert "range=7d" in again
        assert "types=A%26B" in again
        assert (await anna.get(again)).status_code == 200
        await anna.post(
            "/dashboard/views/remove", "/dashboard/views", view=view_id(page) if 'name="view"' in page else view.id
        )
        assert opened.parts.views.all(opened.state.users.get("anna")) == []


async def test_a_view_for_all_of_a_customer_is_seen_by_those_and_removed_by_its_owner_alone(site: Any) -> None:
    async with site() as opened:
        root, anna = await opened.signed_in("root"), await opened.signed_in("anna")
        fields = {"call": "summary", "parameters": "customer=BARCHART", "name": "ours", "customer": "BARCHART"}
        await root.post("/dashboard/views/save", "/dashboard/views", **fields)
        await root.post("/dashboard/views/save", "/dashboard/views", **{**fields, "name": "mine", "customer": ""})
        page = (await anna.get("/dashboard/views")).text
        assert "ours" in page
        assert "mine</a>" not in page
        assert "/dashboard/views/remove" not in page
        found = opened.parts.views.find(opened.state.users.get("anna"), "ours")
        refused = await anna.post("/dashboard/views/remove", "/dashboard/views", view=found.id)
        assert refused.status_code == 404
        wrong = await anna.post(
            "/dashboard/views/save", "/dashboard/views", **{**fields, "parameters": "customer=TGAM"}
        )
        assert wrong.status_code == 403


async def test_a_link_shows_its_numbers_to_anybody_until_it_is_revoked(site: Any) -> None:
    async with site(shares_allowed=True, share_origins="https://wiki.example.com", share_answer_s=0) as opened:
        opened.load(*({**EVENT, "type": kind, "context": ["u"]} for kind in ("A", "A", "<b>")))
        root, stranger = await opened.signed_in("root"), opened.person()
        fields = {"call": "counts", "parameters": "customer=BARCHART&by=type&interval=day", "name": "By type"}
        await root.post("/dashboard/views/save", "/dashboard/views", **fields)
        view = view_id((await root.get("/dashboard/views")).text)
        made = (await root.post(SHARE, "/dashboard/views", view=view, days="3")).text
        assert "&lt;iframe" not in made
        (path,) = re.findall(r"<code>https?://[^/<]*(/shared/[A-Za-z0-9_-]{43})</code>", made)
        shown = await stranger.get(path)
        assert shown.status_code == 200
        assert '<data value="3">3</data>' in shown.text
        assert "&lt;b&gt;" in shown.text
        assert "<b>" not in shown.text
        assert "set-cookie" not in shown.headers
        assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]
        assert (await stranger.get(f"{path}/data.csv")).headers["content-type"] == "text/csv; charset=utf-8"
        # The address is told once.
        assert path not in (await root.get("/dashboard/views")).text
        share = opened.parts.shares.all(opened.state.users.get("root"))[0]
        await root.post("/dashboard/views/revoke", "/dashboard/views", share=share.id)
        ended = await stranger.get(path)
        assert ended.status_code == 404
        assert "This link does not work" in ended.text
        # Whoever has it may have no account here.
        assert "<a " not in ended.text.replace('<a class="skip"', "")
        assert "set-cookie" not in ended.headers


async def test_a_link_says_of_which_time_its_numbers_are(site: Any) -> None:
    async with site(shares_allowed=True) as opened:
        opened.load(*({**EVENT, "type": "A", "timestamp": NOW_MS - at * 86_400_000 - 1} for at in range(3)))
        user, stranger = opened.state.users.get("root"), opened.person()

        async def shown(**more: str) -> str:
            given = {"customer": "BARCHART", "product": "*", "timezone": "Europe/Berlin", "interval": "day", **more}
            body = msgspec.json.encode({"call": "counts", "parameters": given})
            made = opened.parts.shares.add(user, body, "http://events.example")
            page = (await stranger.get(made.url.removeprefix("http://events.example"))).text
            return page[page.index("<main") :]

        days = re.findall(r'data-kind="(date|time)">([^<]*)<', (await shown(range="7d")).partition("</p>")[0])
        zone = ZoneInfo("Europe/Berlin")
        today = dt.datetime.fromtimestamp(NOW_MS / 1000, zone).date()
        assert days == [("date", str(today - dt.timedelta(days=6))), ("date", str(today))]
        assert "The last interval is not over yet." in await shown(range="7d")
        past = await shown(start=str(NOW_MS - 9 * 86_400_000 + 60_000), end=str(NOW_MS - 86_400_000))
        assert re.findall(r'data-kind="(date|time)"', past.partition("</p>")[0]) == ["time", "time"]
        assert "The last interval is not over yet." not in past
        assert "data-kind" not in (await shown()).partition("<section")[0]


async def test_the_form_offers_the_sites_of_the_setting_and_those_that_are_ticked_may_embed_the_link(site: Any) -> None:
    origins = "https://wiki.example.com, https://intranet.example.com"
    async with site(shares_allowed=True, share_origins=origins) as opened:
        opened.load({**EVENT, "type": "A", "context": ["u"]})
        root = await opened.signed_in("root")
        fields = {"call": "counts", "parameters": "customer=BARCHART&by=type", "name": 'Use of "A" [all] <b>'}
        await root.post("/dashboard/views/save", "/dashboard/views", **fields)
        form = f"{SHARE}?view={view_id((await root.get('/dashboard/views')).text)}"
        page = (await root.get(form)).text
        assert re.findall(r'name="origin" value="([^"]*)"', page) == origins.split(", ")
        (view,) = opened.parts.views.all(opened.state.users.get("root"))
        made = (await root.post(SHARE, form, view=view.id, days="3", origin="https://wiki.example.com")).text
        address, frame, png, svg, markdown, csv = (
            html.unescape(text) for text in re.findall(r"<code>(.*?)</code>", made)
        )
        path = address.removeprefix("http://events.example")
        assert (png, svg, csv) == (f"{address}/chart.png", f"{address}/chart.svg", f"{address}/data.csv")
        # What a view is called is no markup where its lines are pasted.
        assert markdown == rf'[![Use of "A" \[all\] \<b\>]({png})]({address})'
        assert f'src="{address}" title="Use of &#34;A&#34; [all] &lt;b&gt;" ' in frame
        shown = await opened.person().get(path)
        assert "frame-ancestors https://wiki.example.com" in shown.headers["content-security-policy"]
        assert "x-frame-options" not in shown.headers
        assert shown.headers["cross-origin-resource-policy"] == "cross-origin"
        refused = await root.post(SHARE, form, view=view.id, days="3", origin="https://elsewhere.example.com")
        assert (refused.status_code, "share_origins" in refused.text) == (400, True)
        # Whoever runs the service takes the site out of the setting: the link is shown, and no longer in a frame.
        opened.parts.shares._settings = structs.replace(opened.parts.settings, share_origins="")
        shown = await opened.person().get(path)
        assert (shown.status_code, shown.headers["x-frame-options"]) == (200, "DENY")
        assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]


STATISTICS = {
    "counts": {"by": ["type", "context.userId"], "top": "1", "interval": "all"},
    "summary": {},
    "uniques": {},
    "retention": {"interval": "week"},
    "funnel": {"step": ["PORTFOLIO-ACCESSED", "PORTFOLIO-CREATED"], "by": "customer"},
    "paths": {"type": "PORTFOLIO-ACCESSED"},
    "top": {"key": "type"},
    "compare": {"by": "type", "range": "7d"},
    "types": {},
    "events": {},
}


async def ending(opened: Any, stranger: Any) -> str:
    """The page of a link of paths after which nothing came."""
    parameters = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-DELETED"}
    opened.load({**EVENT, "type": "PORTFOLIO-DELETED"})
    body = msgspec.json.encode({"call": "paths", "parameters": parameters})
    made = opened.parts.shares.add(opened.state.users.get("root"), body, "http://events.example")
    return str((await stranger.get(made.url.removeprefix("http://events.example"))).text)


async def test_a_link_of_each_statistic_has_the_page_s_words_in_place_of_the_api_s_names(site: Any) -> None:
    kinds = ("PORTFOLIO-ACCESSED", "PORTFOLIO-CREATED", "PORTFOLIO-CREATED")
    async with site(shares_allowed=True) as opened:
        opened.load(*({**EVENT, "type": kind, "timestamp": NOW_MS - 9000 + at} for at, kind in enumerate(kinds)))
        user, stranger = opened.state.users.get("root"), opened.person()
        assert set(STATISTICS) == set(get_args(Statistics))
        for call, more in STATISTICS.items():
            parameters = {"customer": "BARCHART", "product": "PORTFOLIO", **more}
            body = msgspec.json.encode({"call": call, "parameters": parameters})
            made = opened.parts.shares.add(user, body, "http://events.example")
            shown = await stranger.get(made.url.removeprefix("http://events.example"))
            assert shown.status_code == 200, (call, shown.text)
            heads = re.findall(r'<th scope="col">([^<]*)</th>|<span class="label">([^<]*)</span>', shown.text)
            names = {name for pair in heads for name in pair if name} - {"userId"}
            assert names, call
            assert [name for name in names if not name[0].isupper() or re.search("[a-z][A-Z]", name)] == [], call
            if call == "counts":
                assert "All others" in shown.text
                assert "type &gt; " not in shown.text
            if call == "paths":
                assert "<td>PORTFOLIO-CREATED" in shown.text
                assert "<td>(nothing more)</td>" in await ending(opened, stranger)


async def test_where_links_are_not_allowed_no_page_offers_them(site: Any) -> None:
    async with site() as opened:
        root = await opened.signed_in("root")
        fields = {"call": "summary", "parameters": "", "name": "all"}
        await root.post("/dashboard/views/save", "/dashboard/views", **fields)
        page = (await root.get("/dashboard/views")).text
        assert SHARE not in page
        assert "shares_allowed" in page
        found = opened.parts.views.find(opened.state.users.get("root"), "all")
        form = (await root.get(f"{SHARE}?view={found.id}")).text
        assert ("shares_allowed" in form, 'name="origin"' in form) == (True, False)
        assert (await root.post(SHARE, "/dashboard/views", view=found.id)).status_code == 403
