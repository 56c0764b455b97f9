"""The archive of loaded segments by day, the inventory of what it should hold, and the retention of quarantine."""

import contextlib
import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from footfall.journal import OPEN, SEALED, Disk, SegmentKind, kind_of, opened_ms
from footfall.loading.packing import LineFilter, keep_needed_lines, pack_day, unused_path
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query
from footfall.system import files
from footfall.system.files import sync_data
from footfall.windows import DAY_MS
from footfall.wire import Standing

# What an inventory has before the name of a segment that was removed.
_REMOVED = "-"
# The number of days that means for ever.
FOR_EVER = -1
# Bytes that are in memory at once of a segment that is copied to another disk.
_COPY_BYTES = 1024 * 1024
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
# Batches about whose records the store is asked at once.
_BATCHES_MAX = 1_000
_RANKS = {state.value: rank for rank, state in enumerate(Standing, start=1)}


class Inventory:
    """Lists of the segments that the archive should hold, so that a lost file is noticed. Everything raises OSError.

    Its folder is beside the archive, which may be on a disk of its own and be lost as a whole. It has a file for each
    day, to which any process may append: a line for each segment that was added, and one that starts with `-` for each
    that was removed on purpose. A segment is listed after it was added, and unlisted before it is removed. A crash in
    between leaves a file that is not listed, which raises no alarm.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, day: str, names: Iterable[str]) -> None:
        """List segments that were added."""
        self._append(day, names)

    def remove(self, day: str, names: Iterable[str]) -> None:
        """Unlist segments, durably when this returns, so that they may be removed."""
        self._append(day, (f"{_REMOVED}{name}" for name in names), durable=True)

    def remove_day(self, day: str) -> None:
        """Remove the list of a day."""
        (self._path / day).unlink(missing_ok=True)

    def days(self) -> list[str]:
        """The days that have a list, in order."""
        return sorted(path.name for path in self._path.iterdir()) if self._path.is_dir() else []

    def names(self, day: str) -> set[str]:
        """The names of the segments that a day should have."""
        try:
            text = (self._path / day).read_text("utf-8", "replace")
        except FileNotFoundError:
            return set()
        found: set[str] = set()
        for line in text.split("\n"):
            # A crash may have cut the last line of a process.
            if not line.endswith((SEALED, OPEN)):
                continue
            if line.startswith(_REMOVED):
                found.discard(line.removeprefix(_REMOVED))
            else:
                found.add(line)
        return found

    def _append(self, day: str, names: Iterable[str], *, durable: bool = False) -> None:
        # The first line end closes what a crash may have cut.
        text = "".join(f"\n{name}\n" for name in names)
        if not text:
            return
        files.make_folder(self._path)
        file = files.open_file(self._path / day, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, text.encode())
            if durable:
                sync_data(file)
        finally:
            os.close(file)


def _keep_all(lines: bytes) -> bytes:
    return lines


class Archive:
    """A folder with a folder for each day (UTC, by the segments' opening time), from which the store can be rebuilt.

    `days` 0 keeps nothing, FOR_EVER keeps everything. Events in quarantine stay for as long as they are held. The
    archive may be on a disk of its own.
    """

    def __init__(self, path: Path, days: int, disk: Disk | None = None) -> None:
        self.path = path
        self._days = days
        self._disk = disk or Disk()
        self.inventory = Inventory(path.with_name("inventory"))
        self._is_inventory_complete = False
        # The first day that was kept when days were last removed.
        self._pruned_before = ""
        # Past days that have nothing to pack, with the time in ns of the last change of their folders.
        self._packed: dict[str, int] = {}

    def add(self, segment: Path) -> None:
        """Move a loaded segment here, or remove it if nothing is kept. Raises OSError, and leaves the segment then."""
        if self._days == 0:
            segment.unlink()
            return
        day = self.path / day_of(opened_ms(segment))
        if not day.is_dir():
            self._disk.make_folder(day)
            self._disk.sync_folder(self.path)
        target = unused_path(day / segment.name)
        try:
            self._disk.rename(segment, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(segment, target)
        self._disk.sync_folder(day)
        self.inventory.add(day.name, [target.name])

    def days(self) -> list[Path]:
        """The folders of the days, oldest first."""
        if not self.path.is_dir():
            return []
        return sorted(day for day in self.path.iterdir() if day.is_dir() and _DAY.fullmatch(day.name))

    def prune(self, now_ms: int, needed: LineFilter = _keep_all) -> int:
        """Remove the days that are older than the archive keeps, once a day; returns how many days were removed.

        `needed` gives the lines of a segment of quarantine that must stay, because an event may be held for longer.
        Removes nothing while another process reads the archive. Raises OSError.
        """
        self._complete_inventory()
        if self._days == FOR_EVER:
            return 0
        oldest = day_of(now_ms - self._days * DAY_MS)
        if self._pruned_before == oldest:
            return 0
        past = [day for day in self.days() if day.name < oldest]
        with self._lock() as locked:
            if not locked:
                return 0
            removed = sum(self._prune_day(day, needed) for day in past)
            self._prune_inventory(oldest)
        self._pruned_before = oldest
        return removed

    def missing(self) -> list[Path]:
        """The segments that the inventory lists and the archive does not have, oldest first."""
        present = {day.name: {path.name for path in day.iterdir()} for day in self.days()}
        return [
            self.path / day / name
            for day in self.inventory.days()
            for name in sorted(self.inventory.names(day) - present.get(day, set()))
        ]

    def _complete_inventory(self) -> None:
        """List, once, the segments that are not listed: from before there was an inventory, or after a crash."""
        if not self._is_inventory_complete:
            for day in self.days():
                present = {path.name for path in day.iterdir() if path.name.endswith((SEALED, OPEN))}
                self.inventory.add(day.name, sorted(present - self.inventory.names(day.name)))
            self._is_inventory_complete = True

    def _prune_day(self, day: Path, needed: LineFilter) -> bool:
        """Remove the files of a day that are not needed; returns whether the day itself was removed."""
        everything = sorted(day.iterdir())
        unneeded = [path for path in everything if not self._is_needed(path, needed)]
        self.inventory.remove(day.name, (path.name for path in unneeded))
        for path in unneeded:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        if len(unneeded) < len(everything):
            return False
        day.rmdir()
        return True

    def _is_needed(self, path: Path, needed: LineFilter) -> bool:
        return (
            path.is_file() and kind_of(path) is SegmentKind.QUARANTINE and keep_needed_lines(path, needed, self._disk)
        )

    def _prune_inventory(self, oldest: str) -> None:
        """Remove the lists of the days before `oldest`, but not of a day that should have segments of quarantine."""
        for day in self.inventory.days():
            if day < oldest and not any(
                kind_of(Path(name)) is SegmentKind.QUARANTINE for name in self.inventory.names(day)
            ):
                self.inventory.remove_day(day)

    def pack(self, now_ms: int) -> int:
        """Make one large segment of many small ones of a past day; returns how many fewer there are, 0 in the end.

        Does nothing while another process reads the archive. Raises OSError.
        """
        for day in self.days():
            changed_ns = day.stat().st_mtime_ns
            if day.name >= day_of(now_ms) or self._packed.get(day.name) == changed_ns:
                continue
            with self._lock() as locked:
                if not locked:
                    return 0
                for kind in SegmentKind:
                    if fewer := pack_day(day, kind, self._disk, self._replace):
                        return fewer
            self._packed[day.name] = changed_ns
        return 0

    def _replace(self, pack: Path, sources: list[Path]) -> None:
        self.inventory.add(pack.parent.name, [pack.name])
        self.inventory.remove(pack.parent.name, [source.name for source in sources])

    @contextlib.contextmanager
    def without_removals(self) -> Iterator[None]:
        """Until the end of the block no segment is removed from the archive; new ones may be added."""
        with self._lock(within_s=None, shared=True):
            yield

    @contextlib.contextmanager
    def rewriting(self, within_s: float | None = None) -> Iterator[bool]:
        """Until the end of the block the caller alone changes or removes archived segments; new ones may be added.

        Yields False when others have read or changed them for all of `within_s`; None waits for as long as they do.
        """
        with self._lock(within_s) as is_ours:
            yield is_ours

    @contextlib.contextmanager
    def _lock(self, within_s: float | None = 0, *, shared: bool = False) -> Iterator[bool]:
        """Lock the archive's folder; yields whether it is locked, or there is none."""
        with contextlib.ExitStack() as stack:
            try:
                locked = stack.enter_context(files.lock_folder(self.path, within_s, shared=shared))
            except FileNotFoundError:
                locked = True
            yield locked

    def _copy(self, segment: Path, target: Path) -> None:
        """Move a segment to another disk. A crash in between leaves both files, and loading both counts once."""
        draft = target.with_name(f"{target.name}.draft")
        try:
            with segment.open("rb") as source:
                self._disk.write_file(draft, iter(lambda: source.read(_COPY_BYTES), b""))
            self._disk.rename(draft, target)
        except OSError:
            # The disk may be full, and half a copy would keep it so.
            draft.unlink(missing_ok=True)
            raise
        self._disk.remove(segment)


def day_of(time_ms: int) -> str:
    """The name of the folder of the day (UTC) that a time is in."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")


class _Line(Struct):
    batch: uuid.UUID
    sequence: int
    state: str = Standing.HELD.value


_decoder = msgspec.json.Decoder(_Line)


class Retention:
    """Decides which archived lines of quarantine are needed although their day is past, for a rebuild of the store.

    The archive has the only other copy of an event that is held, and a rebuild must not bring back as held one that was
    released or dropped. So the lines of each record's current state are needed, and earlier ones are not: they hold the
    content of events that were dropped. Everything is needed while the store is unavailable, or does not know a record.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def needed(self, lines: bytes) -> bytes:
        """The lines of a segment of quarantine that are still needed, in their order."""
        whole = lines.splitlines(keepends=True)
        try:
            decoded = _decoder.decode_lines(lines)
            current = dict(self._current_states(list({str(line.batch) for line in decoded})))
        except (msgspec.MsgspecError, StoreUnavailable, StoreTimeout, StoreFailed):
            return lines
        return b"".join(
            text
            for text, line in zip(whole, decoded, strict=True)
            if current.get((str(line.batch), line.sequence), 0) <= _RANKS.get(line.state, 0)
        )

    def _current_states(self, batches: list[str]) -> Iterator[tuple[tuple[str, int], int]]:
        for at in range(0, len(batches), _BATCHES_MAX):
            wanted = {"batches": batches[at : at + _BATCHES_MAX]}
            for batch, sequence, state in self._store.rows(query("quarantine_standing"), wanted):
                yield (str(batch), int(sequence)), _RANKS[state]
