"""Erasures and cutoffs beside a backup that was made before them: a restore leaves out what they say.

`tombstones.json` is written by the work of an erasure, and is no part of the manifest, which says what was copied when.
A later backup in the same place has the erasures in its state, and nothing of the persons. The same is so for the
cutoffs of retention.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from footfall.backup.errors import BackupDamaged, BackupRefused, LocationFailed
from footfall.backup.location import BackupLocation
from footfall.backup.manifest import MANIFEST_NAME, PartKind, installation_id, read_manifest
from footfall.journal import SegmentKind, kind_of
from footfall.state import COPY_PREFIX, Erasure, ErasurePhase, RetentionCutoff, State
from footfall.tombstones import LineFilter, salt_of

log = logging.getLogger(__name__)

TOMBSTONES_NAME = "tombstones.json"


class BackupTombstones(Struct, frozen=True, kw_only=True):
    """The erasures and cutoffs of an installation, and the ids of the reports that have one of the persons."""

    installation: str
    erasures: tuple[Erasure, ...] = ()
    cutoffs: tuple[RetentionCutoff, ...] = ()
    reports: tuple[str, ...] = ()


class _Report(Struct, frozen=True):
    source: str


class _Receipt(Struct, frozen=True):
    reports: tuple[_Report, ...] = ()


_read_receipt = msgspec.json.Decoder(_Receipt).decode


def mark_backups(state: State) -> Iterator[tuple[str, str]]:
    """Leave the tombstones of all erasures at every known place of a backup.

    Yields each place, and why it has none; empty where it has. Raises StateUnavailable.
    """
    for place in state.erasures.backups():
        if place.startswith(COPY_PREFIX):
            is_there = Path(place.removeprefix(COPY_PREFIX)).exists()
            yield place, "it has everybody: remove it" if is_there else "not there now; where it is, it has everybody"
            continue
        try:
            leave_tombstones(BackupLocation(place), state)
        except (BackupRefused, LocationFailed) as error:
            log.warning("the backup in %s gets no tombstone: %s", place, error)
            yield place, str(error)
        else:
            yield place, ""


def leave_tombstones(location: BackupLocation, state: State) -> None:
    """Write the erasures beside the backup of this installation. Raises BackupRefused, LocationFailed."""
    data = location.read(MANIFEST_NAME)
    if data is None:
        raise BackupRefused("there is no whole backup")
    own = installation_id(state)
    if read_manifest(data).installation != own:
        raise BackupRefused("the backup there is of another installation")
    erasures = tuple(one for one in state.erasures.all() if one.phase is not ErasurePhase.FILES)
    sources = {report.source for one in erasures for report in _read_receipt(one.receipt).reports}
    reports = tuple(sorted(source.partition("-")[2] for source in sources))
    cutoffs = tuple(state.retention.all())
    left = BackupTombstones(installation=own, erasures=erasures, cutoffs=cutoffs, reports=reports)
    location.put(TOMBSTONES_NAME, msgspec.json.format(msgspec.json.encode(left), indent=1))
    location.sync()


def read_tombstones(location: BackupLocation, installation: str) -> BackupTombstones:
    """The erasures beside a backup. Raises BackupDamaged for a file that cannot be read, and LocationFailed."""
    data = location.read(TOMBSTONES_NAME)
    if data is None:
        return BackupTombstones(installation=installation)
    try:
        found = msgspec.json.decode(data, type=BackupTombstones)
    except msgspec.DecodeError as error:
        raise BackupDamaged((f"{TOMBSTONES_NAME} cannot be read: {error}",)) from error
    if found.installation != installation:
        raise BackupDamaged((f"{TOMBSTONES_NAME} is of another installation",))
    return found


class RestoreFilter:
    """Leaves erased persons, and what is past, out of what a restore writes.

    It is made when the state is restored, which has the secret of the digests.
    """

    def __init__(self, found: BackupTombstones, state: State, now_ms: int) -> None:
        state.retention.merge(found.cutoffs)
        cutoffs = state.retention.all()
        has_lines = bool(found.erasures or cutoffs)
        self._lines = LineFilter(salt_of(state), found.erasures, cutoffs) if has_lines else None
        self.reports = frozenset(found.reports)
        # Rows that were left out of the events of each day, and of quarantine.
        self.left_out: Counter[str] = Counter()
        state.erasures.add(structs.replace(one, phase=ErasurePhase.DONE) for one in found.erasures)
        for report in found.reports:
            if state.jobs.get(report) is not None:
                state.jobs.mark_erased(report, now_ms)
                state.jobs.expire(report)
                state.jobs.record_removal(report)

    def clean(self, kind: PartKind, name: str, data: bytes) -> bytes:
        """The frames of a part without what is gone; empty when nothing is left."""
        if self._lines is None:
            return data
        lines = {PartKind.EVENTS: SegmentKind.EVENTS, PartKind.QUARANTINE: SegmentKind.QUARANTINE}.get(kind)
        return self._clean(kind_of(Path(name)) if lines is None else lines, name, data)

    def _clean(self, kind: SegmentKind, name: str, data: bytes) -> bytes:
        cleaned = None if self._lines is None else self._lines.clean(kind, data)
        if cleaned is None:
            return data
        self.left_out[name] += cleaned.removed
        return cleaned.data
