"""A line for each answered request, by choice (`access_log`): who asked for what, the answer, and how long it took.

No line has a query, nor the token of a link: whoever reads the log could use it. A path is cut and quoted, because
strangers choose it.
"""

import logging
from typing import Any

from footfall import errors
from footfall.errors import RequestRefused
from footfall.ingest import Outcome
from footfall.system.request_ids import request_id
from footfall.web.asgi import AsgiExchange
from footfall.web.events_endpoint import EventsProtocol
from footfall.web.exchange import PlainExchange
from footfall.web.forwarded import loggable_path
from footfall.web.framing import RawHeaders

log = logging.getLogger("footfall.access")


class LoggedEventsProtocol(EventsProtocol):
    """A connection that logs the requests which it has answered.

    The time is from the packet with the request's head to the last write of the answer.
    """

    _arrived_s = 0.0
    _answer_status = 200
    _answer_bytes = 0

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
