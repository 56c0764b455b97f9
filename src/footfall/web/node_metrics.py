"""The metrics of the whole node, read when Prometheus asks: from its processes, its disk and the state database."""

import logging
import os
import platform
from importlib.metadata import version
from pathlib import Path

from footfall.journal import Folder, opened_ms
from footfall.metrics import SharedMetrics, Values
from footfall.reports import CANCELLED
from footfall.settings import Settings
from footfall.state import JobStatus, Node, State, StateUnavailable
from footfall.system.clock import Clock
from footfall.system.data_folder import last_backup_ms
from footfall.system.memory import resident_bytes
from footfall.system.process import is_supervised

log = logging.getLogger(__name__)


class NodeMetrics:
    """Reads the metrics of the whole node; `read` blocks."""

    def __init__(self, metrics: SharedMetrics, state: State, settings: Settings, clock: Clock) -> None:
        self._metrics = metrics
        self._state = state
        self._settings = settings
        self._data = settings.data
        self._journal = Folder(settings.data / "journal")
        self._clock = clock

    def read(self) -> Values:
        """All values of now, without those of reports and schedules while the state is unavailable. Raises OSError."""
        values = self._metrics.gather()
        now_ms = self._clock.now_ms()
        if loaded_through_s := values.get(("footfall_loaded_through_timestamp_seconds",)):
            values["footfall_loaded_through_age_seconds",] = max(0, now_ms / 1000 - loaded_through_s)
        values |= self._journal_values(now_ms)
        values["footfall_segments_aside",] = _count_segments(self._data / "aside")
        values["footfall_disk_free_bytes",] = self._journal.disk.free_bytes(self._data)
        values |= self._process_values(now_ms)
        return values | self._state_values()

    def nodes(self) -> list[Node]:
        """The nodes of the installation. Raises StateUnavailable."""
        return self._state.nodes.all()

    def _process_values(self, now_ms: int) -> Values:
        """What is known without asking: this release, the supervisor's memory, the age of the last backup."""
        values: Values = {("footfall_build_info", version("footfall"), platform.python_version()): 1}
        if is_supervised():
            values["footfall_process_memory_bytes", "supervisor"] = resident_bytes(os.getppid())
        backup_ms = last_backup_ms(self._settings)
        if backup_ms is not None:
            values["footfall_backup_age_seconds",] = max(0, now_ms - backup_ms) / 1000
        return values

    def _journal_values(self, now_ms: int) -> Values:
        names = self._journal.names()
        oldest_ms = opened_ms(Path(names[0])) if names else now_ms
        return {
            ("footfall_journal_bytes",): self._journal.used_bytes(),
            ("footfall_journal_segments",): len(names),
            ("footfall_journal_oldest_segment_age_seconds",): max(0, now_ms - oldest_ms) / 1000,
        }

    def _state_values(self) -> Values:
        try:
            counts, failed = self._state.jobs.count_by_status(), self._state.schedules.count_failed(CANCELLED)
        except StateUnavailable as error:
            log.warning("the metrics do without reports and schedules: %s", error)
            return {}
        reports: Values = {("footfall_reports", status.value): counts.get(status, 0) for status in JobStatus}
        return reports | {("footfall_schedules_failed",): failed}


def _count_segments(folder: Path) -> int:
    return len(Folder(folder).names()) if folder.is_dir() else 0
