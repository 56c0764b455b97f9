"""A journal, a store and the loader between them."""

import asyncio
import json
import uuid
from pathlib import Path

from footfall.journal import Folder, Journal
from footfall.loading import Archive, Loader
from footfall.settings import Settings
from footfall.store import Store
from footfall.system.clock import NodeClock

TIME = 1_568_381_886_060


def event(number: int, batch: str | None = None) -> dict:
    return {
        "customer": "C",
        "product": "P",
        "type": "T",
        "timestamp": TIME + number,
        "context": [str(number)],
        "sequence": number + 1,
        "batch": batch or str(uuid.UUID(int=7)),
    }


def lines(*numbers: int) -> bytes:
    return b"".join(json.dumps(event(number)).encode() + b"\n" for number in numbers)


class Node:
    """A journal's folder, a store and the loader between them."""

    def __init__(self, settings: Settings, clock=None, archive_days: int = 30) -> None:
        self.data = Path(settings.data_dir)
        self.settings = settings
        self.clock = clock or NodeClock(self.data / "clock")
        self.folder = Folder(self.data / "journal")
        self.store = Store(settings)
        self.archive = Archive(self.data / "archive", archive_days)
        self.loader = Loader(self.folder, self.store, self.archive, self.data / "aside", settings, self.clock)

    def write(self, *batches: bytes) -> None:
        """Each batch becomes a sealed segment."""

        async def scenario() -> None:
            journal = Journal(self.folder, Settings(disk_free_bytes_min=0, segment_bytes_max=1), self.clock)
            task = asyncio.create_task(journal.run())
            for batch in batches:
                await journal.append(batch)
            journal.close()
            await task

        asyncio.run(scenario())

    def stored(self) -> list[int]:
        rows = self.store.rows("SELECT context[1] FROM events FINAL ORDER BY timestamp, sequence", {})
        return [int(row[0]) for row in rows]
