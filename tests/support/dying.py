"""A worker in a process of its own that kills itself at a point of a report's life: `python dying.py POINT SETTINGS`.

The functions are wrapped here, so that nothing in the worker knows of it.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec

from footfall.files import Files
from footfall.plan import LivePlan
from footfall.reports import Runner
from footfall.reports.worker import run
from footfall.settings import Settings
from footfall.state import State, jobs
from footfall.store import Store
from footfall.system import background
from footfall.system.background import BackgroundTask
from footfall.system.clock import SystemClock

# Time for a statement to have begun.
MOMENT_S = 0.005


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str) -> None:
    """Die instead of the call."""
    setattr(owner, name, lambda *_, **__: die())


def after(owner: Any, name: str) -> None:
    """Die when the call has done what it does, unless that was nothing."""
    call = getattr(owner, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        if (found := call(*args, **named)) is not None and found is not False:
            die()
        return found

    setattr(owner, name, wrapped)


def during(owner: Any, name: str) -> None:
    """Die a moment after the call has begun, at the latest when it is done."""
    call = getattr(owner, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        threading.Timer(MOMENT_S, die).start()
        call(*args, **named)
        die()

    setattr(owner, name, wrapped)


def blocks(change: Callable[[Iterator[bytes]], Iterator[bytes]]) -> None:
    """Change what the store streams."""
    stream = Store.stream

    @contextlib.contextmanager
    def wrapped(*args: Any, **named: Any) -> Iterator[Iterator[bytes]]:
        with stream(*args, **named) as found:
            yield change(found)

    setattr(Store, "stream", wrapped)  # noqa: B010 - a method is not to be assigned, says the checker


def none(found: Iterator[bytes]) -> Iterator[bytes]:
    die()
    yield from found


def half(found: Iterator[bytes]) -> Iterator[bytes]:
    block = next(found)
    yield block[: len(block) // 2]
    die()


def content() -> None:
    """Die when the file's content has ended, and before the file is whole."""
    put = Files.put

    def ending(found: Iterator[bytes]) -> Iterator[bytes]:
        yield from found
        die()

    def wrapped(self: Files, path: str, found: Iterator[bytes], *args: Any, **named: Any) -> int:
        return put(self, path, ending(found), *args, **named)

    setattr(Files, "put", wrapped)  # noqa: B010 - as above


POINTS: dict[str, Callable[[], None]] = {
    "after the claim": lambda: after(jobs.JobRepository, "claim"),
    "at the barrier": lambda: before(run.Barrier, "behind"),
    "in the scan": lambda: during(Store, "rows"),
    "before the first block": lambda: blocks(none),
    "in the middle of the blocks": lambda: blocks(half),
    "before the file is finished": content,
    "before the record": lambda: after(Files, "put"),
    "during the record": lambda: after(jobs, "_record_end"),
    "after the record": lambda: after(jobs.JobRepository, "finish"),
    "before the file is removed": lambda: before(Files, "delete"),
    "after the file is removed": lambda: before(jobs.JobRepository, "record_removal"),
}


def main(point: str, settings: Settings) -> None:
    state = State(f"sqlite:///{settings.data / 'state.db'}")
    loaded = SimpleNamespace(loaded_through_ms=2**60)
    files = Files(settings)
    runner = Runner(state, Store(settings), LivePlan(None, settings), loaded, settings, SystemClock(), files, "dying")
    expiry = BackgroundTask("remove the files of expired reports", 600, runner.remove_expired)

    async def work() -> None:
        async with asyncio.TaskGroup() as tasks:
            stop = asyncio.Event()
            tasks.create_task(runner.run(stop))
            background.start([expiry], tasks, stop)

    POINTS[point]()
    asyncio.run(work())


if __name__ == "__main__":
    main(sys.argv[1], msgspec.json.decode(sys.argv[2], type=Settings))
