"""A walk through the pages as an analyst takes it, with a real browser: each step does what its page promises.

The steps know nothing of the events but a customer, a product and types of it that have some, so that the tests take
the walk over made-up traffic, and `bench/page_walk.py` over whatever there is.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from browsing import Browser

WAIT_S = 60
TELEPHONE = 390
_DROPPED = "WALK-UNKNOWN"
_ENTER = "\ue007"


@dataclass
class Walk:
    """What the steps need: `types` are three of the product, each with events in the last 90 days or in `times`.

    `event` is one that the plan takes, and `downloads` a folder for the files that the browser loads. A thorough walk
    holds every page that it comes by against axe, not only those that no other test does.
    """

    browser: Browser
    url: str
    user: str
    password: str
    customer: str
    product: str
    types: tuple[str, str, str]
    event: dict[str, Any]
    downloads: Path
    times: str = "range=90d"
    is_thorough: bool = False

    def take(self) -> Iterator[tuple[str, float]]:
        """All steps in order; gives the name of each when it is done, and the seconds that it took."""
        steps = (
            self.signs_in,
            self.filters,
            self.shares,
            self.makes_a_funnel,
            self.goes_back_and_forth,
            self.reports_what_was_shown,
            self.asks_what_came_since,
            self.schedules,
            self.releases_from_quarantine,
            self.drops_from_quarantine,
            self.looks_up_the_plan,
            self.adds_a_user,
            self.signs_out,
        )
        for step in steps:
            begin = time.perf_counter()
            step()
            yield step.__name__, time.perf_counter() - begin

    @property
    def selection(self) -> str:
        return f"{self.times}&customer={self.customer}&product={self.product}"

    def signs_in(self) -> None:
        """The page that was wanted comes after the sign-in; a wrong password is told in words."""
        self.browser.allow_downloads(self.downloads)
        self._open(f"/?{self.selection}")
        self.browser.type("input[name=user]", self.user)
        self.browser.type("input[name=password]", self.password)
        self.browser.click("button.main")
        self.browser.one(".side")
        assert self._query() == parse_qs(self.selection), self.browser.driver.current_url

    def filters(self) -> None:
        """A click on a type shows only its events; the address holds that."""
        for path in (f"/?{self.selection}", f"/dashboard/explore?{self.selection}&by=type&chart=table"):
            self._open(path)
            link = "table a[href*='types=']"
            self._restores(lambda: self.browser.click(link), lambda: (self._query(), self._texts(".chips li")))  # noqa: B023 - done at once
            assert len(self._query()["types"]) == 1

    def shares(self) -> None:
        """A view is saved, and its link shows the same numbers to somebody who has no account, until it is revoked."""
        self._open(f"/?{self.selection}&types={self.types[0]}")
        events = self._number(".tiles .number[data-number=events]")
        self.browser.click(".times .drop:last-child > summary")
        self.browser.type("form[action$='/views/save'] input[name=name]", "walked")
        self.browser.click("form[action$='/views/save'] button.main")
        self.browser.click("a[href*='/views/share']")
        self._is_well()
        self.browser.click("form[action$='/views/share'] button.main")
        address = self.browser.text(".command code")
        shown = httpx.get(address, headers={"accept": "text/html"}, timeout=WAIT_S)
        assert shown.status_code == 200, shown.text
        assert f'<data value="{events}">' in shown.text, "the shared numbers are others"
        self.browser.open(address)
        assert self.browser.all(".side") == []
        self._is_well()
        self._open("/dashboard/views")
        self.browser.click("form[action$='/views/revoke'] button")
        self.browser.until(lambda: not self.browser.all("form[action$='/views/revoke']"))
        assert httpx.get(address, headers={"accept": "text/html"}, timeout=WAIT_S).status_code in (404, 410)
        self.browser.click("form[action$='/views/remove'] button")
        self.browser.until(lambda: not self.browser.all("form[action$='/views/remove']"))

    def makes_a_funnel(self) -> None:
        """Steps are added one by one; each is in the address."""
        self._open(f"/dashboard/funnels?{self.selection}")
        for place, step in enumerate(self.types):
            self.browser.until(lambda: self._query().get("step", []) == list(self.types[:place]))  # noqa: B023 - done at once
            self.browser.type("input[name=add_step]", step if place == len(self.types) - 1 else step + _ENTER)
        self._restores(
            lambda: self.browser.one("input[name=add_step]").send_keys(_ENTER),
            lambda: (self._query().get("step"), self._texts(".funnel tbody th")),
        )
        assert self._query()["step"] == list(self.types)
        first, *_, last = (self._digits(text) for text in self._texts(".funnel tbody td:nth-child(2)"))
        assert first >= last
        self._open(f"/dashboard/retention?{self.selection}")
        self._open(f"/dashboard/paths?{self.selection}")
        self._restores(lambda: self.browser.click(".offers a"), lambda: (self._query().get("type"), self._texts("h2")))

    def goes_back_and_forth(self) -> None:
        """What is chosen on the other pages is in their addresses, too: a choice, a link, and the entry of a list."""
        chosen, click = self.browser.choose, self.browser.click
        scope = f"customer={self.customer}&product={self.product}"
        self._open(f"/dashboard/retention?{self.selection}")
        self._restores(
            lambda: chosen("[name=periods]", "4"), lambda: (self._value("periods"), self._texts(".cohorts th"))
        )
        self._open(f"/dashboard/events?{self.selection}")
        self._restores(
            lambda: self.browser.type("[name=add_types]", self.types[0] + _ENTER),
            lambda: (self._texts(".chips li"), self._texts(".total .big")),
        )
        self._open(f"/dashboard/live?{scope}")
        self._restores(
            lambda: chosen("[name=types]", self.types[0]),
            lambda: (self._value("types"), self._texts(".chips li")),
        )
        self.browser.until(lambda: self._texts(".live-state .state.complete"))
        self._open(f"/dashboard/plan?{self.times}")
        self._restores(
            lambda: click(".tabs a[href*='range=7d']"), lambda: (self._query().get("range"), self._texts("main h2"))
        )
        self._open("/dashboard/audit")
        self._restores(
            lambda: click("th a[href*='action=session.begin']"),
            lambda: (self._value("action"), set(self._texts(".audit th a")) == {"session.begin"}),
        )

    def reports_what_was_shown(self) -> None:
        """The number of Explore is the estimate, the report's number, and the rows of its file."""
        self._open(f"/dashboard/explore?{self.selection}&types={self.types[0]}&chart=number")
        shown = self._number(".total .number")
        assert shown > 0
        self.browser.click(".actions a[href*='/reports/new']")
        self._estimate(shown)
        self.browser.click("#estimate form[action$='/reports/new'] button.main")
        rows = self.browser.one("[data-rows]")
        assert int(rows.get_attribute("data-rows")) == shown
        self._is_well()
        before = set(self.downloads.iterdir())
        self.browser.click("a[download]")
        (file,) = self.browser.until(lambda: self._finished(before), WAIT_S)
        with file.open("rb") as opened:
            head = opened.readline()
            assert head.startswith(b"timestamp|type|"), head
            assert sum(1 for _ in opened) == shown
        file.unlink()
        self._open("/dashboard/reports")
        self._restores(lambda: self.browser.click(".list th a"), lambda: self._texts("h1, .large b"))
        self._open("/dashboard/reports")
        assert shown in [self._digits(text) for text in self._texts(".list td data")]

    def asks_what_came_since(self) -> None:
        """One event more, and the report of what came since an earlier one has that alone."""
        scope = f"customer={self.customer}&product={self.product}&types={self.event['type']}"
        self._open(f"/dashboard/reports/new?{scope}&chosen=yes")
        self.browser.click("#estimate form[action$='/reports/new'] button.main")
        self.browser.until(lambda: self.browser.all("[data-rows]"), WAIT_S)
        earlier = self.browser.driver.current_url
        self.post(self.event)
        self.browser.click("form[action$='/since'] button")
        self.browser.until(lambda: self.browser.driver.current_url != earlier)
        rows = self.browser.until(lambda: self.browser.all("[data-rows]"), WAIT_S)[0]
        assert int(rows.get_attribute("data-rows")) == 1
        self._is_well()

    def schedules(self) -> None:
        """The same selection is had every day, until it is not wanted any more."""
        self._open(f"/dashboard/schedules/new?customer={self.customer}&product={self.product}")
        form = "form[action$='/schedules']"
        self._is_well()
        self.browser.run(f"document.querySelector(\"{form} input[name=name]\").value = ''")
        self.browser.type(f"{form} input[name=name]", "walked")
        self.browser.click(f"{form} button.main")
        self.browser.until(lambda: "walked" in self.browser.text("main"))
        if not self.browser.all("form[action$='/remove']"):
            self.browser.click(".list th a")
        self._is_well()
        self.browser.click("form[action$='/pause'] button")
        self.browser.click("form[action$='/resume'] button")
        self.browser.until(lambda: self.browser.all("form[action$='/pause']"))
        self.browser.click("form[action$='/remove'] button")
        self.browser.until(lambda: "walked" not in self.browser.text("main"))

    def releases_from_quarantine(self) -> None:
        """An event that broke the plan is tried under another type, released, and counted."""
        self.post({**self.event, "type": _DROPPED})
        row = f"a[href*='type={_DROPPED}']"
        self._until_there("/dashboard/quarantine", row)
        self._is_well()
        self.browser.click(row)
        self.browser.type("input[name=set_type]", self.event["type"])
        self._restores(
            lambda: self.browser.one("input[name=set_type]").send_keys(_ENTER),
            lambda: (self._query().get("set_type"), bool(self.browser.all("form[action$='/release']"))),
        )
        self._is_well()
        self.browser.click("form[action$='/release'] button")
        assert self._digits(self.browser.text(".done")) == 1

    def drops_from_quarantine(self) -> None:
        """A group of events is dropped, which has to be confirmed; it is among the dropped ones then."""
        self.post({**self.event, "type": _DROPPED})
        row = f"a[href*='type={_DROPPED}']"
        self._until_there("/dashboard/quarantine", row)
        self.browser.click(row)
        self.browser.click("input[name=sure]")
        self.browser.click("form[action$='/drop'] button")
        assert self._digits(self.browser.text(".done")) == 1
        assert self.browser.all(row) == []
        self._restores(
            lambda: self.browser.click(".tabs a[href*='state=dropped']"), lambda: self._texts(".tabs [aria-current]")
        )
        assert any(text.startswith(_DROPPED) for text in self._texts(".list th"))

    def looks_up_the_plan(self) -> None:
        """The plan's number of a type leads to the overview of the type, which has the same."""
        self._open(f"/dashboard/plan?{self.times}")
        self.browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        link = self.browser.one(f"td a[href*='types={self.types[0]}&']")
        number = self._digits(link.text)
        link.click()
        self.browser.until(lambda: self._number(".tiles .number[data-number=events]") == number)
        self._open("/dashboard/system")

    def adds_a_user(self) -> None:
        """A user is added, and removed again."""
        self._open("/dashboard/users")
        self.browser.type("input[name=id]", "walker")
        self.browser.type("input[name=password]", f"{self.password} for a walk")
        self.browser.click("form[action$='/users'] button.main")
        self.browser.one("form[action$='/rights']")
        self._is_well()
        self.browser.click("input[name=sure]")
        self.browser.click("form[action$='/remove'] button")
        self.browser.until(lambda: not self.browser.all("a[href*='user=walker']"))

    def signs_out(self) -> None:
        """After it, not even the way back shows anything."""
        self._open("/dashboard/account")
        self.browser.click(".who button")
        self.browser.one("input[name=password]")
        self.browser.driver.back()
        self.browser.one("input[name=password]")

    def post(self, event: dict[str, Any]) -> None:
        """Send an event as a program would."""
        httpx.post(f"{self.url}/events", json={"events": [event]}, timeout=WAIT_S).raise_for_status()

    def _estimate(self, shown: int) -> None:
        self.browser.click("form[data-outdates] > button")
        estimate = self.browser.text("#estimate .large")
        assert self._digits(estimate.split(",  ")[0].split(" ")[0]) == shown, estimate
        self._is_well()

    def _until_there(self, path: str, selector: str) -> None:
        """Open a page again and again until it has what is on its way."""
        end = time.monotonic() + WAIT_S
        self._open(path)
        while not self.browser.all(selector):
            assert time.monotonic() < end, f"{path} has no {selector}"
            self._open(path)

    def _restores(self, act: Callable[[], object], read: Callable[[], Any]) -> None:
        """What is done changes what is read; back, forward and reload bring each state again."""
        before = read()
        act()
        self.browser.until(lambda: read() != before)
        after = self.browser.settled(read)
        self.browser.driver.back()
        self.browser.until(lambda: read() == before)
        self.browser.driver.forward()
        self.browser.until(lambda: read() == after)
        self.browser.driver.refresh()
        self.browser.until(lambda: read() == after)
        if self.is_thorough:
            self._is_well()

    def _is_well(self) -> None:
        """No accessibility finding, no message of the console, nobody else was asked, and a telephone shows it all."""
        assert self.browser.faults() == [], self.browser.driver.current_url
        assert self.browser.complaints() == [], self.browser.driver.current_url
        assert {urlsplit(url).hostname for url in self.browser.requests()} <= {urlsplit(self.url).hostname}
        width = self.browser.run("innerWidth")
        self.browser.resize(TELEPHONE)
        assert self.browser.run("document.documentElement.scrollWidth") <= TELEPHONE, self.browser.driver.current_url
        self.browser.resize(width)

    def _finished(self, before: set[Path]) -> list[Path]:
        """Files that were loaded down since, whole ones."""
        return [path for path in self.downloads.iterdir() if path not in before and path.suffix != ".crdownload"]

    def _open(self, path: str) -> None:
        self.browser.open(f"{self.url}{path}")

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.browser.driver.current_url).query)

    def _value(self, name: str) -> str:
        return str(self.browser.run("document.querySelector(`main [name=${arguments[0]}]`)?.value", name))

    def _texts(self, selector: str) -> list[str]:
        return self.browser.texts(selector)

    def _number(self, selector: str) -> int:
        number = self.browser.one(selector)
        return int(number.get_attribute("data-value") or self._digits(number.text))

    @staticmethod
    def _digits(text: str) -> int:
        return int(re.sub(r"\D", "", text))
