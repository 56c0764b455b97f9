"""Both directions of a connection: when it is read, and for how long its client may leave unread what it is sent."""

import asyncio
import math

from uvicorn.protocols.http.flow_control import FlowControl

from footfall.collecting import Budget
from footfall.settings import Settings


class Flow(FlowControl):
    """Reads nothing while a request waits for its answer and something stands behind it.

    `deadline_s` is the time of the loop's clock at which the client must have taken some of what waits for it.
    """

    is_held = False

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, settings: Settings, budget: Budget
    ) -> None:
        super().__init__(transport)
        self.deadline_s = math.inf
        self._loop = loop
        self._timeout_s = settings.write_timeout_s
        # What waited for the client when its time to take some of it began.
        self._unsent_bytes = 0
        self._budget = budget
        # What of the budget is taken up by what waits for the client.
        self._counted_bytes = 0

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
        self._budget.held_bytes += unsent_bytes - self._counted_bytes
        self._counted_bytes = unsent_bytes
