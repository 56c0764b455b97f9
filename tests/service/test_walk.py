"""A walk through the pages with a real browser: all does what it says, the console is silent, no other host asked."""

import re
import time
from urllib.parse import urlsplit

import pytest
from browsing import CHROMIUM, DRIVER, Browser
from walking import Walk

from footfall.dashboard import PAGES
from footfall.demo import Demo, Poster

PASSWORD = "correct horse battery"
DAY_MS = 86_400_000
# How much a page may move while it loads (a tenth is what readers do not notice), and weigh, compressed.
SHIFT_MAX = 0.05
WEIGHT_BYTES_MAX = 300_000
pytestmark = pytest.mark.skipif(not (DRIVER and CHROMIUM), reason="no browser on this machine; .ci/run installs one")


def fill(service) -> None:
    """Events of a week, of a product that no other test uses."""
    now = int(time.time() * 1000)
    events = [
        {
            "customer": "TGAM",
            "product": "PORTFOLIO",
            "type": kind,
            "timestamp": now - day * DAY_MS - 60_000,
            "context": [f"walker-{number}", "3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b"],
        }
        for day in range(7)
        for number in range(3 + day)
        for kind in ("PORTFOLIO-ACCESSED", "PORTFOLIO-CREATED", "PORTFOLIO-SCREEN-INVOKED-TRANSACTIONS-ALL")
    ]
    assert service.post(events).status_code == 200
    source = "customer=TGAM&product=PORTFOLIO&interval=all&by=none"
    end = time.monotonic() + 30
    while (answer := service.client.get(f"/usage/counts?{source}")).is_error or loaded(answer) < len(events):
        assert time.monotonic() < end, answer.text
        time.sleep(0.2)


def loaded(answer) -> int:
    return answer.json()["total"]["events"]


def sign_in(browser: Browser, url: str, path: str = "/") -> None:
    browser.open(f"{url}{path}")
    browser.type("input[name=user]", "admin")
    browser.type("input[name=password]", PASSWORD)
    browser.click("button.main")
    browser.one(".side")


def test_the_overview_is_filtered_explained_and_left(shared, browser: Browser):
    fill(shared)
    sign_in(browser, shared.url, "/?range=7d&customer=TGAM")
    # Back where the visitor wanted to go, in the zone of the browser.
    assert urlsplit(browser.driver.current_url).query == "range=7d&customer=TGAM"
    assert browser.one("[name=timezone]").get_attribute("value") == browser.run(
        "Intl.DateTimeFormat().resolvedOptions().timeZone"
    )
    total = browser.text(".tiles .big")
    assert int(re.sub(r"\D", "", total)) >= 84
    # A click filters; back, forward and reload restore the state.
    browser.click("a[title='Only PORTFOLIO-CREATED']")
    browser.until(lambda: "PORTFOLIO-CREATED" in browser.text(".chips"))
    filtered, address = browser.text(".tiles .big"), browser.driver.current_url
    browser.driver.back()
    browser.until(lambda: browser.text(".tiles .big") == total)
    browser.driver.forward()
    browser.until(lambda: browser.text(".tiles .big") == filtered)
    browser.driver.refresh()
    assert (browser.text(".tiles .big"), browser.driver.current_url) == (filtered, address)
    # Actors that were not counted at once follow, and what came with them does what it did.
    actors = browser.text(".tiles li:nth-child(2) .big")
    browser.open(f"{browser.driver.current_url}&wait=no")
    browser.until(lambda: not browser.all("[data-later]"))
    assert browser.text(".tiles li:nth-child(2) .big") == actors
    # A number explains itself to who comes by keyboard, and goes away.
    browser.run("document.querySelector('.tiles .number').focus()")
    assert "The selected events" in browser.text(".explanation .definition")
    assert "Duplicates among them" in browser.text(".explanation")
    browser.driver.switch_to.active_element.send_keys("\ue00c")
    assert browser.all(".explanation") == []
    # The chart tells its values by arrow keys, from its table.
    figure = browser.one("figure[data-chart]")
    figure.send_keys("\ue012")
    tip = browser.one(".tip").text
    browser.click("figure .data > summary")
    assert browser.text("figure tbody tr:last-child th") == tip.splitlines()[0]
    # An option is sent by its change.
    browser.run("document.querySelector('select[name=interval]').value = 'hour'")
    browser.run("document.querySelector('select[name=interval]').dispatchEvent(new Event('change', {bubbles: true}))")
    browser.until(lambda: "interval=hour" in browser.driver.current_url)
    # Colours, and a telephone, on which nothing is wider than the screen.
    browser.click("button[name=theme][value=dark]")
    browser.until(lambda: browser.run("document.documentElement.dataset.theme") == "dark")
    browser.resize(390)
    browser.until(lambda: browser.run("document.documentElement.scrollWidth") <= 390)
    headings = "[...document.querySelectorAll('section.list thead')].map((each) => each.clientHeight)"
    assert min(browser.run(headings)) > 10
    browser.click("button.menu")
    browser.click(".who button")
    browser.until(lambda: "/dashboard/sign-in" in browser.driver.current_url)
    browser.open(address)
    assert "/dashboard/sign-in" in browser.driver.current_url


def test_every_page_is_accessible_light_stays_where_it_is_and_fits_a_telephone(shared, browser: Browser):
    """All pages of the navigation, with events: in both colours, on a screen and on a telephone, in turn."""
    fill(shared)
    sign_in(browser, shared.url)
    paths = [page.path for page in PAGES if page.nav]
    paths += [
        "/dashboard/account/keys",
        "/dashboard/account/code",
        "/dashboard/schedules/new",
        "/dashboard/events/batch",
    ]
    paths += [
        "/dashboard/explore?by=type&by=customer&chart=stacked&range=7d",
        "/dashboard/paths?type=PORTFOLIO-ACCESSED",
    ]
    paths += ["/dashboard/funnels?step=PORTFOLIO-ACCESSED&step=PORTFOLIO-CREATED&by=product"]
    for at, path in enumerate(paths):
        width = (1280, 390)[at % 2]
        browser.prefer(("light", "dark")[at // 2 % 2])
        browser.resize(width)
        browser.open(f"{shared.url}{path}")
        assert browser.shift() < SHIFT_MAX, path
        assert browser.weight() < WEIGHT_BYTES_MAX, path
        assert browser.faults() == [], path
        for each in {width, 390}:
            browser.resize(each)
            assert browser.run("document.documentElement.scrollWidth") <= each, path
    # On a slow telephone, too, on which a page is shown before all of it is there.
    browser.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 6})
    try:
        browser.resize(390)
        browser.open(f"{shared.url}/dashboard/explore?by=type&by=customer&chart=stacked&range=7d")
        assert browser.shift() < SHIFT_MAX
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 1})


def test_an_analyst_walks_from_signing_in_to_signing_out(serve, browser: Browser, tmp_path):
    run = serve(plan_mode="quarantine", shares_allowed="true")
    made = Demo(seed=3, customers=("BARCHART",), end_ms=int(time.time() * 1000), days=4, events=1600)
    with Poster(run.url) as poster:
        poster.post_all(made.requests(), lambda _: None)
    run.report(customer="BARCHART", product="WATCHLIST")  # it waits until they are in the store
    types = ("WATCHLIST-APPLICATION-LOADED", "WATCHLIST-ACCESSED", "WATCHLIST-SYMBOL-ADDED")
    event = {
        "customer": "BARCHART",
        "product": "WATCHLIST",
        "type": types[1],
        "timestamp": int(time.time() * 1000) - 60_000,
        "context": ["walker", "3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b"],
    }
    folder = tmp_path / "downloads"
    folder.mkdir()
    walk = Walk(browser, run.url, "admin", PASSWORD, "BARCHART", "WATCHLIST", types, event, folder)
    assert [name for name, _ in walk.take()][-1] == "signs_out"
