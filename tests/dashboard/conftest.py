"""All pages in process, over a real store with events, and people who use them by their forms."""

import contextlib
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from identity_providers import Provider, running_provider
from msgspec import Struct
from parts import NOW_MS, PASSWORD, Collector, TurnedClock, open_parts

from footfall import web
from footfall.dashboard import page_routes
from footfall.state import State
from footfall.store import Store

HOUR_MS = 3_600_000


class Person:
    """Somebody with a browser of their own, who sees pages and sends the forms that stand in them."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """A page, with all its numbers, however long they take."""
        return await self.client.get(path, headers={"accept": "text/html", "prefer": "wait", **headers})

    async def post(self, path: str, page: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Send a form of a page."""
        token = form_token((await self.get(page)).text)
        return await self.client.post(path, data={"form": token, **fields}, headers=headers or {})

    async def sign_in(self, user: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        names = {"user": user, "password": password, **fields}
        return await self.post("/dashboard/sign-in", "/dashboard/sign-in", **names)


def form_token(page: str) -> str:
    return re.findall(r'name="form" value="([0-9a-f]+)"', page)[0]


class Site(Struct):
    """The pages and what stands behind them; `person` opens another browser, `load` puts events into the store."""

    app: Any
    parts: web.Parts
    state: State
    clock: TurnedClock
    person: Callable[..., Person]
    load: Callable[..., None]

    async def signed_in(self, user: str = "root") -> Person:
        person = self.person()
        assert (await person.sign_in(user)).status_code == 303
        return person


OpenSite = Callable[..., contextlib.AbstractAsyncContextManager[Site]]


@pytest.fixture
def site(engine: Any, make_segment: Callable[..., Path]) -> OpenSite:
    """Opens the pages on a database of their own; `changes` are settings."""

    @contextlib.asynccontextmanager
    async def opened(url: str = "http://events.example", **changes: Any) -> AsyncIterator[Site]:
        settings = engine.settings(**changes)
        clock = TurnedClock()
        async with contextlib.AsyncExitStack() as stack:
            parts, state, _, _ = open_parts(stack, settings, clock, Collector())
            store = stack.enter_context(contextlib.closing(Store(settings)))
            app = web.build(parts, list(page_routes(parts)))
            transport = httpx.ASGITransport(app, client=("127.0.0.1", 4711))
            clients: list[httpx.AsyncClient] = []

            def person(**headers: str) -> Person:
                clients.append(httpx.AsyncClient(transport=transport, base_url=url, headers=headers))
                return Person(clients[-1])

            def load(*events: dict[str, Any]) -> None:
                path = Path(settings.data_dir) / f"{uuid.uuid4().hex}.jsonl.zst"
                store.load(make_segment(path, [whole(event) for event in events]))
                state.nodes.put("node", NOW_MS, NOW_MS)

            yield Site(app, parts, state, clock, person, load)
            for client in clients:
                await client.aclose()

    return opened


@pytest.fixture(scope="session")
def running_provider_process() -> Iterator[Provider]:
    with running_provider() as found:
        yield found


@pytest.fixture
def provider(running_provider_process: Provider) -> Provider:
    """An honest identity provider, with one person."""
    running_provider_process.control()
    running_provider_process.put_user("s-1", preferred_username="mia", groups=["staff", "tgam"])
    return running_provider_process


@pytest.fixture
def sso(site: OpenSite, provider: Provider) -> OpenSite:
    """Opens the pages with this provider; the clock is that of the provider's tokens."""

    @contextlib.asynccontextmanager
    async def opened(**changes: Any) -> AsyncIterator[Site]:
        async with site(**provider.settings(**changes)) as found:
            found.clock.ms = int(time.time() * 1000)
            yield found

    return opened


def whole(event: dict[str, Any]) -> dict[str, Any]:
    """An event as the journal writes it; what it does not say is filled in."""
    when = event.get("timestamp", NOW_MS - HOUR_MS)
    plain = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-ACCESSED", "context": ["ada", "p"]}
    times = {"timestamp": when, "received": when, "admitted": min(when, NOW_MS)}
    return {**plain, **times, "sequence": 1, "batch": str(uuid.uuid4()), **event}
