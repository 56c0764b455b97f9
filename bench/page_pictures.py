"""Takes the pictures of docs/dashboard.md, so that they stay true, or pictures of every page to look at.

    python bench/page_pictures.py                    the six pictures, into docs/images/
    python bench/page_pictures.py --all FOLDER       every page in light and dark, on a screen and on a telephone

A service of its own is filled with made-up traffic of the same seed. The letters are those of the machine: the
pictures of the documentation have Noto Sans. Needs chromium and chromedriver.
"""

import argparse
import base64
import sys
import tempfile
import time
from pathlib import Path

import service

from footfall.dashboard import PAGES
from footfall.demo import Demo, Poster

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browsing import Browser, open_browser  # noqa: E402 - it is found only now

FOLDER = ROOT / "docs" / "images"
WIDTHS = {"screen": 1280, "telephone": 390}
HEIGHT_MAX = 2600
# Of WebP: letters stay sharp, and each picture is far below 60 kB.
QUALITY = 55
DAYS, EVENTS, SEED = 90, 120_000, 7
_STEPS = "step=WATCHLIST-APPLICATION-LOADED&step=WATCHLIST-ACCESSED&step=WATCHLIST-SYMBOL-ADDED"
# The pictures of the tour: name, address, colours and height.
TOUR = (
    ("overview", "/?range=30d", "light", 975),
    ("explore", "/dashboard/explore?range=90d&interval=week&by=product&chart=stacked", "light", 800),
    ("funnel", f"/dashboard/funnels?range=30d&{_STEPS}&by=customer", "light", 760),
    ("retention", "/dashboard/retention?range=90d", "dark", 800),
    ("paths", "/dashboard/paths?range=30d&type=WATCHLIST-ACCESSED", "light", 760),
    ("quarantine", "/dashboard/quarantine", "light", 560),
)
MORE = (
    "/?range=90d&types=WATCHLIST-ACCESSED&metric=actors",
    "/dashboard/explore?by=type&chart=line&range=30d",
    "/dashboard/explore?by=type&by=customer&chart=bar&range=30d",
    "/dashboard/reports/new?customer=BARCHART&product=WATCHLIST&chosen=yes",
    "/dashboard/schedules",
    "/dashboard/quarantine/change",
    "/dashboard/users/one?user=admin",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, to look at")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footfall-pictures-") as folder:
        work = Path(folder)
        with service.serving(work / "data", plan_mode="quarantine") as running:
            fill(running)
            with open_browser(work / "profile") as browser:
                sign_in(browser, running.url)
                if given.all:
                    take_all(browser, running.url, given.all)
                else:
                    take_tour(browser, running.url)


def fill(running: service.Service) -> None:
    """Post the traffic, and wait until it is in the store."""
    now_ms = int(time.time() * 1000)
    made = Demo(seed=SEED, customers=("BARCHART", "TGAM"), end_ms=now_ms, days=DAYS, events=EVENTS)
    with Poster(running.url) as poster:
        tally = poster.post_all(made.requests(), lambda _: None)
    running.settle()
    while running.stored() < tally.events:
        time.sleep(0.5)


def sign_in(browser: Browser, url: str) -> None:
    browser.open(f"{url}/dashboard/sign-in")
    browser.type("input[name=user]", "admin")
    browser.type("input[name=password]", service.PASSWORD)
    browser.click("button.main")
    browser.one(".side")


def show(browser: Browser, url: str) -> None:
    """Open a page, and wait for the numbers that follow it."""
    browser.open(url)
    browser.until(lambda: not browser.all("[data-later]"))


def take_tour(browser: Browser, url: str) -> None:
    """Write the pictures of the tour."""
    for name, path, colours, height in TOUR:
        browser.prefer(colours)
        browser.resize(WIDTHS["screen"], height)
        show(browser, f"{url}{path}")
        given = {"format": "webp", "quality": QUALITY}
        data = base64.b64decode(browser.driver.execute_cdp_cmd("Page.captureScreenshot", given)["data"])
        (FOLDER / f"page-{name}.webp").write_bytes(data)
        print(f"docs/images/page-{name}.webp: {len(data) / 1000:.1f} kB")


def take_all(browser: Browser, url: str, folder: Path) -> None:
    """Write a picture of each page as a whole, by its place in the navigation."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [page.path for page in PAGES if page.nav] + [path for _, path, _, _ in TOUR] + list(MORE)
    for place, path in enumerate(dict.fromkeys(paths)):
        for colours in ("light", "dark"):
            for kind, width in WIDTHS.items():
                browser.prefer(colours)
                browser.resize(width)
                show(browser, f"{url}{path}")
                browser.resize(width, min(browser.run("document.documentElement.scrollHeight"), HEIGHT_MAX))
                words = "".join(letter if letter.isalnum() else "-" for letter in path).strip("-")[:60]
                name = f"{place:02}-{words or 'overview'}-{colours}-{kind}.png"
                browser.driver.save_screenshot(str(folder / name))


if __name__ == "__main__":
    main()
