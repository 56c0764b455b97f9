"""What verify, rebuild and repair share: one lock, retries while the store is away, a check for room, and progress."""

import contextlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from footfall.settings import Settings
from footfall.store import StoreShort, StoreUnavailable
from footfall.system import files, waiting

Result = TypeVar("Result")

# A restart of the engine takes seconds; what is away for longer is somebody's business.
_PATIENCE_S = 60.0
_PAUSE_S = 0.5


class Busy(Exception):
    """Another check, rebuild or repair is at work on the same data."""


class NoRoom(Exception):
    """The disk has no room for the tables that this needs."""


@contextlib.contextmanager
def exclusive_access(data: Path) -> Iterator[None]:
    """Hold the data folder for one check, rebuild or repair; the service goes on beside it. Raises Busy."""
    with files.lock_folder(data) as locked:
        if not locked:
            raise Busy(f"another verify, rebuild or repair is at work on {data.resolve()}")
        yield


def retry(work: Callable[[], Result]) -> Result:
    """Do what may be done twice, again and again while the store is away. Raises StoreUnavailable after a minute."""
    return waiting.retry(work, StoreUnavailable, itertools.repeat(_PAUSE_S), _PATIENCE_S, but=StoreShort)


def check_room(settings: Settings, needed_bytes: int) -> None:
    """Raise NoRoom where the embedded engine's disk has less room than is needed beside what must stay free."""
    if settings.events_url != "embedded":
        return
    free = shutil.disk_usage(settings.data).free - settings.disk_free_bytes_min
    if free < needed_bytes:
        raise NoRoom(
            f"this needs up to {needed_bytes:,} bytes in {settings.data.resolve()}, "
            f"which has {max(free, 0):,} beside disk_free_bytes_min"
        )


# Progress of long work; the caller passes the function that shows it.


Advance = Callable[[int], None]


class ProgressCallback(Protocol):
    """Opens the display of one step of `length` bytes or rows; what it gives is called with each advance."""

    def __call__(self, label: str, length: int) -> AbstractContextManager[Advance]: ...


@contextlib.contextmanager
def no_progress(label: str, length: int) -> Iterator[Advance]:  # noqa: ARG001 - the protocol's names
    """Progress that is not shown."""
    yield lambda _: None
