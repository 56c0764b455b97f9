"""What is looked up of the node as a whole, whenever its metrics are asked for."""

import logging
from pathlib import Path

from footfall.clock import Clock
from footfall.journal import Folder
from footfall.metrics import Board, Values
from footfall.settings import Settings
from footfall.state import JobStatus, State, StateUnavailable

log = logging.getLogger(__name__)


class Gauges:
    """Everything that the node's metrics are made of; `read` blocks."""

    def __init__(self, board: Board, state: State, settings: Settings, clock: Clock) -> None:
        self._board = board
        self._state = state
        self._data = settings.data
        self._journal = Folder(settings.data / "journal")
        self._clock = clock

    def read(self) -> Values:
        """All values of now. While the state is away, its reports are missing. Raises OSError."""
        values = self._board.gather()
        now_ms = self._clock.now_ms()
        if loaded_through_s := values.get(("footfall_loaded_through_timestamp_seconds", "")):
            values["footfall_loaded_through_age_seconds", ""] = max(0, now_ms / 1000 - loaded_through_s)
        values |= self._waiting(now_ms)
        values["footfall_segments_aside", ""] = _count(self._data / "aside")
        values["footfall_disk_free_bytes", ""] = self._journal.disk.free_bytes(self._data)
        return values | self._reports()

    def _waiting(self, now_ms: int) -> Values:
        names = self._journal.names()
        oldest_ms = int(names[0].split("-", 1)[0]) if names else now_ms
        return {
            ("footfall_journal_bytes", ""): self._journal.used_bytes(),
            ("footfall_journal_segments", ""): len(names),
            ("footfall_journal_oldest_segment_age_seconds", ""): max(0, now_ms - oldest_ms) / 1000,
        }

    def _reports(self) -> Values:
        try:
            counts = self._state.job_counts()
        except StateUnavailable as error:
            log.warning("the metrics do without the reports: %s", error)
            return {}
        return {("footfall_reports", status.value): counts.get(status, 0) for status in JobStatus}


def _count(folder: Path) -> int:
    return len(Folder(folder).names()) if folder.is_dir() else 0
