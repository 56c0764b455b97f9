"""A worker that prints the status, rows and peak of memory of each report that it is asked for."""

import asyncio
import json
import sys

import msgspec
from peak_memory import peak_bytes

from footfall.files import Files
from footfall.plan import LivePlan
from footfall.reports import Runner
from footfall.settings.schema import Settings
from footfall.state import JobStatus, State
from footfall.store import Store


class Standing:
    loaded_through_ms = 1 << 50

    def now_ms(self):
        return int(sys.argv[2])


async def main():
    settings = msgspec.json.decode(sys.argv[1], type=Settings, strict=False)
    state, store = State(f"sqlite:///{settings.data / 'state.db'}"), Store(settings)
    store.ping()
    runner = Runner(state, store, LivePlan(None, settings), Standing(), settings, Standing(), Files(settings), "here")
    before, stop = peak_bytes(), asyncio.Event()
    working = asyncio.create_task(runner.run(stop))
    while job := (await asyncio.to_thread(sys.stdin.readline)).strip():
        while (now := state.jobs.get(job)).status is JobStatus.RUNNING:
            await asyncio.sleep(0.02)
        print(json.dumps([now.status, now.reason, now.rows, now.bytes, peak_bytes() - before]), flush=True)
    stop.set()
    await working
    store.close()
    state.close()


asyncio.run(main())
