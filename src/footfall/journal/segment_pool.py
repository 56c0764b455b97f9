"""The segment pool: makes segments' files before they are needed, and seals them when they are full."""

import contextlib
import itertools
import logging
import secrets
import threading
import time

from footfall.journal.segment import Folder, OpenSegment, SegmentKind
from footfall.system.clock import Clock

log = logging.getLogger(__name__)

# Seconds until the disk is asked again for what it has refused.
RETRY_PERIOD_S = 0.25
# A segment of so many frames shows that syncs follow each other: only then is it worth writing each byte twice.
AHEAD_FRAMES_MIN = 8


class SegmentPool:
    """Gives a journal's writer segments to append to, and takes them back to be sealed.

    Creating, cutting and renaming files waits for the file system, for tens of ms where gigabytes are written or
    removed beside it. So the pool has a thread of its own, which calls `maintain`, and no request waits for it. `next`
    and `retire` are for whoever commits.
    """

    def __init__(self, folder: Folder, clock: Clock, ahead_bytes_max: int) -> None:
        self._folder = folder
        self._clock = clock
        self._ahead_bytes_max = ahead_bytes_max
        self._writer = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._waiting: list[OpenSegment] = []
        self._refused: set[OpenSegment] = set()
        self._retry_from_s = 0.0
        # By kind that was asked for, the zeros of its next spare: a quarter more than its last segment took.
        self._zeros_bytes: dict[SegmentKind, int] = {}
        self._spares: dict[SegmentKind, OpenSegment] = {}
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="journal-segments", daemon=True)

    @property
    def waiting(self) -> int:
        """Segments, each an open file, that wait to be sealed."""
        return len(self._waiting)

    @property
    def torn(self) -> int:
        """Those of them that may still hold a refused frame."""
        return sum(segment.torn for segment in tuple(self._waiting))

    def start(self) -> None:
        """Start the pool's thread, which runs until `close`."""
        self._thread.start()

    def next(self, kind: SegmentKind) -> OpenSegment:
        """A segment to append to. Raises OSError."""
        self._zeros_bytes.setdefault(kind, 0)
        spare = self._spares.pop(kind, None)
        self._wake.set()
        if spare is not None:
            try:
                spare.begin(self._stem())
            except OSError:
                # Sealing removes it, for it has no frame. Making a new file may work where renaming this one failed.
                self._waiting.append(spare)
            else:
                return spare
        return self._create(kind)

    def retire(self, segment: OpenSegment) -> None:
        """Have a segment sealed to which nothing is appended any more. Its lock is held until that has worked."""
        enough = segment.frames >= AHEAD_FRAMES_MIN
        self._zeros_bytes[segment.kind] = min(self._ahead_bytes_max, segment.size * 5 // 4) if enough else 0
        self._waiting.append(segment)
        self._wake.set()

    def close(self) -> None:
        """Seal what waits and remove the spares, once; recovery sees to what the disk refuses now."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def maintain(self) -> None:
        """Seal all that waits, and make the spares that are missing. What the disk refused waits RETRY_PERIOD_S."""
        again = time.monotonic() >= self._retry_from_s
        if again:
            self._retry_from_s = time.monotonic() + RETRY_PERIOD_S
        for segment in tuple(self._waiting):
            if again or segment not in self._refused:
                self._seal(segment)
        for kind, zeros_bytes in tuple(self._zeros_bytes.items()):
            if kind not in self._spares:
                with contextlib.suppress(OSError):  # the next commit makes a file for itself then, or says why not
                    self._spares[kind] = self._create(kind, zeros_bytes)

    def _work(self) -> None:
        while not self._closing:
            self._wake.wait(RETRY_PERIOD_S if self._waiting else None)
            self._wake.clear()
            try:
                self.maintain()
            except Exception:
                log.exception("the journal's segments cannot be sealed or made, trying again")
        for segment in (*self._waiting, *self._spares.values()):
            self._seal(segment)

    def _seal(self, segment: OpenSegment) -> None:
        torn = segment.torn
        try:
            segment.seal()
        except OSError as error:
            if segment not in self._refused:
                log.warning("cannot seal %s, trying again: %s", segment.path.name, error)
            self._refused.add(segment)
            return
        if torn:
            log.info("cut %s back to its last whole frame", segment.path.name)
        self._refused.discard(segment)
        if segment in self._waiting:
            self._waiting.remove(segment)

    def _create(self, kind: SegmentKind, zeros_bytes: int | None = None) -> OpenSegment:
        while True:
            with contextlib.suppress(BlockingIOError):  # recovery was quicker than the lock: the next name will do
                segment = OpenSegment(self._folder, self._stem(), kind, zeros_bytes)
                if segment.is_there():
                    return segment

    def _stem(self) -> str:
        return self._folder.stem(self._clock.now_ms(), self._writer, next(self._numbers))
