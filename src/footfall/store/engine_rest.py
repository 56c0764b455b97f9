"""Lets the engine be small while it has nothing to do.

Most of what it holds after its start are pages of its library's file: 200 of 320 MiB, most of them for code and tables
that only the start needed. Beside them, its allocator keeps what loads and reports have freed.
"""

import asyncio
from typing import Final

from footfall.memory import Slack
from footfall.store.engine_lanes import Lanes

# Between two looks; an engine that began no statement in between has nothing to do.
_PERIOD_S: Final = 10.0
# The worker's look for damage, twice a minute, touches 40 MiB, which are not worth the trouble.
_WORTH_BYTES: Final = 64 * 2**20


async def rest_when_idle(lanes: Lanes, period_s: float = _PERIOD_S) -> None:
    """For ever, give memory back whenever nothing is done and there is something to give back."""
    slack, begun = Slack(_WORTH_BYTES, floor_bytes=0), -1
    while True:
        await asyncio.sleep(period_s)
        idle = lanes.begun == begun and not lanes.busy
        begun = lanes.begun
        if idle and slack.is_worth:
            await asyncio.to_thread(lanes.purge)
            await asyncio.to_thread(slack.give_back)
