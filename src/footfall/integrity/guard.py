"""What verify, rebuild and repair share: a lock, retries, a check of the disk, progress."""

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

# A restart of the engine takes seconds. After a longer outage the operator has to act.
_RETRY_FOR_S = 60.0
_PAUSE_S = 0.5


class Busy(Exception):
    """Another check, rebuild or repair is at work on the same data."""


class NoRoom(Exception):
    """The disk has no room for the tables that this needs."""


@contextlib.contextmanager
def exclusive_access(data: Path) -> Iterator[None]:
    """Lock the data folder for one check, rebuild or repair, while the service runs. Raises Busy."""
    with files.lock_folder(data) as locked:
        if not locked:
            raise Busy(f"another verify, rebuild or repair is at work on {data.resolve()}")
        yield


def retry(work: Callable[[], Result]) -> Result:
    """Repeat an idempotent call while the store is unavailable. Raises StoreUnavailable after a minute."""
    return waiting.retry(work, StoreUnavailable, itertools.repeat(_PAUSE_S), _RETRY_FOR_S, but=StoreShort)


def check_room(settings: Settings, needed_bytes: int) -> None:
    """Raise NoRoom when the embedded engine's disk has less room than `needed_bytes` and `disk_free_bytes_min`."""
    if settings.events_url != "embedded":
        return
    free = shutil.disk_usage(settings.data).free - settings.disk_free_bytes_min
    if free < needed_bytes:
        raise NoRoom(
            f"this needs up to {needed_bytes:,} bytes in {settings.data.resolve()}, "
            f"which has {max(free, 0):,} beside disk_free_bytes_min"
        )


# Called with the bytes or rows that were done since the last call.
Advance = Callable[[int], None]


class ProgressCallback(Protocol):
    """Shows the progress of one step of `length` bytes or rows, for as long as the returned context is open."""

    def __call__(self, label: str, length: int) -> AbstractContextManager[Advance]: ...


@contextlib.contextmanager
def no_progress(label: str, length: int) -> Iterator[Advance]:  # noqa: ARG001 - the protocol's names
    """Show no progress."""
    yield lambda _: None
