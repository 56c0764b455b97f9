"""The lease of a claimed job: renewed together with its progress while work goes on, then given back or lost.

The database ends the lease by its own clock, which may differ from this node's. So the holder counts from the moment
before it asked for the lease, by the monotonic clock.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from footfall.state import Job, JobStatus, State, StateUnavailable

log = logging.getLogger(__name__)

# How often progress is recorded.
PROGRESS_PERIOD_S = 0.5


class Progress(NamedTuple):
    """Rows and bytes of the file so far, the rows in total, and the share that is done, from 0 to 1."""

    rows: int
    bytes: int
    rows_total: int
    share: float


class Lease:
    """The lease of one claim of one job, which was asked for at `claimed_s` of the monotonic clock."""

    def __init__(self, job: Job, state: State, lease_s: int, claimed_s: float) -> None:
        assert job.owner is not None  # noqa: S101 - our own mistake
        self.owner = job.owner
        self._job_id = job.id
        self._state = state
        self._lease_s = lease_s
        self._until_s = claimed_s + lease_s
        self._recorded = Progress(0, 0, 0, 0.0)
        self._is_ending = False

    async def keep(self, progress: Callable[[], Progress], stopped: asyncio.Event) -> None:
        """Renew the lease and record progress until `stopped` is set.

        Sets `stopped` when the lease is lost or the job was cancelled. The state is asked every PROGRESS_PERIOD_S, so
        that work on a job that was cancelled on another node ends within that time.
        """
        while not stopped.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), min(PROGRESS_PERIOD_S, self._lease_s / 3))
                return
            try:
                kept = await asyncio.to_thread(self._renew, progress())
            except StateUnavailable as error:
                log.warning("report %s: its lease cannot be renewed now: %s", self._job_id, error)
                kept = time.monotonic() < self._until_s
            except Exception:
                log.exception("report %s: its lease cannot be renewed", self._job_id)
                kept = False
            if not kept:
                stopped.set()
                if not self._is_ending:
                    await asyncio.to_thread(self._tell_loss)

    def expect_end(self) -> None:
        """The end of the job is about to be recorded: it is held no longer then, and that is no loss."""
        self._is_ending = True

    def _tell_loss(self) -> None:
        try:
            job = self._state.jobs.get(self._job_id)
        except StateUnavailable:
            job = None
        if job is not None and job.status is JobStatus.RUNNING:
            log.warning("report %s: the lease was lost, and another worker makes the report", self._job_id)
        else:
            log.info("report %s: work on it ends, since it was cancelled or removed", self._job_id)

    async def release(self) -> None:
        """Give the job back because the worker stops; `keep` has ended. A job of another worker is left alone."""
        try:
            await asyncio.to_thread(self._state.jobs.release, self._job_id, self.owner)
        except StateUnavailable as error:
            log.warning("report %s: its lease cannot be given back, and ends by itself: %s", self._job_id, error)

    def _renew(self, progress: Progress) -> bool:
        """Renew the lease when a third of it is over, and record progress; False when the job is no longer ours."""
        now_s = time.monotonic()
        if now_s >= self._until_s - self._lease_s * 2 / 3:
            if not self._state.jobs.renew(self._job_id, self.owner, self._lease_s * 1000):
                return False
            self._until_s = now_s + self._lease_s
        if progress == self._recorded:
            return self._state.jobs.is_held(self._job_id, self.owner)
        self._recorded = progress
        return self._state.jobs.record_progress(self._job_id, self.owner, *progress)
