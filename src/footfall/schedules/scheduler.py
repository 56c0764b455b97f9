"""The worker's side: starts reports that are due, retries failed ones, and corrects those that lack late events."""

import logging
from collections.abc import Callable
from zoneinfo import ZoneInfo

from msgspec import structs

from footfall import windows
from footfall.accounts import may_see
from footfall.errors import RequestRefused
from footfall.plan import LivePlan, Plan
from footfall.reports import CANCELLED, job_bounds, job_filter
from footfall.schedules import jobs
from footfall.schedules.jobs import Correct, LateFindings, LateScan
from footfall.settings import Settings
from footfall.state import Job, JobStatus, RunStatus, Schedule, ScheduleRun, State, StateUnavailable, User
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query
from footfall.system.clock import Clock
from footfall.usage import EVERY
from footfall.windows import DAY_MS, Window

log = logging.getLogger(__name__)

# Pauses before a retry: a minute, then four times as long each time, up to the most.
RETRY_FIRST_MS = 60_000
RETRY_MOST_MS = 4 * 3_600_000
# Earlier jobs that a run remembers.
EARLIER_MAX = 50
# Seconds of a scan for late events in the store: one window takes some ms.
SCAN_TIMEOUT_S = 30


class Stopped(Exception):
    """A schedule cannot go on; its text is the reason, fit for the owner."""


class Scheduler:
    """Any number of schedulers, on one node or many, share the schedules: the first to change a row wins."""

    def __init__(
        self, state: State, store: Store, settings: Settings, clock: Clock, plan: LivePlan | None = None
    ) -> None:
        self._live_plan = plan
        self._state = state
        self._store = store
        self._settings = settings
        self._bounds = job_bounds(settings)
        self._clock = clock

    def tick(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Do what is due now, up to `schedule_steps_max` of each kind, or until `stopped` says so. Blocks."""
        try:
            self._finish(stopped)
            self._begin(stopped)
            self._retry_and_correct(stopped)
        except StateUnavailable as error:
            log.warning("schedules wait: %s", error)

    def _finish(self, stopped: Callable[[], bool]) -> None:
        """Record how the reports ended."""
        for run, job in self._state.schedules.runs_with_ended_job(self._settings.schedule_steps_max):
            if stopped():
                return
            if job is not None and job.status is JobStatus.COMPLETE:
                self._complete(run, job)
            else:
                self._fail(run, job)

    def _complete(self, run: ScheduleRun, job: Job) -> None:
        until_ms = run.until_ms
        if run.correction == 0 and (schedule := self._state.schedules.get(run.schedule)):
            until_ms = job.watermark_ms + schedule.correction_days * DAY_MS
        now_ms, pause_ms = self._clock.now_ms(), self._settings.schedule_look_s * 1000
        look_ms = None if until_ms is None else jobs.next_scan(run.end_ms, now_ms, until_ms, pause_ms)
        changed = structs.replace(
            run,
            status=RunStatus.COMPLETE,
            reason=None,
            watermark_ms=job.watermark_ms,
            until_ms=until_ms,
            look_ms=look_ms,
        )
        self._state.schedules.change_run(run, changed)

    def _fail(self, run: ScheduleRun, job: Job | None) -> None:
        reason = "the report was removed while it ran" if job is None else job.reason or f"it ended as {job.status}"
        # A report that was cancelled is not made again.
        if run.tries >= self._settings.schedule_tries_max or reason == CANCELLED:
            log.error("schedule %s: the report of %s failed for good: %s", run.schedule, _named(run), reason)
            self._state.schedules.change_run(run, structs.replace(run, status=RunStatus.FAILED, reason=reason))
            return
        look_ms = self._clock.now_ms() + min(RETRY_FIRST_MS * 4 ** max(run.tries - 1, 0), RETRY_MOST_MS)
        changed = structs.replace(run, status=RunStatus.WAITING, reason=reason, look_ms=look_ms)
        self._state.schedules.change_run(run, changed)

    def _begin(self, stopped: Callable[[], bool]) -> None:
        """Start the reports that are due, each schedule's windows in their order."""
        steps = self._settings.schedule_steps_max
        while steps > 0:
            now_ms = self._clock.now_ms()
            due = self._state.schedules.due(now_ms, steps, self._settings.schedule_running_max)
            if not due:
                return
            for schedule in due:
                if stopped():
                    return
                steps -= 1
                with _Pausing(self._state, schedule):
                    self._begin_one(schedule, now_ms)

    def _begin_one(self, schedule: Schedule, now_ms: int) -> None:
        timezone = _zone(schedule)
        # The window begins where the last one ended, even if the rules of its time zone were changed meanwhile.
        end_ms = windows.window(schedule.every, timezone, schedule.next_start_ms).end_ms
        window = Window(schedule.next_start_ms, end_ms)
        owner = self._owner(schedule)
        job = jobs.make_scheduled_job(schedule, owner, window, 0, None, now_ms, self._settings, self._plan)
        run = ScheduleRun(schedule=schedule.id, start_ms=window.start_ms, end_ms=end_ms, job=job.id)
        due_ms = windows.window(schedule.every, timezone, end_ms).end_ms + schedule.grace_s * 1000
        if self._state.schedules.start_window(run, job, end_ms, due_ms, self._bounds):
            log.info("schedule %s: report %s of %s was started", schedule.id, job.id, _named(run))

    def _retry_and_correct(self, stopped: Callable[[], bool]) -> None:
        """Retry failed reports, and scan for late events of complete ones."""
        for run in self._state.schedules.runs_due(self._clock.now_ms(), self._settings.schedule_steps_max):
            if stopped():
                return
            schedule = self._state.schedules.get(run.schedule)
            if schedule is None:
                continue
            with _Pausing(self._state, schedule):
                if run.status is RunStatus.WAITING:
                    self._retry(schedule, run)
                else:
                    self._correct(schedule, run)

    def _retry(self, schedule: Schedule, run: ScheduleRun) -> None:
        job = self._order(schedule, run, run.correction, run.since_ms)
        changed = structs.replace(
            run,
            job=job.id,
            earlier_jobs=(*run.earlier_jobs, run.job)[-EARLIER_MAX:],
            tries=run.tries + 1,
            status=RunStatus.RUNNING,
            reason=None,
            look_ms=None,
        )
        if self._state.schedules.retry_run(run, changed, job, self._bounds):
            log.info("schedule %s: report %s of %s is another try", schedule.id, job.id, _named(run))

    def _correct(self, schedule: Schedule, run: ScheduleRun) -> None:
        """Start a correction when late events came and no more do; else set the time of the next scan."""
        assert run.watermark_ms is not None  # noqa: S101 - our own mistake
        assert run.until_ms is not None  # noqa: S101 - our own mistake
        job = self._order(schedule, run, run.correction + 1, run.watermark_ms)
        pause_ms = self._settings.schedule_look_s * 1000
        try:
            found = self._count(job)
        except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
            log.warning("schedule %s: late events cannot be looked for now: %s", schedule.id, error)
            self._state.schedules.change_run(run, structs.replace(run, look_ms=job.started_ms + pause_ms))
            return
        match jobs.decide_correction(
            found, run.end_ms, job.started_ms, schedule.grace_s * 1000, run.until_ms, pause_ms
        ):
            case Correct():
                since_ms = run.watermark_ms if schedule.correction == "since" else None
                correction = ScheduleRun(
                    schedule=schedule.id,
                    start_ms=run.start_ms,
                    end_ms=run.end_ms,
                    correction=run.correction + 1,
                    job=job.id,
                    since_ms=since_ms,
                    late_events=found.events,
                    until_ms=run.until_ms,
                )
                correcting = structs.replace(job, since_ms=since_ms)
                if self._state.schedules.start_correction(run, correction, correcting, self._bounds):
                    log.info("schedule %s: report %s corrects %s", schedule.id, job.id, _named(run))
            case LateScan(at_ms):
                self._state.schedules.change_run(run, structs.replace(run, look_ms=at_ms))
            case _:
                self._state.schedules.change_run(run, structs.replace(run, look_ms=None))

    def _count(self, job: Job) -> LateFindings:
        late = job_filter(job, self._plan)
        ((events, first_ms, last_ms),) = self._store.rows(
            late.fill(query("schedule_late")), late.parameters, {"max_execution_time": SCAN_TIMEOUT_S}
        )
        return LateFindings(events, first_ms, last_ms)

    def _order(self, schedule: Schedule, run: ScheduleRun, correction: int, since_ms: int | None) -> Job:
        _zone(schedule)
        window, now_ms = Window(run.start_ms, run.end_ms), self._clock.now_ms()
        owner, earlier = self._owner(schedule), self._state.jobs.get(run.job)
        return jobs.make_scheduled_job(
            *(schedule, owner, window, correction, since_ms, now_ms, self._settings, self._plan),
            earlier=earlier.filter if earlier else None,
        )

    def _owner(self, schedule: Schedule) -> User:
        """The owner, who must still exist and may still see the customers. Raises Stopped."""
        owner = self._state.users.with_account(schedule.account)
        if owner is None:
            raise Stopped(f"user {schedule.user!r}, who made it, was removed")
        wanted = jobs.report_body(schedule)["filter"]
        one = wanted.get("customer")
        names = wanted["customers"] if one is None else [one]
        if one is None and EVERY in names:
            if not (owner.admin or owner.customers):
                raise Stopped(f"user {schedule.user!r} may see no customer any more")
            return owner
        for customer in names:
            if not may_see(owner, customer):
                raise Stopped(f"user {schedule.user!r} may not see the customer {customer!r} any more")
        return owner

    @property
    def _plan(self) -> Plan | None:
        return self._live_plan.plan if self._live_plan else None


class _Pausing:
    """Pauses the schedule, with the reason, when the block fails for good.

    A bug of the service pauses it too: nothing is lost by that, while endless retries would delay all other schedules.
    """

    def __init__(self, state: State, schedule: Schedule) -> None:
        self._state = state
        self._schedule = schedule

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        match error:
            case Stopped():
                reason = str(error)
            case RequestRefused():
                reason = "; ".join([error.message, *map(str, error.problems)])
            case StateUnavailable() | None:
                return False
            case Exception():
                log.error("schedule %s failed", self._schedule.id, exc_info=error)
                reason = "a fault of the service: its log has the details; resume the schedule when it is mended"
            case _:
                return False
        log.warning("schedule %s is paused: %s", self._schedule.id, reason)
        self._state.schedules.pause(self._schedule.id, reason)
        return True


def _zone(schedule: Schedule) -> ZoneInfo:
    """The schedule's time zone, which this node's rules may lack. Raises Stopped."""
    timezone = windows.zone(schedule.timezone)
    if timezone is None:
        raise Stopped(f"the time zone {schedule.timezone} is not known here")
    return timezone


def _named(run: ScheduleRun) -> str:
    return f"window {run.start_ms} to {run.end_ms}{f', correction {run.correction}' if run.correction else ''}"
