"""The tracer of one process: which requests are traced, the spans that wait, and their way to the collector."""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Iterable
from importlib.metadata import version
from typing import Final

import msgspec
from msgspec import Struct

from footfall.settings import Settings
from footfall.system import background
from footfall.system.background import BackgroundTask
from footfall.system.http_client import ExchangeFailed, HttpClient, Reply
from footfall.tracing.spans import (
    SpanKind,
    TraceContext,
    TraceSpan,
    encode_spans,
    load_context,
    read_traceparent,
)
from footfall.wording import plain

log = logging.getLogger(__name__)

# Spans of one request to the collector, some 500 bytes each.
_EXPORT_SPANS_MAX: Final = 512
# Seconds between two times at which the spans that wait are sent, and for the collector's whole answer.
PERIOD_S: Final = 1.0
_TIMEOUT_S: Final = 5
# Seconds for which a process that stops goes on sending: its traces are worth no more of an operator's time.
STOP_S: Final = 2.0
# The longest pause while the collector is away; pauses double up to it.
_PAUSE_MAX_S: Final = 30.0
_ANSWER_BYTES_MAX: Final = 64 * 1024
# Characters of a refusal that the log has.
_WHY_CHARS_MAX: Final = 200
# Statuses with which a collector says "later".
_LATER: Final = frozenset({429, 502, 503, 504})
_HEADERS: Final = {"Content-Type": "application/json"}


class _PartialSuccess(Struct, rename="camel"):
    """What a collector did not take of the spans of a request that it answered with 200."""

    rejected_spans: int = 0
    error_message: str = ""


class _Answer(Struct, rename="camel"):
    """The body of a collector's answer."""

    partial_success: _PartialSuccess | None = None


class Begun(Struct, frozen=True):
    """A request that is traced: its span, and the span of its caller, which is empty when there is none."""

    context: TraceContext
    parent_id: str = ""


class _Allowance:
    """Lets so many through in a second, and no more; those of one second may come at once."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._left = float(per_s)
        self._at_s = time.monotonic()

    def take(self) -> bool:
        """Whether one more is let through."""
        now_s = time.monotonic()
        self._left = min(self._per_s, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Tracer:
    """Takes spans and sends them. More than `traces_waiting_max` never wait: others are dropped, and nobody is blocked.

    `begin` and `run` belong to the event loop; everything else may be called on any thread.
    """

    def __init__(self, settings: Settings, role: str) -> None:
        self._url = settings.traces_url
        self._share = settings.traces_percent / 100
        self._waiting_max = settings.traces_waiting_max
        self._callers = _Allowance(settings.traces_callers_per_s)
        self._resource = {
            "service.name": "footfall",
            "service.version": version("footfall"),
            "deployment.environment.name": settings.environment,
            "footfall.process": role,
        }
        self._chance = random.SystemRandom()
        self._client = HttpClient(_TIMEOUT_S, _ANSWER_BYTES_MAX)
        self._waiting: deque[TraceSpan] = deque()
        self._pause_s = 0.0
        self._resume_s = 0.0
        self.sent = self.dropped = 0

    def begin(self, headers: Iterable[tuple[bytes, bytes]]) -> Begun | None:
        """A span for a request with these headers; None when it is not traced.

        The flag in a caller's `traceparent` decides: a trace is whole or is none. Anybody can set it, so that of those
        who do `traces_callers_per_s` are followed; the others are traced by chance, as those are who say nothing.
        """
        caller = read_traceparent(headers)
        if caller is not None and not caller.is_sampled:
            return None
        if (caller is None or not self._callers.take()) and self._chance.random() >= self._share:
            return None
        if caller is None:
            return Begun(TraceContext(self._id(128), self._id(64)))
        return Begun(TraceContext(caller.trace_id, self._id(64)), caller.span_id)

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

    async def run(self, stop: asyncio.Event) -> None:
        """Send what waits until `stop` is set, and then what is left: for STOP_S at the most, whatever hangs."""
        sending = asyncio.create_task(background.repeat(BackgroundTask("send the traces", PERIOD_S, self._tick), stop))
        try:
            await stop.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await sending
                    await self.export()
        finally:
            sending.cancel()
        if left := len(self._waiting):
            self._waiting.clear()
            self.dropped += left
            log.warning("%d spans are dropped: the collector did not take them before the stop", left)

    async def export(self) -> None:
        """Send what waits. What a collector that is away cannot take waits on."""
        while self._waiting:
            some = self._first(_EXPORT_SPANS_MAX)
            try:
                reply = await self._client.post(self._url, _HEADERS, encode_spans(some, self._resource))
            except ExchangeFailed as error:
                self._wait_on(str(error))
                return
            if reply.status in _LATER:
                self._wait_on(f"it answered {reply.status}", reply.headers.get("retry-after", ""))
                return
            for _ in some:
                self._waiting.popleft()
            if self._pause_s:
                self._pause_s = self._resume_s = 0.0
                log.info("the collector takes spans again; %d were dropped since the start", self.dropped)
            self._count(len(some), reply)

    def values(self) -> dict[tuple[str, ...], float]:
        """The metrics; may be called on any thread."""
        counts = {"sent": self.sent, "dropped": self.dropped}
        return {("footfall_trace_spans_total", outcome): count for outcome, count in counts.items()}

    def _first(self, most: int) -> list[TraceSpan]:
        # By index, because other threads add spans meanwhile, which an iterator does not stand.
        return [self._waiting[place] for place in range(min(len(self._waiting), most))]

    async def _tick(self) -> None:
        if time.monotonic() >= self._resume_s:
            await self.export()

    def _count(self, spans: int, reply: Reply) -> None:
        """Count spans that were answered, as far as the collector took them."""
        if reply.status >= 300:
            rejected, why = spans, f"it answered {reply.status}"
        else:
            partial = _partial_success(reply.body)
            rejected, why = min(max(partial.rejected_spans, 0), spans), partial.error_message[:_WHY_CHARS_MAX]
        self.sent += spans - rejected
        self.dropped += rejected
        if rejected:
            log.warning("the collector refused %d of %d spans: %s", rejected, spans, plain(why))

    def _wait_on(self, why: str, retry_after: str = "") -> None:
        """Leave the collector alone for a while."""
        if not self._pause_s:
            log.warning("the collector of traces is away, spans wait: %s", why)
        asked_s = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
        self._pause_s = min(max(2 * self._pause_s, PERIOD_S, asked_s), _PAUSE_MAX_S)
        self._resume_s = time.monotonic() + self._pause_s

    def _id(self, bits: int) -> str:
        return f"{self._chance.randrange(1, 1 << bits):0{bits // 4}x}"


def _partial_success(body: bytes) -> _PartialSuccess:
    """What the body of an answer with 200 says; a collector that says nothing has taken everything."""
    try:
        return msgspec.json.decode(body, type=_Answer, strict=False).partial_success or _PartialSuccess()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _PartialSuccess()
