"""The counts of a node's processes, brought together by files: each writes a snapshot, the one that is asked adds up.

The totals are needed because each counter is one sum over all processes. If a web process ended without them, the sum
would fall, but not to zero. Prometheus takes a fall for a restart from zero, and would count the rest a second time.
"""

import contextlib
import logging
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from footfall.metrics.table import METRICS, Merge, Values
from footfall.settings import Settings
from footfall.system import files
from footfall.system.memory import resident_bytes

log = logging.getLogger(__name__)

# Where the processes of a node show each other their metrics, in the data folder, and how often.
METRICS_FOLDER: Final = "run/metrics"
METRICS_PERIOD_S: Final = 1.0

_MERGES: Final = {metric.name: metric.merge for metric in METRICS}
# Seconds that a process waits for the lock: a process that was stopped while it holds it must not stop the others.
LOCK_TIMEOUT_S = 5.0
# Values that are kept when their process has ended.
_KEPT: Final = (Merge.TOTAL, Merge.LATEST)
_SNAPSHOT = ".json"
_DRAFT = ".draft"
_LOCK = ".lock"
_TOTALS = "totals"


# A value as the files have it: the parts of its key, then the value.
Row = list[str | float]


class _Snapshot(Struct):
    """The values of one process; `role` is `web`, `worker` or `engine`."""

    role: str
    values: list[Row] = []


class _Totals(Struct):
    """The values of ended processes; `added` names those whose files may still be there."""

    values: list[Row] = []
    added: list[str] = []


class SharedMetrics:
    """Shares one process's metrics with the other processes of the node; `read` gives the current values.

    A process starts although the disk is full or broken: then the others see its old values, or none.
    """

    def __init__(
        self, folder: Path, role: str, read: Callable[[], Values], lock_timeout_s: float = LOCK_TIMEOUT_S
    ) -> None:
        self._folder = folder
        self._lock_timeout_s = lock_timeout_s
        self._role = role
        self._read = read
        self._name = f"{role}-{secrets.token_hex(8)}"
        self._write_lock = threading.Lock()
        self._lock: int | None = None
        try:
            files.make_folder(folder)
            with _locked(folder, lock_timeout_s):
                _add_up_ended(folder)
                self._lock = files.open_file(folder / (self._name + _LOCK), os.O_RDWR)
                files.take_lock(self._lock)
                self.write()
        except OSError as error:
            log.warning("metrics of this process cannot be shared with the others: %s", error)

    def add(self, read: Callable[[], Values]) -> None:
        """Share these values, too."""
        before = self._read
        self._read = lambda: before() | read()

    def write(self) -> None:
        """Replace the snapshot of this process by the current values."""
        snapshot = _Snapshot(self._role, _rows(self._read()))
        try:
            with self._write_lock:
                _write_file(self._folder, self._name, snapshot)
        except OSError as error:
            log.warning("metrics of this process cannot be written: %s", error)

    def gather(self) -> Values:
        """The node's values: the current ones of this process, the last snapshots of the others. Raises OSError."""
        roles = [self._role]
        with _locked(self._folder, self._lock_timeout_s):
            values = _add_up_ended(self._folder)
            for name in _snapshot_names(self._folder):
                if name != self._name:
                    snapshot = _read_file(self._folder, name, _Snapshot(name.partition("-")[0]))
                    roles.append(snapshot.role)
                    _add(values, _values(snapshot.values))
        _add(values, self._read())
        return values | {("footfall_processes", role): number for role, number in Counter(roles).items()}

    def close(self) -> None:
        """Write the last snapshot, and release the lock, so that another process adds it to the totals."""
        if self._lock is not None:
            self.write()
            os.close(self._lock)


@contextlib.contextmanager
def open_metrics(settings: Settings, role: str, read: Callable[[], Values]) -> Iterator[SharedMetrics]:
    """The metrics of this process, its memory among them, where the node's other processes find them."""

    def read_all() -> Values:
        return {**read(), ("footfall_process_memory_bytes", role): resident_bytes()}

    with contextlib.closing(SharedMetrics(settings.data.absolute() / METRICS_FOLDER, role, read_all)) as metrics:
        yield metrics


def _rows(values: Values) -> list[Row]:
    return [[*key, value] for key, value in values.items()]


def _values(rows: Iterable[Row]) -> Values:
    # Earlier versions wrote an empty label for a metric that has none.
    return {tuple(str(part) for part in key if part != ""): float(value) for *key, value in rows}


def _add(total: Values, values: Values) -> None:
    """Merge values into the total, but not metrics that the table lacks: another version wrote them."""
    for key, value in values.items():
        merge, before = _MERGES.get(key[0]), total.get(key, 0)
        if merge in (Merge.TOTAL, Merge.SUM):
            total[key] = before + value
        elif merge in (Merge.MAX, Merge.LATEST):
            total[key] = max(before, value)


def _add_up_ended(folder: Path) -> Values:
    """Add the snapshots of ended processes to the totals and return these; an interruption adds none twice.

    The folder must be locked.
    """
    totals = _read_file(folder, _TOTALS, _Totals())
    values: Values = {}
    _add(values, _values(totals.values))
    ended = [name for name in _snapshot_names(folder) if _is_free(folder / (name + _LOCK))]
    for name in set(ended) - set(totals.added):
        snapshot = _read_file(folder, name, _Snapshot(""))
        kept = {key: value for key, value in _values(snapshot.values).items() if _MERGES.get(key[0]) in _KEPT}
        _add(values, kept)
    if ended:
        try:
            _write_file(folder, _TOTALS, _Totals(_rows(values), ended))
            for name in ended:
                # The lock's file is removed last, because snapshots are found by it.
                for ending in (_SNAPSHOT, _SNAPSHOT + _DRAFT, _LOCK):
                    (folder / (name + ending)).unlink(missing_ok=True)
        except OSError as error:
            log.warning("metrics of ended processes cannot be added to the totals: %s", error)
    return values


def _snapshot_names(folder: Path) -> list[str]:
    """The names of the snapshots in the folder."""
    return [path.name.removesuffix(_LOCK) for path in folder.glob(f"*-*{_LOCK}")]


Content = TypeVar("Content", _Snapshot, _Totals)


def _write_file(folder: Path, name: str, content: _Snapshot | _Totals) -> None:
    """Replace a file; readers see the old one or the new one. It is not synced: it need not outlive a power cut."""
    files.replace_file(folder / (name + _SNAPSHOT), msgspec.json.encode(content))


def _read_file(folder: Path, name: str, default: Content) -> Content:
    """The content of a file; `default` when there is none, or when a power cut has cut it."""
    try:
        return msgspec.json.decode((folder / (name + _SNAPSHOT)).read_bytes(), type=type(default))
    except FileNotFoundError:
        return default
    except msgspec.MsgspecError as error:
        log.warning("metrics: %s%s cannot be read, its counts are lost: %s", name, _SNAPSHOT, error)
        return default


def _is_free(path: Path) -> bool:
    """Whether no living process holds the lock on this file."""
    with files.lock_file(path) as is_free:
        return is_free


@contextlib.contextmanager
def _locked(folder: Path, timeout_s: float) -> Iterator[None]:
    """Lock the folder for some milliseconds. Raises OSError when another process holds the lock for too long."""
    with files.lock_file(folder / "lock", timeout_s) as locked:
        if not locked:
            raise TimeoutError("another process keeps the lock of the metrics")
        yield
