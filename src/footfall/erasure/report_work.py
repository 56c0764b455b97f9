"""Reports that have an erased person: found before the events go, their files removed, and marked for good."""

import logging
from collections.abc import Iterator

from obstore.exceptions import BaseError

from footfall.erasure.receipt import ErasedEvents, ErasedReport
from footfall.plan import Plan
from footfall.reports import SOURCE_PREFIX, Destinations, job_filter, remove_files, select_events
from footfall.state import Erasure, Job, State
from footfall.store import Store, query
from footfall.system.clock import Clock
from footfall.tombstones import event_condition

log = logging.getLogger(__name__)

# Reports that are in memory at once.
_JOBS_MAX = 500
_UNLIMITED = {"max_execution_time": 0}


class ReportWork:
    """Finds and closes the reports of an erased person. The calls raise what the state and the store raise."""

    def __init__(
        self, state: State, store: Store, plan: Plan, destinations: Destinations, clock: Clock, salt: str
    ) -> None:
        self._state = state
        self._store = store
        self._plan = plan
        self._destinations = destinations
        self._clock = clock
        self._salt = salt

    def close_those_with(self, erasure: Erasure, touched: tuple[ErasedEvents, ...]) -> Iterator[ErasedReport]:
        """Close each complete report that has an event of the person, while the store still has these events."""
        for job in self._complete():
            if _may_have(job, touched) and self._has(job, erasure):
                yield self._close(job)
                # Now that the receipt has it, it need not be found again.
                self._state.jobs.mark_erased(job.id, self._clock.now_ms())

    def close_those_since(
        self, searched_ms: int, deleted_ms: int, touched: tuple[ErasedEvents, ...]
    ) -> Iterator[ErasedReport]:
        """Close the reports that were made while the events went, and may have read some of them."""
        for job in self._complete():
            was_at_work = job.started_ms <= deleted_ms and (job.ended_ms or 0) >= searched_ms
            if was_at_work and _may_have(job, touched):
                yield self._close(job)
                self._state.jobs.mark_erased(job.id, self._clock.now_ms())

    def is_one_at_work(self, deleted_ms: int, touched: tuple[ErasedEvents, ...]) -> bool:
        """Whether a report is being made that began before the events were gone."""
        return any(job.started_ms <= deleted_ms and _may_have(job, touched) for job in self._state.jobs.running())

    def _complete(self) -> Iterator[Job]:
        end = None
        while jobs := self._state.jobs.complete_after(end, _JOBS_MAX):
            yield from jobs
            end = (jobs[-1].started_ms, jobs[-1].id)

    def _has(self, job: Job, erasure: Erasure) -> bool:
        selected = job_filter(job, self._plan)
        person = event_condition(self._salt, erasure.rule, [erasure])
        text = person.fill(selected.fill(query("erase_report")))
        return bool(self._store.rows(text, {**selected.parameters, **person.parameters}, _UNLIMITED))

    def _close(self, job: Job) -> ErasedReport:
        """Close the links of a report, and remove its file where it can be reached."""
        source, destination = SOURCE_PREFIX + job.id, job.destination or ""
        if job.removed and not destination:
            return ErasedReport(source, "gone")
        try:
            remove_files(job, self._destinations, self._state, delivered=True)
            is_left = bool(destination) and not self._destinations.is_configured(destination)
        except (BaseError, OSError) as error:
            log.warning("report %s has an erased person; its file cannot go now: %s", job.id, error)
            is_left = True
        return ErasedReport(source, "out of reach" if is_left else "removed", destination)


def _may_have(job: Job, touched: tuple[ErasedEvents, ...]) -> bool:
    """Whether a report is about a customer's product, and a time, of which the person has events."""
    selection = select_events(job)
    by_event = selection.basis == "event"
    return any(
        (not selection.customers or one.customer in selection.customers)
        and (not selection.products or one.product in selection.products)
        and (not by_event or (selection.first_ms <= one.last and one.first <= selection.last_ms))
        for one in touched
    )
