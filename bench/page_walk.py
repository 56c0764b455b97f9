"""Takes the tests' walk through the pages over a file of events, with every page held to axe.

    python bench/page_walk.py events.jsonl.zst

The file has one JSON event a line, and may be compressed with zstd. The service has a plan that was inferred from the
events, and holds what breaks it. Ends with 1 at the first thing that is not as it should be, of which `--picture FILE`
gets a picture. Needs chromium and chromedriver.
"""

import argparse
import asyncio
import datetime as dt
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import replay
import service

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browsing import open_browser  # noqa: E402 - it is found only now
from walking import Walk  # noqa: E402 - it is found only now

WIDTH = 1280
DAY_MS = 86_400_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--picture", type=Path, help="where a picture of a failure goes")
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
            walk_over(running.url, events, work, given.picture)


async def send(url: str, events: list[dict[str, Any]]) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await replay.send(client, events)


def infer(data: Path) -> str:
    """The plan that takes the stored events."""
    command = [sys.executable, "-m", "footfall", "plan", "infer", "--data-dir", str(data)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ.copy()).stdout


def walk_over(url: str, events: list[dict[str, Any]], work: Path, picture: Path | None) -> None:
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
        except BaseException:
            if picture:
                picture.write_bytes(browser.driver.get_screenshot_as_png())
            raise


def day(time_ms: int) -> str:
    """The date of a time in UTC."""
    return dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC).date().isoformat()


if __name__ == "__main__":
    main()
