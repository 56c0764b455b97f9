"""Tracks events and says of each group that it was tracked: OUTBOX URL FIRST COUNT GROUP [HOW].

HOW is `background`, for an outbox that commits there, or `fork`, `thread` or `asyncio`: the events are tracked by four
children, threads or tasks of the program.
"""

import asyncio
import os
import sys
import threading

from footfall_client import Outbox, OutboxOptions

path, url, first, count, group, *rest = sys.argv[1:]
how = rest[0] if rest else "alone"
OPTIONS = OutboxOptions(batch_events_max=500, batch_age_max_s=0.05, backoff_min_s=0.05, backoff_max_s=0.2)
EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-APPLICATION-LOADED"}
outbox = Outbox(path, url, options=OPTIONS, durable="background" if how == "background" else True)


def track(start: int, end: int) -> None:
    step = int(group)
    for at in range(start, end, step):
        numbers = range(at, min(at + step, end))
        if step == 1:
            outbox.track(**EVENT, timestamp=at, context=[str(at)])
        else:
            outbox.track_many({**EVENT, "timestamp": number, "context": [str(number)]} for number in numbers)
        os.write(1, f"{at} {numbers[-1]}\n".encode())


async def track_in_tasks(parts: list[tuple[int, int]]) -> None:
    await asyncio.gather(*(asyncio.to_thread(track, *part) for part in parts))


begin, size = int(first), int(count) // 4
parts = [(begin + each * size, begin + (each + 1) * size) for each in range(4)]
if how == "fork":
    children = []
    for part in parts:
        child = os.fork()
        if child == 0:
            track(*part)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
elif how == "thread":
    threads = [threading.Thread(target=track, args=part) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
elif how == "asyncio":
    asyncio.run(track_in_tasks(parts))
else:
    track(begin, begin + 4 * size)
os.write(1, b"tracked\n")
if outbox.flush(60):
    os.write(1, b"sent\n")
