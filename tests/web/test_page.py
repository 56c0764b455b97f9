"""The description as a page: whole, well-formed, and in need of nothing else."""

import re
from html.parser import HTMLParser

from footfall import errors
from footfall.errors import Code
from footfall.web import ROUTES
from footfall.web.openapi.document import make_document
from footfall.web.openapi.page import render_page
from footfall.wire import Service

VOID = {"meta", "br", "link", "img", "input", "hr"}


def page(title="footfall", base_url="https://usage.example/x"):
    return render_page(make_document(ROUTES, Service("1.2.3", title, "Usage", "test")), base_url)


class Outline(HTMLParser):
    """Fails on tags that are not closed in order; gathers ids, links and what would be fetched."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.fetched = [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.fetched += [found[name] for name in ("src", "srcset", "data") if name in found]
        self.fetched += [tag] if tag in ("script", "link", "iframe", "img") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


async def test_the_page_is_served_and_may_fetch_nothing(service):
    async with service() as opened:
        answer = await opened.client.get("/docs")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "http://events.example/events" in answer.text


def test_the_page_is_well_formed_and_needs_nothing_else():
    outline = Outline()
    outline.feed(page())
    assert outline.open == []
    assert outline.fetched == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert {link.removeprefix("#") for link in outline.links if link.startswith("#")} == set(outline.ids)
    assert [link for link in outline.links if not link.startswith("#")] == ["https://usage.example/x/openapi.json"]
    assert not re.search(r"@import|url\(", page())


def test_every_call_and_every_code_is_on_it():
    text = page()
    for route in ROUTES:
        assert not route.public or f"{route.method}</span><code>{route.path}</code>" in text
    for code in Code:
        assert f'<td>{errors.STATUS[code]}</td><td class="code"><code>{code}</code>' in text


def test_commands_can_be_copied_as_they_are():
    text = page()
    assert "curl -u USER:PASSWORD https://usage.example/x/reports \\\n  -H 'Content-Type: application/json'" in text
    assert "curl https://usage.example/x/service/version<" in text


def test_nothing_from_the_outside_is_taken_for_markup():
    text = page(title="<script>", base_url='http://a"><b>')
    assert "<script>" not in text
    assert '"><b>' not in text
