"""All connections of one web process, and one timer for the times of them all."""

import asyncio
import math
from typing import Protocol

# Seconds between two looks at the connections' times: one timer for all costs less than one for each.
LOOK_S = 0.5


class Timed(Protocol):
    """A connection, and the times of the loop's clock, in seconds, at which something of it must have happened."""

    deadline_s: float
    write_deadline_s: float

    def expire(self) -> None: ...
    def expire_writing(self) -> None: ...


class Connections:
    """Tells connections whose time is over."""

    def __init__(self) -> None:
        self._open: set[Timed] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Timed, loop: asyncio.AbstractEventLoop) -> None:
        """Look at this one too."""
        self._open.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(LOOK_S, self._look, loop)

    def remove(self, connection: Timed) -> None:
        """It is lost."""
        self._open.discard(connection)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        for connection in list(self._open):
            if connection.write_deadline_s <= now_s:
                connection.expire_writing()
            elif connection.deadline_s <= now_s:
                connection.deadline_s = math.inf
                connection.expire()
        self._timer = loop.call_later(LOOK_S, self._look, loop) if self._open else None
