"""Events on their way to the disk: whoever tracks adds to a group, and one thread commits the groups.

While a group is being synced, the next one gathers, so that a sync is shared by all who wait for it. `add` returns when
the group of its events is on the disk, or at once where the outbox commits in the background.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from footfall_client.errors import OutboxClosed, OutboxError, OutboxFull
from footfall_client.options import OutboxOptions
from footfall_client.pending import Pending
from footfall_client.spool import Spool, Spools

logger: Final = logging.getLogger("footfall_client")
_RETRY_S: Final = 0.1  # between tries of a commit that found no room
_LOUD_EVERY_S: Final = 60.0
POLICIES: Final = ("block", "raise", "drop_oldest")


class _Group:
    """Lines that are committed together."""

    __slots__ = ("bytes", "done", "error", "lines", "spool")

    def __init__(self, spool: Spool | None = None) -> None:
        self.spool = spool
        self.lines: list[str] = []
        self.bytes = 0
        self.done = threading.Event()
        self.error: Exception | None = None


class Committer:
    """The one writer of events of this process. `when_full` is the policy; `on_commit` gets each commit's count."""

    def __init__(
        self,
        pending: Pending,
        options: OutboxOptions,
        when_full: str,
        on_commit: Callable[[int], None],
        spools: Spools | None,
        *,
        waits: bool,
    ) -> None:
        self.lock = threading.Lock()
        self.dropped = 0  # of events that no commit ever took
        self.last_failure: str | None = None
        self._pending = pending
        self._options = options
        self._when_full = when_full
        self._on_commit = on_commit
        self._spools = spools
        self._removed: str | None = None  # the spool of the group before, which is gone
        self._waits = waits
        self._group = _Group()
        self._committing = _Group()
        self._committing.done.set()
        self._wake = threading.Event()
        self._deadline: float | None = None
        self._thread: threading.Thread | None = None
        self._loud_at: dict[str, float] = {}  # by message, when it may be logged again
        self._untold = 0  # events that were dropped since that was last logged

    def add(self, lines: Sequence[str], size: int) -> None:
        """Take lines of that many bytes. Raises OutboxFull, OutboxClosed, OutboxBroken; then none was taken."""
        while True:
            with self.lock:
                if self._deadline is not None:
                    message = "the outbox is closed"
                    raise OutboxClosed(message)
                group = self._group
                if group.bytes < self._options.queue_bytes_max or self._make_room(group, size):
                    if self._thread is None:
                        self._start()
                    if group.spool is not None:
                        self._spool(group, lines)
                    group.lines += lines
                    group.bytes += size
                    if not self._wake.is_set():
                        self._wake.set()
                    break
            group.done.wait()
        if self._waits:
            group.done.wait()
            if group.error is not None:
                raise group.error

    def wait(self, timeout_s: float) -> bool:
        """Wait until everything that was added is on the disk; False when that took longer."""
        end = time.monotonic() + timeout_s
        with self.lock:
            groups = [self._committing, self._group] if self._group.lines else [self._committing]
        return all(group.done.wait(max(0.0, end - time.monotonic())) for group in groups)

    def wait_for_commits(self) -> None:
        """From now on `add` returns when its events are on the disk, whatever was asked for: the end is near."""
        self._waits = True

    def close(self, timeout_s: float) -> None:
        """Take nothing more, and commit what was added; past the timeout what is not on the disk is lost, and said."""
        with self.lock:
            self._deadline = time.monotonic() + timeout_s
            thread = self._thread
            self._wake.set()
        if thread is not None:
            thread.join(timeout_s + 2 * _RETRY_S)

    @property
    def waiting(self) -> int:
        """Events that are not on the disk yet."""
        group, committing = self._group, self._committing
        return len(group.lines) + (0 if committing.done.is_set() else len(committing.lines))

    def abandon(self) -> None:
        """In the child of a fork: what is in memory and its spools are the parent's."""
        for group in (self._group, self._committing):
            if group.spool is not None:
                group.spool.leave()

    def _spool(self, group: _Group, lines: Sequence[str]) -> None:
        """Have lines outlive the process. Where the disk is full they stay in memory until their commit."""
        try:
            assert group.spool is not None  # noqa: S101 - looked at by the caller
            group.spool.write(lines)
        except OSError as error:
            self._say("events wait in memory alone: %s", error)

    def _start(self) -> None:
        if self._spools is not None:
            self._group.spool = self._spools.make()
        self._thread = threading.Thread(target=self._run, name="footfall-outbox-committer", daemon=True)
        self._thread.start()

    def _make_room(self, group: _Group, size: int) -> bool:
        """Whether lines may be added to a group that is full; called with the lock."""
        if self._when_full == "raise":
            message = f"{group.bytes} bytes wait for the disk: {self.last_failure or 'it is slow'}"
            raise OutboxFull(message)
        if self._when_full == "block":
            return False
        at = 0
        while at < len(group.lines) and size > 0:
            size -= len(group.lines[at])
            group.bytes -= len(group.lines[at])
            at += 1
        del group.lines[:at]
        self._count_dropped(at, "the disk takes none, and the queue in memory is full")
        return True

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if not self._waits and self._deadline is None:
                time.sleep(self._options.commit_interval_s)
            spool = self._spools.make() if self._spools is not None and self._deadline is None else None
            with self.lock:
                group = self._committing = self._group
                self._group = _Group(spool)
                if self._deadline is None:
                    self._wake.clear()
            if group.lines:
                self._commit(group)
                continue
            if group.spool is not None:
                group.spool.remove()
            group.done.set()
            if self._deadline is not None:
                return

    def _commit(self, group: _Group) -> None:
        """Put a group on the disk, as the policy says where there is no room."""
        while True:
            error = self._append(group)
            if error is None:
                self.last_failure = None
                if group.spool is not None:
                    group.spool.remove()
                    self._removed = group.spool.id
                group.done.set()
                self._on_commit(len(group.lines))
                return
            self.last_failure = str(error)
            if self._drops_for(error) and self._drop_oldest(group):
                continue
            if self._ends(group, error):
                group.done.set()
                return
            time.sleep(_RETRY_S)

    def _drops_for(self, error: Exception) -> bool:
        return isinstance(error, OutboxFull) and self._when_full == "drop_oldest"

    def _append(self, group: _Group) -> Exception | None:
        """Why a group could not be put on the disk; None when it is there."""
        try:
            spool = group.spool.id if group.spool is not None else None
            self._pending.append(group.lines, spool, self._removed)
        except Exception as error:  # noqa: BLE001 - those who wait get it, or it is tried again and said
            return error
        return None

    def _ends(self, group: _Group, error: Exception) -> bool:
        """Whether a group is over after a commit that failed; else it is tried again."""
        if self._drops_for(error):
            self._count_dropped(len(group.lines), "there was no room, and no older events to drop")
            if group.spool is not None:
                group.spool.remove()
            return True
        self._say("cannot put %d events on the disk: %s", len(group.lines), error)
        if self._deadline is not None and time.monotonic() >= self._deadline:
            group.error = error
            if group.spool is not None:
                group.spool.leave()  # whoever opens the outbox next takes it in
            elif not self._waits:
                self._count_dropped(len(group.lines), f"the outbox was closed, and {error}")
            return True
        # Nobody waits for events of the background: they were taken, so they are tried until they are on the disk.
        if self._waits and (self._when_full == "raise" or not isinstance(error, OutboxFull)):
            group.error = error if isinstance(error, OutboxError) else OutboxError(str(error))
            return True
        return False

    def _drop_oldest(self, group: _Group) -> bool:
        """Whether room was made for a group by dropping older events."""
        try:
            dropped = self._pending.drop_oldest(group.bytes + len(group.lines))
        except OutboxError:
            return False
        if dropped:
            self._tell_dropped(dropped, "there was no room, and they were the oldest")
        return dropped > 0

    def _count_dropped(self, events: int, why: str) -> None:
        """Events are lost that never were on the disk."""
        self.dropped += events
        self._tell_dropped(events, why)

    def _tell_dropped(self, events: int, why: str) -> None:
        self._untold += events
        if self._say("dropped %d events: %s", self._untold, why):
            self._untold = 0

    def _say(self, message: str, *values: object) -> bool:
        """Log an error at once, and while it goes on once a minute; whether it was logged now."""
        now = time.monotonic()
        if now < self._loud_at.get(message, 0.0):
            return False
        self._loud_at[message] = now + _LOUD_EVERY_S
        logger.error(message, *values)
        return True
