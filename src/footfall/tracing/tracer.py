"""The tracer of one process: which requests are traced, the spans that wait, and their way to the collector."""

import logging
import random
import time
from collections import deque
from collections.abc import Iterable
from importlib.metadata import version
from typing import Final

from msgspec import Struct

from footfall.settings import Settings
from footfall.system.http_client import ExchangeFailed, HttpClient
from footfall.tracing.spans import (
    SpanKind,
    TraceContext,
    TraceSpan,
    encode_spans,
    load_context,
    read_traceparent,
)

log = logging.getLogger(__name__)

# Spans of one request to the collector, some 500 bytes each.
_EXPORT_SPANS_MAX: Final = 512
# Seconds for the collector's whole answer, so that one that is away does not keep a process from stopping.
_TIMEOUT_S: Final = 5
_ANSWER_BYTES_MAX: Final = 64 * 1024
# Statuses with which a collector says "later".
_LATER: Final = frozenset({429, 502, 503, 504})
_HEADERS: Final = {"Content-Type": "application/json"}


class Begun(Struct, frozen=True):
    """A request that is traced: its span, and the span of its caller, which is empty when there is none."""

    context: TraceContext
    parent_id: str = ""


class Tracer:
    """Takes spans and sends them. More than `traces_waiting_max` never wait: others are dropped, and nobody is blocked.

    `export` runs in the event loop; everything else may be called on any thread.
    """

    def __init__(self, settings: Settings, role: str) -> None:
        self._url = settings.traces_url
        self._share = settings.traces_percent / 100
        self._waiting_max = settings.traces_waiting_max
        self._resource = {
            "service.name": "footfall",
            "service.version": version("footfall"),
            "deployment.environment.name": settings.environment,
            "footfall.process": role,
        }
        self._chance = random.SystemRandom()
        self._client = HttpClient(_TIMEOUT_S, _ANSWER_BYTES_MAX)
        self._waiting: deque[TraceSpan] = deque()
        self._is_away = False
        self.sent = self.dropped = 0

    def begin(self, headers: Iterable[tuple[bytes, bytes]]) -> Begun | None:
        """A span for a request with these headers; None when it is not traced.

        A caller that traces has decided it already, by the flag in its `traceparent`.
        """
        caller = read_traceparent(headers)
        if caller is None:
            if self._chance.random() >= self._share:
                return None
            return Begun(TraceContext(self._id(128), self._id(64)))
        return Begun(TraceContext(caller.trace_id, self._id(64)), caller.span_id) if caller.is_sampled else None

    def add(self, span: TraceSpan) -> None:
        """Have a span wait, or drop it when too many do."""
        if len(self._waiting) < self._waiting_max:
            self._waiting.append(span)
        else:
            self.dropped += 1

    def add_journal_wait(self, begun: Begun, start_ns: int, end_ns: int, segment: str) -> None:
        """The wait of a traced request for its events to be on disk, with a link to the load of their segment."""
        self.add(
            TraceSpan(
                context=TraceContext(begun.context.trace_id, self._id(64)),
                parent_id=begun.context.span_id,
                name="journal",
                kind=SpanKind.INTERNAL,
                start_ns=start_ns,
                end_ns=end_ns,
                attributes={"footfall.segment": segment},
                links=(load_context(segment),),
            )
        )

    def add_load(self, segment: str, start_ns: int, attributes: dict[str, str | int]) -> None:
        """A load that has just ended."""
        self.add(
            TraceSpan(
                context=load_context(segment),
                name="load",
                kind=SpanKind.INTERNAL,
                start_ns=start_ns,
                end_ns=time.time_ns(),
                attributes={"footfall.segment": segment, **attributes},
            )
        )

    async def export(self) -> None:
        """Send what waits. What a collector that is away cannot take waits on, while there is room."""
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _EXPORT_SPANS_MAX))]
            try:
                reply = await self._client.post(self._url, _HEADERS, encode_spans(some, self._resource))
            except ExchangeFailed as error:
                self._wait_on(some, str(error))
                return
            if reply.status in _LATER:
                self._wait_on(some, f"it answered {reply.status}")
                return
            if reply.status >= 300:
                self.dropped += len(some)
                log.warning("the collector refused %d spans: it answered %d", len(some), reply.status)
                continue
            self.sent += len(some)
            if self._is_away:
                self._is_away = False
                log.info("the collector takes spans again; %d were dropped since the start", self.dropped)

    def _wait_on(self, spans: list[TraceSpan], why: str) -> None:
        room = max(0, self._waiting_max - len(self._waiting))
        self._waiting.extendleft(reversed(spans[:room]))
        self.dropped += len(spans) - min(room, len(spans))
        if not self._is_away:
            self._is_away = True
            log.warning("the collector of traces is away, spans wait: %s", why)

    def _id(self, bits: int) -> str:
        return f"{self._chance.randrange(1, 1 << bits):0{bits // 4}x}"
