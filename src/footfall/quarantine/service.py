"""The desk of quarantine: looks, releases and drops, for the API and the command line."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import msgspec

from footfall.errors import Code, Problem, RequestRefused
from footfall.journal import Journal, JournalError
from footfall.plan import Checker, LivePlan, compile_plan
from footfall.quarantine import journal_lines
from footfall.quarantine.journal_lines import ProblemCounts
from footfall.quarantine.records import Group, Held, Outcome, Page, Record, Standing, read_records
from footfall.quarantine.selection import START, TURN_S, Cursor, Selection, not_now, turn
from footfall.settings import Settings
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query
from footfall.wire import StoredEvent

log = logging.getLogger(__name__)

# Seconds that a look into quarantine may take in the store; somebody waits for it.
LOOK_TIMEOUT_S = 60
# A change shows when its segment is sealed and loaded: a second or so, and the store is asked this often.
SETTLE_PERIOD_S = 0.1

_held = msgspec.json.Decoder(Held)
_group = msgspec.json.Decoder(Group)


class Quarantine:
    """Reads the store, and changes what is there by way of the journal; `journal` must be running.

    The calls raise StoreUnavailable, StoreTimeout or StoreFailed, as the store does.
    """

    def __init__(self, store: Store, journal: Journal, plan: LivePlan, settings: Settings) -> None:
        self._store = store
        self._journal = journal
        self._plan = plan
        self._settings = settings
        self._prepared = False

    async def page(self, selection: Selection, limit: int, after: Cursor = START) -> Page:
        """At most so many events from behind a cursor, the newest first, with long values of their context cut."""
        # One more than asked for shows whether there is a next page.
        parameters = {**selection.parameters(), **after.parameters(), "limit": limit + 1}
        events = await self._look("quarantine_list", parameters, _held)
        last = events[limit - 1] if len(events) > limit else None
        cursor = "" if last is None else str(Cursor(last.received, last.batch, last.sequence))
        return Page(events[:limit], cursor)

    async def summary(self, selection: Selection, limit: int) -> list[Group]:
        """How many events there are of which type and for which reason, the most frequent first."""
        return await self._look("quarantine_summary", {**selection.parameters(), "limit": limit}, _group)

    async def count(self, selection: Selection) -> int:
        """How many events are selected."""
        await self._prepare()
        look = {"max_execution_time": LOOK_TIMEOUT_S}
        rows = await asyncio.to_thread(self._store.rows, query("quarantine_count"), selection.parameters(), look)
        return int(rows[0][0])

    async def find(self, event_id: str) -> Held | None:
        """The whole of one event, by a name that `identify` gave."""
        batch, _, sequence = event_id.partition("/")
        found = await self._look("quarantine_show", {"batch": batch, "sequence": int(sequence)}, _held)
        return found[0] if found else None

    async def release(self, selection: Selection, by: str, *, set_type: str = "", dry_run: bool = False) -> Outcome:
        """Admit the selected events that are held and fit the plan in force now; the others stay.

        `set_type` gives all of them another type first. When this returns, what it says is durable; it is in the store,
        and shows here, when its segment is loaded. Raises RequestRefused for a type that cannot be one, and
        JournalError before anything was changed, while afterwards the outcome tells of it.
        """
        _check_type(set_type, self._settings)
        checker = compile_plan(self._plan.plan, self._settings, thorough=True)
        tally, outcome = ProblemCounts(), Outcome(changed=0)
        async with self._change(outcome, dry_run=dry_run), aclosing(self._all_held(selection)) as blocks:
            async for events in blocks:
                good, admitted = await asyncio.to_thread(_admit, events, set_type, checker, tally)
                if good and not dry_run:
                    changed = journal_lines.state_changes(good, Standing.RELEASED, by, set_type)
                    await self._journal.append(released=admitted, quarantined=changed)
                    outcome.last = good[-1]
                outcome.changed += len(good)
        outcome.stayed, outcome.broken = tally.events, tally.broken()
        if not dry_run:
            log.info("%s released %d events from quarantine; %d stay", by, outcome.changed, outcome.stayed)
        return outcome

    async def drop(self, selection: Selection, by: str) -> Outcome:
        """Give up the selected events that are held: a record of each stays, without its content.

        Durable, and raises, as `release`.
        """
        outcome = Outcome(changed=0)
        async with self._change(outcome), aclosing(self._all_held(selection)) as blocks:
            async for events in blocks:
                await self._journal.append(quarantined=journal_lines.state_changes(events, Standing.DROPPED, by))
                outcome.last = events[-1]
                outcome.changed += len(events)
        log.info("%s dropped %d events from quarantine", by, outcome.changed)
        return outcome

    async def settle(self, outcome: Outcome, within_s: float) -> bool:
        """Wait until the changes show in the store; False when the time is over or the store is away."""
        if outcome.last is None:
            return True
        with contextlib.suppress(StoreUnavailable, StoreTimeout):
            return await self._shows(outcome.last.id, within_s)
        return False

    @contextlib.asynccontextmanager
    async def _change(self, outcome: Outcome, *, dry_run: bool = False) -> AsyncIterator[None]:
        """Begin a change when no other is at work on this node and what the last one did shows.

        A dry run waits for nobody. Raises RequestRefused, and what `_stopping` lets through.
        """
        if dry_run:
            with _stopping(outcome):
                yield
            return
        async with turn(self._settings.data / "run" / "quarantine") as own:
            if own.before and not await self._shows(own.before, TURN_S):
                raise not_now("the change before this one does not show yet")
            try:
                with _stopping(outcome):
                    yield
            finally:
                if outcome.last is not None:
                    own.note(outcome.last.id)

    async def _shows(self, event_id: str, within_s: float) -> bool:
        """Wait until the change of an event shows in the store; False when the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    # Segments are loaded in their order: when the last change is there, all are.
                    now = await self.find(event_id)
                    if now is None or now.state is not Standing.HELD:
                        return True
                    await asyncio.sleep(SETTLE_PERIOD_S)
        return False

    async def _look(self, name: str, parameters: dict[str, Any], decoder: msgspec.json.Decoder[Record]) -> list[Record]:
        """All rows of a statement that gives few."""
        await self._prepare()
        limits = {"max_execution_time": LOOK_TIMEOUT_S}
        blocks = await asyncio.to_thread(
            lambda: list(read_records(self._store, query(name), parameters, decoder, limits))
        )
        return [record for block in blocks for record in block]

    async def _all_held(self, selection: Selection) -> AsyncGenerator[list[Held]]:
        """Every selected event that is held, in blocks, as it was at the start."""
        await self._prepare()
        parameters = {**selection.parameters(), "state": Standing.HELD.value}
        blocks = read_records(self._store, query("quarantine_events"), parameters, _held)
        try:
            while (block := await asyncio.to_thread(next, blocks, None)) is not None:
                yield block
        finally:
            await asyncio.to_thread(blocks.close)

    async def _prepare(self) -> None:
        """See to it, once, that the table is there: a worker may not have run since it came."""
        if not self._prepared:
            await asyncio.to_thread(self._store.migrate)
            self._prepared = True


@contextlib.contextmanager
def _stopping(outcome: Outcome) -> Iterator[None]:
    """Failures after the first change are told in the outcome, because what is changed stays changed."""
    try:
        yield
    except (JournalError, StoreUnavailable, StoreTimeout, StoreFailed) as error:
        if outcome.last is None:
            raise
        log.warning("stopped after %d quarantined events: %s", outcome.changed, error)
        whose = "journal" if isinstance(error, JournalError) else "events store"
        outcome.stopped = f"the {whose} could do no more; the rest is as it was, and the same call goes on with it"


def _admit(events: list[Held], set_type: str, checker: Checker, tally: ProblemCounts) -> tuple[list[Held], bytes]:
    """The events that the plan takes, and their lines; the others are counted."""
    admitted: list[StoredEvent] = [journal_lines.returning(event, set_type) for event in events]
    refused = {item.index: item.problems for item in checker.check(admitted)}
    for index, problems in refused.items():
        tally.add(admitted[index], problems)
    good = [event for index, event in enumerate(events) if index not in refused]
    return good, journal_lines.release_lines(event for index, event in enumerate(admitted) if index not in refused)


def _check_type(set_type: str, settings: Settings) -> None:
    if len(set_type) > settings.code_chars_max:
        problem = Problem(
            Code.REQUEST_PARAMETER_MALFORMED, "setType", f"must have {settings.code_chars_max} characters at the most"
        )
        raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the type cannot be one", (problem,))
