"""Live in a real browser: an event is seen within two seconds, and so is what was refused; pause, and a telephone."""

import time

import pytest
from browsing import CHROMIUM, DRIVER, Browser

pytestmark = pytest.mark.skipif(not (DRIVER and CHROMIUM), reason="no browser on this machine; .ci/run installs one")
PASSWORD = "correct horse battery"
# Promised are 2 s of a machine that has time; one that runs all the tests may take longer.
SEEN_S = 20


def event(actor: str, kind: str = "PORTFOLIO-ACCESSED"):
    context = [actor, "3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b"]
    now_ms = int(time.time() * 1000)
    return {"customer": "BARCHART", "product": "PORTFOLIO", "type": kind, "timestamp": now_ms, "context": context}


def test_events_and_refusals_are_seen_as_they_come(shared, browser: Browser):
    browser.open(f"{shared.url}/dashboard/live?product=PORTFOLIO")
    browser.type("input[name=user]", "admin")
    browser.type("input[name=password]", PASSWORD)
    browser.click("button.main")
    browser.until(lambda: browser.text(".live-state .state") == "live")
    assert shared.post([event("live-walker")]).status_code == 200
    browser.until(lambda: "live-walker" in browser.text(".live-rows tbody tr"), SEEN_S)
    assert "PORTFOLIO of BARCHART" in browser.text(".live-rows tbody tr th")
    assert shared.post([event("live-walker", "PORTFOLIO-ACESSED")]).status_code == 400
    browser.until(lambda: "did you mean PORTFOLIO-ACCESSED?" in browser.one(".live-refused").text, SEEN_S)
    # What is refused in a pause is counted after it.
    browser.click(".live-pause")
    assert shared.post([event("live-walker", "PORTFOLIO-ACESSED")]).status_code == 400
    browser.until(lambda: browser.all(".live-refused [data-waiting='1']"), SEEN_S)
    number = ".live-refused tbody tr td:last-child data"
    before = int(browser.text(number))
    browser.click(".live-pause")
    browser.until(lambda: int(browser.text(number)) == before + 1)
    # A filter is of the page and of its stream.
    browser.open(f"{shared.url}/dashboard/live?product=PORTFOLIO&types=PORTFOLIO-CREATED")
    browser.until(lambda: browser.text(".live-state .state") == "live")
    browser.click(".live-pause")
    assert shared.post([event("unseen"), event("paused-walker", "PORTFOLIO-CREATED")]).status_code == 200
    browser.until(lambda: browser.text(".live-state .state") == "paused; new ones wait: 1", SEEN_S)
    browser.click(".live-pause")
    browser.until(lambda: "paused-walker" in browser.text(".live-rows tbody"), SEEN_S)
    assert "unseen" not in browser.text(".live-rows tbody")
    # Browsers keep a page that is left, and show it again as it was: its stream goes on then.
    browser.run("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    browser.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert shared.post([event("back-walker", "PORTFOLIO-CREATED")]).status_code == 200
    browser.until(lambda: "back-walker" in browser.text(".live-rows tbody"), SEEN_S)
    # The events of one request lead to its receipt.
    assert shared.post([event("one", "PORTFOLIO-CREATED"), event("two", "PORTFOLIO-CREATED")]).status_code == 200
    browser.until(lambda: "two" in browser.text(".live-rows tbody"), SEEN_S)
    browser.click(".live-rows details summary")
    browser.click(".live-rows details a")
    browser.until(lambda: "/dashboard/events/batch" in browser.driver.current_url)
    assert len(browser.all(".list tbody tr")) == 2
    assert browser.faults() == []
