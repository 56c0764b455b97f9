"""A node in small: a journal, a loader, a store of its own, and the desk that hands out receipts."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from footfall.journal import Folder, Journal
from footfall.loading import Archive, Loader
from footfall.receipts import Receipt, Receipts
from footfall.settings import Settings
from footfall.state import User
from footfall.store import Store
from footfall.system.clock import SystemClock

ADMIN = User(id="root", password_hash="", admin=True, created_ms=0)


class Node:
    """Everything that receipts need; `receipts` can be asked by `ask`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings)
        self.folder = Folder(settings.data / "journal")
        self.aside = settings.data / "aside"
        archive = Archive(settings.data / "archive", 1)
        self.loader = Loader(self.folder, self.store, archive, self.aside, settings, SystemClock())
        self.receipts = Receipts(self.folder, self.store, settings)

    @contextlib.asynccontextmanager
    async def journal(self) -> AsyncIterator[Journal]:
        """A journal at work; its segments are sealed at the end."""
        journal = Journal(self.folder, self.settings, SystemClock())
        running = asyncio.create_task(journal.run())
        try:
            yield journal
        finally:
            journal.close()
            await running

    async def append(self, *events: dict[str, Any], load: bool = True, **kinds: bytes) -> None:
        """Put events through a journal, and into the store unless told otherwise."""
        async with self.journal() as journal:
            await journal.append(events=encode(*events), **kinds)
        if load:
            await asyncio.to_thread(self.loader.tick)

    async def ask(self, batch: str, user: User = ADMIN) -> Receipt:
        return await self.receipts.find(user, batch)

    async def told(self, batch: str, user: User = ADMIN) -> list[tuple[int, str]]:
        """Sequence and status of a batch's events, of a receipt that is complete."""
        receipt = await self.ask(batch, user)
        assert receipt.complete
        return [(event.sequence, event.status.value) for event in receipt.events]

    def close(self) -> None:
        self.receipts.close()
        self.store.close()


def encode(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)


MakeBatch = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def make_batch() -> MakeBatch:
    """Makes the events of one request, by default one; each of `changes` makes one that differs so."""

    def make(*changes: dict[str, Any], batch: str = "") -> list[dict[str, Any]]:
        batch = batch or str(uuid.uuid4())
        event = {"customer": "C", "product": "P", "type": "T", "timestamp": 1_700_000_000_000, "context": ["a"]}
        return [
            event | {"sequence": sequence, "batch": batch} | change
            for sequence, change in enumerate(changes or ({},), 1)
        ]

    return make


@pytest.fixture
def make_node(engine: Any) -> Iterator[Callable[..., Node]]:
    """Makes nodes on the shared engine, each with tables of its own; `away` leaves it without a store."""
    with contextlib.ExitStack() as stack:

        def make(*, away: bool = False, **changes: Any) -> Node:
            if away:  # Nothing listens on the port of discarding.
                changes["events_url"] = "clickhouse://u:p@127.0.0.1:9/nowhere"
            node = Node(engine.settings(**changes))
            stack.callback(node.close)
            return node

        yield make


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node()


@pytest.fixture
def make_user() -> Callable[..., User]:
    def make(*customers: str) -> User:
        return User(id="ann", password_hash="", customers=customers, created_ms=0)

    return make


@pytest.fixture
def write_aside(make_segment: Any) -> Callable[[Node, list[dict[str, Any]]], Path]:
    """Puts events where the loader puts segments that the store refuses."""

    def write(node: Node, events: list[dict[str, Any]]) -> Path:
        node.aside.mkdir(exist_ok=True)
        stamped = [event | {"received": 5, "admitted": 5} for event in events]
        return Path(make_segment(node.aside / "0000000000005-writer-000001.jsonl.zst", stamped))

    return write
