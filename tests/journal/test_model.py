"""The journal against a model disk: append, seal, fail, crash at any operation, recover; nothing acknowledged is lost.

The promises of `footfall.journal` are the invariants here. One limit: when a write fails and the disk refuses to cut it
off as well, the refused lines may survive a crash that follows; they are then `unknown`.
"""

import random
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from model_disk import Crash, ModelDisk

from footfall.journal import Damage, Folder, Frame, Journal, JournalError, recover, segment_pool, walk
from footfall.journal.frames import EncodedLines
from footfall.settings import Settings

FOLDER, ASIDE = Path("/journal"), Path("/aside")
FAULTS = st.lists(st.sampled_from([None, None, "crash", "eio", "short", "full"]), max_size=8)


class Ticking:
    """A clock that moves at every look."""

    def __init__(self) -> None:
        self.now = 1_000

    def now_ms(self) -> int:
        self.now += 1
        return self.now


def left_behind(disk: ModelDisk) -> list[Path]:
    """What is not sealed, in the order in which the loader has it recovered."""
    folder = Folder(FOLDER, disk)
    return [*folder.spares(), *folder.open()]


class JournalMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = Ticking()
        # Segments here have few frames, and spares shall have zeros all the same.
        self.frames_least, segment_pool.AHEAD_FRAMES_MIN = segment_pool.AHEAD_FRAMES_MIN, 1
        self.disk: ModelDisk | None = None
        self.count = 0
        self.acknowledged: list[int] = []
        self.refused: set[int] = set()
        self.unknown: set[int] = set()

    @rule(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        if self.disk is None:
            self.disk = ModelDisk(random.Random(seed))
            self.open()

    def teardown(self) -> None:
        segment_pool.AHEAD_FRAMES_MIN = self.frames_least

    def open(self) -> None:
        limits = Settings(segment_age_max_ms=10**9, segment_bytes_max=300, segment_ahead_bytes_max=400)
        self.journal = Journal(Folder(FOLDER, self.disk), limits, self.clock)

    def lines(self, number: int) -> EncodedLines:
        """One line, by turns an event, one that was quarantined, one that was released."""
        kinds = ("events", "quarantined", "events", "released")
        return EncodedLines(**{kinds[number % 4]: b'{"number":%d\t}\n' % number})

    def pass_time(self) -> None:
        """So much that the disk's room is looked up, and what it has refused is asked of it again."""
        self.journal._checked_s = self.journal._pool._retry_from_s = 0.0

    @rule(faults=FAULTS, lines=st.integers(1, 4))
    def append(self, faults: list[str | None], lines: int) -> None:
        if self.disk is None:
            return
        numbers = list(range(self.count, self.count + lines))
        self.count += lines
        self.disk.faults = list(faults)
        self.pass_time()
        try:
            self.journal._commit([self.lines(number) for number in numbers])
        except JournalError:
            (self.unknown if self.journal._pool.torn else self.refused).update(numbers)
        except Crash:
            self.unknown.update(numbers)
            self.crash()
        else:
            self.acknowledged += numbers
        self.disk.faults = []

    @rule(faults=FAULTS)
    def seal(self, faults: list[str | None]) -> None:
        if self.disk is None:
            return
        self.disk.faults = list(faults)
        self.pass_time()
        try:
            self.journal._maintain()
            self.journal._pool.maintain()
        except Crash:
            self.crash()
        self.disk.faults = []

    @rule()
    def crash(self) -> None:
        """The machine stops and starts again; recovery itself may be cut short by another crash."""
        if self.disk is None:
            return
        self.disk.crash()
        for path in left_behind(self.disk):
            recover(path, ASIDE, self.disk)
        assert not left_behind(self.disk)
        self.open()

    @rule(faults=FAULTS)
    def crash_and_recover_badly(self, faults: list[str | None]) -> None:
        if self.disk is None:
            return
        self.disk.crash()
        self.disk.faults = list(faults)
        try:
            for path in left_behind(self.disk):
                recover(path, ASIDE, self.disk)
        except (Crash, OSError):
            pass
        self.crash()

    @invariant()
    def every_acknowledged_line_is_there_once_and_no_refused_one(self) -> None:
        if self.disk is None:
            return
        found: list[int] = []
        for path in (*left_behind(self.disk), *Folder(FOLDER, self.disk).sealed()):
            parts = list(walk(self.disk.read(path)))
            if path.name.endswith(".jsonl.zst"):
                assert not any(isinstance(part, Damage) for part in parts), path
            for part in parts:
                if isinstance(part, Frame):
                    found += [int(line[10:].split(b",")[0]) for line in part.lines.splitlines()]
        assert len(found) == len(set(found))
        assert set(self.acknowledged) <= set(found)
        assert set(found) <= set(self.acknowledged) | self.unknown
        assert not self.disk.names(ASIDE)


JournalMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestJournal = JournalMachine.TestCase
