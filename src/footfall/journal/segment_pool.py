"""The keeper: makes segments' files before they are needed and puts them away when they are full."""

import contextlib
import itertools
import logging
import secrets
import threading
import time

from footfall.journal.segment import Folder, OpenSegment, SegmentKind
from footfall.system.clock import Clock

log = logging.getLogger(__name__)

# How often the disk is asked again for what it has refused.
RETRY_PERIOD_S = 0.25
# A segment of so many frames shows that syncs follow each other: only then is it worth writing each byte twice.
FRAMES_LEAST = 8


class SegmentPool:
    """Gives a journal's writer segments to append to, and takes them back to be sealed.

    Creating, cutting and renaming files waits for the file system, for tens of ms where gigabytes are written or
    removed beside it. So it is done on a thread of its own, and no request waits for it. `next` and `put` are for the
    thread that commits; `tend` is what the keeper's thread does again and again.
    """

    def __init__(self, folder: Folder, clock: Clock, ahead_bytes_max: int) -> None:
        self._folder = folder
        self._clock = clock
        self._ahead_bytes_max = ahead_bytes_max
        self._writer = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._waiting: list[OpenSegment] = []
        self._refused: set[OpenSegment] = set()
        self._again_s = 0.0
        # The kinds that were asked for, with the bytes that their last segment would have liked to find.
        self._rooms: dict[SegmentKind, int] = {}
        self._spares: dict[SegmentKind, OpenSegment] = {}
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="journal-keeper", daemon=True)

    @property
    def waiting(self) -> int:
        """Segments, each an open file, that wait to be sealed."""
        return len(self._waiting)

    @property
    def torn(self) -> int:
        """Those of them in which a refused frame may still be found."""
        return sum(segment.torn for segment in tuple(self._waiting))

    def start(self) -> None:
        """Begin to work on a thread of its own, until `close`."""
        self._thread.start()

    def next(self, kind: SegmentKind) -> OpenSegment:
        """A segment to append to. Raises OSError."""
        self._rooms.setdefault(kind, 0)
        spare = self._spares.pop(kind, None)
        self._wake.set()
        if spare is not None:
            try:
                spare.begin(self._stem())
            except OSError:
                # It goes, as one without a frame; a new file may do where this one cannot be given another name.
                self._waiting.append(spare)
            else:
                return spare
        return self._create(kind)

    def put(self, segment: OpenSegment) -> None:
        """Have a segment sealed to which nothing is appended any more; it is locked until that has worked."""
        enough = segment.frames >= FRAMES_LEAST
        self._rooms[segment.kind] = min(self._ahead_bytes_max, segment.size * 5 // 4) if enough else 0
        self._waiting.append(segment)
        self._wake.set()

    def close(self) -> None:
        """Seal what waits, once, and remove the spares; what the disk refuses now is left to recovery."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def tend(self) -> None:
        """Seal all that waits, and make the spares that are missing; what was refused a moment ago has to wait."""
        again = time.monotonic() >= self._again_s
        if again:
            self._again_s = time.monotonic() + RETRY_PERIOD_S
        for segment in tuple(self._waiting):
            if again or segment not in self._refused:
                self._seal(segment)
        for kind, room in tuple(self._rooms.items()):
            if kind not in self._spares:
                with contextlib.suppress(OSError):  # the next commit makes a file for itself then, or says why not
                    self._spares[kind] = self._create(kind, room)

    def _work(self) -> None:
        while not self._closing:
            self._wake.wait(RETRY_PERIOD_S if self._waiting else None)
            self._wake.clear()
            try:
                self.tend()
            except Exception:
                log.exception("the journal's files cannot be tended, trying again")
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

    def _create(self, kind: SegmentKind, room: int | None = None) -> OpenSegment:
        while True:
            with contextlib.suppress(BlockingIOError):  # recovery was quicker than the lock: the next name will do
                segment = OpenSegment(self._folder, self._stem(), kind, room)
                if segment.is_there():
                    return segment

    def _stem(self) -> str:
        return self._folder.stem(self._clock.now_ms(), self._writer, next(self._numbers))
