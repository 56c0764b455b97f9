"""How an outage of the engine passes: refuses the service anybody, and how soon has the store caught up?"""

import argparse
import asyncio
import contextlib
import random
import time
from collections import Counter
from pathlib import Path

import torture_checks as checks
from torture_clients import Connection, Fate, Ledger, NotAnswered, NotSent, Sent, body
from torture_faults import Stage, engine_away, suspended
from torture_service import Service

from footfall.journal import Folder

SENDERS = 8
BATCH_EVENTS = 100
WARM_S = 5.0


async def send(
    number: int, service: Service, ledger: Ledger, rate: int, answers: Counter[str], stop: asyncio.Event
) -> None:
    """One of the senders: its share of the events each second, without keys and without a second try."""
    connection = Connection(lambda: service.port)
    period_s = BATCH_EVENTS * SENDERS / rate
    due_s = time.monotonic() + random.random() * period_s  # noqa: S311 - so that they do not all come at once
    count = 0
    while not stop.is_set():
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        due_s = max(due_s + period_s, time.monotonic() - 1)
        count += 1
        sent = Sent(f"u{number}-{count}", "ACME", "SHOP", BATCH_EVENTS, time.time_ns() // 1_000_000, ledger.phase)
        ledger.sent.append(sent)
        try:
            status, _ = await connection.post(body(sent), {}, 10)
        except (NotSent, NotAnswered) as error:
            answers[type(error).__name__] += 1
            continue
        answers[str(status)] += 1
        sent.fate = Fate.ACKNOWLEDGED if status == 200 else Fate.REFUSED
    connection.close()


def behind(service: Service, before_ms: int) -> bool:
    """Whether a segment that was opened before a time has not been loaded yet."""
    names = Folder(service.data / "journal").names()
    return any(int(name.partition("-")[0]) <= before_ms for name in names)


async def measure(
    stage: Stage, name: str, away: contextlib.AbstractAsyncContextManager[None], options: argparse.Namespace
) -> bool:
    """One outage, under load before, in and after it, until what came in it is loaded; returns whether all was well."""
    service, ledger = stage.service, Ledger()
    answers: Counter[str] = Counter()
    stop = asyncio.Event()
    senders = [
        asyncio.create_task(send(number, service, ledger, options.rate, answers, stop)) for number in range(SENDERS)
    ]
    await asyncio.sleep(WARM_S)
    before = answers.total()
    began_s = time.monotonic()
    async with away:
        await asyncio.sleep(options.outage)
        waiting = Folder(service.data / "journal").used_bytes()
        during = answers.total() - before
        lasted_s = time.monotonic() - began_s
    over_s, over_ms = time.monotonic(), time.time_ns() // 1_000_000
    late_s = over_s + 10 * options.outage
    while behind(service, over_ms) and time.monotonic() < late_s:  # noqa: ASYNC110 - it waits for files of others
        await asyncio.sleep(0.02)
    caught_up_s = time.monotonic() - over_s
    stop.set()
    await asyncio.gather(*senders)
    await checks.wait_loaded(service)
    refused = answers.total() - answers["200"]
    stored = sum(one.rows for one in (await asyncio.to_thread(checks.count_store, service))[0].values())
    expected = BATCH_EVENTS * answers["200"]
    events = during * BATCH_EVENTS
    print(
        f"{name}: {lasted_s:.0f} s without the engine, {events} events came in it ({events / lasted_s:.0f}/s, "
        f"{waiting / 1e6:.1f} MB of journal); refused or unanswered {refused} of {answers.total()} requests; "
        f"caught up {caught_up_s:.1f} s after it, under the same load; {stored} of {expected} events in the store",
        flush=True,
    )
    return refused == 0 and caught_up_s <= options.outage and stored == expected


def run(options: argparse.Namespace, home: Path) -> bool:
    """Both kinds of outage, each on a service of its own."""

    async def both() -> bool:
        good = True
        for number, name in enumerate(("engine stopped (SIGSTOP)", "engine killed, and kept from starting")):
            part = home / str(number)
            part.mkdir()
            service = Service(part, part / "data", None, web_processes=2)
            stage = Stage(service, None, None)
            try:
                await service.start()
                await service.wait_pids("engine")
                away = suspended(stage, "engine") if number == 0 else engine_away(stage)
                good &= await measure(stage, name, away, options)
                await service.stop()
            finally:
                service.end()
        return good

    return asyncio.run(both())
