"""A real browser, one for a run of the tests, which tells what its console said and whom it asked."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--lang=en-GB")


class Browser:
    """Selenium's driver, with what tests ask of it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def one(self, selector: str) -> Any:
        """The first element, once it is there."""
        return self.until(lambda: next(iter(self.all(selector)), None))

    def click(self, selector: str) -> None:
        self.one(selector).click()

    def text(self, selector: str) -> str:
        return str(self.one(selector).text)

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements there are now, by one question to the browser."""
        script = "[...document.querySelectorAll(arguments[0])].map((each) => each.innerText.trim())"
        return [str(text) for text in self.run(script, selector)]

    def type(self, selector: str, text: str) -> None:
        field = self.one(selector)
        field.clear()
        field.send_keys(text)

    def choose(self, selector: str, text: str) -> None:
        """Choose an option by what it says."""
        from selenium.webdriver.support.select import Select

        Select(self.one(selector)).select_by_visible_text(text)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"return {script}", *arguments)

    def until(self, found: Any, timeout_s: float = 20) -> Any:
        """What a question gives once that is true. An element of a page that has gone counts as not found."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(self.driver, timeout_s, 0.05, [StaleElementReferenceException])
        return wait.until(lambda _: found())

    def settled(self, read: Any) -> Any:
        """What a question gives once the page has loaded whole."""
        self.until(lambda: self.run("document.readyState") == "complete")
        return read()

    def allow_downloads(self, folder: Path) -> None:
        """Files that pages offer go to a folder."""
        given = {"behavior": "allow", "downloadPath": str(folder)}
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", given)

    def resize(self, width: int, height: int = 900) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def prefer(self, colours: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": colours}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def shift(self) -> float:
        """How much the page has moved under its reader while it loaded: the sum of its layout shifts."""
        script = """const done = arguments[0]; let sum = 0;
        new PerformanceObserver((list) => { for (const each of list.getEntries()) sum += each.value; })
            .observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => setTimeout(() => done(sum), 0));"""
        return float(self.driver.execute_async_script(script))

    def weight(self) -> int:
        """Bytes of the page and of all that it loaded, compressed as they were sent."""
        kinds = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        return int(self.run(f"{kinds}.reduce((sum, each) => sum + each.encodedBodySize, 0)"))

    def forget(self) -> None:
        """As if the browser had never been here."""
        self.driver.get("about:blank")
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.complaints()
        self.requests()

    def faults(self) -> list[str]:
        """What axe finds wrong with the accessibility of the page."""
        import axe_core_python

        self.driver.execute_script((Path(axe_core_python.__file__).parent / "axe.min.js").read_text("utf-8"))
        self.driver.set_script_timeout(60)
        given = "{ resultTypes: ['violations'] }"
        script = f"const done = arguments[0]; axe.run({given}).then((found) => done(found.violations))"
        found = self.driver.execute_async_script(script)
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]

    def complaints(self) -> list[str]:
        """What the console has said since the last question. An answer with an error is said there too."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked since the last question."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [
            entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if urlsplit(url).scheme not in ("data", "about", "blob", "chrome")]


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, "--window-size=1280,900", f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
