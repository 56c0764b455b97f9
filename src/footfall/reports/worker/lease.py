"""The lease of a claimed job: renewed while it is worked on, with word of how far it is, and given back or lost.

The database says when the lease ends, by its own clock, which may differ from this node's. So the holder counts from
just before it asked, which is before the lease began, by a clock that nobody can set.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from footfall.state import Job, State, StateUnavailable

log = logging.getLogger(__name__)

# How often the state hears of progress.
TELL_S = 0.5

Counts = tuple[int, int, int, float]  # rows, bytes, rows in total, and how much is done from 0 to 1


class Lease:
    """Holds one claim of one job, which was asked for at `claimed_s` of the monotonic clock."""

    def __init__(self, job: Job, state: State, lease_s: int, claimed_s: float) -> None:
        assert job.owner is not None  # noqa: S101 - our own mistake
        self.owner = job.owner
        self._job_id = job.id
        self._state = state
        self._lease_s = lease_s
        self._until_s = claimed_s + lease_s
        self._told: Counts = (0, 0, 0, 0.0)

    async def keep(self, counts: Callable[[], Counts], halted: asyncio.Event) -> None:
        """Renew the lease and tell how far the job is, until `halted` is set.

        Sets it when the job is not ours any more, because the lease was lost or the job was cancelled: the state is
        asked at every turn, so that a job which was cancelled on another node goes on no longer than that.
        """
        while not halted.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(halted.wait(), min(TELL_S, self._lease_s / 3))
                return
            try:
                kept = await asyncio.to_thread(self._renew, counts())
            except StateUnavailable as error:
                log.warning("report %s: its lease cannot be renewed now: %s", self._job_id, error)
                kept = time.monotonic() < self._until_s
            except Exception:
                log.exception("report %s: its lease cannot be renewed", self._job_id)
                kept = False
            if not kept:
                log.warning("report %s: the lease was lost, or the report was cancelled", self._job_id)
                halted.set()

    async def release(self) -> None:
        """Give the job back, if it is still ours, because the worker stops; nobody may be keeping it any more."""
        try:
            await asyncio.to_thread(self._state.jobs.release, self._job_id, self.owner)
        except StateUnavailable as error:
            log.warning("report %s: its lease is not given back, and ends by itself: %s", self._job_id, error)

    def _renew(self, counts: Counts) -> bool:
        """Renew the lease when a third of it is over, and tell of progress; False when the job is not ours any more."""
        now_s = time.monotonic()
        if now_s >= self._until_s - self._lease_s * 2 / 3:
            if not self._state.jobs.renew(self._job_id, self.owner, self._lease_s * 1000):
                return False
            self._until_s = now_s + self._lease_s
        if counts == self._told:
            return self._state.jobs.is_held(self._job_id, self.owner)
        self._told = counts
        return self._state.jobs.record_progress(self._job_id, self.owner, *counts)
