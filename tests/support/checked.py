"""A node without its processes, whose clock a test turns: a real journal, loader, archive and store."""

import asyncio
import contextlib
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from footfall.integrity import (
    ProgressCallback,
    Rebuilding,
    RebuildPlan,
    Rebuilt,
    Verification,
    VerificationResult,
    no_progress,
)
from footfall.journal import Folder, Journal
from footfall.loading import Archive, Loader
from footfall.settings import Settings
from footfall.store import Store

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
# 2026-11-20T12:00:00Z
NOON = 1_795_176_000_000
BATCH = uuid.UUID(int=7)


class Hand:
    """A clock that stands where it was put."""

    def __init__(self, now_ms: int = NOON) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms


def event(number: int, **changes: Any) -> dict[str, Any]:
    """The event of a number, as its sender's request made it."""
    made = {"customer": "C", "product": "P", "type": "T", "timestamp": NOON + number, "context": ["ü", str(number)]}
    return made | {"sequence": number + 1, "batch": str(BATCH)} | changes


def lines(events: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in events)


class Node:
    """`send` is a request that was answered, `load` what a worker does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data: Path = settings.data
        self.clock = Hand()
        self.store = Store(settings)
        self.store.migrate()
        self.folder = Folder(self.data / "journal")
        self.archive = Archive(self.data / "archive", settings.archive_days)
        self.loader = Loader(self.folder, self.store, self.archive, self.data / "aside", settings, self.clock)

    def send(self, *requests: Iterable[dict[str, Any]], **kinds: bytes) -> None:
        """Each request becomes a frame of one sealed segment, a millisecond later than the one before."""

        async def scenario() -> None:
            journal = Journal(self.folder, self.settings, self.clock)
            task = asyncio.create_task(journal.run())
            for request in requests:
                await journal.append(lines(request))
                self.clock.ms += 1
            if kinds:
                await journal.append(**kinds)
            journal.close()
            await task

        asyncio.run(scenario())

    def load(self) -> None:
        while self.loader.tick():
            pass

    def collect(self, *requests: Iterable[dict[str, Any]]) -> None:
        self.send(*requests)
        self.load()
        self.clock.ms += 1000

    def tamper(self, change: str) -> None:
        """Change events in the store: `type = 'X' WHERE ...`."""
        self.sql(f"ALTER TABLE events UPDATE {change} SETTINGS mutations_sync = 1")

    def verify(self, progress: ProgressCallback = no_progress, **options: Any) -> VerificationResult:
        return Verification(self.settings, self.store, self.clock, progress).run(**options)

    def rebuild(self, progress: ProgressCallback = no_progress, **plan: Any) -> Rebuilt:
        return Rebuilding(self.settings, self.store, self.clock, progress).run(RebuildPlan(**plan))

    def sql(self, statement: str) -> None:
        """What nobody should do to the store."""
        self.store.write(statement, {})

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.store.rows(statement, {})

    def stored(self) -> list[int]:
        """The numbers of the events that count."""
        return [number - 1 for (number,) in self.rows("SELECT sequence FROM events FINAL ORDER BY timestamp, sequence")]

    def archived(self) -> list[Path]:
        return sorted((self.data / "archive").glob("*/*.zst"))

    def forget(self, path: Path) -> None:
        """Take a segment out of the archive as if its day were past."""
        self.archive.inventory.remove(path.parent.name, [path.name])
        path.unlink()

    def tables(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")}


@contextlib.contextmanager
def meanwhile(*works: Callable[[], None]) -> Iterator[None]:
    """Each work again and again on a thread of its own, until the end of the block; what fails there fails the test."""
    stop = threading.Event()

    def repeat(work: Callable[[], None]) -> None:
        while not stop.is_set():
            work()

    with ThreadPoolExecutor(len(works)) as threads:
        running = [threads.submit(repeat, work) for work in works]
        try:
            yield
        finally:
            stop.set()
    for one in running:
        one.result()


def spoil(path: Path, at: float = 0.5) -> None:
    """Flip a bit of a file at this share of its length."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 0x10
    path.write_bytes(data)


MakeNode = Callable[..., Node]
