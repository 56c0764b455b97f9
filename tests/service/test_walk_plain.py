"""The pages for those who have no JavaScript, no mouse, want no motion, or print: in a real browser."""

import re
import time
from collections.abc import Iterator

import pytest
from browsing import CHROMIUM, DRIVER, Browser

pytestmark = pytest.mark.skipif(not (DRIVER and CHROMIUM), reason="no browser on this machine; .ci/run installs one")
PASSWORD = "correct horse battery"
TAB, ENTER, ESCAPE, SPACE = "\ue004", "\ue007", "\ue00c", " "
# More stops than any page has on the way to what is looked for.
STOPS_MAX = 120
SELECTION = "range=7d&customer=TGAM&product=ALERT"
FOCUSED = "document.activeElement"


@pytest.fixture(scope="module")
def filled(shared):
    """The service, with events of a product that no other test uses."""
    now_ms = int(time.time() * 1000)
    kinds = ("ALERT-STARTED-ALL", "ALERT-STOPPED-ALL")
    events = [
        {
            "customer": "TGAM",
            "product": "ALERT",
            "type": kinds[at % 2],
            "timestamp": now_ms - at * 3_600_000 - 60_000,
            "context": [f"plain-{at % 5}"],
        }
        for at in range(40)
    ]
    answer = shared.post(events)
    assert answer.status_code == 200, answer.text
    end = time.monotonic() + 60
    while loaded(shared) < len(events):
        assert time.monotonic() < end
        time.sleep(0.2)
    return shared


def loaded(service) -> int:
    answer = service.client.get("/usage/counts?customer=TGAM&product=ALERT&interval=all&by=none")
    return 0 if answer.is_error else int(answer.json()["total"]["events"])


@pytest.fixture
def scriptless(browser: Browser) -> Iterator[Browser]:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    yield browser
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.fixture
def german(browser: Browser) -> Iterator[Browser]:
    """The browser of somebody who reads German."""
    send, agent = browser.driver.execute_cdp_cmd, browser.run("navigator.userAgent")
    send("Emulation.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": "de"})
    send("Emulation.setLocaleOverride", {"locale": "de"})
    yield browser
    send("Emulation.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": "en-GB"})
    send("Emulation.setLocaleOverride", {})


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def sign_in(browser: Browser, url: str) -> None:
    browser.open(f"{url}/dashboard/sign-in?next=/%3F{SELECTION.replace('&', '%26')}")
    browser.type("input[name=user]", "admin")
    browser.type("input[name=password]", PASSWORD)
    browser.click("button.main")
    browser.one(".tiles")


def test_without_javascript_an_analyst_filters_asks_reports_and_signs_out(filled, scriptless: Browser):
    browser = scriptless
    sign_in(browser, filled.url)
    assert not browser.all("html.js")
    assert number(browser.text(".tiles .big")) == 40
    assert browser.all("figure.chart svg path")
    browser.click("a[title='Only ALERT-STARTED-ALL']")
    browser.until(lambda: "types=ALERT-STARTED-ALL" in browser.driver.current_url)
    assert number(browser.text(".tiles .big")) == 20
    # What a script would send by itself has a button.
    browser.click("select[name=interval] option[value=hour]")
    browser.click(".options .apply")
    browser.until(lambda: "interval=hour" in browser.driver.current_url)
    browser.click("figure .data > summary")
    assert browser.one("figure .data table").is_displayed()
    # A report from the selection, whose page is loaded again until it is there.
    browser.open(f"{filled.url}/dashboard/explore?{SELECTION}&types=ALERT-STARTED-ALL")
    browser.click("a[href*='/dashboard/reports/new?']")
    browser.click("form[data-outdates] > button")
    assert number(browser.text("#estimate b")) == 20
    browser.click("#estimate form button")

    def ready() -> bool:
        browser.driver.refresh()
        return bool(browser.all("a[href$='/file']"))

    browser.until(ready, 60)
    browser.click(".who button")
    browser.until(lambda: "/dashboard/sign-in" in browser.driver.current_url)


def focus(browser: Browser, script: str) -> None:
    """Go on by the tabulator until what has the focus is what the script asks for; every stop must show it."""
    for _ in range(STOPS_MAX):
        browser.driver.switch_to.active_element.send_keys(TAB)
        shown, found = browser.run(f"[getComputedStyle({FOCUSED}).outlineStyle !== 'none', Boolean({script})]")
        assert shown, browser.run(f"{FOCUSED}.outerHTML.slice(0, 200)")
        if found:
            return
    raise AssertionError(f"no stop of the tabulator is {script}")


def press(browser: Browser, key: str) -> None:
    browser.driver.switch_to.active_element.send_keys(key)


def test_by_keyboard_alone_an_analyst_signs_in_filters_and_signs_out(filled, browser: Browser):
    browser.open(f"{filled.url}/dashboard/sign-in?next=/%3F{SELECTION.replace('&', '%26')}")
    browser.until(lambda: browser.run(f"{FOCUSED}.name") == "user")
    press(browser, "admin")
    focus(browser, f"{FOCUSED}.name === 'password'")
    press(browser, PASSWORD + ENTER)
    browser.one(".tiles")
    # The first stop leads past the navigation.
    focus(browser, f"{FOCUSED}.matches('.skip')")
    press(browser, ENTER)
    browser.until(lambda: browser.run(f"{FOCUSED}.id") == "content")
    # A menu opens and closes, and the focus stays where it was.
    focus(browser, f"{FOCUSED}.matches('.drop > summary')")
    press(browser, ENTER)
    assert browser.all(".drop[open]")
    press(browser, ESCAPE)
    assert not browser.all(".drop[open]")
    assert browser.run(f"{FOCUSED}.matches('.drop > summary')")
    # A number explains itself, and a type is chosen.
    focus(browser, f"{FOCUSED}.matches('.number')")
    assert browser.one(".explanation").is_displayed()
    focus(browser, f"{FOCUSED}.title === 'Only ALERT-STOPPED-ALL'")
    press(browser, ENTER)
    browser.until(lambda: "types=ALERT-STOPPED-ALL" in browser.driver.current_url)
    assert number(browser.text(".tiles .big")) == 20
    focus(browser, f"{FOCUSED}.matches('.who button')")
    press(browser, ENTER)
    browser.until(lambda: "/dashboard/sign-in" in browser.driver.current_url)


def test_nothing_moves_for_those_who_want_no_motion_and_paper_has_no_navigation(filled, browser: Browser):
    sign_in(browser, filled.url)
    colour = "getComputedStyle(document.querySelector('.card')).backgroundColor"
    send = browser.driver.execute_cdp_cmd
    browser.prefer("dark")
    dark = browser.run(colour)
    features = [
        {"name": "prefers-reduced-motion", "value": "reduce"},
        {"name": "prefers-color-scheme", "value": "dark"},
    ]
    send("Emulation.setEmulatedMedia", {"features": features})
    browser.run("document.body.insertAdjacentHTML('beforeend', '<div class=progress></div>')")
    assert browser.run("getComputedStyle(document.querySelector('.progress')).animationName") == "none"
    assert browser.run("document.getAnimations().length") == 0
    # On paper all is light, and what only a screen is for is gone; the numbers, the chart and their time stay.
    send("Emulation.setEmulatedMedia", {"media": "print", "features": features})
    assert browser.run(colour) == "rgb(255, 255, 255)" != dark
    for selector in (".side", ".options", ".drop", ".actions"):
        assert not any(each.is_displayed() for each in browser.all(selector)), selector
    for selector in (".tiles .big", "figure.chart svg", ".asof"):
        assert browser.one(selector).is_displayed(), selector
    send("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_numbers_and_times_are_in_the_browser_s_language(filled, german: Browser):
    sign_in(german, filled.url)
    german.open(f"{filled.url}/dashboard/explore?{SELECTION}&by=type")
    assert set(german.texts(".numbers td:nth-child(3)")) == {"50,0 %"}
    # The axis of time too: 5. Nov.
    named = german.run("[...document.querySelectorAll('svg text[data-local]')].map((each) => each.textContent)")
    assert named
    assert all(re.fullmatch(r"\d{1,2}\. [A-Z]\w+\.?", name) for name in named)
    assert re.match(r"\d{1,2}\. \w+\.? \d{4}, \d\d:\d\d$", german.text(".asof time"))
