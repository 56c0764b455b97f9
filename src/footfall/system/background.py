"""Background work of a process: rows of a table, each run again and again until the process stops."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from msgspec import Struct

log = logging.getLogger(__name__)


class BackgroundTask(Struct, frozen=True):
    """A row of a process's table of background work; `name` completes the sentence "failed to ...".

    `rest_times`: after a run it rests for at least so many times as long as that took.
    """

    name: str
    period_s: float
    run: Callable[[], Awaitable[object]]
    rest_times: int = 0


def start(table: Iterable[BackgroundTask], group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
    """Start every row of a table; the rows end soon after `stop` is set."""
    for task in table:
        group.create_task(repeat(task, stop), name=task.name)


async def repeat(task: BackgroundTask, stop: asyncio.Event) -> None:
    """Run a task every period until `stop` is set. A failure is logged, and the task runs again in its time."""
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            await task.run()
        except Exception:
            log.exception("failed to %s; trying again", task.name)
        await wait_for_stop(stop, max(task.period_s, task.rest_times * (time.monotonic() - began_s)))


async def wait_for_stop(stop: asyncio.Event, most_s: float) -> bool:
    """Wait until `stop` is set, or for `most_s` seconds; returns whether it is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), most_s)
    return stop.is_set()
