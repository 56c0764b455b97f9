"""Sends a file of events to a running footfall, checks every answer, then holds one report a customer against the file.

    python bench/replay.py events.jsonl.zst --url http://127.0.0.1:8000 --user admin:PASSWORD

The file has one JSON event a line, and may be compressed with zstd. Exits with 1 when anything differs.
"""

import argparse
import asyncio
import csv
import io
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx
import msgspec

from footfall.system import zstd

CONNECTIONS = 8
BATCH_EVENTS = 100


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstd.ZstdDecompressor().decompress(data)
    return [msgspec.json.decode(line) for line in data.splitlines()]


async def send(client: httpx.AsyncClient, events: list[dict[str, Any]]) -> None:
    """Post all events in batches; every answer must be the events as sent, with their place and their batch."""
    batches = iter([events[start : start + BATCH_EVENTS] for start in range(0, len(events), BATCH_EVENTS)])

    async def post() -> None:
        for batch in batches:
            body = msgspec.json.encode({"events": batch})
            answer = await client.post("/events", content=body, headers={"content-type": "application/json"})
            if answer.status_code != 200:
                sys.exit(f"status {answer.status_code}: {answer.text[:500]}")
            stored = msgspec.json.decode(answer.content)
            name = stored[0]["batch"]
            expected = [{**event, "sequence": place, "batch": name} for place, event in enumerate(batch, 1)]
            if stored != expected:
                sys.exit(f"the answer differs from what was sent: {answer.text[:500]}")

    await asyncio.gather(*(post() for _ in range(CONNECTIONS)))


async def report(client: httpx.AsyncClient, customer: str, product: str) -> list[list[str]]:
    """The rows of a report of everything of one customer and product, by the three calls of the API."""
    body = {"filter": {"customer": customer, "product": product}}
    status = (await client.post("/reports", json=body)).raise_for_status().json()
    source = status["source"]
    while status["status"] == "RUNNING":
        await asyncio.sleep(0.2)
        status = (await client.get(f"/reports/{source}/availability")).raise_for_status().json()
    if status["status"] != "COMPLETE":
        sys.exit(f"the report of {customer} ended as {status['status']}")
    link = (await client.get(f"/reports/{source}")).raise_for_status().json()["link"]
    file = (await client.get(link)).raise_for_status()
    return list(csv.reader(io.StringIO(file.text, newline=""), delimiter="|"))


def compare(customer: str, rows: list[list[str]], events: list[dict[str, Any]]) -> bool:
    """Whether a report holds exactly these events, in order of time; prints the counts by type."""
    width = max(len(row) for row in rows) - 2
    expected = Counter(
        (str(event["timestamp"]), event["type"], *event["context"], *[""] * (width - len(event["context"])))
        for event in events
    )
    times = [int(row[0]) for row in rows]
    right = Counter(map(tuple, rows)) == expected and times == sorted(event["timestamp"] for event in events)
    types = ", ".join(f"{name} {count}" for name, count in sorted(Counter(row[1] for row in rows).items()))
    print(f"{'equal ' if right else 'DIFFERS'} {customer:12} {len(rows):7} rows: {types}")
    return right


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--user", required=True, help="ID:PASSWORD")
    options = parser.parse_args()
    events = read(options.file)
    limits = httpx.Limits(max_connections=CONNECTIONS)
    identity = tuple(options.user.split(":", 1))
    async with httpx.AsyncClient(base_url=options.url, auth=identity, limits=limits, timeout=60) as client:
        started = time.monotonic()
        await send(client, events)
        sent = time.monotonic()
        print(f"{len(events)} events sent and answered in {sent - started:.1f} s")
        groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for event in events:
            groups[event["customer"], event["product"]].append(event)
        results = [compare(key[0], await report(client, *key), groups[key]) for key in sorted(groups)]
        print(f"{len(results)} reports made and compared in {time.monotonic() - sent:.1f} s")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    asyncio.run(main())
