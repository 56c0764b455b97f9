"""Makes a backup, whether the service runs or not. Parts that an earlier backup has written are not written again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import date
from functools import partial
from importlib.metadata import version
from itertools import groupby
from operator import itemgetter

import msgspec
from msgspec import Struct

from footfall.backup import manifest as manifests
from footfall.backup.data_folder import read_aside, read_segments
from footfall.backup.dependencies import UNLIMITED, BackupDependencies, retry
from footfall.backup.errors import BackupRefused
from footfall.backup.location import BackupLocation, part_name
from footfall.backup.manifest import BackupManifest, BackupPart, PartKind, installation_id
from footfall.backup.tombstones import leave_tombstones
from footfall.journal import Folder, SegmentKind
from footfall.reports import file_path
from footfall.state import Job, JobStatus
from footfall.store import query
from footfall.system import zstd
from footfall.system.clock import Clock
from footfall.system.data_folder import node_name
from footfall.system.waiting import wait_until
from footfall.windows import DAY_MS
from footfall.wording import are, count_of

# Bytes of lines of one part. A restore loads each part at once, like a segment (segment_lines_bytes_max).
PIECE_BYTES = 32 * 1024 * 1024
_OPTIONS: dict[int, int] = {zstd.CompressionParameter.compression_level: 3, zstd.CompressionParameter.checksum_flag: 1}


def split_lines(blocks: Iterable[bytes], most: int = PIECE_BYTES) -> Iterator[tuple[bytes, int]]:
    """Pieces of whole lines, about `most` bytes each, with their numbers of lines; blocks may end within a line."""
    waiting = bytearray()
    for block in blocks:
        waiting += block
        if len(waiting) >= most:
            end = waiting.rfind(b"\n") + 1
            if end:
                yield _piece(waiting[:end])
                del waiting[:end]
    assert not waiting or waiting.endswith(b"\n")  # noqa: S101 - our own mistake
    if waiting:
        yield _piece(waiting)


def compress_lines(lines: bytes) -> bytes:
    """One zstd frame; the same lines give the same bytes."""
    return zstd.compress(lines, options=_OPTIONS)


def decompress_lines(data: bytes) -> list[bytes]:
    """The lines of a frame, without their newlines."""
    return zstd.ZstdDecompressor().decompress(data).splitlines()


def _piece(lines: bytearray) -> tuple[bytes, int]:
    return bytes(lines), lines.count(b"\n")


class PartWriter:
    """Writes parts under the SHA-256 of their content, but not those that the location has already."""

    def __init__(self, location: BackupLocation, earlier: BackupManifest | None) -> None:
        self._location = location
        present = location.sizes()
        # In a folder, a part that no manifest names may be from a run that a power cut ended, and be empty on the disk.
        named = {} if earlier is None else earlier.sizes
        self._present = present if location.lists_only_durable else dict(present.items() & named.items())
        self.written_bytes = 0

    def add(self, kind: PartKind, name: str, data: bytes, rows: int = 0) -> BackupPart:
        """Write one part."""
        part = BackupPart(kind, name, hashlib.sha256(data).hexdigest(), len(data), rows)
        if self._is_new(part):
            self._location.put(part_name(part.sha256), data)
            self._note(part)
        return part

    def add_lines(self, kind: PartKind, name: str, blocks: Iterable[bytes]) -> Iterator[BackupPart]:
        """Write lines in as many parts as they need."""
        for lines, rows in split_lines(blocks):
            yield self.add(kind, name, compress_lines(lines), rows)

    def add_file(self, path: str, sha256: str, size: int, blocks: AsyncIterator[bytes]) -> BackupPart | None:
        """Write a file of any size whose hash is known; None, and nothing is written, when the hash differs."""
        part = BackupPart(PartKind.FILE, path, sha256, size)
        if self._is_new(part):
            try:
                asyncio.run(self._location.put_blocks(part_name(sha256), _checked(blocks, sha256)))
            except _Changed:
                return None
            self._note(part)
        return part

    def sync(self, manifest: BackupManifest) -> None:
        """Make all parts of a manifest durable; raises BackupRefused when one was removed meanwhile."""
        self._location.sync()
        present = self._location.sizes()
        if gone := [sha256 for sha256, size in manifest.sizes.items() if present.get(sha256) != size]:
            raise BackupRefused(
                f"{count_of(len(gone), 'part')} written to {self._location.where} {are(len(gone))} gone: "
                "does another backup write to the same place?"
            )

    def prune(self, manifest: BackupManifest) -> int:
        """Remove the parts that the manifest does not name; returns their number."""
        stale = self._location.sizes().keys() - manifest.sizes.keys()
        if stale:
            self._location.delete(map(part_name, sorted(stale)))
        return len(stale)

    def _is_new(self, part: BackupPart) -> bool:
        return self._present.get(part.sha256) != part.size

    def _note(self, part: BackupPart) -> None:
        self._present[part.sha256] = part.size
        self.written_bytes += part.size


class _Changed(Exception):
    """The content does not have the expected hash."""


async def _checked(blocks: AsyncIterator[bytes], sha256: str) -> AsyncIterator[bytes]:
    """The blocks; raises _Changed at their end when they do not have this hash."""
    digest = hashlib.sha256()
    async for block in blocks:
        digest.update(block)
        yield block
    if digest.hexdigest() != sha256:
        raise _Changed(sha256)


# The day of the Unix epoch, as `date` counts.
_EPOCH = date(1970, 1, 1).toordinal()
# How often the other nodes are asked whether they have loaded far enough.
_POLL_PERIOD_S = 0.2


class BackupResult(Struct, frozen=True, kw_only=True):
    """A finished backup: its manifest, how many bytes were written, and how many old parts were removed."""

    manifest: BackupManifest
    written_bytes: int
    pruned: int


class _JobRow(Struct, frozen=True):
    """The columns of a job that say whether it has a file here; files at destinations are not backed up."""

    id: str
    status: JobStatus
    expired: bool
    destination: str | None = None


def back_up(location: BackupLocation, dependencies: BackupDependencies, clock: Clock) -> BackupResult:
    """Write a backup, or update the one in this location. It is valid only once its manifest is written.

    Raises BackupRefused, LocationFailed, and what the state and the store raise.
    """
    earlier = read_earlier_manifest(location)
    own = installation_id(dependencies.state)
    if earlier is not None and earlier.installation != own:
        raise BackupRefused(f"{location.where} holds the backup of another installation: name another place")
    parts = PartWriter(location, earlier)
    # Before the first part: what a backup that fails leaves there may have a person too.
    dependencies.state.erasures.note_backup(location.name)
    manifest = BackupRun(dependencies, parts, clock).save(own)
    parts.sync(manifest)
    location.put(manifests.MANIFEST_NAME, manifests.write_manifest(manifest))
    location.sync()
    if dependencies.state.erasures.version() != (0, 0):
        # Somebody may have been erased while their events were copied, when there was no backup here to mark.
        leave_tombstones(location, dependencies.state)
    return BackupResult(manifest=manifest, written_bytes=parts.written_bytes, pruned=parts.prune(manifest))


def read_earlier_manifest(location: BackupLocation) -> BackupManifest | None:
    """The manifest of the backup in this location, if any. Raises BackupDamaged, BackupRefused, LocationFailed."""
    data = location.read(manifests.MANIFEST_NAME)
    return None if data is None else manifests.read_manifest(data)


class BackupRun:
    """One run of a backup; the order of its steps makes it consistent (see the package's docstring)."""

    def __init__(self, dependencies: BackupDependencies, parts: PartWriter, clock: Clock) -> None:
        self._dependencies = dependencies
        self._clock = clock
        self._parts = parts
        self._journal = Folder(dependencies.settings.data / "journal")
        self._left_out: list[str] = []

    def save(self, own: str) -> BackupManifest:
        """Write all parts."""
        dependencies = self._dependencies
        dependencies.store.migrate()
        watermark_ms = self._clock.now_ms()
        state = list(self._save_state(watermark_ms))
        quarantine_segments = list(self._save_segments(SegmentKind.QUARANTINE))
        self._wait_for_others(watermark_ms)
        quarantine = retry(self._save_quarantine)
        self._wait_for_others(self._clock.now_ms())
        event_segments = list(self._save_segments(SegmentKind.EVENTS))
        events = list(self._save_events())
        aside = [
            self._parts.add(PartKind.ASIDE, *segment) for segment in read_aside(dependencies.settings.data / "aside")
        ]
        segments = quarantine_segments + event_segments
        return BackupManifest(
            footfall=version("footfall"),
            installation=own,
            watermark_ms=watermark_ms,
            ended_ms=self._clock.now_ms(),
            plan=dependencies.plan,
            state_revision=dependencies.state.revision(),
            store_schema=applied_schema(dependencies),
            days={day: sum(part.rows for part in group) for day, group in groupby(events, key=lambda part: part.name)},
            quarantined=sum(part.rows for part in quarantine),
            journal=tuple(part.name for part in segments),
            left_out=tuple(self._left_out),
            parts=(*state, *quarantine, *segments, *aside, *events),
        )

    def _save_state(self, watermark_ms: int) -> Iterator[BackupPart]:
        """The rows of every table, then the files of the finished reports."""
        finished: list[str] = []
        with self._dependencies.state.copy(watermark_ms) as rows:
            for table, group in groupby(rows, key=itemgetter(0)):
                lines = (line + b"\n" for _, line in group)
                noted = _note_finished(lines, finished) if table == "jobs" else lines
                yield from self._parts.add_lines(PartKind.STATE, table, noted)
        self._dependencies.progress.begin("report files", len(finished))
        for job_id in finished:
            job = self._dependencies.state.jobs.get(job_id)
            if job is not None and not job.expired:
                yield from self._save_file(job)
            self._dependencies.progress.step(1)

    def _save_file(self, job: Job) -> Iterator[BackupPart]:
        path, files = file_path(job), self._dependencies.files
        part = None
        if job.sha256 is not None and files.size(path) == job.bytes:
            part = self._parts.add_file(path, job.sha256, job.bytes, files.read(path, 0, job.bytes))
        if part is None:
            self._left_out.append(path)
        else:
            yield part

    def _save_segments(self, kind: SegmentKind) -> Iterator[BackupPart]:
        for name, data in read_segments(self._journal, kind, self._clock):
            yield self._parts.add(PartKind.JOURNAL, name, data)

    def _save_quarantine(self) -> list[BackupPart]:
        with self._dependencies.store.stream(query("backup_quarantine"), {}, UNLIMITED) as blocks:
            return list(self._parts.add_lines(PartKind.QUARANTINE, "quarantine", blocks))

    def _save_events(self) -> Iterator[BackupPart]:
        days = retry(lambda: count_days(self._dependencies))
        self._dependencies.progress.begin("events", sum(days.values()))
        for day in days:
            yield from retry(partial(self._save_day, day))
            self._dependencies.progress.step(days[day])

    def _save_day(self, day: int) -> list[BackupPart]:
        span = {"start": day * DAY_MS, "end": (day + 1) * DAY_MS - 1}
        with self._dependencies.store.stream(query("backup_events"), span, UNLIMITED) as blocks:
            return list(self._parts.add_lines(PartKind.EVENTS, day_name(day), blocks))

    def _wait_for_others(self, until_ms: int) -> None:
        """Wait until every other node has loaded what it acknowledged by then: its journal cannot be read from here."""
        wait_s = self._dependencies.settings.report_barrier_timeout_s
        own = node_name(self._dependencies.settings)
        late: list[str] = []

        def have_loaded() -> bool:
            others = (node for node in self._dependencies.state.nodes.all() if node.node != own)
            late[:] = [node.node for node in others if node.loaded_through_ms < until_ms]
            return not late

        if not wait_until(have_loaded, wait_s, _POLL_PERIOD_S):
            raise BackupRefused(
                f"node {', '.join(late)} has not loaded its journal within {wait_s} s: without it the backup "
                "would not be complete; start it, or move its data folder to another machine and start it there"
            )


def count_days(dependencies: BackupDependencies) -> dict[int, int]:
    """The events in the store by day, counted from the epoch."""
    return dict(dependencies.store.rows(query("backup_days"), {}, UNLIMITED))


def day_name(day: int) -> str:
    """A day counted from the epoch as YYYY-MM-DD."""
    return date.fromordinal(_EPOCH + day).isoformat()


def applied_schema(dependencies: BackupDependencies) -> dict[str, str]:
    """The hashes of the schema files that were applied to the store, by number."""
    return {str(number): str(sha256) for number, sha256 in dependencies.store.rows(query("migrations"), {})}


def _note_finished(lines: Iterator[bytes], finished: list[str]) -> Iterator[bytes]:
    for line in lines:
        row = msgspec.json.decode(line, type=_JobRow)
        if row.status is JobStatus.COMPLETE and not row.expired and row.destination is None:
            finished.append(row.id)
        yield line
