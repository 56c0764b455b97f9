"""The guides as pages: all of them, with links that lead somewhere, and nothing from another host."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag

import pytest

from footfall.web.openapi.guides import Guides, render_guide
from footfall.web.openapi.page import GUIDES, PAGE_POLICY

DOCS = Path(__file__).parents[2] / "docs"
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Fails on tags that are not closed in order; gathers ids, links and pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.ids, self.links, self.pictures = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.pictures += [found["src"]] if "src" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_every_guide_is_listed_by_its_title():
    titles = {path.stem: path.read_text("utf-8").partition("\n")[0] for path in DOCS.glob("*.md")}
    assert titles == {name: f"# {title}" for name, title in GUIDES.items()}


def test_no_link_between_guides_is_dead():
    guides = Guides()
    pages = {name: Page(guides.page(name, "")) for name in GUIDES}
    for name, page in pages.items():
        assert len(page.ids) == len(set(page.ids))
        for link in page.links:
            target, anchor = urldefrag(link.removeprefix("/docs/guides/"))
            if target == "/" or target.startswith(("http://", "https://", "/docs")):
                continue
            folder, _, file = target.rpartition("/")
            if folder:
                assert guides.attached(folder, file), (name, link)
            else:
                assert not anchor or anchor in pages[target or name].ids, (name, link)
                assert (target or name) in pages, (name, link)
        for picture in page.pictures:
            assert guides.attached(*picture.split("/"))[1].startswith("image/"), (name, picture)
    assert pages["performance"].pictures
    assert pages["dashboard"].pictures
    assert "examples/footfall.service" in pages["deployment"].links


def test_markdown_is_rendered_as_github_does():
    text = "# A `b` & c\n## It's so\n## It's so\n[x](../README.md) [y](reports.md#dates) <b>\n\n| a |\n| - |\n| `b` |\n"
    made = render_guide(text)
    assert re.findall(r'id="([^"]*)"', made) == ["a-b--c", "its-so", "its-so-1"]
    assert "<span>x</span>" in made
    assert '<a href="reports#dates">y</a> &lt;b&gt;' in made
    assert '<div class="wide"><table>' in made


async def test_guides_are_served_and_may_fetch_nothing_from_elsewhere(service):
    async with service(public_url="https://usage.example/x") as opened:
        for path in ("/docs/guides", "/docs/guides/reports"):
            answer = await opened.client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["content-security-policy"] == f"{PAGE_POLICY}; img-src 'self'"
            assert {f"https://usage.example/x/docs/guides/{name}" for name in GUIDES} <= set(Page(answer.text).links)
            assert "https://usage.example/x/" in Page(answer.text).links
        assert 'href="https://usage.example/x/docs/guides/reports"' in (await opened.client.get("/docs")).text
        lost = await opened.client.get("/nothing", headers={"accept": "text/html"})
        assert 'href="https://usage.example/x/docs/guides"' in lost.text
        assert 'href="https://usage.example/x/"' in lost.text
        unit = await opened.client.get("/docs/guides/examples/footfall.service")
        assert (unit.headers["content-type"], "ExecStart" in unit.text) == ("text/plain; charset=utf-8", True)


@pytest.mark.parametrize("path", ["nothing", "images/nothing.png", "docs/reports.md", "images/..%2Freports.md"])
async def test_what_is_no_guide_is_not_found(service, path):
    async with service() as opened:
        assert (await opened.client.get(f"/docs/guides/{path}")).status_code == 404
