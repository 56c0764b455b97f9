"""Making a backup, while the service runs or while it does not."""

import time
from collections.abc import Iterator
from datetime import date
from functools import partial
from importlib.metadata import version
from itertools import groupby
from operator import itemgetter

import msgspec
from msgspec import Struct

from footfall.backup import manifest as manifests
from footfall.backup.errors import BackupRefused
from footfall.backup.identity import installation
from footfall.backup.manifest import Kind, Manifest, Part
from footfall.backup.means import UNLIMITED, Means, patiently
from footfall.backup.parts import Parts
from footfall.backup.place import Place
from footfall.backup.segments import read_aside, read_segments
from footfall.clock import Clock
from footfall.journal import Folder
from footfall.journal import Kind as SegmentKind
from footfall.node import node_name
from footfall.reports import file_path
from footfall.state import Job, JobStatus
from footfall.store import query

DAY_MS = 86_400_000
# The day of the Unix epoch, as `date` counts.
_EPOCH = date(1970, 1, 1).toordinal()
# How often it is looked whether the other nodes have come far enough.
_LOOK_S = 0.2


class Saved(Struct, frozen=True, kw_only=True):
    """A finished backup: what it holds, and how many bytes of it were new to the place."""

    manifest: Manifest
    written_bytes: int
    pruned: int


class _Row(Struct, frozen=True):
    """What of a job's row says whether there is a file; what was delivered to a destination is none of ours."""

    id: str
    status: JobStatus
    expired: bool
    destination: str | None = None


def back_up(place: Place, means: Means, clock: Clock) -> Saved:
    """Write a backup, or bring the one that lies at the place up to date; it counts only when all of it is there.

    Raises BackupRefused, PlaceFailed, and what the state and the store raise.
    """
    earlier = read_earlier(place)
    own = installation(means.state)
    if earlier is not None and earlier.installation != own:
        raise BackupRefused(f"{place.where} holds the backup of another installation: name another place")
    parts = Parts(place, earlier)
    manifest = Saving(means, parts, clock).save(own)
    parts.settle(manifest)
    place.put(manifests.NAME, manifests.write(manifest))
    place.settle()
    return Saved(manifest=manifest, written_bytes=parts.written_bytes, pruned=parts.prune(manifest))


def read_earlier(place: Place) -> Manifest | None:
    """The manifest of the backup that lies there. Raises BackupDamaged, BackupRefused, PlaceFailed."""
    data = place.read(manifests.NAME)
    return None if data is None else manifests.read(data)


class Saving:
    """One backup in the making; the order of the steps is what makes it consistent (see the room's docstring)."""

    def __init__(self, means: Means, parts: Parts, clock: Clock) -> None:
        self._means = means
        self._clock = clock
        self._parts = parts
        self._journal = Folder(means.settings.data / "journal")
        self._left_out: list[str] = []

    def save(self, own: str) -> Manifest:
        """Write all parts."""
        means = self._means
        means.store.migrate()
        watermark_ms = self._clock.now_ms()
        state = list(self._save_state(watermark_ms))
        quarantine_segments = list(self._save_segments(SegmentKind.QUARANTINE))
        self._wait_for_others(watermark_ms)
        quarantine = patiently(self._save_quarantine)
        self._wait_for_others(self._clock.now_ms())
        event_segments = list(self._save_segments(SegmentKind.EVENTS))
        events = list(self._save_events())
        aside = [self._parts.add(Kind.ASIDE, *segment) for segment in read_aside(means.settings.data / "aside")]
        segments = quarantine_segments + event_segments
        return Manifest(
            footfall=version("footfall"),
            installation=own,
            watermark_ms=watermark_ms,
            ended_ms=self._clock.now_ms(),
            plan=means.plan,
            state_revision=means.state.revision(),
            store_schema=applied_schema(means),
            days={day: sum(part.rows for part in group) for day, group in groupby(events, key=lambda part: part.name)},
            quarantined=sum(part.rows for part in quarantine),
            journal=tuple(part.name for part in segments),
            left_out=tuple(self._left_out),
            parts=(*state, *quarantine, *segments, *aside, *events),
        )

    def _save_state(self, watermark_ms: int) -> Iterator[Part]:
        """The rows of every table, then the files of the reports that are finished."""
        finished: list[str] = []
        with self._means.state.copy(watermark_ms) as rows:
            for table, group in groupby(rows, key=itemgetter(0)):
                lines = (line + b"\n" for _, line in group)
                noted = _note_finished(lines, finished) if table == "jobs" else lines
                yield from self._parts.add_lines(Kind.STATE, table, noted)
        self._means.progress.begin("report files", len(finished))
        for job_id in finished:
            job = self._means.state.job_get(job_id)
            if job is not None and not job.expired:
                yield from self._save_file(job)
            self._means.progress.step(1)

    def _save_file(self, job: Job) -> Iterator[Part]:
        path, files = file_path(job), self._means.files
        part = None
        if job.sha256 is not None and files.size(path) == job.bytes:
            part = self._parts.add_file(path, job.sha256, job.bytes, files.read(path, 0, job.bytes))
        if part is None:
            self._left_out.append(path)
        else:
            yield part

    def _save_segments(self, kind: SegmentKind) -> Iterator[Part]:
        for name, data in read_segments(self._journal, kind, self._clock):
            yield self._parts.add(Kind.JOURNAL, name, data)

    def _save_quarantine(self) -> list[Part]:
        with self._means.store.stream(query("backup_quarantine"), {}, UNLIMITED) as blocks:
            return list(self._parts.add_lines(Kind.QUARANTINE, "quarantine", blocks))

    def _save_events(self) -> Iterator[Part]:
        days = patiently(lambda: count_days(self._means))
        self._means.progress.begin("events", sum(days.values()))
        for day in days:
            yield from patiently(partial(self._save_day, day))
            self._means.progress.step(days[day])

    def _save_day(self, day: int) -> list[Part]:
        span = {"start": day * DAY_MS, "end": (day + 1) * DAY_MS - 1}
        with self._means.store.stream(query("backup_events"), span, UNLIMITED) as blocks:
            return list(self._parts.add_lines(Kind.EVENTS, day_name(day), blocks))

    def _wait_for_others(self, until_ms: int) -> None:
        """Wait till every other node has loaded what it acknowledged by then: its journal cannot be read from here."""
        wait_s = self._means.settings.report_barrier_timeout_s
        own, deadline_s = node_name(self._means.settings), time.monotonic() + wait_s
        while late := [
            node.node
            for node in self._means.state.node_list()
            if node.node != own and node.loaded_through_ms < until_ms
        ]:
            if time.monotonic() >= deadline_s:
                raise BackupRefused(
                    f"node {', '.join(late)} has not loaded its journal within {wait_s} s: without it the backup "
                    "would not be complete; start it, or move its data folder to another machine and start it there"
                )
            time.sleep(_LOOK_S)


def count_days(means: Means) -> dict[int, int]:
    """The events in the store by day, counted from the epoch."""
    return dict(means.store.rows(query("backup_days"), {}, UNLIMITED))


def day_name(day: int) -> str:
    """A day counted from the epoch as YYYY-MM-DD."""
    return date.fromordinal(_EPOCH + day).isoformat()


def applied_schema(means: Means) -> dict[str, str]:
    """Which schema files have been applied to the store, by number, each with its hash."""
    return {str(number): str(sha256) for number, sha256 in means.store.rows(query("migrations"), {})}


def _note_finished(lines: Iterator[bytes], finished: list[str]) -> Iterator[bytes]:
    for line in lines:
        row = msgspec.json.decode(line, type=_Row)
        if row.status is JobStatus.COMPLETE and not row.expired and row.destination is None:
            finished.append(row.id)
        yield line
