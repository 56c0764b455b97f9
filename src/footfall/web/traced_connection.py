"""Connections whose requests are traced, by choice (`traces_url`): a span for each, and one for its wait for the disk.

A span has the template of the path, never the path, and neither query nor address: traces go to another server.
"""

import time
from typing import Any

from footfall.errors import RequestRefused
from footfall.ingest import COMMIT, Outcome
from footfall.journal import LastCommit
from footfall.tracing import SpanKind, Tracer, TraceSpan
from footfall.web.access_log import AccessLogLimit, LoggedEventsProtocol
from footfall.web.asgi import AsgiExchange
from footfall.web.exchange import PlainExchange
from footfall.web.framing import RawHeaders


class TracedEventsProtocol(LoggedEventsProtocol):
    """A connection that traces the requests which it has answered, and logs them where that is wanted too."""

    _arrived_ns = 0
    _commit: LastCommit | None = None

    def __init__(self, tracer: Tracer, access_log: bool, limit: AccessLogLimit, *given: Any, **more: Any) -> None:
        super().__init__(limit, *given, **more)
        self._tracer = tracer
        self._is_logged = access_log

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            self._arrived_ns = time.time_ns()
        super().data_received(data)

    def _answer(self, exchange: PlainExchange, outcome: Outcome) -> None:
        # The commit that this request waited for is the last one while its waiters are told.
        has_waited = not isinstance(outcome, RequestRefused) and outcome.accepted + outcome.quarantined > 0
        self._commit = self._collector.journal.last_commit() if has_waited else None
        super()._answer(exchange, outcome)

    def _log(self, headers: RawHeaders, id: str, method: str, path: str, status: int, size: int) -> None:  # noqa: A002
        if self._is_logged:
            super()._log(headers, id, method, path, status, size)
        exchange = self._exchange
        begun = self._tracer.begin(headers) if exchange is not None else None
        if begun is None:
            return
        commit, route = self._commit, "/events"
        if isinstance(exchange, AsgiExchange):
            commit = exchange.scope.get(COMMIT)
            if (method, path) != ("POST", "/events"):
                route = exchange.scope.get("path_template", "")
        now_ns = time.time_ns()
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "http.response.body.size": size,
            "footfall.request_id": id,
        }
        self._tracer.add(
            TraceSpan(
                context=begun.context,
                parent_id=begun.parent_id,
                name=f"{method} {route}".strip(),
                kind=SpanKind.SERVER,
                start_ns=self._arrived_ns,
                end_ns=now_ns,
                attributes=attributes,
                is_failure=status >= 500,
            )
        )
        if commit is not None:
            epoch_ns = now_ns - time.monotonic_ns()
            # Another request may have come first of those that waited for the same commit.
            start_ns = max(self._arrived_ns, epoch_ns + int(commit.began_s * 1e9))
            end_ns = max(start_ns, epoch_ns + int(commit.synced_s * 1e9))
            self._tracer.add_journal_wait(begun, start_ns, end_ns, commit.segment)
