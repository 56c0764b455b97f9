"""The module for browsers in a real one: pages of another origin, a bad network, pages that are left or killed."""

import contextlib
import http.server
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from browsing import CHROMIUM, DRIVER, Browser, open_browser
from hostile_proxy import hostile_proxy

pytestmark = pytest.mark.skipif(not (DRIVER and CHROMIUM), reason="no browser on this machine; .ci/run installs one")
TIMES = itertools.count(1_200_000_000_000, 1_000_000_000)
PAGE = """<!doctype html><meta charset="utf-8"><title>page</title><script type="module">
import { Footfall } from "MODULE/footfall.js";
window.results = [];
const onresult = (one) => results.push(one);
window.footfall = new Footfall({url: "TARGET", customer: "BARCHART", product: "WATCHLIST", onresult});
window.track = (first, count, type = "WATCHLIST-APPLICATION-LOADED") => {
  for (let at = first; at < first + count; at++) footfall.track(type, [`ü${at}`], {timestamp: at});
};
</script>"""


@pytest.fixture
def start() -> int:
    return next(TIMES)


@pytest.fixture
def site() -> Iterator[Callable[[str, str], str]]:
    """A site of another origin: gives the address of a page whose module sends to a target."""
    pages = [""]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (pages[-1] if self.path == "/" else "<title>elsewhere</title>").encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def page(module: str, target: str) -> str:
        pages.append(PAGE.replace("MODULE", module).replace("TARGET", target))
        return f"http://127.0.0.1:{server.server_port}/"

    yield page
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def opened(browser: Browser, url: str) -> None:
    browser.open(url)
    browser.until(lambda: browser.run("!!window.footfall"))


def waiting(browser: Browser) -> int:
    return int(browser.run("localStorage.length"))


def flush(browser: Browser) -> None:
    browser.until(lambda: browser.run("footfall.flush().then(() => localStorage.length)") == 0, 60)


def arrived(service, start: int) -> Counter[int]:
    rows = service.report(customer="BARCHART", product="WATCHLIST", start=start, end=start + 999_999_999).splitlines()
    return Counter(int(row.split("|")[0]) for row in rows)


def test_events_of_a_page_arrive_by_themselves(shared, site, browser, start):
    opened(browser, site(shared.url, shared.url))
    browser.run("track(arguments[0], 3)", start)
    assert waiting(browser) == 1
    browser.until(lambda: waiting(browser) == 0)
    assert browser.run("results") == [{"sent": 3}]
    browser.run("track(arguments[0], 2)", start + 10)
    flush(browser)
    assert arrived(shared, start) == Counter([*range(start, start + 3), start + 10, start + 11])
    assert browser.run("document.cookie") == ""


def test_refused_events_are_left_out(shared, site, browser, start):
    opened(browser, site(shared.url, shared.url))
    browser.run("(track(arguments[0], 2), track(arguments[0] + 5, 1, 'NOPE'))", start)
    flush(browser)
    results = browser.run("results")
    assert (results[0]["refused"], results[1]) == (1, {"sent": 2})
    assert "NOPE is not in the tracking plan" in results[0]["problems"][0]
    assert arrived(shared, start) == Counter([start, start + 1])


def test_a_bad_network_loses_and_doubles_nothing(shared, site, browser, start):
    with hostile_proxy(shared.url, ("pass", "cut after", "503", "500", "half an answer"), seed=4) as proxy:
        opened(browser, site(shared.url, proxy.url))
        for each in range(4):
            browser.run("track(arguments[0], 10)", start + 10 * each)
            browser.run("footfall.flush()")
        flush(browser)
        assert len(proxy.keys) > 4
        assert {len(bodies) for bodies in proxy.bodies.values()} == {1}
    assert arrived(shared, start) == Counter(range(start, start + 40))


def test_a_page_that_is_left_sends_what_it_has_and_the_next_page_the_rest(shared, site, browser, start):
    opened(browser, site(shared.url, shared.url))
    browser.run("track(arguments[0], 5)", start)
    browser.open(site(shared.url, shared.url) + "elsewhere")
    while arrived(shared, start) != Counter(range(start, start + 5)):
        pass
    # Nobody took the answer, so that the next page sends the same once more, and it counts once.
    opened(browser, site(shared.url, shared.url))
    flush(browser)
    # A page that is left while the service is away leaves its events to the next page.
    opened(browser, site(shared.url, "http://127.0.0.1:9"))
    browser.run("track(arguments[0], 5)", start + 10)
    browser.open(site(shared.url, shared.url) + "elsewhere")
    assert waiting(browser) == 1
    browser.run("localStorage.setItem(localStorage.key(0).replace(arguments[0], arguments[1]),"
                " localStorage.getItem(localStorage.key(0)))", "http://127.0.0.1:9", shared.url)  # fmt: skip
    opened(browser, site(shared.url, shared.url))
    browser.until(lambda: waiting(browser) == 1)
    browser.run("localStorage.clear()")
    assert arrived(shared, start) == Counter([*range(start, start + 5), *range(start + 10, start + 15)])


def test_the_oldest_events_are_dropped_and_said(shared, site, browser, start):
    opened(browser, site(shared.url, "http://127.0.0.1:9"))
    browser.run("(footfall.batches = 3, 0)")
    for each in range(6):
        browser.run("(track(arguments[0], 2), footfall.sealAll())", start + 10 * each)
    assert waiting(browser) == 3
    assert [one for one in browser.run("results") if "dropped" in one] == [{"dropped": 2}] * 3
    kept = browser.run("footfall.names('sealed').map((name) => localStorage.getItem(name))")
    assert json.loads(f"[{kept[0]}]")[0]["timestamp"] == start + 30
    browser.run("localStorage.clear()")


def test_a_browser_without_keepalive_sends_a_beacon(shared, site, browser, start):
    opened(browser, site(shared.url, shared.url))
    browser.run("delete Request.prototype.keepalive")
    browser.run("track(arguments[0], 3)", start)
    browser.open(site(shared.url, shared.url) + "elsewhere")
    assert waiting(browser) == 0, "what a beacon has taken is forgotten"
    while arrived(shared, start) != Counter(range(start, start + 3)):
        pass
    # A beacon that the browser does not take leaves the events to the next page.
    opened(browser, site(shared.url, shared.url))
    browser.run("(delete Request.prototype.keepalive, navigator.sendBeacon = () => false)")
    browser.run("track(arguments[0], 2)", start + 10)
    browser.open(site(shared.url, shared.url) + "elsewhere")
    assert waiting(browser) == 1
    opened(browser, site(shared.url, shared.url))
    flush(browser)
    assert arrived(shared, start) == Counter([*range(start, start + 3), start + 10, start + 11])
