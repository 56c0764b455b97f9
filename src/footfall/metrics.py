"""Metrics of a node: what its processes count, brought together by way of small files, as Prometheus reads them.

Each process has a board: it writes what it knows into a file of its own, whole or not at all, once a second and when
it ends, and holds a lock as long as it lives. Whoever is asked for the node's metrics adds up the files. Those of
processes that are gone are added to the totals, once, and removed; so counts go on over restarts. A process that is
killed takes what it counted since its last writing with it, which is a second's worth.

The totals are needed while the service runs: each counter is one sum over all processes. If one of several web
processes ended and took its part along, the sum would fall, but not to zero; Prometheus takes a fall for a restart from
zero, and would count what is left of the sum a second time.

The few metrics of the node as a whole, such as the free disk, are looked up by whoever is asked.
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
    """What Prometheus is told of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Merge(StrEnum):
    """How the values of several processes make one: only that of a total and a latest one outlives its process."""

    TOTAL = "total"
    SUM = "sum"
    MOST = "most"
    LATEST = "latest"
    NODE = "node"


class Metric(Struct, frozen=True):
    """A row of the table of metrics; `label` tells the values of one metric apart."""

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
    Metric("footfall_store_away", MetricKind.GAUGE, Merge.MOST, "1 while the loader cannot reach the store, else 0."),
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

# Seconds that a process waits for the others' metrics: one that was stopped with the lock must not stop them all.
LOCKED_MAX_S = 5.0
# A metric's name and its label's value, empty where it has no label.
Key = tuple[str, str]
Values = dict[Key, float]

# What of a process's values counts on when it is gone.
_OUTLIVING: Final = (Merge.TOTAL, Merge.LATEST)
_BOARD = ".json"
_DRAFT = ".draft"
_LOCK = ".lock"
_TOTALS = "totals"


class _Snapshot(Struct):
    """What one process knows; `role` says what it is."""

    role: str
    values: list[tuple[str, str, float]] = []


class _Totals(Struct):
    """What processes that are gone have counted; `added` are those whose files may still be there."""

    values: list[tuple[str, str, float]] = []
    added: list[str] = []


class Board:
    """One process's values, where the other processes of the node find them; `read` gives them at any time.

    A disk that takes nothing keeps no process from starting: then the others see its old values, or none.
    """

    def __init__(self, folder: Path, role: str, read: Callable[[], Values]) -> None:
        self._folder = folder
        self._role = role
        self._read = read
        self._name = f"{role}-{secrets.token_hex(8)}"
        self._writing = threading.Lock()
        self._lock: int | None = None
        try:
            files.make_folder(folder)
            with _locked(folder):
                _bury(folder)
                self._lock = files.open_file(folder / (self._name + _LOCK), os.O_RDWR)
                files.take_lock(self._lock)
                self.write()
        except OSError as error:
            log.warning("metrics of this process cannot be shared with the others: %s", error)

    def write(self) -> None:
        """Put the values of now where the others find them."""
        values = [(name, label, value) for (name, label), value in self._read().items()]
        try:
            with self._writing:
                _put(self._folder, self._name, _Snapshot(self._role, values))
        except OSError as error:
            log.warning("metrics of this process cannot be written: %s", error)

    def gather(self) -> Values:
        """The node's values: this process's as they are now, the others' as they last wrote them. Raises OSError."""
        roles = [self._role]
        with _locked(self._folder):
            values = _bury(self._folder)
            for name in _names(self._folder):
                if name != self._name:
                    snapshot = _get(self._folder, name, _Snapshot(name.partition("-")[0]))
                    roles.append(snapshot.role)
                    _add(values, snapshot.values)
        _add(values, ((name, label, value) for (name, label), value in self._read().items()))
        return values | {("footfall_processes", role): number for role, number in Counter(roles).items()}

    def close(self) -> None:
        """Write for the last time, and let the values be added to the totals."""
        if self._lock is not None:
            self.write()
            os.close(self._lock)


def render_metrics(values: Mapping[Key, float]) -> str:
    """The values in the text format of Prometheus, in the order of the table; what has no value is left out."""
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
    """Whole numbers as such, for people read them too."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _add(total: Values, values: Iterable[tuple[str, str, float]]) -> None:
    """Merge values into the total; what the table does not know is of another version, and is left out."""
    for name, label, value in values:
        merge, before = _MERGES.get(name), total.get((name, label), 0)
        if merge in (Merge.TOTAL, Merge.SUM):
            total[name, label] = before + value
        elif merge in (Merge.MOST, Merge.LATEST):
            total[name, label] = max(before, value)


def _bury(folder: Path) -> Values:
    """Add the boards of processes that are gone to the totals, each once whatever happens in between; the totals then.

    The folder must be locked.
    """
    totals = _get(folder, _TOTALS, _Totals())
    values: Values = {}
    _add(values, totals.values)
    dead = [name for name in _names(folder) if _is_free(folder / (name + _LOCK))]
    for name in set(dead) - set(totals.added):
        snapshot = _get(folder, name, _Snapshot(""))
        _add(values, (value for value in snapshot.values if _MERGES.get(value[0]) in _OUTLIVING))
    if dead:
        try:
            _put(folder, _TOTALS, _Totals([(*key, value) for key, value in values.items()], dead))
            for name in dead:
                # The lock goes last, for it is what a board is found by.
                for ending in (_BOARD, _BOARD + _DRAFT, _LOCK):
                    (folder / (name + ending)).unlink(missing_ok=True)
        except OSError as error:
            log.warning("metrics of processes that are gone cannot be put away: %s", error)
    return values


def _names(folder: Path) -> list[str]:
    """The boards that are there."""
    return [path.name.removesuffix(_LOCK) for path in folder.glob(f"*-*{_LOCK}")]


Content = TypeVar("Content", _Snapshot, _Totals)


def _put(folder: Path, name: str, content: _Snapshot | _Totals) -> None:
    """Replace a file; readers see the old one or the new one. It need not outlive a power cut, so it is not synced."""
    files.replace_file(folder / (name + _BOARD), msgspec.json.encode(content))


def _get(folder: Path, name: str, without: Content) -> Content:
    """What was put there; `without` where there is nothing, or what a power cut left of it."""
    try:
        return msgspec.json.decode((folder / (name + _BOARD)).read_bytes(), type=type(without))
    except FileNotFoundError:
        return without
    except msgspec.MsgspecError as error:
        log.warning("metrics: %s%s cannot be read, its counts are lost: %s", name, _BOARD, error)
        return without


def _is_free(path: Path) -> bool:
    """Whether nobody lives who locked this file."""
    with files.lock_file(path) as is_free:
        return is_free


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder against the other processes for some milliseconds. Raises OSError when another keeps it."""
    with files.lock_file(folder / "lock", LOCKED_MAX_S) as locked:
        if not locked:
            raise TimeoutError("another process keeps the lock of the metrics")
        yield
