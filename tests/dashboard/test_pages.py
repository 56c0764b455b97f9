"""What holds for every page: rights, headers, texts, and that it needs nothing but this service."""

import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from footfall.dashboard import PAGES
from footfall.dashboard.texts import all_texts

ROOM = files("footfall.dashboard")
# Pages that need no more than their path.
SIGN_IN, HOME, ABOUT_SIGNING = "/dashboard/sign-in", "/dashboard/account", "/dashboard/sign-"
GUIDE = Path(__file__).parents[2] / "docs" / "security.md"
STREAM = "/dashboard/live/stream"
SHOWN = [page for page in PAGES if page.method == "GET" and "{" not in page.path and page.path != STREAM]
# Of a stream, the answer of a moment.
SHORT = {"live_age_max_s": 0.1}
VOID = {"meta", "br", "link", "img", "input", "hr", "col"}


class Outline(HTMLParser):
    """Fails on tags that are not closed in order; gathers ids, what is loaded, and what no policy allows."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.ids, self.loaded, self.inline, self.posts = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.loaded += [found[name] for name in ("src", "srcset", "poster") if name in found]
        self.loaded += [found["href"]] if tag == "link" else []
        self.inline += [name for name in found if name == "style" or name.startswith("on")]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in found) else []
        if tag == "form" and found.get("method") == "post":
            self.posts.append(found["action"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


def outline(text):
    found = Outline()
    found.feed(text)
    assert found.open == []
    return found


async def test_every_page_is_whole_and_loads_from_this_service_alone(site):
    async with site() as opened:
        root, nobody = await opened.signed_in("root"), opened.person()
        for page in SHOWN:
            answer = await (nobody if page.public else root).get(page.path)
            # A page about one thing of which nothing is said is none.
            about_one = page.path.endswith("/one") or page.path.startswith(f"{SIGN_IN}/")
            assert answer.status_code in ((404,) if about_one else (200, 503)), (page.path, answer.text)
            found = outline(answer.text)
            assert len(set(found.ids)) == len(found.ids), page.path
            assert found.inline == [], page.path
            assert found.loaded, page.path
            assert all(
                re.fullmatch(r"/dashboard/assets/[0-9a-f]{12}/[a-z]+\.(css|js|svg)", path) for path in found.loaded
            ), page.path
            assert len(re.findall('name="form"', answer.text)) == len(found.posts), page.path


async def test_every_answer_has_the_headers_that_keep_others_out(site):
    async with site(**SHORT) as opened:
        people = opened.person(), await opened.signed_in("anna")
        for page in PAGES:
            for person in people:
                # Without the proof of a form, none of them does anything.
                given = {"headers": {"accept": "text/html"}}
                headers = (await person.client.request(page.method, page.path, **given)).headers
                policy = headers["content-security-policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; "), page.path
                assert "unsafe" not in policy
                assert "frame-ancestors 'none'" in policy
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["referrer-policy"] == "same-origin"
                assert headers["cache-control"] == "no-store"


def rights_told():
    """The table of docs/security.md: of each page, what nobody, a user and an admin get."""
    section = GUIDE.read_text("utf-8").partition("## Who may open which page\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    return {name: cells for name, *cells in rows}


async def test_who_may_open_a_page_is_what_the_guide_tells(site):
    """Nobody is sent to sign in, users without rights are told so; every cell of the table is tried."""
    told = rights_told()
    async with site(**SHORT) as opened:
        people = {user: await opened.signed_in(user) for user in ("anna", "root")}
        for page in PAGES:
            nobody, user, admin = told.pop(f"{page.method} {page.path}")
            cells = [(nobody, opened.person(), SIGN_IN), (user, people["anna"], HOME), (admin, people["root"], HOME)]
            for cell, person, form in cells:
                found = await status(person, page, form)
                # Pages about signing in lead there by themselves.
                leads_there = page.path.startswith(ABOUT_SIGNING) and (page.public or form == HOME)
                is_open = found not in ("sign in", 403) or (found == "sign in" and leads_there)
                assert cell == ("no" if found == 403 else "yes" if is_open else "sign in"), (page.path, form)
            assert ((nobody == "yes"), (user == "no")) == (page.public, page.admin), page.path
            if page.path.startswith(ABOUT_SIGNING):
                people = {name: await opened.signed_in(name) for name in people}
    assert told == {}, "the guide tells of pages that are none"


async def status(person, page, form=HOME):
    """The status that a person gets for a page or an empty form; "sign in" where they are sent to do that.

    `form` is a page with forms, from which the proof comes that this one is of the same browser.
    """
    if page.method == "POST":
        answer = await person.post(page.path, form)
    else:
        answer = await person.get(page.path)
    is_sent = answer.status_code == 303 and answer.headers["location"].startswith(SIGN_IN)
    return "sign in" if is_sent else answer.status_code


async def test_the_navigation_has_the_pages_that_the_user_may_open(site):
    async with site() as opened:
        for user in ("anna", "root"):
            page = (await (await opened.signed_in(user)).get("/dashboard/account")).text
            for each in SHOWN:
                shown = re.search(f'<li[^>]*><a href="{re.escape(each.path)}"', page) is not None
                assert shown == bool(each.nav and (user == "root" or not each.admin)), (user, each.path)


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/", ("/", "page")),
        ("/dashboard/reports", ("/dashboard/reports", "page")),
        ("/dashboard/reports/new", ("/dashboard/reports", "true")),
        ("/dashboard/schedules", ("/dashboard/reports", "true")),
        ("/dashboard/account/keys", ("/dashboard/account", "true")),
        ("/dashboard/quarantine/change", ("/dashboard/quarantine", "true")),
        ("/dashboard/users/one", ("/dashboard/users", "true")),
        ("/dashboard/events/batch", ("/dashboard/events", "true")),
        ("/dashboard/views/save", ("/dashboard/views", "true")),
    ],
)
def test_the_navigation_marks_the_page_or_the_one_above_it(path, marked):
    shown = next(page for page in PAGES if page.path == path)
    assert [(page.path, page.mark(shown)) for page in PAGES if page.nav and page.mark(shown)] == [marked]


async def test_the_root_is_a_page_for_browsers_and_leads_programs_to_the_description(site):
    async with site(public_url="https://a.example/x") as opened:
        for accept in ("*/*", "application/json", ""):
            answer = await opened.person().client.get("/", headers={"accept": accept})
            assert (answer.status_code, answer.headers["location"]) == (307, "https://a.example/x/docs")
            assert answer.headers["vary"] == "Accept"
        answer = await opened.person().get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/x/dashboard/sign-in")


async def test_behind_a_prefix_all_links_have_it(site):
    async with site(public_url="https://a.example/x") as opened:
        page = (await opened.person().get("/dashboard/sign-in")).text
    assert not re.findall(r'(?:href|src|action)="(?!/x/|#)[^"]*"', page)


async def test_what_pages_load_is_kept_for_long_and_compressed(site):
    async with site() as opened:
        person = opened.person()
        page = (await person.get("/dashboard/sign-in")).text
        (path,) = re.findall(r'href="(/dashboard/assets/[^"]*css)"', page)
        answer = await person.get(path, **{"accept-encoding": "br"})
        assert answer.headers["content-encoding"] == "br"
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        plain = await person.get(path, **{"accept-encoding": "br;q=0"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content
        old = await person.get(re.sub("/[0-9a-f]{12}/", "/000000000000/", path))
        assert old.headers["cache-control"] == "no-cache"
        assert (await person.get(path + "x")).status_code == 404
        assert (await person.get("/favicon.ico")).headers["content-type"].startswith("image/svg+xml")


async def test_pages_are_compressed_for_who_takes_it(site):
    async with site() as opened:
        person = opened.person()
        for encoding in ("br", "gzip"):
            answer = await person.get("/dashboard/sign-in", **{"accept-encoding": encoding})
            assert answer.headers["content-encoding"] == encoding
            assert "<!doctype html>" in answer.text


def test_every_text_is_there_and_used():
    """Names of texts stand in templates and views; those that are put together end with a point before the rest."""
    # What numbers are has a test of its own.
    names = {name for name in all_texts() if not name.startswith("numbers.")}
    sources = [path.read_text("utf-8") for path in (ROOM / "templates").iterdir()]
    sources += [
        path.read_text("utf-8") for part in (ROOM, ROOM / "views") for path in part.iterdir() if path.suffix == ".py"
    ]
    quoted = {name for text in sources for name in re.findall(r"""["']([a-z_]+\.[a-z0-9_.]+)["']?""", text)}
    parts = {name.rpartition("{")[0] for text in sources for name in re.findall(r'f"([a-z_]+\.[a-z_.]+\{)', text)}
    pieces = {name for name in quoted if name.endswith(".")} | parts
    used = {name for name in names if name in quoted or any(name.startswith(piece) for piece in pieces)}
    assert names - used == set(), "nothing shows these"
    asked = {name for text in sources for name in re.findall(r"""\b(?:t|text)\(["']([a-z_.0-9]+)["'][,)]""", text)}
    assert asked <= names


def test_no_text_stands_in_a_template():
    for path in (ROOM / "templates").iterdir():
        text = re.sub(
            r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<svg.*?</svg>|<!doctype html>|&[a-z]+;",
            "",
            path.read_text("utf-8"),
            flags=re.DOTALL,
        )
        words = re.findall(r">([^<>]*[A-Za-z]{2}[^<>]*)<", text)
        assert [word.strip() for word in words if word.strip() != "footfall"] == [], path.name


async def test_what_fails_is_told_in_words_with_a_way_out(site):
    async with site() as opened:
        person = await opened.signed_in("root")
        for query, status, said in (("start=x", 400, "start: must be"), ("customer=" + "A" * 500, 400, "customer")):
            answer = await person.get(f"/?{query}")
            assert answer.status_code == status
            assert said in answer.text
            assert 'href="/"' in answer.text
        anna = await opened.signed_in("anna")
        answer = await anna.get("/?customer=TGAM")
        assert answer.status_code == 403
        assert "You may not see this" in answer.text
        assert "TGAM" in answer.text


async def test_a_page_below_a_root_of_the_server_names_that_once(site):
    async with site() as opened:
        transport = httpx.ASGITransport(opened.app, root_path="/in")
        async with httpx.AsyncClient(transport=transport, base_url="http://events.example") as client:
            answer = await client.get("/dashboard/reports", headers={"accept": "text/html"})
    assert answer.headers["location"] == "/in/dashboard/sign-in?next=%2Fin%2Fdashboard%2Freports"
