"""Workers that kill themselves, each at another point of an erasure: `python die_while_erasing.py SETTINGS`."""

import os
import signal
import sys
import time
from typing import Any

import msgspec

from footfall.backup import BackupLocation
from footfall.erasure import Eraser, EraserDependencies
from footfall.erasure.store_work import StoreWork
from footfall.journal import Disk, Folder
from footfall.loading import Archive, Loader
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.state import JobRepository, State
from footfall.state.erasures import ErasureRepository
from footfall.store import Store
from footfall.system.clock import NodeClock
from footfall.system.data_folder import node_name
from footfall.tombstones import Tombstones


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str) -> None:
    """Die instead of the call."""
    setattr(owner, name, lambda *_, **__: die())


def after(owner: Any, name: str) -> None:
    """Die when the call has returned."""
    call = getattr(owner, name)

    def wrapped(*args: Any, **named: Any) -> None:
        call(*args, **named)
        die()

    setattr(owner, name, wrapped)


# Seconds after which a worker ends that has met no point.
DEADLINE_S = 60

# In the order of the work.
POINTS = {
    "a segment is written anew, and not in its place": (before, Disk, "move"),
    "the files are clean, and the share is not written down": (before, ErasureRepository, "put_shares"),
    "a report's file is gone, and the report is not marked": (before, JobRepository, "mark_erased"),
    "the store was asked for one thing": (after, Store, "write"),
    "the store was asked to change one table": (after, StoreWork, "_change"),
    "the store is clean, and this is not written down": (after, StoreWork, "finish"),
    "all is gone, and no backup has a tombstone": (before, BackupLocation, "put"),
}


def work(point: str, settings: Settings) -> None:
    """Do what a worker does until the point is met, or nothing is left to do."""
    state, store = State(f"sqlite:///{settings.data / 'state.db'}"), Store(settings)
    clock, plan = NodeClock(settings.data / "clock"), LivePlan(settings.data / "plan.toml", settings)
    tombstones, archive = Tombstones(state), Archive(settings.data / "archive", 30)
    folder, aside = Folder(settings.data / "journal"), settings.data / "aside"
    loader = Loader(folder, store, archive, aside, settings, clock, tombstones)
    eraser = Eraser(EraserDependencies(settings, state, store, plan, loader, tombstones, clock, node_name(settings)))
    when, owner, name = POINTS[point]
    when(owner, name)
    deadline = time.monotonic() + DEADLINE_S
    while state.erasures.unfinished() and time.monotonic() < deadline:
        loader.tick()
        eraser.tick()
        time.sleep(0.01)


def main(settings: Settings) -> None:
    for point in POINTS:
        # A new process, for which nothing has to be imported again.
        worker = os.fork()
        if not worker:
            work(point, settings)
            os._exit(0)
        _, status = os.waitpid(worker, 0)
        print(f"{'killed' if os.WIFSIGNALED(status) else 'ended'}: {point}", flush=True)


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Settings))
