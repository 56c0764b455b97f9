"""What a backup and a restore work with, and to whom they report progress."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from msgspec import Struct

from footfall.files import Files
from footfall.settings import Settings
from footfall.state import State
from footfall.store import Store, StoreUnavailable
from footfall.system import waiting

Result = TypeVar("Result")

# While the store is away it is asked again after this time, doubled with every failure up to the most.
_PAUSE_LEAST_S = 0.2
_PAUSE_MOST_S = 5.0
# A store that is away for longer than a restart takes is down; the same command may be given again later.
_PATIENCE_S = 120.0
# No statement here has a limit of its own: a day's events may be many. The connection's silence has one.
UNLIMITED = {"max_execution_time": 0}


class BackupProgress(Protocol):
    """Is told of the progress of the work."""

    def begin(self, what: str, total: int) -> None:
        """A part of the work begins, of so many steps."""

    def step(self, done: int) -> None:
        """So many steps more are done."""


class SilentProgress:
    """Shows no progress."""

    def begin(self, what: str, total: int) -> None: ...

    def step(self, done: int) -> None: ...


class BackupDependencies(Struct, frozen=True, kw_only=True):
    """The parts of a node that are copied; `plan` is the fingerprint of its tracking plan, empty if that is broken."""

    settings: Settings
    state: State
    store: Store
    files: Files
    plan: str
    progress: BackupProgress


def retry(call: Callable[[], Result]) -> Result:
    """The result of a call that may be made again when the store is away; raises StoreUnavailable at last."""
    return waiting.retry(call, StoreUnavailable, waiting.backoff(_PAUSE_LEAST_S, _PAUSE_MOST_S), _PATIENCE_S)
