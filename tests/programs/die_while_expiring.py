"""Workers that kill themselves, each at another point of a removal: `python die_while_expiring.py SETTINGS`."""

import os
import sys
import time

import msgspec
from die_while_erasing import after, before

from footfall.backup import BackupLocation
from footfall.expiry import Expirer, ExpirerDependencies
from footfall.expiry.store_work import StoreExpiry
from footfall.journal import Disk, Folder
from footfall.loading import Archive, Loader
from footfall.settings import Settings
from footfall.state import State
from footfall.state.retention import RetentionRepository
from footfall.store import Store
from footfall.system.clock import NodeClock
from footfall.system.data_folder import node_name
from footfall.tombstones import Tombstones
from footfall.usage import Rollups

# Seconds after which a worker ends that has met no point.
DEADLINE_S = 60

# In the order of the work.
POINTS = {
    "a segment is written anew, and not in its place": (before, Disk, "move"),
    "the files are clean, and the share is not written down": (before, RetentionRepository, "put_share"),
    "it is written down what is to be removed": (after, RetentionRepository, "begin_run"),
    "some days are counted from their events": (after, Rollups, "forget"),
    "the store was asked to change one table": (after, StoreExpiry, "_delete"),
    "all is gone, and no backup knows": (before, BackupLocation, "put"),
    "all is done, and this is not written down": (before, RetentionRepository, "end_run"),
}


def work(point: str, settings: Settings) -> None:
    """Do what a worker does until the point is met, or for a while."""
    state, store = State(f"sqlite:///{settings.data / 'state.db'}"), Store(settings)
    clock, tombstones = NodeClock(settings.data / "clock"), Tombstones(state)
    folder, aside, archive = Folder(settings.data / "journal"), settings.data / "aside", settings.data / "archive"
    loader = Loader(folder, store, Archive(archive, 30), aside, settings, clock, tombstones)
    expirer = Expirer(ExpirerDependencies(settings, state, store, tombstones, clock, node_name(settings)))
    when, owner, name = POINTS[point]
    when(owner, name)
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        loader.tick()
        expirer.tick()
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
