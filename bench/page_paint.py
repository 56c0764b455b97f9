"""How soon a browser shows each page once it has the page's data, what the page weighs, and how much it moves.

    python bench/page_paint.py [--runs 5]

A service of its own is filled with the traffic of `page_pictures.py`. Each page of the navigation is opened by a
browser that has nothing of it, not even the style, `--runs` times: medians of the time from the last byte of the page
to the first paint of content, and from the request to that; the bytes of all that was loaded, compressed, and the sum
of layout shifts. Needs chromium and chromedriver.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import page_pictures
import service

from footfall.dashboard import PAGES

# Of the paint after the data, in seconds, and of the bytes of a page.
PAINT_S, WEIGHT_BYTES = 0.3, 300_000
HEAD = f"{'page':28}{'paint after data, s':>20}{'after request, s':>18}{'kB':>8}{'shift':>8}"
_PAINTED = """
const [page] = performance.getEntriesByType("navigation");
const paint = performance.getEntriesByName("first-contentful-paint")[0];
return paint && page.loadEventEnd ? [paint.startTime, page.responseEnd] : null;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footfall-paint-") as folder:
        work = Path(folder)
        with service.serving(work / "data", plan_mode="quarantine") as running:
            page_pictures.fill(running)
            with page_pictures.open_browser(work / "profile") as browser:
                page_pictures.sign_in(browser, running.url)
                print(HEAD, flush=True)
                for path in (page.path for page in PAGES if page.nav):
                    print(measure(browser, f"{running.url}{path}", path, given.runs), flush=True)


def measure(browser: page_pictures.Browser, url: str, path: str, runs: int) -> str:
    """The line of one page."""
    waits, paints, weight, shift = [], [], 0, 0.0
    for _ in range(runs):
        browser.driver.get("about:blank")
        browser.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        browser.open(url)
        painted_ms, data_ms = browser.until(lambda: browser.driver.execute_script(_PAINTED))
        waits.append((painted_ms - data_ms) / 1000)
        paints.append(painted_ms / 1000)
        weight, shift = max(weight, browser.weight()), max(shift, browser.shift())
    wait_s = statistics.median(waits)
    verdict = "" if wait_s < PAINT_S and weight < WEIGHT_BYTES else "  more than it may"
    numbers = f"{wait_s:20.3f}{statistics.median(paints):18.3f}{weight / 1000:8.1f}{shift:8.3f}"
    return f"{path:28}{numbers}{verdict}"


if __name__ == "__main__":
    main()
