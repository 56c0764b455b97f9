"""The schedules service of the API and the command line, and its answers; times are ms, ends are inclusive."""

import uuid
from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from footfall import windows
from footfall.accounts import is_narrowed
from footfall.errors import Code, RequestRefused
from footfall.reports import SOURCE_PREFIX, asked_codes, body_scope, may_see_report, visible_request
from footfall.schedules import jobs
from footfall.schedules.request import parse_schedule_request
from footfall.settings import Settings
from footfall.state import Schedule, ScheduleRun, State, TooManySchedules, User
from footfall.system.clock import Clock
from footfall.validation import CodeLookup

# Schedules of a page, and the newest runs that are shown of one.
PAGE_SCHEDULES_MAX = 1_000
RUNS_SHOWN_MAX = 100


class NextWindow(Struct, frozen=True):
    """The window of the next report, and when that is started."""

    start: int
    end: int
    due: int


class ShownRun(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a window: its report, or one of its corrections, which count from 1."""

    start: int
    end: int
    correction: int
    status: str
    source: str
    tries: int
    earlier: list[str]
    late_events: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    next_look: int | UnsetType = UNSET


class ScheduleShown(Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule; `reason` says why it was paused by itself, `runs` is there where one schedule is asked for."""

    id: str
    user: str
    name: str
    every: str
    timezone: str
    grace_seconds: int
    correction_days: int
    correction: str
    paused: bool
    reason: str | UnsetType = UNSET
    created: int
    next: NextWindow
    filter: dict[str, Any]
    duplicates: str | UnsetType = UNSET
    output: dict[str, Any] | UnsetType = UNSET
    runs: list[ShownRun] | UnsetType = UNSET


class SchedulesPage(Struct, frozen=True):
    """Some schedules in the order of their ids; `next` is missing on the last page."""

    schedules: list[ScheduleShown]
    next: str | UnsetType = UNSET


class Schedules:
    """Adds, lists, shows, pauses, resumes and removes schedules; a user sees their own, an admin all. Methods block.

    All raise RequestRefused, the same whether there is no such schedule or it is another user's. `codes` knows which
    customers and products there are; with None nobody is asked, and all count as known.
    """

    def __init__(self, state: State, settings: Settings, clock: Clock, codes: CodeLookup | None = None) -> None:
        self._codes = codes
        self._state = state
        self._settings = settings
        self._clock = clock

    def add(self, owner: User, body: bytes, *, assume_unknown: bool = False) -> ScheduleShown:
        """Make the schedule that a body asks for.

        Raises RequestRefused for a body that cannot be read, another customer than the owner's, one schedule too many,
        and codes that neither the plan nor the store knows. While the store does not answer, codes that are not in the
        plan count as known, or with `assume_unknown` as not.
        """
        plan = self._codes.plan if self._codes else None
        made_ms = self._clock.now_ms()
        schedule, wanted = parse_schedule_request(body, owner, str(uuid.uuid4()), made_ms, self._settings, plan)
        wanted = visible_request(owner, wanted, self._settings)
        if is_narrowed(owner):
            schedule = structs.replace(schedule, body=jobs.with_scope(schedule, wanted.filter))
        if self._codes is not None:
            asked = asked_codes(wanted.filter)
            unknown = self._codes.find_unknown_blocking(asked, assume_unknown=assume_unknown)
            if unknown:
                text = "the schedule cannot be made: its reports would be empty"
                problems = tuple(mistake.problem() for mistake in unknown)
                raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, text, problems)
        try:
            self._state.schedules.add(schedule, self._settings.schedules_max)
        except TooManySchedules as error:
            text = f"{error}: remove one first"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, text) from error
        return _shown(schedule)

    def page(self, user: User, after: str = "") -> SchedulesPage:
        """Schedules ordered by id, those after `after`."""
        found = self._state.schedules.page(None if user.admin else user.account, after, PAGE_SCHEDULES_MAX + 1)
        more = len(found) > PAGE_SCHEDULES_MAX
        page = found[:PAGE_SCHEDULES_MAX]
        shown = [_shown(each) for each in page if _is_in_reach(user, each)]
        return SchedulesPage(shown, page[-1].id if more else UNSET)

    def find(self, user: User, schedule_id: str) -> ScheduleShown:
        """The schedule with its newest runs."""
        found = self._find(user, schedule_id)
        return _shown(found, self._state.schedules.newest_runs(found.id, RUNS_SHOWN_MAX))

    def runs(self, user: User, schedule_id: str, limit: int) -> list[ShownRun]:
        """The newest runs of a schedule, the newest first."""
        return [_run(each) for each in self._state.schedules.newest_runs(self._find(user, schedule_id).id, limit)]

    def remove(self, user: User, schedule_id: str) -> ScheduleShown:
        """Remove the schedule; its reports stay."""
        found = self._find(user, schedule_id)
        if not self._state.schedules.remove(found.id):
            raise _no_schedule()
        return _shown(found)

    def pause(self, user: User, schedule_id: str) -> ScheduleShown:
        """Start no more reports until it is resumed."""
        found = self._find(user, schedule_id)
        if not self._state.schedules.pause(found.id):
            raise _no_schedule()
        return _shown(self._find(user, schedule_id))

    def resume(self, user: User, schedule_id: str) -> ScheduleShown:
        """Go on with the window at which it was paused, and try again what had failed for good."""
        found = self._find(user, schedule_id)
        if not self._state.schedules.resume(found.id, self._clock.now_ms()):
            raise _no_schedule()
        return _shown(self._find(user, schedule_id))

    def _find(self, user: User, schedule_id: str) -> Schedule:
        found = self._state.schedules.get(schedule_id)
        if found is None or not (user.admin or found.account == user.account) or not _is_in_reach(user, found):
            raise _no_schedule()
        return found


def _is_in_reach(user: User, schedule: Schedule) -> bool:
    """Whether the schedule's customers and products are those of the user, and of the key that they signed in with."""
    if not is_narrowed(user):
        return True
    return may_see_report(user, body_scope(jobs.report_body(schedule)["filter"]))


def _no_schedule() -> RequestRefused:
    return RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such schedule")


def _shown(schedule: Schedule, runs: list[ScheduleRun] | None = None) -> ScheduleShown:
    body = jobs.report_body(schedule)
    timezone = windows.zone(schedule.timezone)
    # The end follows from the time zone's rules of today; a node that does not know the zone takes the due time.
    end_ms = schedule.next_due_ms - schedule.grace_s * 1000
    if timezone is not None:
        end_ms = windows.window(schedule.every, timezone, schedule.next_start_ms).end_ms
    return ScheduleShown(
        id=schedule.id,
        user=schedule.user,
        name=schedule.name,
        every=schedule.every,
        timezone=schedule.timezone,
        grace_seconds=schedule.grace_s,
        correction_days=schedule.correction_days,
        correction=schedule.correction,
        paused=schedule.paused,
        reason=schedule.reason or UNSET,
        created=schedule.created_ms,
        next=NextWindow(schedule.next_start_ms, end_ms - 1, schedule.next_due_ms),
        filter=body["filter"],
        duplicates=body.get("duplicates", UNSET),
        output=body.get("output", UNSET),
        runs=UNSET if runs is None else [_run(each) for each in runs],
    )


def _run(run: ScheduleRun) -> ShownRun:
    return ShownRun(
        start=run.start_ms,
        end=run.end_ms - 1,
        correction=run.correction,
        status=run.status.value,
        source=SOURCE_PREFIX + run.job,
        tries=run.tries,
        earlier=[SOURCE_PREFIX + job for job in run.earlier_jobs],
        late_events=UNSET if run.late_events is None else run.late_events,
        reason=run.reason or UNSET,
        next_look=UNSET if run.look_ms is None else run.look_ms,
    )
