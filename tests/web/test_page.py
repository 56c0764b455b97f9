"""The description as a page: whole, well-formed, and in need of nothing else."""

import base64
import contextlib
import hashlib
import html
import http.server
import re
import shlex
import shutil
import subprocess
import threading
import time
from html.parser import HTMLParser

import httpx
import pytest

from footfall import errors
from footfall.errors import Code
from footfall.web import ROUTES
from footfall.web.openapi.document import make_document
from footfall.web.openapi.page import GUIDES, PAGE_POLICY, render_page
from footfall.wire import Service

DRIVER = shutil.which("chromedriver")
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
        self.fetched += [tag] if tag in ("link", "iframe", "img") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


async def test_the_page_is_served_and_may_fetch_nothing(service):
    async with service() as opened:
        answer = await opened.client.get("/docs")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"] == PAGE_POLICY
        assert "http://events.example/events" in answer.text


def test_the_page_is_well_formed_and_needs_nothing_else():
    outline = Outline()
    outline.feed(page())
    assert outline.open == []
    assert outline.fetched == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert {link.removeprefix("#") for link in outline.links if link.startswith("#")} == set(outline.ids) - {"calls"}
    assert [link for link in outline.links if not link.startswith("#")] == [
        "https://usage.example/x/openapi.json",
        "https://usage.example/x/docs/guides",
        "https://usage.example/x/",
        *(f"https://usage.example/x/docs/guides/{name}" for name in GUIDES),
    ]
    assert not re.search(r"@import|url\(", page())


def test_every_call_and_every_code_is_on_it():
    text = page()
    for route in ROUTES:
        assert not route.public or f"{route.method}</span><code>{route.path}</code>" in text
    for code in Code:
        assert f'<td>{errors.STATUS[code]}</td><td class="code"><code>{code}</code>' in text


def test_its_policy_names_the_one_script():
    (script,) = re.findall(r"<script>(.*?)</script>", page(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in PAGE_POLICY
    assert PAGE_POLICY.startswith("default-src 'none'; ")


def test_commands_can_be_copied_as_they_are():
    text = page()
    assert "curl -u \"$AUTH\" https://usage.example/x/reports \\\n  -H 'Content-Type: application/json'" in text
    assert "curl https://usage.example/x/service/version<" in text
    assert 'curl -u "$AUTH" "https://usage.example/x/reports/$SOURCE?wait=50"<' in text
    assert """curl -u "$AUTH" 'https://usage.example/x/usage/counts?customer=BARCHART&amp;product=PORTFOLIO'<""" in text


def test_a_strange_address_stays_one_word_of_a_command():
    command = html.unescape(page(base_url="http://a/$(b)'`c`"))
    words = shlex.split(re.search(r'curl -u "\$AUTH" (\S+SOURCE\?\S+)</code>', command)[1])
    assert words == ["http://a/$(b)'`c`/reports/$SOURCE?wait=50"]


def test_no_markup_of_texts_is_left():
    assert "`" not in re.sub(r"<(pre|style|script)>.*?</\1>", "", page(), flags=re.DOTALL)


def test_nothing_from_the_outside_is_taken_for_markup():
    text = page(title="<i>", base_url='http://a"><b>')
    assert "<i>" not in text
    assert '"><b>' not in text


@contextlib.contextmanager
def browser(tmp_path, text, width, height):
    """A real browser that shows the page; gives what runs a script in it and gives back its result."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-security-policy", PAGE_POLICY)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with contextlib.ExitStack() as stack:
        server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        driver = stack.enter_context(
            subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        )
        stack.callback(driver.terminate)
        port = next(found[1] for line in driver.stdout if (found := re.search(r"successfully on port (\d+)", line)))
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path}/profile"]
        options = {"goog:chromeOptions": {"args": [*flags, f"--window-size={width},{height}"]}}
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
        wanted = {"capabilities": {"alwaysMatch": options}}
        session = client.post("/session", json=wanted).raise_for_status().json()["value"]["sessionId"]
        stack.callback(client.delete, f"/session/{session}")

        def ask(path, **body):
            found = client.post(f"/session/{session}/{path}", json=body)
            assert found.is_success, found.text
            return found.json()["value"]

        ask("url", url=f"http://127.0.0.1:{server.server_port}/docs")
        yield ask


def click(ask, selector):
    ((_, element),) = ask("element", using="css selector", value=selector).items()
    ask(f"element/{element}/click")


def run(ask, script):
    return ask("execute/sync", script=f"return {script}", args=[])


def wait_until_it_stands(ask):
    """Wait until the page scrolls no more: what moves cannot be clicked."""
    before = None
    while before != (now := run(ask, "scrollY")):
        before = now
        time.sleep(0.2)


@pytest.mark.skipif(DRIVER is None, reason="no browser on this machine; .ci/run installs one")
def test_in_a_browser_examples_are_copied_and_the_menu_is_at_hand_on_a_telephone(tmp_path):
    with browser(tmp_path, page(), 500, 900) as ask:
        menu = "document.getElementById('calls').checkVisibility()"
        assert run(ask, menu) is False
        assert run(ask, "document.documentElement.scrollWidth <= innerWidth") is True
        run(ask, "scrollTo(0, 9000)")
        click(ask, "button.menu")
        assert run(ask, menu) is True
        click(ask, "nav a[href='#errors']")
        assert run(ask, menu) is False
        assert run(ask, "location.hash") == "#errors"
        wait_until_it_stands(ask)
        buttons = "document.querySelectorAll('.example > button.copy').length"
        assert run(ask, buttons) == run(ask, "document.querySelectorAll('pre').length") > 50
        run(ask, "document.querySelector('#show_plan .copy').scrollIntoView({block: 'center', behavior: 'instant'})")
        click(ask, "#show_plan .copy")
        end = time.monotonic() + 20
        while run(ask, "document.querySelector('#show_plan .copy').textContent") != "Copied":
            assert time.monotonic() < end
        ask("window/rect", width=1280, height=900)
        assert run(ask, menu) is True
        assert run(ask, "getComputedStyle(document.querySelector('button.menu')).display") == "none"
