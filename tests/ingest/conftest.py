"""The collector over a real journal, called as a server would call it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from footfall.ingest import Collector
from footfall.journal import Folder, Frame, Journal, walk
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.system.clock import SystemClock


class Answer(Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Codes and messages of the children of a ServerError."""
        return [(child["value"]["code"], child["value"]["message"]) for child in self.json[0]["children"]]


class Service:
    """A collector, its journal, and a way to post to it."""

    def __init__(self, folder: Path, collector: Collector, journal: Journal) -> None:
        self.folder = folder
        self.collector = collector
        self.journal = journal

    async def post(self, body: bytes | Any, chunks: int = 1, address: str = "", **headers: str) -> Answer:
        """Post a body (bytes, or what becomes JSON) in that many pieces; `_` in header names stands for `-`."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        size = max(1, -(-len(raw) // chunks))
        pieces = [raw[start : start + size] for start in range(0, len(raw), size)] or [b""]
        messages = [
            {"type": "http.request", "body": piece, "more_body": index < len(pieces)}
            for index, piece in enumerate(pieces, 1)
        ]
        return await self.exchange(messages, {"content-type": "application/json", **headers}, address)

    async def exchange(self, messages: list[dict[str, Any]], headers: dict[str, str], address: str = "") -> Answer:
        waiting, sent = iter(messages), []

        async def receive() -> dict[str, Any]:
            for message in waiting:
                return message
            return await asyncio.get_running_loop().create_future()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        client = (address, 50_000) if address else None
        scope = {"type": "http", "method": "POST", "path": "/events", "headers": raw, "client": client}
        await self.collector(scope, receive, send)
        start, *rest = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(message["body"] for message in rest))

    def stored(self) -> list[dict[str, Any]]:
        """The events in the journal, in order."""
        parts = [part for path in sorted(self.folder.iterdir()) for part in walk(path.read_bytes())]
        return [json.loads(text) for part in parts if isinstance(part, Frame) for text in part.lines.splitlines()]


@pytest.fixture
def service(tmp_path: Path) -> Callable[..., contextlib.AbstractAsyncContextManager[Service]]:
    """Opens a collector in the test's folder; `changes` are settings, `clock` and `plan` may be given."""

    @contextlib.asynccontextmanager
    async def opened(clock: Any = None, plan: Path | None = None, **changes: Any) -> AsyncIterator[Service]:
        settings = Settings(disk_free_bytes_min=0, **changes)
        journal = Journal(Folder(tmp_path / "journal"), settings, SystemClock())
        task = asyncio.create_task(journal.run())
        collector = Collector(journal, LivePlan(plan, settings), settings, clock or SystemClock())
        try:
            yield Service(tmp_path / "journal", collector, journal)
        finally:
            collector.close()
            journal.close()
            await task

    return opened
