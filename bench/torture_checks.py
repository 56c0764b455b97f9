"""What must be so: of the reports that are made all the while, and of the store and its reports in the end."""

import asyncio
import contextlib
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx
from torture_clients import CUSTOMERS, PRODUCTS, Fate, Ledger, Sent
from torture_damage import Damaged
from torture_service import Service

from footfall.journal import Folder
from footfall.settings import Settings
from footfall.store import Store

# How far back the reports reach that are made under fire.
REACH_MS = 20_000
REPORT_LIMIT_S = 150
LOAD_LIMIT_S = 300

_COUNT = """
SELECT context[1], customer, product, count(), uniqExact(context[2]), uniqExact(batch)
FROM events FINAL GROUP BY ALL
"""


@dataclass
class Holding:
    """How much of one request is somewhere: its rows, and how many different events they are."""

    rows: int = 0
    different: int = 0


@dataclass
class Sums:
    """A line of the table: the requests of the phases of one fault, and the events that are not as they must be."""

    times: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    lost: int = 0
    doubled: int = 0
    refused_but_stored: int = 0
    halves: int = 0

    def add(self, sent: Sent, holding: Holding) -> int:
        """Hold one request against what the store has of it; returns how many events are wrong."""
        before = self.wrong()
        self.fates[sent.fate] += 1
        self.doubled += holding.rows - holding.different
        match sent.fate:
            case Fate.ACKNOWLEDGED:
                self.lost += sent.count - holding.different
            case Fate.REFUSED:
                self.refused_but_stored += holding.different
            case Fate.OPEN:
                # Whole or not at all.
                self.halves += holding.different not in (0, sent.count)
        return self.wrong() - before

    def wrong(self) -> int:
        return self.lost + self.doubled + self.refused_but_stored + self.halves


@dataclass
class UnderFire:
    """What became of the reports that were asked for during the faults."""

    ended: Counter[str] = field(default_factory=Counter)
    checked_events: int = 0
    wrong: list[str] = field(default_factory=list)


async def report(client: httpx.AsyncClient, **filters: object) -> str | None:
    """The text of a report; None when it ended as something else than COMPLETE. Raises httpx.HTTPError."""
    started = await client.post("/reports", json={"filter": filters})
    source = started.raise_for_status().json()["source"]
    end_s = time.monotonic() + REPORT_LIMIT_S
    while True:
        with contextlib.suppress(httpx.TransportError):
            status = (await client.get(f"/reports/{source}/availability")).raise_for_status().json()["status"]
            if status == "COMPLETE":
                link = (await client.get(f"/reports/{source}")).raise_for_status().json()["link"]
                return (await client.get(link)).raise_for_status().text
            if status != "RUNNING":
                return None
        if time.monotonic() > end_s:
            raise httpx.ReadTimeout("the report runs and runs")
        await asyncio.sleep(0.2)


def holdings(text: str) -> dict[str, Holding]:
    """What a report's file holds of each request."""
    places: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        *_, name, place = line.split("|")
        places[name].append(place)
    return {name: Holding(len(found), len(set(found))) for name, found in places.items()}


async def ask(
    service: Service, ledger: Ledger, damaged: Damaged, fire: UnderFire, stop: asyncio.Event, chance: random.Random
) -> None:
    """Ask for one report after the other until `stop`: each that is COMPLETE must have all that came before it."""
    identity = ("admin", service.password)
    while not stop.is_set():
        await asyncio.sleep(chance.uniform(0.5, 2))
        start_ms = time.time_ns() // 1_000_000 - REACH_MS
        customer, product = chance.choice(CUSTOMERS), chance.choice(tuple(PRODUCTS))
        before, rounds = ledger.since(customer, product, start_ms), damaged.rounds
        whole = not damaged.now
        try:
            async with httpx.AsyncClient(base_url=service.url, auth=identity, timeout=20) as client:
                text = await report(client, customer=customer, product=product, start=start_ms)
        except httpx.HTTPError as error:
            fire.ended[f"{type(error).__name__}"] += 1
            continue
        if text is None:
            fire.ended["TIMEOUT or FAILED"] += 1
        elif not whole or damaged.rounds != rounds:
            fire.ended["COMPLETE, over a damaged segment"] += 1
        else:
            fire.ended["COMPLETE"] += 1
            judge(before, holdings(text), f"report of {customer} {product}", fire)


def judge(before: Iterable[Sent], found: dict[str, Holding], name: str, fire: UnderFire) -> None:
    """A complete report has every event that was acknowledged before it, and none twice."""
    for sent in before:
        fire.checked_events += sent.count
        if (there := found.get(sent.name, Holding())).different != sent.count:
            fire.wrong.append(f"{name}: {there.different} of {sent.count} events of {sent.name} (phase {sent.phase})")
    fire.wrong += [f"{name}: {one} twice" for one, there in found.items() if there.rows != there.different]


async def wait_loaded(service: Service) -> float:
    """Wait until no segment is left in the journal; returns the seconds."""
    started_s = time.monotonic()
    journal = Folder(service.data / "journal")
    while left := journal.names():
        if time.monotonic() - started_s > LOAD_LIMIT_S:
            raise AssertionError(f"not loaded after {LOAD_LIMIT_S} s: {left}\n{service.tail()}")
        await asyncio.sleep(0.1)
    return time.monotonic() - started_s


def count_store(service: Service) -> tuple[dict[str, Holding], list[str]]:
    """What the store itself holds of each request, and what is wrong with that."""
    store = Store(Settings(data_dir=str(service.data)))
    found: dict[str, Holding] = {}
    wrong = []
    try:
        for name, customer, product, rows, different, batches in store.rows(_COUNT, {}):
            if name in found:
                wrong.append(f"{name} is there under two customers or products: {customer} {product}")
            if batches != 1:
                wrong.append(f"{name} is there in {batches} batches")
            found[name] = Holding(rows, different)
    finally:
        store.close()
    return found, wrong


async def compare_reports(service: Service, stored: dict[str, Holding], ledger: Ledger) -> tuple[int, list[str]]:
    """The rows of one report for each customer and product, and where they differ from the store's own count."""
    homes = {sent.name: (sent.customer, sent.product) for sent in ledger.sent}
    rows, wrong = 0, []
    async with httpx.AsyncClient(base_url=service.url, auth=("admin", service.password), timeout=120) as client:
        for customer in CUSTOMERS:
            for product in PRODUCTS:
                text = await report(client, customer=customer, product=product)
                if text is None:
                    wrong.append(f"no report of {customer} {product} could be made")
                    continue
                found = holdings(text)
                rows += sum(there.rows for there in found.values())
                expected = {name for name in stored if homes.get(name) == (customer, product)}
                odd = [name for name in expected | found.keys() if found.get(name) != stored.get(name)]
                wrong += [f"report of {customer} {product}: {name} is not as in the store" for name in odd[:20]]
    return rows, wrong


def verify(service: Service) -> tuple[str, bool]:
    """What `footfall verify` says, where there is such a command, and whether it is content."""

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "footfall", "verify", *words]
        return subprocess.run(command, env=service.environment(), capture_output=True, text=True, check=False)

    if call("--help").returncode != 0:
        return "footfall verify: no such command yet", True
    done = call()
    said = f"footfall verify: exit code {done.returncode}\n{done.stdout}{done.stderr}".strip()
    return said, done.returncode == 0


def markdown(lines: dict[str, Sums]) -> str:
    """The table, with its sums as its last line."""
    heads = ("fault", "times", *Fate, "lost", "doubled", "refused but stored", "in part")
    rows = [tuple(map(str, heads)), ("---", *("---:" for _ in heads[1:]))]
    total = Sums()
    for name, sums in lines.items():
        rows.append(_row(name, sums))
        total.times += sums.times
        total.fates += sums.fates
        for what in ("lost", "doubled", "refused_but_stored", "halves"):
            setattr(total, what, getattr(total, what) + getattr(sums, what))
    rows.append(_row("together", total))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(name: str, sums: Sums) -> tuple[str, ...]:
    wrong = (sums.lost, sums.doubled, sums.refused_but_stored, sums.halves)
    return (name, str(sums.times), *(str(sums.fates[fate]) for fate in Fate), *map(str, wrong))
