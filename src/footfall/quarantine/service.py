"""The quarantine service for the API and the command line: list, count, release and drop events."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from footfall.errors import Code, Problem, RequestRefused
from footfall.journal import Journal, JournalError
from footfall.plan import Checker, Plan, compile_plan
from footfall.quarantine import journal_lines
from footfall.quarantine.records import ChangeOutcome, Held, HeldGroup, Page, ProblemCounts, Record, read_records
from footfall.quarantine.selection import START, Cursor, Selection
from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query
from footfall.system import files
from footfall.wire import Standing, StoredEvent
from footfall.wording import count_of

log = logging.getLogger(__name__)

# Seconds that a statement on quarantine may take in the store: a client waits for it.
READ_TIMEOUT_S = 60
# Seconds that a change waits for the one before it.
CHANGE_WAIT_S = 10.0
# Seconds between two tries to take the lock.
_PAUSE_S = 0.05
# Seconds after which a change does not wait for the one before it to show: that one may have been lost.
FORGET_S = 600.0
RETRY_AFTER_S = 5
# Seconds after which the held events are counted again although this node has loaded none.
RECOUNT_S = 600.0
# Seconds between two questions whether the store shows a change: its segment is loaded after a second or so.
VISIBLE_PERIOD_S = 0.1

_held = msgspec.json.Decoder(Held)
_group = msgspec.json.Decoder(HeldGroup)


class Quarantine:
    """Reads quarantine from the store, and changes it through the journal, which must be running.

    `plan` gives the plan by which events are released, and is called for nothing else: a large one takes long to read.
    All methods raise StoreUnavailable, StoreTimeout or StoreFailed, as the store does.
    """

    def __init__(self, store: Store, journal: Journal, plan: Callable[[], Plan], settings: Settings) -> None:
        self._store = store
        self._journal = journal
        self._plan = plan
        self._settings = settings
        self._is_migrated = False

    async def page(self, selection: Selection, limit: int, after: Cursor = START) -> Page:
        """At most `limit` events after a cursor, the newest first; long values of their context are cut."""
        # One more than asked for shows whether there is a next page.
        parameters = {**selection.parameters(), **after.parameters(), "limit": limit + 1}
        events = await self._fetch("quarantine_list", parameters, _held)
        last = events[limit - 1] if len(events) > limit else None
        cursor = "" if last is None else str(Cursor(last.received, last.batch, last.sequence))
        return Page(events[:limit], cursor)

    async def summary(self, selection: Selection, limit: int) -> list[HeldGroup]:
        """The number of events by product, type and reason, the most frequent first."""
        return await self._fetch("quarantine_summary", {**selection.parameters(), "limit": limit}, _group)

    async def count(self, selection: Selection) -> int:
        """The number of selected events."""
        await self._ensure_table()
        limits = {"max_execution_time": READ_TIMEOUT_S}
        rows = await asyncio.to_thread(self._store.rows, query("quarantine_count"), selection.parameters(), limits)
        return int(rows[0][0])

    async def find(self, event_id: str) -> Held | None:
        """One event with all of its content, by a name that `event_id` returned; None when there is none."""
        batch, _, sequence = event_id.partition("/")
        found = await self._fetch("quarantine_show", {"batch": batch, "sequence": int(sequence)}, _held)
        return found[0] if found else None

    async def release(
        self, selection: Selection, by: str, *, set_type: str = "", dry_run: bool = False
    ) -> ChangeOutcome:
        """Admit the selected events that are held and fit the current plan; the others stay held.

        `set_type` gives all of them another type first. The changes are durable when this returns, and visible in the
        store when their segment is loaded. Raises RequestRefused for an impossible type, and JournalError when nothing
        was changed; after the first change the outcome tells of the error.
        """
        _check_type(set_type, self._settings)
        checker = compile_plan(self._plan(), self._settings, thorough=True)
        counts, outcome = ProblemCounts(), ChangeOutcome(changed=0)
        async with self._change(outcome, dry_run=dry_run), aclosing(self._all_held(selection)) as blocks:
            async for events in blocks:
                good, admitted = await asyncio.to_thread(_admit, events, set_type, checker, counts)
                if good and not dry_run:
                    changed = journal_lines.state_changes(good, Standing.RELEASED, by, set_type)
                    await self._journal.append(released=admitted, quarantined=changed)
                    outcome.last = good[-1]
                outcome.changed += len(good)
        outcome.stayed, outcome.broken = counts.events, counts.broken()
        if not dry_run:
            log.info("%s released %s of quarantine; stayed: %d", by, count_of(outcome.changed, "event"), outcome.stayed)
        return outcome

    async def drop(self, selection: Selection, by: str) -> ChangeOutcome:
        """Drop the content of the selected events that are held; a record of each stays.

        Durable as a release, and raises the same.
        """
        outcome = ChangeOutcome(changed=0)
        async with self._change(outcome), aclosing(self._all_held(selection)) as blocks:
            async for events in blocks:
                await self._journal.append(quarantined=journal_lines.state_changes(events, Standing.DROPPED, by))
                outcome.last = events[-1]
                outcome.changed += len(events)
        log.info("%s dropped %s of quarantine", by, count_of(outcome.changed, "event"))
        return outcome

    async def wait_until_visible(self, outcome: ChangeOutcome, within_s: float) -> bool:
        """Wait until the store shows the changes; False when the time is over or the store is away."""
        if outcome.last is None:
            return True
        with contextlib.suppress(StoreUnavailable, StoreTimeout, StoreFailed):
            return await self._is_visible(outcome.last.id, within_s)
        return False

    @contextlib.asynccontextmanager
    async def _change(self, outcome: ChangeOutcome, *, dry_run: bool = False) -> AsyncIterator[None]:
        """Make a change in the block, when this node makes no other and the store shows the last one.

        A dry run waits for nothing. Raises RequestRefused, and what `_record_failures` lets through.
        """
        if dry_run:
            with _record_failures(outcome):
                yield
            return
        async with hold_change_lock(self._settings.data / "run" / "quarantine") as lock:
            if lock.last_id and not await self._is_visible(lock.last_id, CHANGE_WAIT_S):
                raise refuse_for_now("the change before this one does not show yet")
            try:
                with _record_failures(outcome):
                    yield
            finally:
                if outcome.last is not None:
                    lock.note(outcome.last.id)

    async def _is_visible(self, event_id: str, within_s: float) -> bool:
        """Wait until the store shows the change of an event; False when the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    # Segments are loaded in their order: when the last change is visible, all are.
                    now = await self.find(event_id)
                    if now is None or now.state is not Standing.HELD:
                        return True
                    await asyncio.sleep(VISIBLE_PERIOD_S)
        return False

    async def _fetch(
        self, name: str, parameters: dict[str, Any], decoder: msgspec.json.Decoder[Record]
    ) -> list[Record]:
        """All rows of a statement that returns few."""
        await self._ensure_table()
        limits = {"max_execution_time": READ_TIMEOUT_S}
        blocks = await asyncio.to_thread(
            lambda: list(read_records(self._store, query(name), parameters, decoder, limits))
        )
        return [record for block in blocks for record in block]

    async def _all_held(self, selection: Selection) -> AsyncGenerator[list[Held]]:
        """All selected events that are held, in blocks, as they were at the start."""
        await self._ensure_table()
        parameters = {**selection.parameters(), "state": Standing.HELD.value}
        blocks = read_records(self._store, query("quarantine_events"), parameters, _held)
        try:
            while (block := await asyncio.to_thread(next, blocks, None)) is not None:
                yield block
        finally:
            await asyncio.to_thread(blocks.close)

    async def _ensure_table(self) -> None:
        """Make the table, once, when it is missing: no worker may have run since an update that added it."""
        if not self._is_migrated:
            await asyncio.to_thread(self._store.migrate)
            self._is_migrated = True


class HeldCounter:
    """Counts the events that are held, for the metrics; `number` is None until the store was asked.

    The store is asked when a worker has loaded into quarantine since, and after RECOUNT_S, because other nodes load
    too.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loads = -1
        self._again_from_s = 0.0
        self.number: int | None = None

    def count(self, loads: int) -> None:
        """Count anew when that may give another number; `loads` grows with each load. A store that is away is left."""
        if loads == self._loads and time.monotonic() < self._again_from_s:
            return
        parameters = Selection(state=Standing.HELD.value).parameters()
        with suppress(StoreUnavailable, StoreTimeout, StoreFailed):
            rows = self._store.rows(query("quarantine_count"), parameters, {"max_execution_time": READ_TIMEOUT_S})
            self.number, self._loads, self._again_from_s = int(rows[0][0]), loads, time.monotonic() + RECOUNT_S


@contextlib.contextmanager
def _record_failures(outcome: ChangeOutcome) -> Iterator[None]:
    """Write a failure after the first change into the outcome, because that change stays; raise an earlier one."""
    try:
        yield
    except (JournalError, StoreUnavailable, StoreTimeout, StoreFailed) as error:
        if outcome.last is None:
            raise
        log.warning("stopped after %s: %s", count_of(outcome.changed, "quarantined event"), error)
        whose = "journal" if isinstance(error, JournalError) else "events store"
        outcome.stopped = f"the {whose} could do no more; the rest is as it was, and the same call goes on with it"


def _admit(events: list[Held], set_type: str, checker: Checker, counts: ProblemCounts) -> tuple[list[Held], bytes]:
    """The events that the plan accepts, and their lines; count the others."""
    admitted: list[StoredEvent] = [journal_lines.released_event(event, set_type) for event in events]
    refused = {item.index: item.problems for item in checker.check(admitted)}
    for index, problems in refused.items():
        counts.add(admitted[index], problems)
    good = [event for index, event in enumerate(events) if index not in refused]
    return good, journal_lines.release_lines(event for index, event in enumerate(admitted) if index not in refused)


def _check_type(set_type: str, settings: Settings) -> None:
    if len(set_type) > settings.code_chars_max:
        problem = Problem(
            Code.REQUEST_PARAMETER_MALFORMED, "setType", f"must have {settings.code_chars_max} characters at the most"
        )
        raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the type cannot be one", (problem,))


class ChangeLock:
    """The lock under which a node changes its quarantine, one change at a time, while it is held.

    `last_id` is the last event of the change before this one, or empty. The store shows a change a second after it was
    made. A change that read the store before that would count the same events again as changed.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        is_recent = time.time() - os.fstat(file).st_mtime < FORGET_S
        self.last_id = os.pread(file, 100, 0).decode() if is_recent else ""

    def note(self, event_id: str) -> None:
        """Write down the last event that was changed. A full disk may prevent that; the change is durable already."""
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, event_id.encode(), 0)


@asynccontextmanager
async def hold_change_lock(path: Path) -> AsyncIterator[ChangeLock]:
    """Take the lock and hold it for the block. Raises RequestRefused when another change holds it for too long."""
    try:
        files.make_folder(path.parent)
        file = files.open_file(path, os.O_RDWR)
    except OSError as error:
        raise refuse_for_now(f"the data folder cannot be written now: {error.strerror}") from error
    try:
        until_s = time.monotonic() + CHANGE_WAIT_S
        while not files.take_lock(file):
            if time.monotonic() >= until_s:
                raise refuse_for_now("another change of quarantine is at work")
            await asyncio.sleep(_PAUSE_S)
        yield ChangeLock(file)
    finally:
        os.close(file)


def refuse_for_now(why: str) -> RequestRefused:
    """The refusal of a change that cannot be made now."""
    text = f"{why}; nothing was changed, try again"
    return RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
