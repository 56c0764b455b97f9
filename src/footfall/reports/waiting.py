"""Requests that wait until a report has ended. One poll of the state database serves all that wait in a process.

Any worker of any node may end a report, and the state is what all of them share. While nobody waits, nothing is asked.
"""

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings
from footfall.state import JobRepository, StateUnavailable

log = logging.getLogger(__name__)

# Seconds between two polls: a tenth of the time for which the newest report has been waited for, within these bounds.
# So a report of a second is told of at once, and one of minutes costs a statement a second.
POLL_LEAST_S: Final = 0.1
POLL_MOST_S: Final = 1.0
# The Retry-After of a refused request, in seconds: about as long as a small report takes.
RETRY_AFTER_S: Final = 1
# The query parameter with the seconds, and the preference of the header `Prefer` (RFC 7240).
WAIT_PARAMETER: Final = "wait"
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_PREFERENCE: Final = re.compile(rf'\s*{WAIT_PARAMETER}\s*=\s*"?([0-9]{{1,9}})"?\s*', re.IGNORECASE)


class WaitRequest(Struct, frozen=True):
    """For how many seconds a request may wait; `is_preference` when its header `Prefer` said so."""

    seconds: int = 0
    is_preference: bool = False


def parse_wait(query: Mapping[str, Sequence[str]], prefer: Sequence[str], most_s: int) -> WaitRequest:
    """The seconds that the query asks for, else those of the headers `Prefer`, `most_s` at most; 0 where neither does.

    Raises RequestRefused when the parameter is not a number. A preference that cannot be read is ignored, as RFC 7240
    requires.
    """
    if given := query.get(WAIT_PARAMETER, ()):
        if not _SECONDS.fullmatch(given[-1]):
            code, why = Code.REQUEST_PARAMETER_MALFORMED, "must be a whole number of seconds, 0 or more"
            problem = Problem(code, WAIT_PARAMETER, why)
            raise RequestRefused(code, "the request cannot be read: one thing is wrong", (problem,))
        return WaitRequest(min(int(given[-1]), most_s))
    for preference in ",".join(prefer).split(","):
        # Behind a semicolon are parameters of the preference; `wait` has none.
        if found := _PREFERENCE.fullmatch(preference.partition(";")[0]):
            return WaitRequest(min(int(found[1]), most_s), is_preference=True)
    return WaitRequest()


class _Wait(Struct, frozen=True, eq=False):
    """One request that waits; `has_ended` is set when its report no longer runs."""

    job_id: str
    account: str
    since_s: float
    has_ended: asyncio.Event


class EndWaits:
    """The requests of one web process that wait for reports; `report_waits_max` bounds them, and for each user
    `report_waits_each_max`. Belongs to one event loop.
    """

    def __init__(self, jobs: JobRepository, settings: Settings) -> None:
        self._jobs = jobs
        self._settings = settings
        self._waits: set[_Wait] = set()
        self._waits_of_account: Counter[str] = Counter()
        self._poll: asyncio.Task[None] | None = None

    async def wait(self, job_id: str, account: str, most_s: float, answer_now: asyncio.Event | None) -> None:
        """Return when the report has ended, after `most_s` seconds, or when `answer_now` is set.

        While the state is away, the wait goes on. Raises RequestRefused when too many wait already.
        """
        self._require_room(account)
        wait = _Wait(job_id, account, time.monotonic(), asyncio.Event())
        self._waits.add(wait)
        self._waits_of_account[account] += 1
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._tell(), name="ended reports")
        try:
            await _wait_for_any([wait.has_ended, *([] if answer_now is None else [answer_now])], most_s)
        finally:
            self._waits.discard(wait)
            self._waits_of_account[account] -= 1
            self._waits_of_account += Counter()  # Drops accounts with none.

    def close(self) -> None:
        """Ask no more."""
        if self._poll is not None:
            self._poll.cancel()

    def _require_room(self, account: str) -> None:
        own = self._waits_of_account[account]
        if own >= self._settings.report_waits_each_max:
            text = f"{own} requests of yours wait for reports already, and no more may"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, text, retry_after_s=RETRY_AFTER_S)
        if len(self._waits) >= self._settings.report_waits_max:
            text = "too many requests wait for reports"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)

    async def _tell(self) -> None:
        """Ask which reports still run, and tell those who wait for the others, until nobody waits."""
        while waits := list(self._waits):
            newest_s = time.monotonic() - max(wait.since_s for wait in waits)
            await asyncio.sleep(min(max(newest_s / 10, POLL_LEAST_S), POLL_MOST_S))
            if not (waits := list(self._waits)):
                return
            try:
                running = await asyncio.to_thread(self._jobs.running_among, {wait.job_id for wait in waits})
            except StateUnavailable as error:
                log.warning("cannot ask which reports have ended, trying again: %s", error)
                continue
            for wait in waits:
                if wait.job_id not in running:
                    wait.has_ended.set()


async def _wait_for_any(events: Sequence[asyncio.Event], most_s: float) -> None:
    """Wait until one of the events is set, or for `most_s` seconds."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
