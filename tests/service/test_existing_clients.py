"""The clients of docs/clients.md, each run as it stands there, with another address, against a service."""

import http.server
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import CHROMIUM, DRIVER

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
ADDRESSES = ("https://events.example.com", "http://127.0.0.1:8000")
IN_BROWSER = pytest.mark.skipif(not (DRIVER and CHROMIUM), reason="no browser on this machine; .ci/run installs one")


def block(heading: str, url: str) -> str:
    """The first block below a heading, for the service at this address."""
    (section,) = re.findall(rf"^### {heading}\n(.*?)(?=^##|\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    text = re.search(r"^```\w+\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[1]
    for address in ADDRESSES:
        text = text.replace(address, url)
    return text


@pytest.fixture
def arrives(shared) -> Callable[[str], None]:
    """Waits until the event of this version is counted, once."""

    def wait(version: str) -> None:
        query = {"customer": "TGAM", "product": "WATCHLIST", "versions": version, "interval": "all"}
        deadline = time.monotonic() + 60
        while True:
            answer = shared.client.get("/usage/counts", params=query)  # 503 while the engine starts
            found = answer.json()["total"]["events"] if answer.is_success else 0
            if found:
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert found == 1

    return wait


def run(*line: object, given: str = "") -> None:
    done = subprocess.run([*map(str, line)], input=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("heading", "version"),
    [
        ("Python without a package", "urllib-1"),
        ("Python with requests", "requests-1"),
        ("Python with httpx", "httpx-1"),
    ],
)
def test_python(shared, arrives, heading, version):
    run(sys.executable, "-c", block(heading, shared.url))
    arrives(version)


def test_curl(shared, arrives):
    run("bash", "-e", given=block("curl", shared.url))
    arrives("curl-1")


@pytest.mark.skipif(not shutil.which("node"), reason="no Node.js on this machine; .ci/run installs one")
def test_node(shared, arrives, tmp_path):
    (tmp_path / "send.mjs").write_text(block("Node.js", shared.url))
    run("node", tmp_path / "send.mjs")
    arrives("node-1")


@pytest.mark.skipif(not shutil.which("javac"), reason="no JDK on this machine; .ci/run installs one")
def test_java(shared, arrives, tmp_path):
    (tmp_path / "Send.java").write_text(block("Java", shared.url))
    run("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", tmp_path / "Send.java")
    arrives("java-1")


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of an empty page of another origin than the service's."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", "16")
            self.end_headers()
            self.wfile.write(b"<title>a</title>")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def in_page(browser, code: str) -> object:
    """What a function's body gives that may wait."""
    script = f"const done = arguments[0]; (async () => {{ {code} }})().then(done, (error) => done(String(error)))"
    return browser.driver.execute_async_script(script)


@IN_BROWSER
def test_a_browser(shared, arrives, browser, elsewhere):
    browser.open(elsewhere)
    assert in_page(browser, block("A browser with fetch", shared.url)) is None
    arrives("fetch-1")
    assert in_page(browser, block("A browser with sendBeacon", shared.url)) is None
    browser.open(f"{elsewhere}gone")
    arrives("beacon-1")


@IN_BROWSER
def test_a_spreadsheet_add_in(shared, arrives, browser, elsewhere):
    """The part of Excel is played by a stand-in; the network is real."""
    event = {"customer": "TGAM", "product": "WATCHLIST", "type": "WATCHLIST-APPLICATION-LOADED", "version": "sheet-1"}
    shared.post([{**event, "timestamp": int(time.time() * 1000), "context": ["ada"]}]).raise_for_status()
    arrives("sheet-1")
    key = shared.client.post("/keys", json={"name": "sheet", "scopes": ["read"], "customers": ["TGAM"]})
    browser.open(elsewhere)
    excel = """
        const written = {};
        const range = (...place) => ({ set values(rows) { written.place = place; written.rows = rows; } });
        const workbook = { worksheets: { getActiveWorksheet: () => ({ getRangeByIndexes: range }) } };
        const Excel = { run: (work) => work({ workbook, sync: async () => {} }) };
    """
    call = (
        f"{excel} {block('A spreadsheet add-in', shared.url)} await writeCounts('{key.json()['key']}'); return written"
    )
    written = in_page(browser, call)
    assert written["rows"][0] == ["day", "type", "events"]
    assert written["place"] == [0, 0, len(written["rows"]), 3]
    assert "WATCHLIST-APPLICATION-LOADED" in [row[1] for row in written["rows"]]
