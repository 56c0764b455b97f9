"""The live stream of the API: who may listen to what, how many at once, for how long, and from where."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from contextvars import Context
from typing import Final

from footfall.accounts import KeyedUser, find_again, rights_of
from footfall.errors import Code, RequestRefused
from footfall.live.broadcast import Broadcast, Pace
from footfall.live.lines import render_line, slice_lines, told_lines
from footfall.live.listener import AGE, GONE, STOPPING, USER_CHANGED, USERS_AWAY, Listener, message_of
from footfall.live.position import Mark, Position, parse_position
from footfall.live.refusals import RefusalWatch
from footfall.live.resuming import Missed, MissedFrame
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.state import State, StateUnavailable, User
from footfall.system.clock import Clock
from footfall.usage import ParameterReader, visible_selection

log = logging.getLogger(__name__)

# The Retry-After of a refused request, in seconds: a stream ends when its reader closes a page.
RETRY_AFTER_S: Final = 10
# Milliseconds after which a browser connects again.
_RECONNECT_MS: Final = 2000
# Times that the users may be looked up in vain before streams end, because nobody knows who may still see what.
_LOOKUPS_MAX: Final = 3


class Live:
    """The streams of one web process; belongs to one event loop.

    `live_listeners_max` bounds them, and `live_listeners_each_max` those of each user.
    """

    def __init__(self, state: State, settings: Settings, clock: Clock, plan: LivePlan, node: str) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self._plan = plan
        self._node = node
        self._broadcast = Broadcast(settings.data, plan, clock, node)
        self._open: set[Listener] = set()
        self._listening: Counter[str] = Counter()
        self._dropped = 0
        self._watch: asyncio.Task[None] | None = None
        self._refusals = RefusalWatch(state.refusals, settings.refused_kinds_max, lambda: self._open)
        self._refusals_task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._open)

    @property
    def dropped(self) -> int:
        """Events that were not told because listeners were too slow, since the process began."""
        return self._dropped + sum(listener.dropped for listener in tuple(self._open))

    def parse(self, user: User, given: Mapping[str, Sequence[str]]) -> Listener:
        """A listener to what the query string selects. Raises RequestRefused, as a statistic does."""
        reader = ParameterReader(given, self._settings, self._plan.plan)
        selection = reader.selection()
        reader.refuse()
        return Listener(user, visible_selection(user, selection), self._settings.live_buffer_bytes_max)

    async def begin(self, listener: Listener, last_id: str) -> AsyncGenerator[bytes]:
        """The messages for a listener, from what follows the event of this id, or from now on. `leave` must follow.

        Raises RequestRefused when too many listen already.
        """
        self.require_room(listener.user)
        self._open.add(listener)
        self._listening[listener.user.account] += 1
        try:
            position = await self._broadcast.add(listener)
        except BaseException:
            self.leave(listener)
            raise
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_users(), name="users of live streams", context=Context())
        if listener.user.admin and self._refusals_task is None:
            self._refusals_task = asyncio.create_task(self._tell_refusals(), name="refusals", context=Context())
        return self._messages(listener, last_id, position)

    def leave(self, listener: Listener) -> None:
        """Forget a listener who has gone."""
        if listener in self._open:
            self._open.remove(listener)
            self._broadcast.remove(listener)
            self._dropped += listener.dropped
            self._listening[listener.user.account] -= 1
            self._listening += Counter()  # Drops accounts with none.

    def close(self) -> None:
        """End all streams."""
        for listener in self._open:
            listener.end(STOPPING)

    def require_room(self, user: User) -> None:
        """Raise RequestRefused when so many listen that this user may not."""
        own = self._listening[user.account]
        if own >= self._settings.live_listeners_each_max:
            text = f"{own} live streams of yours are open already, and no more may"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, text, retry_after_s=RETRY_AFTER_S)
        if self.listeners >= self._settings.live_listeners_max:
            text = "too many live streams are open"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)

    async def _messages(self, listener: Listener, last_id: str, position: Position) -> AsyncGenerator[bytes]:
        ends_s = time.monotonic() + self._settings.live_age_max_s
        hello = f"retry: {_RECONNECT_MS}\n: events as node {self._node} takes them\n"
        yield (hello if last_id else f"{hello}id: {position.encode(self._node)}\n").encode() + b"\n"
        if last_id:
            async with aclosing(self._missed(listener, last_id, position)) as missed:
                async for piece in missed:
                    yield piece
        while not (listener.has_ended.is_set() and listener.is_idle):
            left_s = ends_s - time.monotonic()
            if left_s <= 0:
                listener.end(AGE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0, min(left_s, self._settings.live_heartbeat_s))):
                    await listener.has_more.wait()
            if listener.is_idle and not listener.has_ended.is_set():
                listener.note(self._broadcast.position.encode(self._node))
            yield listener.take()

    async def _missed(self, listener: Listener, last_id: str, until: Position) -> AsyncGenerator[bytes]:
        """The messages that a client has missed since the event of this id, as far as they are still there."""
        gone = message_of("dropped", {"reason": GONE})
        since = parse_position(last_id, self._node)
        if since is None:
            yield gone
            return
        arguments = self._settings.data, since, until, self._settings.live_resume_bytes_max, self._clock.now_ms()
        missed = await asyncio.to_thread(Missed, *arguments)
        pace, marks, was_whole = Pace(), dict(since.marks), missed.is_whole
        try:
            if not was_whole:
                yield gone
            while not listener.has_ended.is_set() and (frames := await asyncio.to_thread(missed.read)):
                for frame in frames:
                    async for piece in self._choose(listener, frame, since.base_ms, marks, pace):
                        yield piece
            if was_whole and not missed.is_whole:
                yield gone
        finally:
            missed.close()

    async def _choose(
        self, listener: Listener, missed: MissedFrame, base_ms: int, marks: dict[str, Mark], pace: Pace
    ) -> AsyncGenerator[bytes]:
        """The messages of one frame; `marks` go on with it."""
        segment, frame = missed.found.segment, missed.found.frame
        line = 0
        matches = listener.matcher(self._plan.plan)
        for piece in slice_lines(frame.lines):
            began_s = time.perf_counter()
            chosen = []
            for at, event, content in told_lines(segment.kind, piece):
                if missed.has(line + at) and listener.may_see(segment.kind) and matches(event):
                    marks[segment.writer] = Mark(segment.number, frame.offset, line + at + 1)
                    chosen.append(render_line(content, Position(base_ms, marks).encode(self._node)))
            line += piece.count(b"\n")
            await pace.rest(time.perf_counter() - began_s)
            if listener.has_ended.is_set():
                return
            if chosen:
                yield b"".join(chosen)
        marks[segment.writer] = Mark(segment.number, frame.offset + frame.size)

    async def _tell_refusals(self) -> None:
        """Tell admins what is refused, while any of them listens."""
        try:
            await self._refusals.run()
        finally:
            self._refusals_task = None

    async def _watch_users(self) -> None:
        """End the streams of users who were changed or removed, while anybody listens."""
        failed = 0
        try:
            while self.listeners:
                await asyncio.sleep(self._settings.live_user_check_s)
                known = {_signed_in_as(listener): listener.user for listener in self._broadcast.listeners}
                try:
                    users = await asyncio.to_thread(self._find_users, known)
                    failed = 0
                except StateUnavailable as error:
                    failed += 1
                    log.warning("cannot look up who may listen to live streams, trying again: %s", error)
                    users = None
                for listener in self._broadcast.listeners:
                    if users is None:
                        if failed >= _LOOKUPS_MAX:
                            listener.end(USERS_AWAY)
                    elif _is_changed(listener.user, users.get(_signed_in_as(listener), listener.user)):
                        listener.end(USER_CHANGED)
        finally:
            self._watch = None

    def _find_users(self, known: Mapping[tuple[str, str], User]) -> dict[tuple[str, str], User | None]:
        return {key: find_again(self._state, user, self._clock.now_ms()) for key, user in known.items()}


def _signed_in_as(listener: Listener) -> tuple[str, str]:
    """The account, and the key with which its user signed in; empty for a password."""
    user = listener.user
    return user.account, user.key if isinstance(user, KeyedUser) else ""


def _is_changed(user: User, now: User | None) -> bool:
    """Whether the user may see other events now, or signs in with another password, or the key has ended."""
    return now is None or rights_of(user) != rights_of(now)
