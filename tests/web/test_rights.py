"""The table of docs/security.md: every call, made by everyone whom it names and with a key of every scope."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher

from footfall.accounts import Accounts, Keys, Sessions, WantedKey
from footfall.settings import Settings
from footfall.web import ROUTES, Route
from footfall.web.openapi.manual import QUERY_EXAMPLES

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")
PASSWORD = "correct horse battery"
SEEN, OTHER = {"customer": "BARCHART", "product": "PORTFOLIO"}, {"customer": "TGAM", "product": "PORTFOLIO"}
BATCH = "e2d04b89-972d-4a0a-b0ee-427bef63a8d0"
COLUMNS = ("nobody", "user", "monitor", "admin", "send", "read", "report", "admin key", "read, narrow")
# What the store would have to answer, which is away here: that it is asked is enough.
REFUSED = (401, 403, 404)

# Makes the call of what is SEEN, or of what is OTHER, for the account of a column.
Probe = Callable[["Caller", dict[str, str]], Awaitable[httpx.Response]]


class Caller:
    """Whoever makes calls, and what belongs to them."""

    def __init__(self, opened: Any, keys: Keys, name: str | None, client: httpx.AsyncClient) -> None:
        self.opened = opened
        self.keys = keys
        self.name = name
        self.client = client

    def owner(self, whose: dict[str, str]) -> Any:
        """Whose schedule or key is called for: one's own, or zoe's."""
        name = self.name if whose is SEEN else "zoe"
        return self.opened.state.users.get(name or "anna")

    def job(self, whose: dict[str, str]) -> str:
        """A report of one's own, of a customer."""
        user = self.opened.state.users.get(self.name or "anna")
        job = next(
            job
            for job in self.opened.state.jobs.newest(user.account, 100, None)
            if job.filter.customer == whose["customer"]
        )
        return f"JOB-{job.id}"

    def schedule(self, whose: dict[str, str]) -> str:
        return str(self.opened.state.schedules.page(self.owner(whose).account, "", 1)[0].id)

    def view(self, whose: dict[str, str]) -> str:
        found = self.opened.state.views.visible(self.owner(whose).account, (), None)
        return str(next(view.id for view in found if view.customer == whose["customer"]))

    def share(self, whose: dict[str, str]) -> str:
        return str(self.opened.state.shares.all(self.owner(whose).account, 0)[0].id)

    def key(self, whose: dict[str, str]) -> str:
        return self.keys.issue(self.owner(whose), WantedKey(name="some", scopes=("admin",))).key.id


def get(path: str) -> Probe:
    async def probe(caller: Caller, whose: dict[str, str]) -> httpx.Response:
        parts = {part: getattr(caller, part)(whose) for part in re.findall(r"{(job|schedule|view|share|key)}", path)}
        return await caller.client.get(path.format(**parts))

    return probe


def post(path: str, body: Callable[[Caller, dict[str, str]], Any] = lambda *_: {}) -> Probe:
    async def probe(caller: Caller, whose: dict[str, str]) -> httpx.Response:
        parts = {part: getattr(caller, part)(whose) for part in re.findall(r"{(job|schedule|view|share|key)}", path)}
        return await caller.client.post(path.format(**parts), json=body(caller, whose))

    return probe


def delete(path: str) -> Probe:
    async def probe(caller: Caller, whose: dict[str, str]) -> httpx.Response:
        parts = {part: getattr(caller, part)(whose) for part in re.findall(r"{(job|schedule|view|share|key)}", path)}
        return await caller.client.delete(path.format(**parts))

    return probe


def statistic(path: str) -> Probe:
    examples = {
        name.removeprefix(f"{path} "): value for name, value in QUERY_EXAMPLES.items() if name.startswith(f"{path} ")
    }

    async def probe(caller: Caller, whose: dict[str, str]) -> httpx.Response:
        # The live stream is asked for its head, since it has no end.
        method = "HEAD" if path == "/usage/live" else "GET"
        return await caller.client.request(method, path, params=examples | whose)

    return probe


async def start(caller: Caller, whose: dict[str, str]) -> httpx.Response:
    """Start a report, and cancel it, for there may be only so many."""
    answer = await caller.client.post("/reports", json={"filter": whose})
    if answer.status_code == 200:
        assert caller.opened.state.jobs.cancel(answer.json()["job"], caller.opened.clock.now_ms(), "made for a test")
    return answer


async def add_schedule(caller: Caller, whose: dict[str, str]) -> httpx.Response:
    answer = await caller.client.post("/schedules", json={"every": "day", "filter": whose})
    if answer.status_code == 200:
        assert caller.opened.state.schedules.remove(answer.json()["id"])
    return answer


async def remove_schedule(caller: Caller, whose: dict[str, str]) -> httpx.Response:
    """Remove a schedule, and put it back."""
    found = caller.opened.state.schedules.get(caller.schedule(whose))
    answer = await caller.client.delete(f"/schedules/{found.id}")
    if answer.status_code == 200:
        caller.opened.state.schedules.add(found, 100)
    return answer


def put_back(parts: str, probe_path: str) -> Probe:
    """Remove a view or a link, and put it back."""

    async def probe(caller: Caller, whose: dict[str, str]) -> httpx.Response:
        kept = getattr(caller.opened.state, parts)
        found = kept.get(getattr(caller, parts.removesuffix("s"))(whose))
        answer = await caller.client.delete(probe_path.format(found.id))
        if answer.status_code == 200:
            kept.put(found, 100) if parts == "views" else kept.add(found, 100)
        return answer

    return probe


def new_view(_: Caller, whose: dict[str, str]) -> dict[str, Any]:
    return {"name": "new", "call": "counts", "parameters": whose, "customer": whose["customer"]}


def new_key(caller: Caller, whose: dict[str, str]) -> dict[str, Any]:
    """The body for a key with a scope that the caller's key has, if any."""
    return {"name": "x", "scopes": ["admin"], "user": caller.owner(whose).id}


# Calls that are about a customer, or about what somebody owns: each is made of what is one's own, and of what is not.
TWICE: dict[str, Probe] = {
    "POST /reports": start,
    "POST /reports/estimate": post("/reports/estimate", lambda _, whose: {"filter": whose}),
    "GET /reports/{source}/availability": get("/reports/{job}/availability"),
    "GET /reports/{source}": get("/reports/{job}"),
    "DELETE /reports/{source}": delete("/reports/{job}"),
    "GET /reports/{source}/manifest": get("/reports/{job}/manifest"),
    "POST /schedules": add_schedule,
    "GET /schedules/{schedule}": get("/schedules/{schedule}"),
    "DELETE /schedules/{schedule}": remove_schedule,
    "POST /schedules/{schedule}/pause": post("/schedules/{schedule}/pause"),
    "POST /schedules/{schedule}/resume": post("/schedules/{schedule}/resume"),
    "POST /views": post("/views", new_view),
    "GET /views/{view}": get("/views/{view}"),
    "DELETE /views/{view}": put_back("views", "/views/{}"),
    "POST /shares": post("/shares", lambda _, whose: {"call": "counts", "parameters": whose}),
    "DELETE /shares/{share}": put_back("shares", "/shares/{}"),
    "POST /keys": post("/keys", new_key),
    "POST /keys/{key}/rotate": post("/keys/{key}/rotate"),
    "DELETE /keys/{key}": delete("/keys/{key}"),
    **{
        route.name: statistic(route.path)
        for route in ROUTES
        if route.path.startswith("/usage/") and route.path != "/usage/definitions"
    },
}
# Parts of the paths of all other calls.
PARTS = {
    "{part}/{name}": "examples/footfall.toml",
    "{batch}": BATCH,
    "{sequence}": "3",
    "{part}": "settings",
}


def once(route: Route, links: dict[str, str]) -> Probe:
    """The call of a path that names nothing of one's own, or of a link that somebody made."""
    path = links.get(route.path, route.path)
    for part, value in PARTS.items():
        path = path.replace(part, value)
    return {"POST": post, "GET": get, "DELETE": delete}[route.method](path)


async def verdict(route: Route, probe: Probe, caller: Caller) -> str:
    """What the table says of a call and a column."""
    seen = await probe(caller, SEEN)
    if seen.status_code in REFUSED:
        return "401" if seen.status_code == 401 else "no"
    if route.name not in TWICE:
        return "yes"
    return "own" if (await probe(caller, OTHER)).status_code in REFUSED else "yes"


def table() -> dict[str, tuple[str, ...]]:
    calls = PAGE.partition("\n## Who may open which page\n")[0]
    rows = re.findall(r"^\| `((?:GET|POST|DELETE) \S+)` \| (.+) \|$", calls, re.MULTILINE)
    return {name: tuple(cells.split(" | ")) for name, cells in rows}


def test_every_route_has_a_row_and_every_column_a_cell() -> None:
    assert list(table()) == [route.name for route in ROUTES]
    assert {len(row) for row in table().values()} == {len(COLUMNS)}
    assert f"| call | {' | '.join(COLUMNS)} |" in PAGE


def test_every_call_that_needs_a_user_says_which_keys_may_make_it() -> None:
    without = {route.path for route in ROUTES if route.signed_in and not route.scopes}
    assert without == {"/second-factor", "/second-factor/confirm"}
    assert [route.name for route in ROUTES if route.scopes and not route.signed_in] == []


async def test_every_cell(service: Any) -> None:
    async with service(shares_allowed=True) as opened:
        shared = await opened.anna.post("/shares", json={"call": "counts", "parameters": SEEN})
        erased = await opened.root.post("/erasures", json={"key": "userId", "value": "nobody"})
        links = {
            "/erasures/{erasure}": f"/erasures/{erased.raise_for_status().json()['id']}",
            "/files/{source}/{token}/{name}": await opened.link(await opened.complete()),
            "/shared/{link}/{file}": f"{shared.raise_for_status().json()['url']}/data.json",
        }
        found = {name: [] for name in table()}
        async for caller in callers(opened):
            for route in ROUTES:
                probe = TWICE.get(route.name) or once(route, links)
                found[route.name].append(await verdict(route, probe, caller))
    assert found == {name: list(row) for name, row in table().items()}


async def callers(opened: Any) -> Any:
    """A client of each column, with reports, schedules and keys of its own."""
    settings, transport = Settings(), opened.client._transport
    accounts = Accounts(opened.state, settings, opened.clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    accounts.add("zoe", PASSWORD, customers=("TGAM",))
    accounts.add("watcher", PASSWORD, monitor=True)
    accounts.grant("anna", ["TGAM"])
    for name in ("anna", "root", "watcher", "zoe"):
        if name == "watcher":
            accounts.grant("watcher", ["BARCHART", "TGAM"])
        auth = (name, PASSWORD)
        async with httpx.AsyncClient(transport=transport, base_url="http://events.example", auth=auth) as client:
            for whose in (SEEN, OTHER) if name != "zoe" else (OTHER,):
                assert (await client.post("/reports", json={"filter": whose})).status_code == 200
                made = await client.post("/schedules", json={"every": "day", "filter": whose})
                assert made.status_code == 200
                view = {"name": f"of {whose['customer']}", "call": "counts", "parameters": whose}
                view["customer"] = whose["customer"]
                assert (await client.post("/views", json=view)).status_code == 200
                link = {"call": "counts", "parameters": whose}
                assert (await client.post("/shares", json=link)).status_code == 200
                if whose is OTHER and name != "zoe":
                    assert opened.state.schedules.remove(made.json()["id"])
    accounts.revoke("anna", ["TGAM"])
    accounts.revoke("watcher", ["BARCHART", "TGAM"])
    root = opened.state.users.get("root")
    narrow = {"customers": ("BARCHART",), "products": ("PORTFOLIO",)}
    wanted = [(scope, {"scopes": (scope,)}) for scope in ("send", "read", "report", "admin")]
    signed_in: list[tuple[str | None, dict[str, Any]]] = [
        (None, {}),
        *((name, {"auth": (name, PASSWORD)}) for name in ("anna", "watcher", "root")),
    ]
    for _, fields in (*wanted, ("narrow", {"scopes": ("read",), **narrow})):
        text = accounts.keys.issue(root, WantedKey(name="column", **fields)).text
        signed_in.append(("root", {"headers": {"authorization": f"Bearer {text}"}}))
    for name, options in signed_in:
        async with httpx.AsyncClient(transport=transport, base_url="http://events.example", **options) as client:
            yield Caller(opened, accounts.keys, name, client)
    accounts.close()


async def test_a_session_of_the_page_makes_no_call(service: Any) -> None:
    async with service() as opened:
        sessions = Sessions(opened.state, Settings(), opened.clock)
        token = await sessions.begin(opened.state.users.get("root"))
        headers = {"cookie": f"footfall-80={token}; __Host-footfall={token}"}
        for route in ROUTES:
            if route.signed_in:
                path = re.sub(r"{\w+}", "x", route.path)
                answer = await opened.client.request(route.method, path, headers=headers)
                assert answer.status_code == 401, route.name
