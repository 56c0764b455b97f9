"""The forms of the pages against a whole service: a report from its form to its rows, and quarantine to its end."""

import html
import re
import time
from collections.abc import Callable

import httpx
import pytest

PASSWORD = "correct horse battery"
EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-SYMBOL-ADDED"}


class Browser:
    """Somebody who is signed in and sends the forms that stand in the pages."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, headers={"accept": "text/html"}, timeout=60)
        self.post("/dashboard/sign-in", "/dashboard/sign-in", user="admin", password=PASSWORD)

    def text(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def words(self, path: str) -> str:
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.text(path))).split())

    def post(self, path: str, page: str, **fields: str) -> str:
        """Send a form of a page; gives where it leads."""
        token = re.search(r'name="form" value="([0-9a-f]+)"', self.text(page))[1]
        answer = self.client.post(path, data={"form": token, **fields})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def send_form(self, page: str, action: str) -> str:
        """Send a form of a page as it stands there."""
        form = re.search(rf'<form method="post" action="{action}">(.*?)</form>', self.text(page), re.DOTALL)[1]
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
        answer = self.client.post(action, data={name: html.unescape(value) for name, value in hidden} | {"sure": "yes"})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]


@pytest.fixture(scope="module")
def browser(holding):
    found = Browser(holding.url)
    yield found
    found.client.close()


def until(see: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not see():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def events(count: int, **changes) -> list[dict]:
    now_ms = int(time.time() * 1000)
    plain = {**EVENT, "context": ["ada", "w", "AAPL"]}
    return [{**plain, "timestamp": now_ms - at, **changes} for at in range(count)]


def test_a_report_has_as_many_rows_as_its_page_says(holding, browser):
    holding.post(events(25))
    chosen = {"customer": "BARCHART", "product": "WATCHLIST", "types": EVENT["type"], "chosen": "yes", "format": "csv"}
    where = browser.post("/dashboard/reports/new", "/dashboard/reports/new", **chosen)
    until(lambda: 'data-live="running"' not in browser.text(where))
    shown = int(re.search(r'data-rows="(\d+)"', browser.text(where))[1])
    link = browser.client.get(f"{where}/file").headers["location"]
    file = browser.client.get(link)
    assert shown == len(file.text.splitlines()) == 25
    assert file.headers["content-disposition"].startswith("attachment")
    # What comes later is in the report of what came since, and in no other.
    holding.post(events(3))
    later = browser.post(f"{where}/since", where)
    until(lambda: 'data-live="running"' not in browser.text(later))
    assert 'data-rows="3"' in browser.text(later)
    assert "It has only events that were accepted after" in browser.words(later)


def test_held_events_are_looked_at_tried_under_another_type_released_and_dropped(holding, browser):
    page = "/dashboard/quarantine"
    holding.post(events(4, type="WATCHLIST-SYMBOL-ADED"))
    holding.post(events(2, type="WATCHLIST-SYMBOL-ADDED", context=["ada"]))
    until(lambda: "By reason ( 6 )" in browser.words(page))
    shown = browser.words(page)
    assert "4 WATCHLIST-SYMBOL-ADED WATCHLIST type: WATCHLIST-SYMBOL-ADED is not in the tracking plan" in shown
    example = re.search(r'href="(/dashboard/quarantine/event/[^"]+)"', browser.text(page))[1]
    assert "neither the address nor the program is kept" in browser.words(example)
    assert "ada w AAPL" in browser.words(example)
    change = f"{page}/change?type=WATCHLIST-SYMBOL-ADED"
    assert "None of them fits the plan" in browser.words(change)
    renamed = f"{change}&set_type=WATCHLIST-SYMBOL-ADDED"
    assert "4 of 4 fit the plan" in browser.words(renamed)
    before = holding.report(customer="BARCHART", product="WATCHLIST").count("\n")
    where = browser.send_form(renamed, f"{page}/release")
    assert where == f"{page}?released=4&stayed=0"
    assert "4 released: they are in every report that starts from now on." in browser.words(where)
    assert holding.report(customer="BARCHART", product="WATCHLIST").count("\n") == before + 4
    assert "2 WATCHLIST-SYMBOL-ADDED" in browser.words(page)
    where = browser.send_form(f"{page}/change?type=WATCHLIST-SYMBOL-ADDED", f"{page}/drop")
    assert where == f"{page}?dropped=2"
    until(lambda: "Nothing is held" in browser.words(page))
    assert "By reason ( 2 )" in browser.words(f"{page}?state=dropped")
    plan = browser.words("/dashboard/plan")
    assert "Quarantine has held these, the most frequent first:" in plan


def test_nothing_is_dropped_without_the_tick_nor_released_past_the_time_of_the_page(holding, browser):
    page = "/dashboard/quarantine"
    holding.post(events(1, type="WATCHLIST-NEW"))
    until(lambda: "1 WATCHLIST-NEW" in browser.words(page))
    token = re.search(r'name="form" value="([0-9a-f]+)"', browser.text(page))[1]
    fields = {"form": token, "type": "WATCHLIST-NEW"}
    for more, said in (({"until": "99999999999999"}, "tick the box first"), ({"sure": "yes"}, "up to when")):
        refused = browser.client.post(f"{page}/drop", data=fields | more)
        assert (refused.status_code, said in refused.text) == (400, True)
    browser.post(f"{page}/drop", page, type="WATCHLIST-NEW", sure="yes", until="1")
    assert "1 WATCHLIST-NEW" in browser.words(page)


def test_the_system_page_tells_the_service_as_it_is(holding, browser):
    until(lambda: "The store has everything that was accepted up to" in browser.words("/dashboard/system"))
    page = browser.words("/dashboard/system")
    assert "worker: loads events, makes reports 1" in page
    assert "Something does not work" not in page
