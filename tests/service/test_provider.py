"""Signing in with an identity provider in a real browser, over a real service."""

import json

import pytest
from browsing import Browser, open_browser
from identity_providers import CLIENT_SECRET, GROUPS, running_provider


@pytest.fixture
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_a_browser_goes_to_the_provider_and_comes_back_signed_in(serve, browser: Browser):
    with running_provider() as provider:
        # Another site than the service's, so that cookies go their way as they do between two hosts.
        issuer = provider.issuer.replace("127.0.0.1", "localhost")
        run = serve(
            oidc_issuer=issuer,
            oidc_client_id="footfall",
            oidc_client_secret=CLIENT_SECRET,
            oidc_groups=json.dumps(GROUPS),
            oidc_name="Example ID",
        )
        provider.put_user("s-1", preferred_username="mia", groups=["staff"])
        browser.forget()
        browser.open(f"{run.url}/dashboard/reports")
        assert browser.text("a.main") == "Sign in with Example ID"
        assert browser.faults() == []
        browser.click("a.main")
        browser.type("input[name=sub]", "s-1")
        browser.run("document.querySelector('input[name=sub]').form.requestSubmit()")
        browser.one(".side")
        assert browser.driver.current_url == f"{run.url}/dashboard/reports"
        assert browser.text(".who span") == "mia"
        browser.open(f"{run.url}/dashboard/account")
        assert browser.run("Intl.DateTimeFormat().resolvedOptions().timeZone") in browser.driver.page_source
        browser.click(".who button")
        browser.until(lambda: "/dashboard/sign-in" in browser.driver.current_url)
        # Who says no at the provider is told so.
        browser.click("a.main")
        browser.until(lambda: browser.driver.current_url.startswith(issuer))
        browser.click("button[value=deny]")
        browser.until(lambda: browser.driver.current_url.startswith(run.url))
        assert browser.one(".fault").is_displayed()
        log = (run.folder / "log").read_text()
        assert CLIENT_SECRET not in log
        settings = (run.folder / "run" / "settings.json").read_text()
        assert CLIENT_SECRET not in settings
        assert "oidc_client_secret" in settings
