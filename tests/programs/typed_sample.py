"""A program that uses the whole client, for type checkers; it is not run."""

import asyncio
import datetime as dt
from pathlib import Path

from footfall_client import (
    AsyncReportClient,
    BatchResult,
    EventClient,
    EventsRefused,
    Outbox,
    OutboxFull,
    OutboxOptions,
    Report,
    ReportClient,
    Sent,
    UsageClient,
)

EVENT = {"customer": "ACME", "product": "SHOP", "type": "SHOP-OPENED", "context": ["ada", None]}


def tell(result: BatchResult) -> None:
    print(result.outcome, result.events + result.rejected, result.batch)


def track(url: str) -> int:
    with Outbox(
        "events.outbox", url, when_full="raise", on_batch=tell, options=OutboxOptions(batch_age_max_s=2)
    ) as outbox:
        try:
            outbox.track(
                customer="ACME", product="SHOP", type="SHOP-OPENED", context=["ada"], timestamp=dt.datetime.now(dt.UTC)
            )
        except OutboxFull:
            return 0
        count: int = outbox.track_many([EVENT])
        waiting: int = outbox.stats().waiting
        reasons: list[str] = [reject.reason for reject in outbox.rejects()]
        is_sent: bool = outbox.flush(timeout_s=5)
        return count + waiting + len(reasons) + is_sent


def send(client: EventClient) -> str | None:
    try:
        sent: Sent = client.send([EVENT], key="a")
    except EventsRefused as error:
        return error.refused[0].reason
    return sent.batch


def fetch(client: ReportClient) -> Path:
    report: Report = client.start("ACME", "SHOP", types=["SHOP-OPENED"], start="2026-11-01", format="parquet")
    client.wait(report.source, timeout_s=60, on_progress=lambda status: print(status.progress))
    return client.download(report.source, "report.parquet", on_bytes=lambda there, size: print(there / size))


async def fetch_awaited(url: str) -> Path:
    async with AsyncReportClient(url, auth=("anna", "password")) as client:
        report: Report = await client.start("ACME", "SHOP")
        found: Path = await client.download((await client.wait(report.source)).source)
        return found


def count(client: UsageClient) -> int:
    return int(client.get("counts", customer="ACME", product="SHOP", interval="all")["total"]["events"])


if __name__ == "__main__":
    URL = "https://events.example.com"
    print(track(URL), send(EventClient(URL)), fetch(ReportClient(URL)), count(UsageClient(URL)))
    print(asyncio.run(fetch_awaited(URL)))
