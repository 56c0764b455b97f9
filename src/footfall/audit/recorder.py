"""Writes events into the chain: many at once, one transaction after the other, in the background of the event loop."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import structs

from footfall.addresses import network_of
from footfall.audit.chain import Verdict, verify
from footfall.audit.event import AuditEvent
from footfall.audit.floods import Floods
from footfall.errors import Code, RequestRefused
from footfall.settings import Settings
from footfall.state import PRUNED, AuditEntry, State, StateUnavailable
from footfall.system.clock import Clock
from footfall.windows import DAY_MS

# Entries of one transaction, and those that may wait for one.
BATCH_MAX: Final = 500
WAITING_MAX: Final = 5_000
# Seconds in which failures are added up, and the same read counts once; and in which a sign-in does.
FLOOD_S: Final = 60.0
SIGN_IN_S: Final = 3_600.0
# Reads and sign-ins that are remembered, so that they are not written again.
REMEMBERED_MAX: Final = 10_000
RETRY_AFTER_S: Final = 10
# Seconds of a pause while the chain is read, about as long as the entries before it took.
PAUSE_S: Final = 0.05

log = logging.getLogger(__name__)

Conceal = Callable[[Mapping[str, Any]], Mapping[str, Any]]
_Waiting = tuple[AuditEntry, asyncio.Future[None] | None]


class Audit:
    """The audit log of one process; belongs to one event loop, and is closed after the last request."""

    def __init__(
        self, state: State, settings: Settings, clock: Clock, node: str, conceal: Conceal = lambda details: details
    ) -> None:
        """`conceal` takes out of the details of an entry what shall not be kept."""
        self._state = state
        self._conceal = conceal
        self._is_on = settings.audit
        self._clock = clock
        self._node = node
        self._waiting: list[_Waiting] = []
        self._verifying = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self._floods = Floods()
        self._flood_end: asyncio.TimerHandle | None = None
        self._seen: OrderedDict[tuple[str, ...], float] = OrderedDict()

    async def record(self, event: AuditEvent) -> None:
        """Write an event down; it is on disk afterwards. Raises RequestRefused when that cannot be."""
        if not self._is_on:
            return
        written = asyncio.get_running_loop().create_future()
        if not self._add(event, written):
            raise _unwritten()
        await written

    async def record_read(self, event: AuditEvent) -> None:
        """The same for a read, which counts once in a minute for the same who, address, target and details."""
        mark = self._mark(event)
        if self._is_recent(mark, FLOOD_S):
            return
        await self.record(event)
        self._remember(mark)

    def note(self, event: AuditEvent) -> None:
        """Write an event down soon; nobody waits for it, and the same again within a minute counts once."""
        mark = self._mark(event)
        if self._is_on and not self._is_recent(mark, FLOOD_S):
            self._remember(mark)
            self._add(event, None)

    def signed_in(self, event: AuditEvent) -> None:
        """Write a sign-in down soon; that of the same user from the same network and with the same key once an hour."""
        mark = ("sign-in", event.account, event.key, network_of(event.address))
        if self._is_on and not self._is_recent(mark, SIGN_IN_S):
            self._remember(mark)
            self._add(event, None)

    def sign_in_failed(self, who: str, address: str) -> None:
        """Write a failed sign-in down soon, bounded however many there are; `who` is a user that there is, or empty."""
        if not self._is_on:
            return
        event = self._floods.add(who, network_of(address), address)
        if event is not None:
            self._add(event, None)
        if self._flood_end is None:
            self._flood_end = asyncio.get_running_loop().call_later(FLOOD_S, self._drain)

    def newest(self, before: int | None, limit: int, since_ms: int = 0, **fields: str) -> list[AuditEntry]:
        """The newest entries with these fields, the newest first: those with a number below `before`. Blocks."""
        return self._state.audit.newest(before, limit, since_ms, **fields)

    def following(self, number: int, limit: int, since_ms: int = 0, **fields: str) -> list[AuditEntry]:
        """The entries with these fields behind a number, in order. Blocks."""
        return self._state.audit.following(number, limit, since_ms, **fields)

    async def verify(self, heads: Mapping[int, str]) -> Verdict:
        """Read the whole chain, one after the other and with pauses in which the process does its other work."""
        async with self._verifying:
            return await asyncio.to_thread(verify, self._state, heads, PAUSE_S)

    async def close(self) -> None:
        """Write what waits; events of later calls are lost."""
        self._drain()
        while self._writer is not None:
            await asyncio.wait([self._writer])

    def _drain(self) -> None:
        if self._flood_end is not None:
            self._flood_end.cancel()
            self._flood_end = None
        for event in self._floods.drain():
            self._add(event, None)

    def _add(self, event: AuditEvent, written: asyncio.Future[None] | None) -> bool:
        """Have an event written; False, and a line in the log, when too many wait."""
        event = structs.replace(event, details=self._conceal(event.details))
        entry = event.entry(self._clock.now_ms(), self._node)
        if len(self._waiting) >= WAITING_MAX:
            _tell_lost(entry, "too many wait")
            return False
        self._waiting.append((entry, written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="audit log")
        return True

    async def _write(self) -> None:
        """Write until nothing waits. What comes meanwhile is written together."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                await self._write_batch(batch)
        finally:
            self._writer = None

    async def _write_batch(self, batch: list[_Waiting]) -> None:
        refusal: RequestRefused | None = None
        try:
            await asyncio.to_thread(self._state.audit.append, [entry for entry, _ in batch])
        except StateUnavailable as error:
            for entry, _ in batch:
                _tell_lost(entry, str(error))
            refusal = _unwritten()
        except Exception:
            log.exception("the audit log cannot be written")
            refusal = _unwritten()
        for _, written in batch:
            if written is None or written.done():
                continue
            if refusal is None:
                written.set_result(None)
            else:
                written.set_exception(refusal)

    def _mark(self, event: AuditEvent) -> tuple[str, ...]:
        details = repr(sorted(event.details.items()))
        whose = (event.account, event.key, network_of(event.address))
        return (event.action, event.outcome, event.target, details, *whose)

    def _is_recent(self, mark: tuple[str, ...], period_s: float) -> bool:
        noted_s = self._seen.get(mark)
        return noted_s is not None and asyncio.get_running_loop().time() - noted_s < period_s

    def _remember(self, mark: tuple[str, ...]) -> None:
        self._seen[mark] = asyncio.get_running_loop().time()
        self._seen.move_to_end(mark)
        while len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)


def write_down(state: State, settings: Settings, clock: Clock, node: str, event: AuditEvent) -> None:
    """Write one event down, for a program that has no event loop. Raises footfall.state's StateUnavailable."""
    if settings.audit:
        state.audit.append([event.entry(clock.now_ms(), node)])


def prune(state: State, settings: Settings, clock: Clock, node: str) -> int:
    """Drop what is older than `audit_days`; returns how many entries that were.

    It waits for a day's worth, so that it adds an entry of its own once a day at the most.
    """
    before_ms = clock.now_ms() - settings.audit_days * DAY_MS
    oldest = state.audit.following(0, 1)
    if settings.audit_days < 0 or not oldest or oldest[0].at_ms >= before_ms - DAY_MS:
        return 0
    return state.audit.prune(before_ms, AuditEvent(action=PRUNED).entry(clock.now_ms(), node))


def _tell_lost(entry: AuditEntry, why: str) -> None:
    """Leave an entry in the log of the process that the audit log could not take."""
    done = f"{entry.action} {entry.outcome} {entry.target!r} {entry.details}"
    log.error("not in the audit log (%s): %r from %s: %s", why, entry.who, entry.address, done)


def _unwritten() -> RequestRefused:
    text = "the audit log cannot be written now, so the call is not answered; what it changes may have been changed"
    return RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
