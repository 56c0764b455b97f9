"""An identity provider in a process of its own, and people who go to it and come back."""

import contextlib
import html
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from programs import program

from footfall.settings.identity_provider import GroupRights

UNTRUSTED = (403, "The provider's answer cannot be trusted")
CLIENT_SECRET = "a secret: with /signs&"
GROUPS = {
    "staff": {"customers": ["BARCHART"]},
    "tgam": {"customers": ["TGAM"]},
    "shop": {"customers": ["BARCHART"], "products": ["PORTFOLIO"]},
    "owners": {"admin": True},
}


class Provider:
    """A running provider, as its users and its operator see it."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.issuer, timeout=30)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The settings of a service that signs people in here, for an application in process."""
        rules = {
            name: GroupRights(**{key: as_rule(value) for key, value in rule.items()}) for name, rule in GROUPS.items()
        }
        given = {"oidc_issuer": self.issuer, "oidc_client_id": "footfall", "oidc_client_secret": CLIENT_SECRET}
        return {**given, "oidc_groups": rules, **changes}

    def put_user(self, subject: str, **claims: Any) -> None:
        self.client.put(f"/users/{subject}", json=claims).raise_for_status()

    def control(self, **orders: Any) -> None:
        """Have the provider misbehave; without orders it is honest again."""
        self.client.put("/control", json=orders).raise_for_status()

    def asked(self) -> list[str]:
        """The paths that were asked since the last orders."""
        return list(self.client.get("/control").json())

    def consent(self, url: str, subject: str, **fields: str) -> str:
        """Where the browser is sent after somebody has signed in at the URL."""
        self.client.get(url).raise_for_status()
        answer = self.client.post(url, data={"sub": subject, **fields})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


@contextlib.contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider that runs for the block."""
    command = [sys.executable, program("identity_provider")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Provider(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(10)


def as_rule(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def path_of(url: str, **changed: str | None) -> str:
    """The path of a URL with its query; parameters are replaced, and those that are None left out."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changed
    return f"{parts.path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


def title_of(page: str) -> str:
    """What a page's box of a fault is headed with."""
    found = re.search(r'class="fault[^>]*>\s*<h2[^>]*>(.*?)</h2>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


async def started(person: Any, path: str = "/dashboard/sign-in/provider") -> str:
    """Where the provider's page is, to which the browser is sent."""
    answer = await person.get(path)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def through(person: Any, provider: Provider, subject: str = "s-1", **changed: str | None) -> httpx.Response:
    """The answer to a browser that comes back."""
    back = provider.consent(await started(person), subject)
    return await person.get(path_of(back, **changed))


async def refused(person: Any, provider: Provider, subject: str = "s-1", **changed: str | None) -> tuple[int, str]:
    """The page's status and what it says, when nobody is signed in by it."""
    answer = await through(person, provider, subject, **changed)
    assert (await person.get("/dashboard/account")).status_code == 303
    assert 'name="password"' in answer.text
    return answer.status_code, title_of(answer.text)
