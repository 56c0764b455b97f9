"""One claimed report, from the claim to its end: the wait for events on their way, the attempts, the record."""

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
from footfall.plan import Column, LivePlan
from footfall.reports.files import Destinations
from footfall.reports.status import Completed, Failed, Outcome, TimedOut, ended
from footfall.reports.worker.attempt import BLOCK_ROWS, BLOCK_ROWS_FEWER, Attempt, Halted, RowsMissing, Terms
from footfall.reports.worker.barrier import Barrier
from footfall.reports.worker.lease import TELL_S, Counts, Lease
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State, StateUnavailable
from footfall.store import Store, StoreFailed, StoreMemory, StoreRefused, StoreRejected, StoreTimeout, StoreUnavailable
from footfall.system.clock import Clock

# What a failure means for a report, in words for the person who asked for it; the log has the failure itself.


def explain_failure(error: Exception, settings: Settings) -> Outcome:
    """How a report ends whose making raised this."""
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
        case RowsMissing():
            return Failed(str(error))
        case FilesFailed():
            return Failed(error.reason)
        case BaseError() | OSError():
            return Failed("the report's file could not be written")
        case _:
            return Failed("a fault of the service")


log = logging.getLogger(__name__)

STORE_ERRORS = (StoreFailed, StoreTimeout, StoreUnavailable)
# How often a run looks whether what it waits for has come.
LOOK_S = 0.1
# While the store or the state is away it is tried again after this time, doubled with every failure up to the most.
PAUSE_LEAST_S = 0.2
PAUSE_MOST_S = 5.0


class RunDependencies(Struct, frozen=True, kw_only=True):
    """What every run works with; `threads` has one thread for each report that runs at once."""

    state: State
    store: Store
    plan: LivePlan
    barrier: Barrier
    settings: Settings
    clock: Clock
    files: Destinations
    threads: Executor


class Run:
    """One claim of one job, asked for at `claimed_s` of the monotonic clock; `work` it once."""

    def __init__(self, job: Job, means: RunDependencies, claimed_s: float) -> None:
        self._job = job
        self._means = means
        self._lease = Lease(job, means.state, means.settings.report_lease_s, claimed_s)
        self._making: Attempt | None = None
        # Another attempt, or another worker, begins from nothing, but what was told is never taken back.
        self._progress = job.progress
        self._halted = asyncio.Event()

    async def work(self, stop: asyncio.Event) -> None:
        """Make the report and record how it ended.

        When the lease is lost, or the report was cancelled, the engine is told to drop its statement, whatever was
        written is removed, and nothing is recorded. When `stop` is set, the same happens, and the job is given back, so
        that another worker takes it at once.
        """
        keeping = asyncio.create_task(self._lease.keep(self._counts, self._halted))
        stopping = asyncio.create_task(stop.wait())
        working = asyncio.create_task(self._outcome())
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait((keeping, stopping, working), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                self._halt()
                await keeping
                await self._lease.release()
                await self._break_off(working)
            await self._finish(await working)
        except Halted:
            await asyncio.to_thread(self._discard)
        finally:
            self._halt()
            stopping.cancel()
            working.cancel()
            watching.cancel()
            await keeping

    def _halt(self) -> None:
        self._halted.set()
        if self._making is not None:
            self._making.halt()

    async def _break_off(self, working: asyncio.Task[Outcome]) -> None:
        """Have the store drop the statement for which the attempt may be waiting, until the attempt is over.

        Once is not enough: the statement may not have begun yet.
        """
        while self._making is not None and not working.done():
            try:
                await asyncio.to_thread(self._means.store.kill, self._making.mark)
            except STORE_ERRORS as error:
                log.warning("report %s: its statement cannot be broken off now: %s", self._job.id, error)
            await asyncio.wait((working,), timeout=LOOK_S)

    async def _watch(self) -> None:
        """Look at how far the engine is with the current statement, until the run is halted.

        Nothing but the progress depends on it: where the store does not tell, the rows that have passed do.
        """
        while not self._halted.is_set():
            if (making := self._making) is not None:
                try:
                    read = await asyncio.to_thread(self._means.store.progress, making.rows_mark)
                except STORE_ERRORS as error:
                    log.debug("report %s: how far its statement is cannot be told: %s", self._job.id, error)
                    read = 0.0
                self._progress = max(self._progress, making.share(read))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._halted.wait(), TELL_S)

    def _counts(self) -> Counts:
        made, progress = self._making, round(self._progress, 4)
        return (made.rows, made.size, made.rows_total, progress) if made else (0, 0, 0, progress)

    async def _outcome(self) -> Outcome:
        """How the report ends; raises Halted."""
        job, settings = self._job, self._means.settings
        try:
            await asyncio.to_thread(self._clean)
            if job.tries - job.stops > settings.report_tries_max:
                return Failed(f"the report was given up after {settings.report_tries_max} workers had died over it")
            plan = self._means.plan.plan
            terms = Terms(
                plan=plan.fingerprint,
                late_ms=settings.late_after_s * 1000,
                memory_bytes_max=settings.report_memory_bytes_max,
                manifest_types_chars_max=settings.manifest_types_chars_max,
            )
            return await self._make(plan.columns(job.filter.product), terms)
        except Halted:
            raise
        except Exception as error:
            if self._halted.is_set():
                raise Halted from error  # Most likely it is our own doing: the statement was broken off.
            log.exception("report %s failed", job.id)
            await asyncio.to_thread(self._discard)
            return explain_failure(error, settings)

    async def _wait(self) -> str | None:
        """Wait at the barrier; returns what is behind when that takes too long."""
        until_s = time.monotonic() + self._means.settings.report_barrier_timeout_s
        # Pinned before, or asked for, a watermark stays.
        if self._job.watermark_ms == self._job.started_ms and (behind := await self._pin(until_s)):
            return behind
        return await self._until(until_s, partial(self._means.barrier.behind, self._job.watermark_ms))

    async def _pin(self, until_s: float) -> str | None:
        """Raise the watermark to the latest clock of all nodes, and have the job keep it before anything is made.

        Nor may it be before that of the report since which this one is: the clock of a node that is gone may have been
        ahead. Returns what is behind when that takes too long; raises Halted when the job is not ours any more.
        """
        clocks = self._means.barrier.clocks()
        if behind := await self._until(until_s, clocks.behind):
            return behind
        since_ms = self._job.since_ms or 0
        if clocks.latest_ms is None and since_ms <= self._job.watermark_ms:
            return None
        watermark_ms = max(self._job.watermark_ms, since_ms, clocks.latest_ms or 0, self._means.clock.now_ms())
        pin = self._means.state.jobs.pin_watermark
        if not await asyncio.to_thread(pin, self._job.id, self._lease.owner, watermark_ms):
            raise Halted
        self._job = structs.replace(self._job, watermark_ms=watermark_ms)
        return None

    async def _until(self, until_s: float, behind: Callable[[], str | None]) -> str | None:
        """Wait until nothing is behind any more; returns what is when it takes too long."""
        while found := await asyncio.to_thread(behind):
            if time.monotonic() >= until_s:
                return found
            await self._pause(LOOK_S)
        return None

    async def _make(self, columns: tuple[Column, ...] | None, terms: Terms) -> Outcome:
        """Try until the file is there; an outage of a store is worth another attempt, while there is time.

        So is a lack of memory, twice: then with smaller blocks, which are slower, but hold few values however long. And
        so are other rows than were counted, once: then equal ones are merged on the way, for an event may have been
        loaded a second time in between.

        Every attempt waits at the barrier, for a store that comes back may lack events that it had before.
        """
        means = self._means
        deadline_s = time.monotonic() + means.settings.report_timeout_s
        pause_s, block_rows, final = PAUSE_LEAST_S, BLOCK_ROWS, False
        while not self._halted.is_set():
            if behind := await self._wait():
                wait_s = means.settings.report_barrier_timeout_s
                return TimedOut(f"events that came before the report were not loaded within {wait_s} s: {behind}")
            self._making = Attempt(
                self._job, columns, means.store, means.files, deadline_s, terms, block_rows, final=final
            )
            try:
                return await asyncio.get_running_loop().run_in_executor(means.threads, self._making.make)
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
                if time.monotonic() + pause_s >= deadline_s:
                    raise
                log.warning("report %s: a store is away, trying again: %s", self._job.id, error)
            await self._pause(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MOST_S)
        raise Halted

    async def _finish(self, outcome: Outcome) -> None:
        """Record the end; raises Halted when somebody else has the job."""
        while True:
            try:
                if await asyncio.to_thread(self._record, outcome):
                    return
            except StateUnavailable as error:
                log.warning("report %s: its end cannot be recorded now: %s", self._job.id, error)
                await self._pause(PAUSE_LEAST_S)
            else:
                raise Halted

    def _record(self, outcome: Outcome) -> bool:
        job, now_ms, status = self._job, self._means.clock.now_ms(), ended(outcome)
        rows, size, *_ = self._counts()
        reason = None if isinstance(outcome, Completed) else outcome.reason
        made = outcome if isinstance(outcome, Completed) else None
        recorded = self._means.state.jobs.finish(
            job.id,
            self._lease.owner,
            status,
            now_ms,
            rows,
            size,
            sha256=made.sha256 if made else None,
            reason=reason,
            duplicates=made.duplicates if made else None,
            manifest=made.manifest if made else None,
        )
        if recorded:
            said = f"{made.rows} rows, {made.bytes} bytes, SHA-256 {made.sha256}" if made else reason
            log.info("report %s is %s after %d ms: %s", job.id, status, now_ms - job.started_ms, said)
        return recorded

    def _clean(self) -> None:
        """Remove what earlier attempts left behind; their workers are gone, or have lost the job."""
        for attempt in range(1, self._job.tries):
            self._means.files.discard(self._job, attempt)

    def _discard(self) -> None:
        """Remove what this claim has written, unless the job has ended with it, and only the word of that was lost."""
        try:
            job = self._means.state.jobs.get(self._job.id)
            if job is None or job.status is not JobStatus.COMPLETE or job.tries != self._job.tries:
                self._means.files.discard(self._job, self._job.tries)
            if job is None or job.status not in (JobStatus.RUNNING, JobStatus.COMPLETE):
                # Who removed the report, or gave it up, may have looked before its file came to its destination.
                self._means.files.remove(structs.replace(self._job, bytes=self._counts()[1]))
        except (StateUnavailable, BaseError, OSError) as error:
            log.warning("report %s: its unfinished file stays until it expires: %s", self._job.id, error)

    async def _pause(self, pause_s: float) -> None:
        """Wait; raises Halted when the run is halted meanwhile."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._halted.wait(), pause_s)
            raise Halted
