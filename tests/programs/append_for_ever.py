"""Appends lines to a journal and prints the number of each that is safe."""

import asyncio
import sys
from pathlib import Path

from footfall.journal import Folder, Journal
from footfall.settings.schema import Settings
from footfall.system.clock import SystemClock


async def main():
    settings = Settings(disk_free_bytes_min=0, segment_age_max_ms=50)
    journal = Journal(Folder(Path(sys.argv[1])), settings, SystemClock())
    running = asyncio.create_task(journal.run())
    for number in range(1_000_000):
        await journal.append(b'{"sequence":%d}\n' % number)
        print(number, flush=True)
    await running


asyncio.run(main())
