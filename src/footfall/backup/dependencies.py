"""What a backup and a restore work with: the parts of a node, the display of progress, retries."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from msgspec import Struct

from footfall.files import Files
from footfall.settings import Settings
from footfall.state import State
from footfall.store import Store, StoreUnavailable
from footfall.system import waiting

Result = TypeVar("Result")

# The pause before the store is asked again, doubled with each failure up to the most.
_PAUSE_LEAST_S = 0.2
_PAUSE_MOST_S = 5.0
# Longer than a restart of the store takes. After that the operator has to repeat the command.
_RETRY_FOR_S = 120.0
# These statements have no limit of time, because a day may have many events. A silent connection has one.
UNLIMITED = {"max_execution_time": 0}


class BackupProgress(Protocol):
    """Shows the progress of the work."""

    def begin(self, what: str, total: int) -> None:
        """A part of the work begins, which has `total` steps."""

    def step(self, done: int) -> None:
        """`done` more steps are done."""


class SilentProgress:
    """Shows no progress."""

    def begin(self, what: str, total: int) -> None: ...

    def step(self, done: int) -> None: ...


class BackupDependencies(Struct, frozen=True, kw_only=True):
    """The parts of a node; `plan` is the fingerprint of its tracking plan, empty if the plan is invalid."""

    settings: Settings
    state: State
    store: Store
    files: Files
    plan: str
    progress: BackupProgress


def retry(call: Callable[[], Result]) -> Result:
    """Repeat an idempotent call while the store is unavailable; raises StoreUnavailable after two minutes."""
    return waiting.retry(call, StoreUnavailable, waiting.backoff(_PAUSE_LEAST_S, _PAUSE_MOST_S), _RETRY_FOR_S)
