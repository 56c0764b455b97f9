"""Loaded segments, kept by day: the archive, the list of what should be in it, and what may be forgotten."""

import contextlib
import errno
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from footfall.journal import OPEN, SEALED, Disk, SegmentKind, kind_of
from footfall.loading.packing import free_name, pack, reduce
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query
from footfall.system import files
from footfall.system.files import sync_data
from footfall.windows import DAY_MS
from footfall.wire import Standing

_GONE = "-"


class Inventory:
    """Lists of the segments that the archive should hold, so that a lost file is noticed. Everything raises OSError.

    The folder stands beside the archive, which may be on a disk of its own and be lost as a whole. It has a file a day,
    to which any process may append: a line for each segment that came, and one that starts with `-` for each that was
    removed on purpose. A segment is listed after it came, and taken off the list before it goes: a crash in between
    leaves a file that is not listed, and raises no alarm.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, day: str, names: Iterable[str]) -> None:
        """List segments that have come."""
        self._append(day, names)

    def remove(self, day: str, names: Iterable[str]) -> None:
        """Take segments off the list; durable when this returns, so that they may go."""
        self._append(day, (f"{_GONE}{name}" for name in names), durable=True)

    def forget(self, day: str) -> None:
        """The day is over and done with."""
        (self._path / day).unlink(missing_ok=True)

    def days(self) -> list[str]:
        """The days that have a list, in order."""
        return sorted(path.name for path in self._path.iterdir()) if self._path.is_dir() else []

    def names(self, day: str) -> set[str]:
        """The segments that a day should have."""
        try:
            text = (self._path / day).read_text("utf-8", "replace")
        except FileNotFoundError:
            return set()
        found: set[str] = set()
        for line in text.split("\n"):
            # A crash may have cut the last line of a process.
            if not line.endswith((SEALED, OPEN)):
                continue
            if line.startswith(_GONE):
                found.discard(line.removeprefix(_GONE))
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


# Loaded segments, kept by day so that the store can be rebuilt from them, and forgotten after a set time.


# The number of days that means for ever.
FOR_EVER = -1
# Bytes that are held at once of a segment that is copied to another disk.
_COPY_BYTES = 1024 * 1024
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


# Of the lines of a segment those that have to stay.
Needed = Callable[[bytes], bytes]


def _all(lines: bytes) -> bytes:
    return lines


class Archive:
    """A folder of folders, one a day (UTC, by the segments' opening time).

    `days` 0 keeps nothing, FOR_EVER keeps everything; what is held in quarantine stays for as long as it is held. The
    archive may stand on a disk of its own.
    """

    def __init__(self, path: Path, days: int, disk: Disk | None = None) -> None:
        self.path = path
        self._days = days
        self._disk = disk or Disk()
        self.inventory = Inventory(path.with_name("inventory"))
        self._is_listed = False
        # The first day that was kept when days were last removed.
        self._pruned = ""
        # Past days that have nothing to pack, and when something last came or went there.
        self._packed: dict[str, int] = {}

    def take(self, segment: Path) -> None:
        """Move a loaded segment here, or remove it where nothing is kept. Raises OSError, and leaves it then."""
        if self._days == 0:
            segment.unlink()
            return
        day = self.path / day_of(opened_ms(segment))
        if not day.is_dir():
            self._disk.make_folder(day)
            self._disk.sync_folder(self.path)
        target = free_name(day / segment.name)
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

    def prune(self, now_ms: int, needed: Needed = _all) -> int:
        """Remove the days that are older than may be kept, once a day; returns how many days are gone.

        Of the segments of quarantine `needed` gives the lines that have to stay, because an event may be held for
        longer. Somebody who reads the archive is not disturbed: then nothing is removed this time. Raises OSError.
        """
        self._list()
        if self._days == FOR_EVER:
            return 0
        oldest = day_of(now_ms - self._days * DAY_MS)
        if self._pruned == oldest:
            return 0
        past = [day for day in self.days() if day.name < oldest]
        with self._lock() as locked:
            if not locked:
                return 0
            gone = sum(self._clear(day, needed) for day in past)
            self._forget(oldest)
        self._pruned = oldest
        return gone

    def lost(self) -> list[Path]:
        """The segments that are listed and not there, oldest first."""
        there = {day.name: {path.name for path in day.iterdir()} for day in self.days()}
        return [
            self.path / day / name
            for day in self.inventory.days()
            for name in sorted(self.inventory.names(day) - there.get(day, set()))
        ]

    def _list(self) -> None:
        """List, once, what came before there was a list, or without a word of it because of a crash."""
        if not self._is_listed:
            for day in self.days():
                there = {path.name for path in day.iterdir() if path.name.endswith((SEALED, OPEN))}
                self.inventory.add(day.name, sorted(there - self.inventory.names(day.name)))
            self._is_listed = True

    def _clear(self, day: Path, needed: Needed) -> bool:
        """Remove what is not needed of a day, and the day itself where nothing is."""
        everything = sorted(day.iterdir())
        gone = [path for path in everything if not self._is_needed(path, needed)]
        self.inventory.remove(day.name, (path.name for path in gone))
        for path in gone:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        if len(gone) < len(everything):
            return False
        day.rmdir()
        return True

    def _is_needed(self, path: Path, needed: Needed) -> bool:
        return path.is_file() and kind_of(path) is SegmentKind.QUARANTINE and reduce(path, needed, self._disk)

    def _forget(self, oldest: str) -> None:
        """Remove the lists of days that are past; one stays whose segments of quarantine should be there."""
        for day in self.inventory.days():
            if day < oldest and not any(
                kind_of(Path(name)) is SegmentKind.QUARANTINE for name in self.inventory.names(day)
            ):
                self.inventory.forget(day)

    def pack(self, now_ms: int) -> int:
        """Make one large segment of many small ones of a past day; gives how many there are less, 0 when none is left.

        Somebody who reads the archive is not disturbed: then it goes on another time. Raises OSError.
        """
        for day in self.days():
            changed_ns = day.stat().st_mtime_ns
            if day.name >= day_of(now_ms) or self._packed.get(day.name) == changed_ns:
                continue
            with self._lock() as locked:
                if not locked:
                    return 0
                for kind in SegmentKind:
                    if less := pack(day, kind, self._disk, self._replace):
                        return less
            self._packed[day.name] = changed_ns
        return 0

    def _replace(self, made: Path, sources: list[Path]) -> None:
        self.inventory.add(made.parent.name, [made.name])
        self.inventory.remove(made.parent.name, [source.name for source in sources])

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Until the end of the block no segment leaves the archive; new ones may come."""
        with self._lock(within_s=None, shared=True):
            yield

    @contextlib.contextmanager
    def _lock(self, within_s: float | None = 0, *, shared: bool = False) -> Iterator[bool]:
        """Lock the folder itself; gives whether that was possible, or needless because there is none."""
        with contextlib.ExitStack() as stack:
            try:
                locked = stack.enter_context(files.lock_folder(self.path, within_s, shared=shared))
            except FileNotFoundError:
                locked = True
            yield locked

    def _copy(self, segment: Path, target: Path) -> None:
        """Move a segment to another disk; a crash in between leaves both, and loading twice counts once."""
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


def opened_ms(segment: Path) -> int:
    """When a segment was opened, as its name says: nothing in it was stamped before."""
    return int(segment.name.split("-", 1)[0])


def day_of(time_ms: int) -> str:
    """The day (UTC) of a time, as its folder is called."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")


# Which archived lines of quarantine are still needed past their day: those that a record would come back from.
#
# An event that is held is nowhere else, however long it is held, and what was released or dropped must not come back as
# held. So the archive keeps, of each record, the lines of the state in which it is now. A line that holds the content
# of an event that was dropped or released since is not among them, and goes when its day does.


# Batches whose records the store is asked for at once.
_BATCHES_MAX = 1_000
_RANKS = {state.value: rank for rank, state in enumerate(Standing, start=1)}


class _Line(Struct):
    batch: uuid.UUID
    sequence: int
    state: str = Standing.HELD.value


_decoder = msgspec.json.Decoder(_Line)


class Retention:
    """Asks the store; while that is away, and of records that it does not know, everything is needed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def needed(self, lines: bytes) -> bytes:
        """Of the lines of a segment of quarantine those that are still needed, in their order."""
        whole = lines.splitlines(keepends=True)
        try:
            read = _decoder.decode_lines(lines)
            standing = dict(self._standing(list({str(line.batch) for line in read})))
        except (msgspec.MsgspecError, StoreUnavailable, StoreTimeout, StoreFailed):
            return lines
        return b"".join(
            text
            for text, line in zip(whole, read, strict=True)
            if standing.get((str(line.batch), line.sequence), 0) <= _RANKS.get(line.state, 0)
        )

    def _standing(self, batches: list[str]) -> Iterator[tuple[tuple[str, int], int]]:
        for at in range(0, len(batches), _BATCHES_MAX):
            wanted = {"batches": batches[at : at + _BATCHES_MAX]}
            for batch, sequence, state in self._store.rows(query("quarantine_standing"), wanted):
                yield (str(batch), int(sequence)), _RANKS[state]
