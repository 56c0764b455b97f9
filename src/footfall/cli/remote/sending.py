"""Sends a file: reads, cuts, delivers, and writes down how far it is, in the order of the file."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Final

import click
from msgspec import Struct

from footfall.cli.remote.cutting import FileBatch, cut
from footfall.cli.remote.delivery import CannotDeliver, Delivered, Delivery, DeliveryStopped, outcome
from footfall.cli.remote.display import LiveLine, bar, size
from footfall.cli.remote.event_files import STDIN, LineFile
from footfall.cli.remote.event_rows import FileRow
from footfall.cli.remote.interrupts import Interrupts
from footfall.cli.remote.rejects_file import RejectsFile
from footfall.cli.remote.sent_state import SentProgress, SentState
from footfall.wording import count_of, plain

# Batches ahead of the oldest one without an answer, for each connection: what is read ahead stays small.
_AHEAD: Final = 4
_LOOK_S: Final = 0.1
_SAVE_S: Final = 0.5
# How long Ctrl-C waits for the answers of what is under way.
_DRAIN_S: Final = 5.0

MakeRows = Callable[[Iterable[bytes]], Iterable[FileRow]]


class Sending(Struct, frozen=True):
    """How a file is sent."""

    name: str
    rows: MakeRows
    signature: bytes
    rejects: Path
    connections: int
    anew: bool


class Outcome(Struct, frozen=True):
    """What became of a file. `sent_before` are the events of earlier runs; the others are this run's."""

    file: str
    sent: int = 0
    quarantined: int = 0
    refused: int = 0
    sent_before: int = 0
    retries: int = 0
    seconds: float = 0.0
    rejects: str | None = None
    is_whole: bool = True


def send_file(sending: Sending, url: str, delivery: Delivery, line: LiveLine) -> Outcome:
    """Send a file to its end, or until Ctrl-C. Raises CannotDeliver; what was answered until then is written down."""
    state = SentState(url, sending.name, sending.signature)
    with state.held():
        before = SentProgress() if sending.anew else state.read()
        if before.end and not _is_same(sending, before):
            line.say(f"{sending.name} has changed since it was sent up to byte {before.end:,}: sending all of it")
            before = SentProgress()
        with LineFile(sending.name) as file, RejectsFile(sending.rejects, sending.name) as rejects:
            return _Run(sending, file, before, state, rejects, delivery, line).run()


def _is_same(sending: Sending, before: SentProgress) -> bool:
    """Whether the file still begins with what was sent of it."""
    with LineFile(sending.name) as file:
        for batch in cut(sending.rows(file.lines()), sending.signature, before.end):
            if batch.end >= before.end:
                return (batch.end, batch.digest) == (before.end, before.digest)
    return False


class _Run:
    def __init__(
        self,
        sending: Sending,
        file: LineFile,
        before: SentProgress,
        state: SentState,
        rejects: RejectsFile,
        delivery: Delivery,
        line: LiveLine,
    ) -> None:
        self._sending = sending
        self._file = file
        self._before = before
        self._state = state
        self._rejects = rejects
        self._delivery = delivery
        self._line = line
        self._running: deque[Future[Delivered]] = deque()
        self._interrupts = Interrupts()
        self._is_whole = True
        self._now = before
        self._begun = self._saved = time.monotonic()

    def run(self) -> Outcome:
        try:
            with self._interrupts:
                self._send_all()
        finally:
            self._state.write(self._now)
            self._line.clear()
        now, before = self._now, self._before
        return Outcome(
            file=self._sending.name,
            sent=now.accepted - before.accepted,
            quarantined=now.quarantined - before.quarantined,
            refused=now.refused - before.refused,
            sent_before=before.accepted,
            retries=self._delivery.retries,
            seconds=round(time.monotonic() - self._begun, 3),
            rejects=str(self._rejects.place) if now.refused else None,
            is_whole=self._is_whole,
        )

    def _send_all(self) -> None:
        sending, start = self._sending, self._before.end
        batches = cut(sending.rows(self._file.lines()), sending.signature, start or None)
        try:
            while (batch := self._next(batches)) is not None:
                if batch.end <= start:
                    continue
                self._running.append(self._delivery.deliver(batch))
                while len(self._running) >= sending.connections * _AHEAD and not self._interrupts.is_asked:
                    self._take(_LOOK_S)
                while self._running and self._running[0].done():
                    self._take(0)
            while self._running and not self._interrupts.is_asked:
                self._take(_LOOK_S)
        except KeyboardInterrupt:
            self._is_whole = False
        if self._running or not self._is_whole:
            self._is_whole = False
            self._drain()

    def _next(self, batches: Iterator[FileBatch]) -> FileBatch | None:
        """The next batch; None at the end of the file. Raises KeyboardInterrupt."""
        if self._interrupts.is_asked:
            raise KeyboardInterrupt
        with self._interrupts.breakable:
            return next(batches, None)

    def _take(self, wait_s: float) -> None:
        """Note the outcome of the oldest batch, if there is one after so long."""
        found = outcome(self._running[0], wait_s)
        if found is not None:
            self._running.popleft()
            self._note(found)
        if self._line.is_due:
            self._line.show(self._text())

    def _note(self, found: Delivered) -> None:
        self._rejects.write(found.rejects)
        now, batch = self._now, found.batch
        self._now = SentProgress(
            end=batch.end,
            digest=batch.digest,
            accepted=now.accepted + found.accepted,
            quarantined=now.quarantined + found.quarantined,
            refused=now.refused + len(found.rejects),
        )
        if time.monotonic() - self._saved > _SAVE_S:
            self._saved = time.monotonic()
            self._state.write(self._now)

    def _drain(self) -> None:
        """Take the answers that still come, within a bound; another Ctrl-C ends the wait."""
        self._line.say("stopping: waiting for the answers of what is under way")
        self._delivery.stop()
        end = time.monotonic() + _DRAIN_S
        with contextlib.suppress(KeyboardInterrupt, DeliveryStopped, CannotDeliver):
            while self._running and time.monotonic() < end:
                self._take(_LOOK_S)

    def _text(self) -> str:
        now = self._now
        took_s = max(time.monotonic() - self._begun, 0.001)
        rate = (now.accepted - self._before.accepted) / took_s
        part = self._file.part()
        done = bar(part) if part is not None else size(now.end)
        parts = [f"{done} {now.accepted:,} events", f"{rate:,.0f}/s"]
        parts += [f"{now.refused:,} refused"] if now.refused else []
        parts += [f"trying again: {self._delivery.trouble}"] if self._delivery.trouble else []
        return ", ".join(parts)


def told(outcome: Outcome) -> str:
    """The outcome as a sentence."""
    name = "standard input" if outcome.file == STDIN else plain(outcome.file)
    if not outcome.sent and not outcome.refused and outcome.sent_before:
        before = outcome.sent_before
        return f"{name}: {'its event was' if before == 1 else f'all {before:,} events were'} sent before"
    rate = f"{outcome.sent / outcome.seconds:,.0f} a second" if outcome.seconds else ""
    parts = [f"{name}: sent {count_of(outcome.sent, 'event')} in {outcome.seconds:.1f} s, {rate}"]
    parts += [f"{outcome.sent_before:,} were sent before"] if outcome.sent_before else []
    parts += [f"{outcome.quarantined:,} of them in quarantine"] if outcome.quarantined else []
    parts += (
        [f"{outcome.refused:,} refused, see {click.format_filename(outcome.rejects or '')}"] if outcome.refused else []
    )
    return "; ".join(parts)
