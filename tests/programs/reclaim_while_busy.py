"""Reclaims memory beside a statement: says whether that waited for its end, and that statements work after it."""

import asyncio
import sys
from pathlib import Path

from footfall.store.engine.executors import EngineStatement, Executors
from footfall.store.engine.process import reclaim_when_idle
from footfall.system.memory import resident_bytes


async def main(executors):
    async def ask(text):
        return (await executors.start(EngineStatement(text=text, mark=text, keyword="SELECT"))).body

    resting = asyncio.create_task(reclaim_when_idle(executors, 0.05))
    before, busy = resident_bytes(), asyncio.create_task(ask("SELECT sleep(2)"))
    await asyncio.sleep(1)
    during = resident_bytes()
    await busy
    while resident_bytes() > before - 100 * 2**20:
        await asyncio.sleep(0.05)
    print(during > before - 10 * 2**20, await ask("SELECT count() FROM numbers(1000) WHERE number % 7 = 0"))
    resting.cancel()


executors = Executors(Path(sys.argv[1]), {}, {}, 2)
asyncio.run(main(executors))
executors.close()
