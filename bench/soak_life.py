"""Who uses the service while it is soaked: senders, people at the pages, and programs with keys."""

import asyncio
import contextlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import events
import httpx
import service

import footfall.plan

PACKAGED_PLAN = Path(footfall.plan.__file__).with_name("default.toml")

PAGES = (
    "/?customer=BARCHART&range=24h",
    "/dashboard/explore?customer=BARCHART&product=PORTFOLIO&range=24h",
    "/dashboard/funnels?customer=BARCHART&product=PORTFOLIO&step=PORTFOLIO-POSITION-CREATED&step=PORTFOLIO-TRANSACTION-CREATED",
    "/dashboard/retention?customer=BARCHART&product=PORTFOLIO",
    "/dashboard/paths?customer=BARCHART&product=PORTFOLIO&type=PORTFOLIO-POSITION-CREATED",
    "/dashboard/views",
    "/dashboard/live?customer=BARCHART",
    "/dashboard/events?customer=BARCHART&product=PORTFOLIO",
    "/dashboard/reports",
    "/dashboard/schedules",
    "/dashboard/quarantine",
    "/dashboard/plan",
    "/dashboard/system",
    "/dashboard/users",
    "/dashboard/audit",
    "/dashboard/account",
    "/dashboard/account/keys",
)
STATISTICS = (
    "counts?interval=hour",
    "uniques?interval=day&rolling=30",
    "retention?interval=day&periods=3",
    "funnel?step=PORTFOLIO-POSITION-CREATED&step=PORTFOLIO-TRANSACTION-CREATED",
    "paths?type=PORTFOLIO-POSITION-CREATED",
    "top?key=symbol",
    "compare?start=-&end=-",
    "summary?compare=previous&start=-&end=-",
    "events?limit=50",
    "types?",
    "counts?interval=hour&format=csv",
    "counts?interval=hour&format=svg",
)
FORMATS = ("text/csv", "application/x-ndjson", "application/vnd.apache.parquet")
EVENTS = 50
REPORTS_KEPT = 10


def write_plan(path: Path, number: int) -> None:
    """The packaged plan with one more type, which is another one each time; put in place at once."""
    more = f'PORTFOLIO-OF-RELOAD-{number} = ["userId"]'
    text = PACKAGED_PLAN.read_text().replace("[products.PORTFOLIO.types]", f"[products.PORTFOLIO.types]\n{more}")
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


class Life:
    """Everybody, at a moderate pace; `failures` counts what was answered as it should not be."""

    def __init__(self, url: str, chance: random.Random) -> None:
        self._url = url
        self._chance = chance
        self._key = ""
        self._key_id = ""
        self.sent = 0
        self.calls = 0
        self.failures: Counter[str] = Counter()

    async def begin(self) -> None:
        """Make the key that the programs use."""
        body = {"name": "soak", "scopes": ["send", "read", "report", "admin"], "days": 1}
        async with self._admin() as client:
            made = (await client.post("/keys", json=body)).raise_for_status().json()
        self._key, self._key_id = made["key"], made["id"]

    def everybody(self) -> Iterator[Coroutine[Any, Any, None]]:
        for _ in range(3):
            yield self._send()
        for _ in range(2):
            yield self._browse()
        yield self._ask()
        yield self._report()
        yield self._schedule()
        yield self._rotate()
        yield self._clear()
        yield self._listen()

    def _client(self, **more: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._url, timeout=120, **more)

    def _admin(self) -> httpx.AsyncClient:
        return self._client(auth=("admin", service.PASSWORD))

    def _bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._key}"}

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(self._chance.uniform(0.5, 1.5) * seconds)

    def _check(self, answer: httpx.Response, *expected: int) -> httpx.Response:
        self.calls += 1
        if answer.status_code not in (expected or (200,)):
            path = answer.request.url.path
            self.failures[f"{answer.request.method} {path}: {answer.status_code} {answer.text[:300]}"] += 1
        return answer

    async def _send(self) -> None:
        """Some 200 events a second; one request of twenty breaks the plan."""
        while True:
            async with self._client() as client:
                for _ in range(200):
                    now_ms = time.time_ns() // 1_000_000
                    made = [events.event(self._chance, now_ms) for _ in range(EVENTS)]
                    if self._chance.random() < 0.05:
                        made[0]["type"] = f"UNKNOWN-{self._chance.randrange(2000)}"
                    self._check(await client.post("/events", json={"events": made}))
                    self.sent += EVENTS
                    await self._pause(0.25)

    async def _browse(self) -> None:
        """A person signs in, looks at pages, and signs out or only closes the browser."""
        while True:
            async with self._client(headers={"accept": "text/html"}) as client:
                token = _form((await client.get("/dashboard/sign-in")).text)
                fields = {"form": token, "user": "admin", "password": service.PASSWORD}
                self._check(await client.post("/dashboard/sign-in", data=fields), 303)
                page = ""
                for _ in range(20):
                    page = self._check(await client.get(self._chance.choice(PAGES))).text
                    await self._pause(4)
                if self._chance.random() < 0.5:
                    await client.post("/dashboard/sign-out", data={"form": _form(page)})

    async def _ask(self) -> None:
        """Statistics, with the key."""
        async with self._client() as client:
            while True:
                path, _, query = self._chance.choice(STATISTICS).partition("?")
                customer = self._chance.choice(("BARCHART", "TGAM"))
                start = f"&start={_now_ms() - self._chance.randrange(3_600_000)}" if "start=" not in query else ""
                query = query.replace("start=-&end=-", f"start={_now_ms() - 1_800_000}&end={_now_ms()}")
                url = f"/usage/{path}?customer={customer}&product=PORTFOLIO&{query}{start}"
                self._check(await client.get(url, headers=self._bearer()))
                await self._pause(4)

    async def _report(self) -> None:
        """Reports, of which the newest are kept and the others removed."""
        made: list[str] = []
        while True:
            async with self._client(follow_redirects=True) as client:
                kind = self._chance.choice(FORMATS)
                body = {"filter": {"customer": "BARCHART", "product": "PORTFOLIO", "start": _now_ms() - 300_000}}
                headers = {**self._bearer(), "accept": kind}
                found = self._check(await client.post("/reports", json=body, headers=headers))
                if found.status_code == 200:
                    made.append(found.json()["source"])
                    self._check(await client.get(f"/reports/{made[-1]}?wait=50", headers=headers))
                while len(made) > REPORTS_KEPT:
                    self._check(await client.delete(f"/reports/{made.pop(0)}", headers=self._bearer()))
            await self._pause(15)

    async def _schedule(self) -> None:
        """A schedule with three windows that have passed; it and its reports are removed after a minute."""
        while True:
            async with self._client() as client:
                body = {
                    "name": "soak",
                    "every": "hour",
                    "graceSeconds": 0,
                    "from": _now_ms() - 3 * 3_600_000,
                    "filter": {"customer": "TGAM", "product": "PORTFOLIO"},
                }
                found = self._check(await client.post("/schedules", json=body, headers=self._bearer()))
                await self._pause(60)
                if found.status_code == 200:
                    path = f"/schedules/{found.json()['id']}"
                    runs = self._check(await client.get(path, headers=self._bearer())).json()
                    self._check(await client.delete(path, headers=self._bearer()))
                    for source in set(re.findall(r'"source": ?"([^"]+)"', json.dumps(runs))):
                        self._check(await client.delete(f"/reports/{source}", headers=self._bearer()))

    async def _rotate(self) -> None:
        """Another key every minute; the old one works for a while, and is then revoked."""
        while True:
            await self._pause(60)
            async with self._admin() as client:
                old = self._key_id
                answer = self._check(await client.post(f"/keys/{old}/rotate", json={"overlapSeconds": 120}))
                if answer.status_code == 200:
                    self._key, self._key_id = answer.json()["key"], answer.json()["id"]
                    await asyncio.sleep(20)
                    self._check(await client.delete(f"/keys/{old}"))

    async def _clear(self) -> None:
        """What is held in quarantine is released or dropped every half minute."""
        while True:
            await self._pause(30)
            async with self._admin() as client:
                what = self._chance.choice(("release", "drop"))
                body = {"filter": {"product": "PORTFOLIO"}}
                self._check(await client.post(f"/quarantine/{what}", json=body))
                self._check(await client.post("/quarantine/drop", json={"all": True}))

    async def _listen(self) -> None:
        """A live stream, from which the listener goes away in the middle."""
        while True:
            with contextlib.suppress(TimeoutError):
                url = "/usage/live?customer=BARCHART&product=PORTFOLIO"
                async with (
                    asyncio.timeout(40),
                    self._client(headers=self._bearer()) as client,
                    client.stream("GET", url) as answer,
                ):
                    self.calls += 1
                    if answer.status_code != 200:
                        self.failures[f"GET /usage/live: {answer.status_code}"] += 1
                    async for _ in answer.aiter_bytes():
                        pass
            await self._pause(5)


def _form(page: str) -> str:
    """The token of a page's forms."""
    return (re.findall(r'name="form" value="([0-9a-f]+)"', page) or [""])[0]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
