"""A page on another origin posts events with a real browser, and reads the answer."""

import functools
import html
import http.server
import json
import re
import shutil
import subprocess
import threading

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PAGE = """<!doctype html><meta charset="utf-8"><pre id="out">waiting</pre><script>
const event = {customer: "BARCHART", product: "PORTFOLIO", type: "PORTFOLIO-APPLICATION-LOADED",
  timestamp: 1568381886060, context: ["browser"]};
const out = document.getElementById("out");
(async () => {
  const found = {};
  try {
    const sent = await fetch("URL/events", {method: "POST", body: JSON.stringify({events: [event]}),
      headers: {"content-type": "application/json", "idempotency-key": "page-1"}});
    found.status = sent.status;
    found.events = await sent.json();
    const bad = await fetch("URL/events", {method: "POST", body: "no", headers: {"content-type": "application/json"}});
    found.error = (await bad.json())[0].value.code;
    found.beacon = navigator.sendBeacon("URL/events", JSON.stringify({events: [{...event, timestamp: 1568381886061}]}));
    const later = {...event, timestamp: 1568381886062};
    const json = new Blob([JSON.stringify({events: [later]})], {type: "application/json"});
    found.jsonBeacon = navigator.sendBeacon("URL/events", json);
    const traced = await fetch("URL/events", {method: "POST", body: "{}",
      headers: {"content-type": "application/json", traceparent: "00-a", baggage: "b", "x-request-id": "c"}});
    found.traced = await traced.json();
    const report = await fetch("URL/reports", {method: "POST", headers: {"content-type": "application/json",
      authorization: "Basic " + btoa("admin:PASSWORD")},
      body: JSON.stringify({filter: {customer: "BARCHART", product: "PORTFOLIO"}})});
    found.report = (await report.json()).status;
    found.progress = report.headers.get("footfall-progress");
  } catch (error) {
    found.thrown = String(error);
  }
  out.textContent = JSON.stringify(found);
})();
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no browser on this machine; .ci/run installs one")
def test_a_page_of_another_origin_posts_and_reads_the_answer(shared, tmp_path):
    service = shared
    pages = tmp_path / "pages"
    pages.mkdir()
    page = PAGE.replace("URL", service.url).replace("PASSWORD", "correct horse battery")
    (pages / "index.html").write_text(page)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(pages))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
        flags += [
            "--disable-background-networking",
            "--disable-component-update",
            f"--user-data-dir={tmp_path}/profile",
        ]
        dumped = subprocess.run(
            [CHROMIUM, *flags, "--virtual-time-budget=10000", "--dump-dom", f"http://127.0.0.1:{server.server_port}/"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        server.shutdown()
    found = json.loads(html.unescape(re.search(r'<pre id="out">(.*?)</pre>', dumped, re.DOTALL).group(1)))
    assert "thrown" not in found, found
    assert found["status"] == 200
    assert found["events"][0]["context"] == ["browser"]
    assert found["error"] == "REQUEST_INPUT_MALFORMED"
    assert (found["report"], found["progress"]) == ("RUNNING", "0")
    assert (found["jsonBeacon"], found["traced"]) == (True, [])
    # Three rows once the beacons, which answer nobody, have arrived as well, the one of the type JSON too.
    sent = {"customer": "BARCHART", "product": "PORTFOLIO", "start": 1568381886060, "end": 1568381886062}
    while len(service.report(**sent).splitlines()) < found["beacon"] + 2:
        pass
