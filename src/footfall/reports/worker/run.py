"""One claimed report, from the claim to its end: wait at the barrier, attempt the file, record the end."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

from msgspec import Struct, structs
from obstore.exceptions import BaseError

from footfall.files import FilesAway, FilesFailed
from footfall.metrics import Histograms
from footfall.plan import LivePlan, Plan
from footfall.reports.files import Destinations
from footfall.reports.query.scope import ReportImpossible
from footfall.reports.status import Completed, Failed, Outcome, TimedOut, final_status
from footfall.reports.worker.attempt import (
    BLOCK_ROWS,
    BLOCK_ROWS_FEWER,
    Attempt,
    RowsMissing,
    WorkStopped,
)
from footfall.reports.worker.barrier import Barrier
from footfall.reports.worker.lease import PROGRESS_PERIOD_S, Lease, Progress
from footfall.reports.worker.scans import AttemptOptions
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State, StateUnavailable
from footfall.store import Store, StoreFailed, StoreMemory, StoreRefused, StoreRejected, StoreTimeout, StoreUnavailable
from footfall.system.clock import Clock
from footfall.system.waiting import backoff

log = logging.getLogger(__name__)

STORE_ERRORS = (StoreFailed, StoreTimeout, StoreUnavailable)
# How often a run asks whether the barrier is reached, and whether a statement has ended.
POLL_S = 0.1
# The first and the longest pause before another try while the store or the state is away; each failure doubles it.
RETRY_PAUSE_MIN_S = 0.2
RETRY_PAUSE_MAX_S = 5.0


def explain_failure(error: Exception, settings: Settings) -> Outcome:
    """The outcome of a failed report, in words for the user who started it; the log has the error itself."""
    match error:
        case StoreTimeout():
            took = f"the report took longer than {settings.report_timeout_s} s"
            return TimedOut(f"{took}: narrow its range of time (filter.start, filter.end), or its types")
        case StoreUnavailable():
            return Failed(f"the events store could not be reached for {settings.report_timeout_s} s")
        case StoreRejected():
            return Failed("the events store refused the request for the report's rows, as it would again")
        case StoreFailed() | StoreRefused():
            return Failed("the events store could not run the report's statement")
        case RowsMissing() | ReportImpossible():
            return Failed(str(error))
        case FilesFailed():
            return Failed(error.reason)
        case BaseError() | OSError():
            return Failed("the report's file could not be written")
        case _:
            return Failed("a fault of the service")


class RunDependencies(Struct, frozen=True, kw_only=True):
    """What all runs share.

    `threads` has one thread for each report that runs at once. `options` say of attempts what no setting says.
    """

    state: State
    store: Store
    plan: LivePlan
    barrier: Barrier
    settings: Settings
    clock: Clock
    files: Destinations
    threads: Executor
    options: AttemptOptions
    durations: Histograms


class Run:
    """One claim of one job, asked for at `claimed_s` of the monotonic clock; call `work` once."""

    def __init__(self, job: Job, dependencies: RunDependencies, claimed_s: float) -> None:
        self._job = job
        self._dependencies = dependencies
        self._lease = Lease(job, dependencies.state, dependencies.settings.report_lease_s, claimed_s)
        self._attempt: Attempt | None = None
        # Another attempt or worker begins anew, but the progress that users see never falls.
        self._share = job.progress
        self._stopped = asyncio.Event()

    async def work(self, shutdown: asyncio.Event) -> None:
        """Make the report and record how it ended.

        When the lease is lost or the report was cancelled, the engine kills its statement, the unfinished file is
        removed, and nothing is recorded. When `shutdown` is set, the same happens, and the job is given back, so that
        another worker takes it at once.
        """
        keeping = asyncio.create_task(self._lease.keep(self._progress, self._stopped))
        stopping = asyncio.create_task(shutdown.wait())
        working = asyncio.create_task(self._outcome())
        watching = asyncio.create_task(self._watch_progress())
        try:
            await asyncio.wait((keeping, stopping, working), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                self._stop()
                await keeping
                await self._lease.release()
                await self._kill_statement(working)
            await self._finish(await working)
        except WorkStopped:
            await asyncio.to_thread(self._discard)
        finally:
            self._stop()
            stopping.cancel()
            working.cancel()
            watching.cancel()
            await keeping

    def _stop(self) -> None:
        self._stopped.set()
        if self._attempt is not None:
            self._attempt.stop()

    async def _kill_statement(self, working: asyncio.Task[Outcome]) -> None:
        """Have the store kill the statement for which the attempt may be waiting, again until the attempt is over.

        Once is not enough: the statement may not have begun yet.
        """
        while self._attempt is not None and not working.done():
            try:
                await asyncio.to_thread(self._dependencies.store.kill, self._attempt.mark)
            except STORE_ERRORS as error:
                log.warning("report %s: its statement cannot be killed now: %s", self._job.id, error)
            await asyncio.wait((working,), timeout=POLL_S)

    async def _watch_progress(self) -> None:
        """Ask the engine for the progress of the current statement until the run is stopped.

        Only the progress depends on it. Where the store does not answer, the rows that were read are the progress.
        """
        while not self._stopped.is_set():
            if (attempt := self._attempt) is not None:
                try:
                    read = await asyncio.to_thread(self._dependencies.store.progress, attempt.rows_mark)
                except STORE_ERRORS as error:
                    log.debug("report %s: the progress of its statement is not known: %s", self._job.id, error)
                    read = 0.0
                self._share = max(self._share, attempt.progress(read))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), PROGRESS_PERIOD_S)

    def _progress(self) -> Progress:
        attempt, share = self._attempt, round(self._share, 4)
        return Progress(attempt.rows, attempt.size, attempt.rows_total, share) if attempt else Progress(0, 0, 0, share)

    async def _outcome(self) -> Outcome:
        """How the report ends; raises WorkStopped."""
        job, settings = self._job, self._dependencies.settings
        try:
            await asyncio.to_thread(self._discard_earlier_attempts)
            if job.tries - job.stops > settings.report_tries_max:
                return Failed(f"the report was given up after {settings.report_tries_max} workers had died over it")
            plan = self._dependencies.plan.plan
            options = structs.replace(
                self._dependencies.options,
                plan_fingerprint=plan.fingerprint,
                late_ms=settings.late_after_s * 1000,
                memory_bytes_max=settings.report_memory_bytes_max,
                manifest_types_chars_max=settings.manifest_types_chars_max,
            )
            return await self._make(plan, options)
        except WorkStopped:
            raise
        except Exception as error:
            if self._stopped.is_set():
                raise WorkStopped from error  # The statement was killed, most likely.
            log.exception("report %s failed", job.id)
            await asyncio.to_thread(self._discard)
            return explain_failure(error, settings)

    async def _wait_at_barrier(self) -> str | None:
        """Wait at the barrier; returns the nodes that are behind when that takes too long."""
        until_s = time.monotonic() + self._dependencies.settings.report_barrier_timeout_s
        # A watermark that was pinned before, or that the user asked for, stays.
        if self._job.watermark_ms == self._job.started_ms and (behind := await self._pin_watermark(until_s)):
            return behind
        return await self._wait_until(until_s, partial(self._dependencies.barrier.behind, self._job.watermark_ms))

    async def _pin_watermark(self, until_s: float) -> str | None:
        """Raise the watermark to the latest clock of all nodes, and record it before the first attempt.

        Nor may it be before the watermark of the report since which this one is: the clock of a node that is gone may
        have been ahead. Returns the nodes whose clocks are not known when that takes too long; raises WorkStopped when
        the job is no longer ours.
        """
        clocks = self._dependencies.barrier.clocks()
        if behind := await self._wait_until(until_s, clocks.behind):
            return behind
        since_ms = self._job.since_ms or 0
        if clocks.latest_ms is None and since_ms <= self._job.watermark_ms:
            return None
        watermark_ms = max(self._job.watermark_ms, since_ms, clocks.latest_ms or 0, self._dependencies.clock.now_ms())
        if not await asyncio.to_thread(
            self._dependencies.state.jobs.pin_watermark, self._job.id, self._lease.owner, watermark_ms
        ):
            raise WorkStopped
        self._job = structs.replace(self._job, watermark_ms=watermark_ms)
        return None

    async def _wait_until(self, until_s: float, behind: Callable[[], str | None]) -> str | None:
        """Wait until no node is behind; returns those that are when it takes too long."""
        while found := await asyncio.to_thread(behind):
            if time.monotonic() >= until_s:
                return found
            await self._pause(POLL_S)
        return None

    async def _make(self, plan: Plan, options: AttemptOptions) -> Outcome:
        """Attempt the file until it is there; after an outage of a store again, while there is time.

        After a lack of memory the next attempt has smaller blocks, which are slower, but hold few values; twice. After
        other rows than were counted, the next attempt merges copies of one event, because an event may have been loaded
        again in between; once.

        Every attempt waits at the barrier, because a store that comes back may lack events that it had before.
        """
        settings = self._dependencies.settings
        deadline_s = time.monotonic() + settings.report_timeout_s
        pauses_s, block_rows, final = backoff(RETRY_PAUSE_MIN_S, RETRY_PAUSE_MAX_S), BLOCK_ROWS, False
        while not self._stopped.is_set():
            if behind := await self._wait_at_barrier():
                wait_s = settings.report_barrier_timeout_s
                return TimedOut(f"events that came before the report were not loaded within {wait_s} s: {behind}")
            try:
                return await self._run_attempt(plan, deadline_s, options, block_rows, final=final)
            except StoreMemory as error:
                if block_rows not in BLOCK_ROWS_FEWER:
                    raise
                block_rows = BLOCK_ROWS_FEWER[block_rows]
                log.warning("report %s: its values are long, trying again in small blocks: %s", self._job.id, error)
                continue
            except RowsMissing as error:
                if final:
                    raise
                final = True
                log.warning("report %s: %s, trying again with all merged", self._job.id, error)
                continue
            except (StoreUnavailable, FilesAway) as error:
                if self._stopped.is_set():  # The statement was cancelled, because nobody wants the report any more.
                    raise WorkStopped from error
                pause_s = next(pauses_s)
                if time.monotonic() + pause_s >= deadline_s:
                    raise
                log.warning("report %s: a store is away, trying again: %s", self._job.id, error)
            await self._pause(pause_s)
        raise WorkStopped

    async def _run_attempt(
        self,
        plan: Plan,
        deadline_s: float,
        options: AttemptOptions,
        block_rows: int,
        *,
        final: bool,
    ) -> Outcome:
        store, files = self._dependencies.store, self._dependencies.files
        self._attempt = Attempt(self._job, plan, store, files, deadline_s, options, block_rows, final=final)
        return await asyncio.get_running_loop().run_in_executor(self._dependencies.threads, self._attempt.run)

    async def _finish(self, outcome: Outcome) -> None:
        """Record the end; raises WorkStopped when another worker has the job."""
        self._lease.expect_end()
        while True:
            try:
                if await asyncio.to_thread(self._record, outcome):
                    return
            except StateUnavailable as error:
                log.warning("report %s: its end cannot be recorded now: %s", self._job.id, error)
                await self._pause(RETRY_PAUSE_MIN_S)
            else:
                raise WorkStopped

    def _record(self, outcome: Outcome) -> bool:
        job, now_ms, status = self._job, self._dependencies.clock.now_ms(), final_status(outcome)
        progress = self._progress()
        reason = None if isinstance(outcome, Completed) else outcome.reason
        completed = outcome if isinstance(outcome, Completed) else None
        recorded = self._dependencies.state.jobs.finish(
            job.id,
            self._lease.owner,
            status,
            now_ms,
            progress.rows,
            progress.bytes,
            sha256=completed.sha256 if completed else None,
            reason=reason,
            duplicates=completed.duplicates if completed else None,
            manifest=completed.manifest if completed else None,
        )
        if recorded:
            self._dependencies.durations.add(status, (now_ms - job.started_ms) / 1000)
            detail = (
                f"rows: {progress.rows}, bytes: {progress.bytes}, SHA-256: {completed.sha256}" if completed else reason
            )
            log.info("report %s is %s after %d ms: %s", job.id, status, now_ms - job.started_ms, detail)
        return recorded

    def _discard_earlier_attempts(self) -> None:
        """Remove the files of earlier claims; their workers are gone, or have lost the job."""
        for attempt in range(1, self._job.tries):
            self._dependencies.files.discard(self._job, attempt)

    def _discard(self) -> None:
        """Remove what this claim has written, unless its end was recorded and only the answer to that was lost."""
        try:
            job = self._dependencies.state.jobs.get(self._job.id)
            if job is None or job.status is not JobStatus.COMPLETE or job.tries != self._job.tries:
                self._dependencies.files.discard(self._job, self._job.tries)
            if job is None or job.status not in (JobStatus.RUNNING, JobStatus.COMPLETE):
                # The report may have been removed, or given up, before its file came to its destination.
                self._dependencies.files.remove(structs.replace(self._job, bytes=self._progress().bytes))
        except (StateUnavailable, BaseError, OSError) as error:
            log.warning("report %s: its unfinished file stays until it expires: %s", self._job.id, error)

    async def _pause(self, pause_s: float) -> None:
        """Wait; raises WorkStopped when the run is stopped meanwhile."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), pause_s)
            raise WorkStopped
