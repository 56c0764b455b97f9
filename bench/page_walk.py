"""Takes the tests' walk through the pages over a file of events, with every page held to axe.

    python bench/page_walk.py events.jsonl.zst

The file has one JSON event a line, and may be compressed with zstd. The service has a plan that was inferred from the
events, and holds what breaks it. Ends with 1 at the first thing that is not as it should be, of which `--picture FILE`
gets a picture. Then it measures how soon an event is seen on the page Live, `--times` times each: from the end of the
answer of its request to the frame that shows its row, of events that are accepted and of requests that are refused.
Needs chromium and chromedriver.
"""

import argparse
import asyncio
import datetime as dt
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import replay
import service

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browsing import Browser, open_browser  # noqa: E402 - it is found only now
from walking import Walk  # noqa: E402 - it is found only now

WIDTH = 1280
# Notes when the rows of Live are on the screen, in ms since 1970: of events by their batch, and of any refusal.
WATCH = """(() => {
  window.seen = {};
  const note = (name) => requestAnimationFrame(() => setTimeout(() => { window.seen[name] ??= Date.now(); }));
  new MutationObserver((changes) => {
    for (const change of changes) for (const row of change.addedNodes) {
      if (row.dataset?.event) note(row.dataset.event.split("/")[0]);
    }
  }).observe(document.querySelector(".live-rows tbody"), { childList: true });
  const refused = document.querySelector(".live-refused");
  new MutationObserver(() => note("refused")).observe(refused, { childList: true, subtree: true });
})()"""
DAY_MS = 86_400_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--picture", type=Path, help="where a picture of a failure goes")
    parser.add_argument("--times", type=int, default=50, help="how often an event on Live is timed")
    given = parser.parse_args()
    events = replay.read(given.file)
    with tempfile.TemporaryDirectory(prefix="footfall-walk-") as folder:
        work = Path(folder)
        with service.serving(work / "data", plan_mode="open") as running:
            asyncio.run(send(running.url, events))
            running.settle()
            plan = infer(running.folder)
        (work / "plan.toml").write_text(plan)
        settings = {"plan": work / "plan.toml", "plan_mode": "quarantine", "shares_allowed": "true"}
        with service.serving(work / "data", **settings) as running:
            walk_over(running.url, events, work, given)


async def send(url: str, events: list[dict[str, Any]]) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await replay.send(client, events)


def infer(data: Path) -> str:
    """The plan that takes the stored events."""
    command = [sys.executable, "-m", "footfall", "plan", "infer", "--data-dir", str(data)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ.copy()).stdout


def walk_over(url: str, events: list[dict[str, Any]], work: Path, given: argparse.Namespace) -> None:
    """Walk over the customer with the most events; prints each step with its seconds."""
    ((customer, product), _) = Counter((each["customer"], each["product"]) for each in events).most_common(1)[0]
    theirs = [each for each in events if (each["customer"], each["product"]) == (customer, product)]
    types = [name for name, _ in Counter(each["type"] for each in theirs).most_common(3)]
    newest = max(theirs, key=lambda each: each["timestamp"])
    first = max(newest["timestamp"] - 365 * DAY_MS, min(each["timestamp"] for each in theirs))
    times = f"range=custom&start={day(first)}&end={day(newest['timestamp'])}"
    downloads = work / "downloads"
    downloads.mkdir()
    with open_browser(work / "profile") as browser:
        browser.resize(WIDTH)
        walk = Walk(
            browser, url, "admin", service.PASSWORD, customer, product, tuple(types), newest, downloads, times, True
        )
        try:
            for name, seconds in walk.take():
                print(f"{seconds:6.1f} s  {name.replace('_', ' ')}", flush=True)
            print("every page was as it should be")
            walk.signs_in()
            time_live(walk, given.times)
        except BaseException:
            if given.picture:
                given.picture.write_bytes(browser.driver.get_screenshot_as_png())
            raise


def time_live(walk: Walk, times: int) -> None:
    """Print how soon events and refusals are on Live, in ms: the median, the 95th percentile and the worst."""
    browser = walk.browser
    browser.open(f"{walk.url}/dashboard/live?customer={walk.customer}&product={walk.product}")
    browser.until(lambda: browser.all(".live-state .state.complete"))
    browser.run(WATCH)
    with httpx.Client(base_url=walk.url, timeout=60) as client:
        accepted = [seen_after(browser, lambda: post(client, walk.event, 200)[0]["batch"]) for _ in range(times)]
        unreadable = {**walk.event, "timestamp": "never"}
        refused = [seen_after(browser, lambda: post(client, unreadable, 400) and "refused") for _ in range(times)]
    for name, found in (("accepted", accepted), ("refused", refused)):
        middle, most = statistics.median(found), sorted(found)[int(0.95 * times)]
        print(f"{name}: seen after {middle:.0f} ms, 95 of 100 within {most:.0f}, all in {max(found):.0f}")


def post(client: httpx.Client, event: dict[str, Any], status: int) -> Any:
    answer = client.post("/events", json={"events": [event]})
    assert answer.status_code == status, answer.text
    return answer.json()


def seen_after(browser: Browser, send: Callable[[], str]) -> float:
    """The ms from an answer until what was sent is on the screen; `send` gives the name under which that is noted."""
    time.sleep(random.random())  # noqa: S311 - at any moment of what looks once a second
    browser.run("delete window.seen.refused")
    name = send()
    answered_ms = time.time() * 1000
    return float(browser.until(lambda: browser.run("window.seen[arguments[0]]", name))) - answered_ms


def day(time_ms: int) -> str:
    """The date of a time in UTC."""
    return dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC).date().isoformat()


if __name__ == "__main__":
    main()
