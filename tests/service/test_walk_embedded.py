"""A shared link in pages of other sites, with a real browser: where it may be embedded it is seen, elsewhere not."""

import contextlib
import html
import http.server
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import CHROMIUM, DRIVER, Browser

pytestmark = pytest.mark.skipif(not (DRIVER and CHROMIUM), reason="no browser on this machine; .ci/run installs one")
PASSWORD = "correct horse battery"


class Wiki(http.server.BaseHTTPRequestHandler):
    """Answers with the page that somebody has pasted."""

    pasted = ""

    def do_GET(self) -> None:
        body = (
            f'<!doctype html><html lang="en"><title>Wiki</title><link rel="icon" href="data:,">{self.pasted}'.encode()
        )
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def wiki() -> Iterator[str]:
    """A site of its own; gives its origin."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Wiki) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def send_one(run: Any) -> None:
    """An event, once it is counted."""
    event = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-APPLICATION-LOADED", "context": ["ada"]}
    assert run.post([{**event, "timestamp": int(time.time() * 1000) - 60_000}]).status_code == 200
    run.report(customer="BARCHART", product="PORTFOLIO")  # it waits until the event is in the store


def test_a_link_made_on_the_page_stands_in_the_wiki_that_it_names_and_in_no_other(serve: Any, browser: Browser) -> None:
    with wiki() as allowed, wiki() as other:
        run = serve(shares_allowed="true", share_origins=allowed)
        send_one(run)
        browser.open(f"{run.url}/?range=7d")
        browser.type("input[name=user]", "admin")
        browser.type("input[name=password]", PASSWORD)
        browser.click("button.main")
        browser.click(".times .drop:last-child > summary")
        browser.type("form[action$='/views/save'] input[name=name]", "Usage")
        browser.click("form[action$='/views/save'] button.main")
        browser.click("a[href*='/views/share']")
        ends = "[...document.querySelectorAll('.ticks label, .ticks p')].map((each) => each.getBoundingClientRect())"
        tick, hint = browser.run(ends)
        assert tick["bottom"] <= hint["top"]
        browser.click(f"input[name=origin][value='{allowed}']")
        assert browser.faults() == []
        browser.click("form[action$='/views/share'] button.main")
        browser.one(".secret")
        assert browser.faults() == []
        address, frame, picture, *_ = browser.texts(".command code")
        # The lines as they are copied, in pages of two sites; a picture is for any.
        Wiki.pasted = f'{frame}<img src="{html.escape(picture)}" alt="">'
        browser.open(allowed)
        browser.driver.switch_to.frame(browser.one("iframe"))
        assert browser.text(".tiles .big") == "1"
        assert browser.one("figure.chart svg").is_displayed()
        browser.driver.switch_to.default_content()
        browser.until(lambda: browser.run("document.querySelector('img').naturalWidth") > 0, 60)
        assert browser.complaints() == []
        browser.open(other)
        browser.until(lambda: browser.run("document.querySelector('img').naturalWidth") > 0, 60)
        refused = browser.until(browser.complaints)
        assert ["frame-ancestors" in each for each in refused] == [True], refused
        browser.driver.switch_to.frame(browser.one("iframe"))
        assert browser.all(".tiles") == []
        browser.driver.switch_to.default_content()
        assert address.startswith(f"{run.url}/shared/")
