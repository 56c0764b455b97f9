"""What all connections of a web process share: room for new ones and one timer; and the flow control of each."""

import asyncio
import math
from collections.abc import Callable
from itertools import islice
from typing import Protocol

from footfall.errors import Code, RequestRefused
from footfall.ingest import Budget
from footfall.rate_limits import Limit, LimitHits
from footfall.settings import Settings

# Seconds between two checks of all deadlines: one timer for all connections costs less than one for each.
CHECK_PERIOD_S = 0.5
# Seconds until idle connections are searched for again after a search that found few, which is fewer than one in FEW:
# a search of 10,000 connections takes some ms.
SEARCH_S = 0.05
FEW = 64
# Connections of one network that are looked at for an idle one, its oldest first; busy ones come last from then on.
LOOKS_MAX = 32
# `Retry-After` in seconds for a client that finds no room.
RETRY_AFTER_S = 1


class HasDeadline(Protocol):
    """What the client has to do something about before `deadline_s`, in seconds of the loop's clock."""

    deadline_s: float

    def expire(self) -> None:
        """The deadline has passed."""


class Evictable(HasDeadline, Protocol):
    """A connection; the deadline of its `flow` is about what the client has yet to take."""

    @property
    def flow(self) -> HasDeadline: ...
    @property
    def network(self) -> str:
        """The network that it comes from; empty for one of a trusted proxy, which has connections for many."""

    @property
    def eviction_rank(self) -> int | None:
        """How soon it is closed to make room: 0 first; None for one that must not be closed now."""

    def evict(self) -> None:
        """Close at once."""


class ConnectionTable:
    """All open connections: checks their deadlines, and closes the one that was idle for longest to make room.

    One network may have `network_max` of them, or any number for 0: past that, an idle one of its own makes room.
    """

    def __init__(self, connections_max: int, hits: LimitHits, network_max: int = 0) -> None:
        self._connections_max = connections_max
        self._hits = hits
        self._network_max = network_max
        self._open: set[Evictable] = set()
        # By network, in the order in which an idle one is looked for.
        self._networks: dict[str, dict[Evictable, None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        # Connections that the last search found, with their deadlines then, in the order of their closing from the end.
        self._candidates: list[tuple[Evictable, float]] = []
        # No search before this time of the loop's clock.
        self._search_from_s = -math.inf

    def add(self, connection: Evictable, loop: asyncio.AbstractEventLoop) -> RequestRefused | None:
        """Take in a connection. The refusal when there is no room, because all others are busy."""
        own = self._networks.get(connection.network, {})
        if 0 < self._network_max <= len(own) and (refused := self._make_room_among(own, connection.network)):
            return refused
        if len(self._open) >= self._connections_max and not self._make_room(loop.time()):
            return _too_many_connections()
        self._open.add(connection)
        if connection.network:
            self._networks.setdefault(connection.network, {})[connection] = None
        if self._timer is None:
            self._timer = loop.call_later(CHECK_PERIOD_S, self._check_deadlines, loop)
        return None

    def remove(self, connection: Evictable) -> None:
        """Forget a connection that is lost."""
        self._open.discard(connection)
        own = self._networks.get(connection.network)
        if own is not None:
            own.pop(connection, None)
            if not own:
                del self._networks[connection.network]

    def _make_room_among(self, own: dict[Evictable, None], network: str) -> RequestRefused | None:
        """Close an idle one of these connections. The refusal when there is none, and the limit is one that refuses."""
        for connection in list(islice(own, LOOKS_MAX)):
            if connection.eviction_rank is None:
                own[connection] = own.pop(connection)
                continue
            if self._hits.refuses:
                self.remove(connection)
                connection.evict()
            return None
        text = "too many connections from this address at once, and each has a request under way"
        return self._hits.over(Limit.ADDRESS_CONNECTIONS, network, text, RETRY_AFTER_S)

    def _make_room(self, now_s: float) -> bool:
        if self._evict_one():
            return True
        if now_s < self._search_from_s:
            return False
        found = [connection for connection in self._open if connection.eviction_rank is not None]
        found.sort(key=lambda connection: (connection.eviction_rank, connection.deadline_s), reverse=True)
        self._candidates = [(connection, connection.deadline_s) for connection in found]
        if len(found) < self._connections_max // FEW or not found:
            self._search_from_s = now_s + SEARCH_S
        return self._evict_one()

    def _evict_one(self) -> bool:
        while self._candidates:
            connection, deadline_s = self._candidates.pop()
            if connection not in self._open or connection.eviction_rank is None:
                continue
            # A connection that was used since the search has another deadline.
            if connection.deadline_s == deadline_s:
                self.remove(connection)
                connection.evict()
                return True
        return False

    def _check_deadlines(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        self._candidates = []
        for connection in list(self._open):
            if connection.flow.deadline_s <= now_s:
                connection.flow.expire()
            elif connection.deadline_s <= now_s:
                connection.deadline_s = math.inf
                connection.expire()
        self._timer = loop.call_later(CHECK_PERIOD_S, self._check_deadlines, loop) if self._open else None


def _too_many_connections() -> RequestRefused:
    """The refusal of a connection for which there is no room."""
    text = "too many connections at once, and each has a request under way"
    return RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)


class ConnectionFlow:
    """Both directions of a connection: when it is read, and how long its client may leave unread what it is sent.

    While `is_reading_held`, nothing more is read: a request waits for its answer and more bytes have come behind it.
    `deadline_s` is the time of the loop's clock at which the client must have taken some of what is unsent.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        budget: Budget,
        find_sender: Callable[[], str],
    ) -> None:
        self.is_reading_held = False
        self.read_paused = False
        self.write_paused = False
        self.deadline_s = math.inf
        self._transport = transport
        self._loop = loop
        self._timeout_s = settings.write_timeout_s
        # Made only when something waits: most connections never have to.
        self._writable: asyncio.Event | None = None
        # Bytes that were unsent when the deadline was set.
        self._unsent_bytes = 0
        self._budget = budget
        # Unsent bytes that count against the budget, and the sender of the request that they answer.
        self._counted_bytes = 0
        self._find_sender = find_sender
        self._sender = ""

    def pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self._transport.pause_reading()

    def hold_reading(self) -> None:
        """Read nothing until nobody holds it any more: what came waits for its turn."""
        self.pause_reading()
        self.is_reading_held = True

    def release_reading(self) -> None:
        """Read on where reading was held."""
        if self.is_reading_held:
            self.is_reading_held = False
            self.resume_reading()

    def resume_reading(self) -> None:
        if self.read_paused and not self.is_reading_held:
            self.read_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self.write_paused = True
        self._start_deadline()
        self._count(self._unsent_bytes)

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()
            self._writable = None
        self._count(0)

    async def drain(self) -> None:
        """Wait until more may be written, or the connection is lost."""
        if self.write_paused:
            self._writable = self._writable or asyncio.Event()
            await self._writable.wait()

    def close(self) -> None:
        """Close once the client has taken what was written. It has until the deadline for that."""
        if self.deadline_s == math.inf:
            self._start_deadline()
        self._transport.close()

    def expire(self) -> None:
        """Drop a client that has not taken a tenth of what was unsent when its deadline was set."""
        if self._transport.get_write_buffer_size() > self._unsent_bytes * 0.9:
            self._transport.abort()
        else:
            self._start_deadline()

    def _start_deadline(self) -> None:
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
