"""Metrics of a node: each process counts, small files bring the counts together, Prometheus reads them.

Each process writes a snapshot of its values into a file of its own, once a second and when it ends, and holds a lock
while it lives. The process that is asked for the node's metrics adds up the snapshots. It adds those of ended processes
to the totals, once, and removes their files, so that counters go on after restarts. A process that is killed loses what
it counted in its last second.

The totals are needed because each counter is one sum over all processes. If a web process ended without them, the sum
would fall, but not to zero. Prometheus takes a fall for a restart from zero, and would count the rest a second time.

The process that is asked finds the few metrics of the node as a whole, such as the free disk, itself.
"""

import contextlib
import logging
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from footfall.system import files

log = logging.getLogger(__name__)


class MetricKind(StrEnum):
    """The type of a metric in Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Merge(StrEnum):
    """How the values of several processes make one. Only a TOTAL and a LATEST one outlive their process."""

    TOTAL = "total"
    SUM = "sum"
    MAX = "max"
    LATEST = "latest"
    NODE = "node"


class Metric(Struct, frozen=True):
    """A row of the table of metrics; `label` is the name of its label, if it has one."""

    name: str
    kind: MetricKind
    merge: Merge
    help: str
    label: str = ""


METRICS: Final = (
    Metric("footfall_events_accepted_total", MetricKind.COUNTER, Merge.TOTAL, "Events answered with 200."),
    Metric("footfall_events_quarantined_total", MetricKind.COUNTER, Merge.TOTAL, "Events held back in quarantine."),
    Metric(
        "footfall_requests_refused_total", MetricKind.COUNTER, Merge.TOTAL, "Requests refused, by error code.", "code"
    ),
    Metric(
        "footfall_events_loaded_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "Events loaded from the journal into the store.",
    ),
    Metric("footfall_store_away", MetricKind.GAUGE, Merge.MAX, "1 while the loader cannot reach the store, else 0."),
    Metric(
        "footfall_loaded_through_timestamp_seconds",
        MetricKind.GAUGE,
        Merge.LATEST,
        "Time up to which everything that this node admitted is in the store.",
    ),
    Metric(
        "footfall_loaded_through_age_seconds",
        MetricKind.GAUGE,
        Merge.NODE,
        "How long ago that was: how far the store is behind the journal.",
    ),
    Metric(
        "footfall_journal_waiting_bytes", MetricKind.GAUGE, Merge.SUM, "Bytes of accepted lines that wait for the disk."
    ),
    Metric("footfall_journal_bytes", MetricKind.GAUGE, Merge.NODE, "Bytes of segments that wait to be loaded."),
    Metric(
        "footfall_journal_segments", MetricKind.GAUGE, Merge.NODE, "Segments that wait to be loaded, open ones too."
    ),
    Metric(
        "footfall_journal_oldest_segment_age_seconds",
        MetricKind.GAUGE,
        Merge.NODE,
        "Age of the oldest segment that waits to be loaded; 0 when there is none.",
    ),
    Metric(
        "footfall_segments_aside",
        MetricKind.GAUGE,
        Merge.NODE,
        "Segments set aside: damaged, unreadable or refused.",
    ),
    Metric(
        "footfall_disk_free_bytes", MetricKind.GAUGE, Merge.NODE, "Bytes that may still be written to the data folder."
    ),
    Metric("footfall_reports", MetricKind.GAUGE, Merge.NODE, "Reports of the whole installation, by status.", "status"),
    Metric(
        "footfall_processes", MetricKind.GAUGE, Merge.NODE, "Processes of this node that live, by what they do.", "role"
    ),
)
_MERGES: Final = {metric.name: metric.merge for metric in METRICS}

# Seconds that a process waits for the lock: a process that was stopped while it holds it must not stop the others.
LOCK_TIMEOUT_S = 5.0
# A metric's name and its label's value, empty where it has no label.
Key = tuple[str, str]
Values = dict[Key, float]

# Values that are kept when their process has ended.
_KEPT: Final = (Merge.TOTAL, Merge.LATEST)
_SNAPSHOT = ".json"
_DRAFT = ".draft"
_LOCK = ".lock"
_TOTALS = "totals"


class _Snapshot(Struct):
    """The values of one process; `role` is `web` or `worker`."""

    role: str
    values: list[tuple[str, str, float]] = []


class _Totals(Struct):
    """The values of ended processes; `added` names those whose files may still be there."""

    values: list[tuple[str, str, float]] = []
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

    def write(self) -> None:
        """Replace the snapshot of this process by the current values."""
        values = [(name, label, value) for (name, label), value in self._read().items()]
        try:
            with self._write_lock:
                _write_file(self._folder, self._name, _Snapshot(self._role, values))
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
                    _add(values, snapshot.values)
        _add(values, ((name, label, value) for (name, label), value in self._read().items()))
        return values | {("footfall_processes", role): number for role, number in Counter(roles).items()}

    def close(self) -> None:
        """Write the last snapshot, and release the lock, so that another process adds it to the totals."""
        if self._lock is not None:
            self.write()
            os.close(self._lock)


def render_metrics(values: Mapping[Key, float]) -> str:
    """The values in the text format of Prometheus, in the order of the table; metrics without a value are left out."""
    lines = []
    for metric in METRICS:
        found = sorted((label, value) for (name, label), value in values.items() if name == metric.name)
        if found:
            lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for label, value in found:
            labels = f'{{{metric.label}="{label}"}}' if metric.label else ""
            lines.append(f"{metric.name}{labels} {_number(value)}")
    return "\n".join([*lines, ""])


def _number(value: float) -> str:
    """A whole number without a decimal point, because people read it too."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _add(total: Values, values: Iterable[tuple[str, str, float]]) -> None:
    """Merge values into the total, but not metrics that the table lacks: another version wrote them."""
    for name, label, value in values:
        merge, before = _MERGES.get(name), total.get((name, label), 0)
        if merge in (Merge.TOTAL, Merge.SUM):
            total[name, label] = before + value
        elif merge in (Merge.MAX, Merge.LATEST):
            total[name, label] = max(before, value)


def _add_up_ended(folder: Path) -> Values:
    """Add the snapshots of ended processes to the totals and return these; an interruption adds none twice.

    The folder must be locked.
    """
    totals = _read_file(folder, _TOTALS, _Totals())
    values: Values = {}
    _add(values, totals.values)
    ended = [name for name in _snapshot_names(folder) if _is_free(folder / (name + _LOCK))]
    for name in set(ended) - set(totals.added):
        snapshot = _read_file(folder, name, _Snapshot(""))
        _add(values, (value for value in snapshot.values if _MERGES.get(value[0]) in _KEPT))
    if ended:
        try:
            _write_file(folder, _TOTALS, _Totals([(*key, value) for key, value in values.items()], ended))
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
