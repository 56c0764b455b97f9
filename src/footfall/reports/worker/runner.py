"""Claims reports, makes a few at once, and removes the files of those that have expired."""

import asyncio
import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from obstore.exceptions import BaseError

from footfall.files import Files
from footfall.metrics import Histograms
from footfall.plan import LivePlan
from footfall.reports import status
from footfall.reports.files import Destinations, remove_files
from footfall.reports.worker.barrier import Barrier, BarrierProgress
from footfall.reports.worker.run import Run, RunDependencies
from footfall.reports.worker.scans import ORDINARY_OPTIONS, AttemptOptions
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State
from footfall.store import Store
from footfall.system.background import wait_for_stop
from footfall.system.clock import Clock

log = logging.getLogger(__name__)

# Seconds between two tries to claim a job; after a failure they are more.
POLL_S = 0.25
POLL_FAILED_S = 2.0
# Upper ends of the buckets of reports' durations in seconds, and how they end.
DURATIONS_S = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
ENDED = (JobStatus.COMPLETE, JobStatus.TIMEOUT, JobStatus.FAILED)


class Runner:
    """Makes reports until it is told to stop; several runners, on one node or many, share the jobs.

    The holder of a job's lease makes its report. A worker that died or hangs loses the lease, and another makes the
    report from the beginning. Each claim writes to a path of its own, so that a worker that comes back cannot touch
    what the other has finished.
    """

    def __init__(
        self,
        state: State,
        store: Store,
        plan: LivePlan,
        loader_progress: BarrierProgress,
        settings: Settings,
        clock: Clock,
        files: Files,
        node: str,
        options: AttemptOptions = ORDINARY_OPTIONS,
    ) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self._destinations = Destinations(settings, files)
        self._node = node
        # An attempt blocks its thread for long: a few of them would take all threads of the default executor.
        self._threads = ThreadPoolExecutor(settings.reports_at_once_max, "report")
        self.durations = Histograms("footfall_report_duration_seconds", DURATIONS_S, ENDED)
        self._dependencies = RunDependencies(
            state=state,
            store=store,
            plan=plan,
            barrier=Barrier(state, loader_progress, node),
            settings=settings,
            clock=clock,
            files=self._destinations,
            threads=self._threads,
            options=options,
            durations=self.durations,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Claim and make reports until `stop` is set; then jobs that are being made are given back."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._claim_all(stop, tasks)
        finally:
            self._threads.shutdown()

    async def _claim_all(self, stop: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        running: set[asyncio.Task[None]] = set()
        # Jobs are given back only after the last claim, or this worker might claim them again.
        claiming_ended = asyncio.Event()
        while not stop.is_set():
            pause_s = POLL_S
            try:
                claimed_s = time.monotonic()
                job = await self._claim_one() if len(running) < self._settings.reports_at_once_max else None
            except Exception:
                log.exception("no report can be claimed; trying again")
                job, pause_s = None, POLL_FAILED_S
            if job is None:
                await wait_for_stop(stop, pause_s)
                continue
            task = tasks.create_task(self._work(job, claimed_s, claiming_ended), name=f"make report {job.id}")
            running.add(task)
            task.add_done_callback(running.discard)
        claiming_ended.set()

    async def _claim_one(self) -> Job | None:
        """Claim a job. Each claim has an owner of its own, which tells apart two claims of one worker."""
        owner = f"{self._node}/{uuid.uuid4().hex}"
        return await asyncio.to_thread(self._state.jobs.claim, owner, self._settings.report_lease_s * 1000)

    async def _work(self, job: Job, claimed_s: float, stop: asyncio.Event) -> None:
        try:
            await Run(job, self._dependencies, claimed_s).work(stop)
        except Exception:
            log.exception("report %s was given up; another worker takes it when the lease is over", job.id)

    async def remove_expired(self) -> None:
        """Remove the files of expired reports."""
        before_ms = status.expires_before_ms(self._clock.now_ms(), self._settings.report_days)
        while jobs := await asyncio.to_thread(self._state.jobs.with_file_to_remove, before_ms):
            removed = [await asyncio.to_thread(self._remove, job, before_ms) for job in jobs]
            if not all(removed):
                return  # The next round tries again; a query now would find the same jobs.

    def _remove(self, job: Job, before_ms: int) -> bool:
        """Remove the files of a report; False when they cannot be removed now."""
        # A job within its days was removed by its user while its destination could not be reached.
        removed_by_user = job.ended_ms is not None and job.ended_ms >= before_ms
        try:
            remove_files(job, self._destinations, self._state, delivered=removed_by_user)
        except (BaseError, OSError) as error:
            log.warning("report %s is past its days, or was removed; its file cannot go now: %s", job.id, error)
            return False
        return True
