"""All connections of one web process: room for new ones, one timer for all times, and the flow of each."""

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

from uvicorn.protocols.http.flow_control import FlowControl

from footfall.errors import Code, RequestRefused
from footfall.ingest import Budget
from footfall.settings import Settings

# All connections of one web process: one timer for the times of them all, and room for new ones.


# Seconds between two looks at the connections' times: one timer for all costs less than one for each.
LOOK_S = 0.5
# Seconds until connections that can be let go are searched for again where few were found, fewer than one of so many:
# a search of 10,000 takes some ms.
SEARCH_S = 0.05
FEW = 64
# Seconds after which a client should try again that finds no room.
RETRY_AFTER_S = 1


class Timed(Protocol):
    """What a client must have done by `deadline_s`, in seconds of the loop's clock."""

    deadline_s: float

    def expire(self) -> None: ...


class Member(Timed, Protocol):
    """A connection; `flow` is what its client has yet to take."""

    @property
    def flow(self) -> Timed: ...
    @property
    def rank(self) -> int | None: ...

    def let_go(self) -> None: ...


class ConnectionTable:
    """Tells connections whose time is over; where there are `most`, the one that was idle for longest makes room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: set[Member] = set()
        self._timer: asyncio.TimerHandle | None = None
        # Those that could be let go when they were searched for, with their deadlines then: the oldest last.
        self._spare: list[tuple[Member, float]] = []
        self._search_s = -math.inf

    def add(self, connection: Member, loop: asyncio.AbstractEventLoop) -> bool:
        """Look at this one too; False when there is no room for it, since all others are busy."""
        if len(self._open) >= self._most and not self._make_room(loop.time()):
            return False
        self._open.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(LOOK_S, self._look, loop)
        return True

    def remove(self, connection: Member) -> None:
        """It is lost."""
        self._open.discard(connection)

    def _make_room(self, now_s: float) -> bool:
        if self._let_one_go():
            return True
        if now_s < self._search_s:
            return False
        found = [connection for connection in self._open if connection.rank is not None]
        found.sort(key=lambda connection: (connection.rank, connection.deadline_s), reverse=True)
        self._spare = [(connection, connection.deadline_s) for connection in found]
        if len(found) < self._most // FEW or not found:
            self._search_s = now_s + SEARCH_S
        return self._let_one_go()

    def _let_one_go(self) -> bool:
        while self._spare:
            connection, deadline_s = self._spare.pop()
            # One that was used since has another deadline.
            if connection in self._open and connection.rank is not None and connection.deadline_s == deadline_s:
                self._open.remove(connection)
                connection.let_go()
                return True
        return False

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        self._spare = []
        for connection in list(self._open):
            if connection.flow.deadline_s <= now_s:
                connection.flow.expire()
            elif connection.deadline_s <= now_s:
                connection.deadline_s = math.inf
                connection.expire()
        self._timer = loop.call_later(LOOK_S, self._look, loop) if self._open else None


def no_room() -> RequestRefused:
    """The refusal of a connection."""
    text = "too many connections at once, and each has a request under way"
    return RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)


# Both directions of a connection: when it is read, and for how long its client may leave unread what it is sent.


class ConnectionFlow(FlowControl):
    """Reads nothing while a request waits for its answer and something stands behind it.

    `deadline_s` is the time of the loop's clock at which the client must have taken some of what waits for it.
    """

    is_held = False

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        budget: Budget,
        find_sender: Callable[[], str],
    ) -> None:
        super().__init__(transport)
        self.deadline_s = math.inf
        self._loop = loop
        self._timeout_s = settings.write_timeout_s
        # What waited for the client when its time to take some of it began.
        self._unsent_bytes = 0
        self._budget = budget
        # What of the budget is taken up by what waits for the client, and for whose request that is.
        self._counted_bytes = 0
        self._find_sender = find_sender
        self._sender = ""

    def resume_reading(self) -> None:
        if not self.is_held:
            super().resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_taking()
        self._count(self._unsent_bytes)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._count(0)

    def close(self) -> None:
        """Close, once the client has taken what was written, for which it has its time."""
        if self.deadline_s == math.inf:
            self._expect_taking()
        self._transport.close()

    def expire(self) -> None:
        """Let go of a client that has not taken a tenth of what waited for it when its time began."""
        if self._transport.get_write_buffer_size() > self._unsent_bytes * 0.9:
            self._transport.abort()
        else:
            self._expect_taking()

    def _expect_taking(self) -> None:
        self._unsent_bytes = self._transport.get_write_buffer_size()
        if self._counted_bytes:
            self._count(self._unsent_bytes)
        self.deadline_s = self._loop.time() + self._timeout_s

    def _count(self, unsent_bytes: int) -> None:
        if unsent_bytes == self._counted_bytes:
            return
        if not self._counted_bytes:
            self._sender = self._find_sender()
        self._budget.hold(self._sender, unsent_bytes - self._counted_bytes)
        self._counted_bytes = unsent_bytes
