"""A line for each answered request, by choice (`access_log`): who asked for what, the answer, and how long it took.

No line has a query, nor the token of a link: whoever reads the log could use it. A path is cut and quoted, because
strangers choose it. Of a flood some lines are written each second, and the other requests are counted.
"""

import asyncio
import logging
from contextvars import Context
from typing import Any, Final

from footfall import errors
from footfall.errors import RequestRefused
from footfall.ingest import Outcome
from footfall.system.request_ids import request_id
from footfall.web.asgi import AsgiExchange
from footfall.web.events_endpoint import EventsProtocol
from footfall.web.exchange import PlainExchange
from footfall.web.forwarded import loggable_path
from footfall.web.framing import RawHeaders
from footfall.wording import count_of

log = logging.getLogger("footfall.access")

# How long lines are counted together.
_PERIOD_S: Final = 1.0


class AccessLogLimit:
    """Lets `lines_max` lines pass in a second, and then tells how many did not; belongs to one event loop."""

    def __init__(self, lines_max: int) -> None:
        self._lines_max = lines_max
        self._written = self._left_out = 0
        self._is_counting = False

    def passes(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether a line may be written now."""
        if not self._is_counting:
            self._is_counting = True
            # It is no part of the request that happens to be the first.
            loop.call_later(_PERIOD_S, self.begin_anew, context=Context())
        if self._written < self._lines_max:
            self._written += 1
            return True
        self._left_out += 1
        return False

    def begin_anew(self) -> None:
        """End the second: tell what it left out."""
        left_out = self._left_out
        self._written = self._left_out = 0
        self._is_counting = False
        if left_out:
            told = count_of(left_out, "more request")
            log.info("%s in a second, without a line", told, extra={"fields": {"left_out": left_out}})


class LoggedEventsProtocol(EventsProtocol):
    """A connection that logs the requests which it has answered.

    The time is from the packet with the request's head to the last write of the answer. All connections of a process
    share the `limit`.
    """

    _arrived_s = 0.0
    _answer_status = 200
    _answer_bytes = 0

    def __init__(self, limit: AccessLogLimit, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._lines = limit

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            self._arrived_s = self.loop.time()
        super().data_received(data)

    def _answer(self, exchange: PlainExchange, outcome: Outcome) -> None:
        if not exchange.request_id:
            failed_id = outcome.request_id if isinstance(outcome, RequestRefused) else ""
            exchange.request_id = failed_id or self._collector.request_ids.make()
        self._answer_status = errors.STATUS[outcome.code] if isinstance(outcome, RequestRefused) else 200
        self._answer_bytes = (
            len(errors.refusal_body(outcome)) if isinstance(outcome, RequestRefused) else len(outcome.answer)
        )
        super()._answer(exchange, outcome)

    def _on_answered(self) -> None:
        exchange = self._exchange
        if isinstance(exchange, AsgiExchange):
            scope = exchange.scope
            sent = (exchange.raw_headers, exchange.request_id, scope["method"], scope["path"])
            self._log(*sent, exchange.status, exchange.sent_bytes)
        elif exchange is not None:
            sent = (exchange.raw_headers, exchange.request_id, "POST", "/events")
            self._log(*sent, self._answer_status, self._answer_bytes)
        super()._on_answered()

    def _write_refusal(self, refused: RequestRefused) -> None:
        """A request that could not be read has neither method nor path: what it seems to have may be half of it."""
        self._arrived_s = self._arrived_s or self.loop.time()
        refused.request_id = refused.request_id or self._collector.request_ids.make()
        super()._write_refusal(refused)
        size = len(errors.refusal_body(refused))
        self._log([], refused.request_id, "-", "-", errors.STATUS[refused.code], size)

    def _log(self, headers: RawHeaders, id: str, method: str, path: str, status: int, size: int) -> None:  # noqa: A002
        if not self._lines.passes(self.loop):
            return
        client = self._collector.client_address(headers, self.client)
        path = loggable_path(path)
        ms = round((self.loop.time() - self._arrived_s) * 1000, 1)
        fields: dict[str, Any] = {
            "client": client,
            "method": method,
            "path": path,
            "status": status,
            "bytes": size,
            "ms": ms,
        }
        token = request_id.set(id)
        log.info("%s %s %r %d, %d bytes, %.1f ms", client, method, path, status, size, ms, extra={"fields": fields})
        request_id.reset(token)
